"""The terminal SQL console: psql's habits, and the price before it is paid."""
