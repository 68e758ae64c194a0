"""PostgreSQL as an engine: the emitted SQL in its dialect, with the same integers; the data stay where they are."""
