"""Dry runs of SQL over empty and public tables, remembered: the same text over the same tables is found the same again.

A quote is made at every keystroke, and most of its statements are those of the keystroke before: another literal in a
protected WHERE leaves the SQL above the release as it was, another ORDER BY leaves the engine's. Only what passed is kept, for
who asked (``recent``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from tacit_service.recent import Recent

from .patience import left
from .postprocess import Sandbox, SandboxError
from .trial import EXTREME, ORDINARY

T = TypeVar("T")
Tables = Mapping[str, pa.Table]

BIND_S = 1.6  # to read and bind a statement, as the parsers have
RUN_S = 3.0  # one of them; ``prepare`` bounds all of a statement
KNOWN_CHARS_MAX = 16_000_000
_TEXT_CHARS_MAX = 50_000
_ROWS_MAX = 1_000  # of a result that is kept
_ENTRY_CHARS = 2_000  # what an entry takes besides its text


class DryRuns:
    """Thread-safe. ``protected`` are the schemas of the tables that the engine reads, by name."""

    def __init__(self, sandbox: Sandbox, protected: Mapping[str, pa.Schema]) -> None:
        self._sandbox = sandbox
        self._protected = protected
        self._known: Recent[tuple[str, ...], tuple[object]] = Recent(KNOWN_CHARS_MAX)

    def check(self, who: str, sql: str) -> None:
        """The engine's statement can be planned over its tables; else ``SandboxError``."""
        self._once(who, ("check", sql), lambda: self._sandbox.check(sql, self._protected, left(BIND_S)), lambda _: True)

    def schema(self, who: str, sql: str, tables: Mapping[str, pa.Schema]) -> pa.Schema:
        """Columns of the SQL above a release; ``SandboxError`` when it does not bind."""
        name = ("schema", sql, *(f"{table} {schema}" for table, schema in tables.items()))
        return self._once(who, name, lambda: self._sandbox.describe(sql, tables, left(BIND_S)), lambda _: True)

    def trial(
        self, who: str, written: str, sql: str, mark: str, tables: Callable[[Sequence[float | None]], Tables],
        *, extremes: bool,
    ) -> None:  # fmt: skip
        """The SQL above a release runs: as written on one row of ``ORDINARY``, as it will run on each of ``EXTREME``, where ``extremes``.

        ``tables`` gives its tables filled with such numbers, ``mark`` names them. ``SandboxError`` says why it does not run.
        """
        self._once(who, ("trial", sql, mark), lambda: self._try(written, sql, tables, extremes), lambda _: True)

    def _try(self, written: str, sql: str, tables: Callable[[Sequence[float | None]], Tables], extremes: bool) -> bool:
        failed: SandboxError | None = None
        for numbers in ORDINARY:
            try:
                self._sandbox.query(written, tables(numbers), left(RUN_S), dry=True)
                break
            except SandboxError as error:
                failed = failed or error
        else:
            assert failed is not None
            raise failed
        extreme = [tables(numbers) for numbers in EXTREME if extremes]
        if extreme and extreme[0]:
            draws = {name: [t[name] for t in extreme] for name in extreme[0]}
            self._sandbox.redraw(sql, draws, left(RUN_S), dry=True)
        return True

    def query(self, who: str, sql: str) -> pa.Table:
        """Rows of a SELECT over public tables and constants."""
        return self._once(
            who,
            ("query", sql),
            lambda: self._sandbox.query(sql, None, left(RUN_S), dry=True),
            lambda rows: rows.num_rows <= _ROWS_MAX,
        )

    def _once(self, who: str, name: tuple[str, ...], run: Callable[[], T], keep: Callable[[T], bool]) -> T:
        known = self._known.get(who, name)
        if known is not None:
            return known[0]  # type: ignore[return-value]
        found = run()
        size = sum(map(len, name))
        if keep(found) and size <= _TEXT_CHARS_MAX:
            self._known.put(who, name, (found,), size + _ENTRY_CHARS)
        return found
