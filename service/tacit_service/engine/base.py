"""What every engine offers: the protocol between a plan and exact integers."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa


class Engine(Protocol):
    """Runs SQL that ``emit`` produced over one dataset's snapshot; nothing else reaches it.

    ``run`` returns raw Arrow inside the trusted core: the caller is ``engine.aggregate``, which wraps it into
    ``ExactAggregates`` before anything else sees it. Raises ``EngineFailure`` (``engine_failed``, ``engine_timeout``),
    whose text never holds data.
    """

    def run(self, sql: str, *, timeout_s: float) -> pa.Table:
        """Execute one SELECT; integers come back as int64 (HUGEINT saturated in the SQL), keys as their own type."""
        ...

    def close(self) -> None:
        """Stop the engine's process."""
        ...
