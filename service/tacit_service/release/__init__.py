"""The one door out: quote, charge, run, noise, record, and the SQL above releases."""
