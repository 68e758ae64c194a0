"""The account of privacy loss: charged first, append-only, provable. ``store.Ledger`` is its door."""
