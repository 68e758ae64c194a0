"""Spark as an engine, by Spark Connect: the emitted SQL in its dialect, with the same integers; the data stay in Spark."""
