"""Which of a unit's groups and values count when it has too many: a hash of the unit and the group, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

_SALT = "tacit/v1"
"""Public: the order must be a function of (unit, group) alone, not a secret."""


def keyed_hash(columns: Sequence[str], *, nulls: bool = True) -> str:
    """Hash of the unit's id and the columns as text. md5 rather than the engine's own hash, which differs by version."""
    texts = [f"CAST({c} AS VARCHAR)" for c in columns]
    parts = [f"coalesce({t}, chr(1))" for t in texts] if nulls else texts
    return f"md5(concat_ws('|', '{_SALT}', CAST(_u AS VARCHAR), {', '.join(parts)}))"


def group_order(keys: Sequence[str]) -> str:
    """ORDER BY of a unit's groups. Groups that hash alike are told apart by their keys."""
    return ", ".join([keyed_hash(keys), *keys])
