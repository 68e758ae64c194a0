"""The service: SQL in, private answer out, budget charged. The rooms and who may import whom: docs/design.md."""
