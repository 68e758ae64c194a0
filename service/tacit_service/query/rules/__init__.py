"""The derivation rules of the privacy model, one a file: each takes bound inputs and returns a relation or refuses."""
