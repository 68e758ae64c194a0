"""What Superset asks of a database beyond its dialect: a name in the list of databases, time grains, literals of time.

Superset finds the class by the entry point ``superset.db_engine_specs`` once ``tacit[sqlalchemy]`` is installed beside it; without
Superset nobody imports this module. All SQL written here is refused or derived like any other.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from superset.db_engine_specs.base import BaseEngineSpec

_GRAINS = {
    "PT1S": "second", "PT1M": "minute", "PT1H": "hour", "P1D": "day", "P1W": "week", "P1M": "month", "P3M": "quarter", "P1Y": "year",
}  # fmt: skip


class TacitEngineSpec(BaseEngineSpec):  # type: ignore[misc]
    """Tacit in Superset: charts that group and count work, previews of rows are refused."""

    engine = "tacit"
    engine_name = "Tacit"
    default_driver = "tacit"
    sqlalchemy_uri_placeholder = "tacit://:KEY@HOST:PORT/DATASET?epsilon=0.1"
    supports_file_upload = False
    _time_grain_expressions = {None: "{col}"} | {
        grain: f"date_trunc('{unit}', {{col}})" for grain, unit in _GRAINS.items()
    }

    @classmethod
    def epoch_to_dttm(cls) -> str:
        """A timestamp from the seconds since 1970."""
        return "to_timestamp({col})"

    @classmethod
    def convert_dttm(cls, target_type: str, dttm: dt.datetime, db_extra: dict[str, Any] | None = None) -> str | None:  # noqa: ARG003
        """A time as a literal of SQL, for the ends of a chart's range: ``DATE '2026-01-31'``."""
        if target_type.upper().startswith("DATE") and not target_type.upper().startswith("DATETIME"):
            return f"DATE '{dttm.date().isoformat()}'"
        if target_type.upper().startswith(("DATETIME", "TIMESTAMP")):
            return f"TIMESTAMP '{dttm.isoformat(sep=' ', timespec='seconds')}'"
        return None

    @classmethod
    def select_star(cls, database: Any, table: Any, *args: Any, **kwargs: Any) -> str:
        """The SELECT that previews a table: without a schema, since a policy's tables have none in SQL."""
        text: str = super().select_star(
            database, dataclasses.replace(table, schema=None, catalog=None), *args, **kwargs
        )
        return text
