"""From a plan to exact integer aggregates, in a process of its own that can be killed."""
