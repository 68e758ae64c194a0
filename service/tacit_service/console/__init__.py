"""The browser console's room; nothing is in it yet."""
