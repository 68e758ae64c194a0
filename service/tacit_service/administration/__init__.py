"""What owners and auditors do: accounts, keys, history, proof. ``office.Office`` is its door."""
