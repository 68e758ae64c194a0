"""What every engine offers: the protocol between a plan and exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


class Engine(Protocol):
    """Runs SQL that ``emit`` produced over one dataset's tables; nothing else reaches it. Thread-safe.

    Its SQL is DuckDB's dialect, whatever the engine: each translates it to its own, and must give the same integers, or
    refuse. ``run`` returns raw Arrow inside the trusted core: the caller is ``engine.aggregate``, which wraps it into
    ``ExactAggregates`` before anything else sees it.
    """

    def check(self, sql: str) -> None:
        """Refuse what this engine cannot run as DuckDB would; no row is read.

        Raises ``RequestError`` engine_lacks; ``Overloaded`` engine_unavailable when the engine cannot be asked.
        """
        ...

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        """Execute one SELECT; integers come back as int64 (wide ones saturated in the SQL), keys as their own type.

        What is not done after ``timeout_s`` is cancelled where it runs. Raises ``EngineFailure`` (``engine_failed``,
        ``engine_timeout``), whose text never holds data.
        """
        ...

    def warm(self) -> None:
        """Wait until the engine is ready; ``EngineFailure`` when it cannot start."""
        ...

    def healthy(self) -> bool:
        """Whether it answers now."""
        ...

    def close(self) -> None:
        """Stop what runs, and the engine's processes."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedData:
    """A dataset's engine, the version of what it reads, and the public tables' rows."""

    engine: Engine
    version: str
    public: dict[str, pa.Table]
