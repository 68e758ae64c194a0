"""Dates and timestamps that every engine holds: years 2 to 9999."""

from __future__ import annotations

from tacit_service.errors import SqlSyntaxError
from tacit_service.query.bounds import Type

CASTS = {Type.INTEGER: "BIGINT", Type.NUMBER: "DOUBLE", Type.STRING: "VARCHAR", Type.BOOLEAN: "BOOLEAN",
         Type.DATE: "DATE", Type.TIMESTAMP: "TIMESTAMP", Type.NULL: "VARCHAR"}  # fmt: skip
TEXT_MAX = 20_000  # characters of one date expression


def in_calendar(text: str, kind: Type) -> str:
    """A date or timestamp outside years 2 to 9999 (infinity too) as NULL: nothing that reads it later can fail."""
    if kind not in (Type.DATE, Type.TIMESTAMP):
        return text
    if len(text) > TEXT_MAX:  # written twice at every level: a few nested ones would fill the memory
        raise SqlSyntaxError("sql_too_large", "The statement nests too much date arithmetic.", rule="limits")
    low, high = (f"{CASTS[kind]} '{edge}'" for edge in ("0002-01-01", "9999-12-31"))
    return f"CASE WHEN {text} BETWEEN {low} AND {high} THEN {text} END"
