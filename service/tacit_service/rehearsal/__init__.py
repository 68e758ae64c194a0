"""A policy draft rehearsed on generated rows: what typical questions would cost and how wrong their answers would be."""
