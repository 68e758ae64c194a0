"""Dry runs of SQL over empty and public tables, remembered: the same text over the same tables is found the same again.

A quote is made at every keystroke, and most of its statements are those of the keystroke before: another literal in a
protected WHERE leaves the SQL above the release as it was, another ORDER BY leaves the engine's. Only what passed is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from .postprocess import Sandbox, SandboxError
from .trial import EXTREME, ORDINARY

T = TypeVar("T")
Tables = Mapping[str, pa.Table]

KNOWN_MAX = 512
_TEXT_CHARS_MAX = 50_000
_ROWS_MAX = 1_000  # of a result that is kept


class DryRuns:
    """Thread-safe. ``protected`` are the schemas of the tables that the engine reads, by name."""

    def __init__(self, sandbox: Sandbox, protected: Mapping[str, pa.Schema]) -> None:
        self._sandbox = sandbox
        self._protected = protected
        self._known: OrderedDict[tuple[str, ...], object] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, sql: str) -> None:
        """The engine's statement can be planned over its tables; else ``SandboxError``."""
        self._once(("check", sql), lambda: self._sandbox.check(sql, self._protected), lambda _: True)

    def schema(self, sql: str, tables: Mapping[str, pa.Schema]) -> pa.Schema:
        """Columns of the SQL above a release; ``SandboxError`` when it does not bind."""
        name = ("schema", sql, *(f"{table} {schema}" for table, schema in tables.items()))
        return self._once(name, lambda: self._sandbox.describe(sql, tables), lambda _: True)

    def trial(
        self, written: str, sql: str, mark: str, tables: Callable[[Sequence[float | None]], Tables], *, extremes: bool
    ) -> None:
        """The SQL above a release runs: as written on one row of ``ORDINARY``, as it will run on each of ``EXTREME``, where ``extremes``.

        ``tables`` gives its tables filled with such numbers, ``mark`` names them. ``SandboxError`` says why it does not run.
        """
        self._once(("trial", sql, mark), lambda: self._try(written, sql, tables, extremes), lambda _: True)

    def _try(self, written: str, sql: str, tables: Callable[[Sequence[float | None]], Tables], extremes: bool) -> bool:
        failed: SandboxError | None = None
        for numbers in ORDINARY:
            try:
                self._sandbox.query(written, tables(numbers))
                break
            except SandboxError as error:
                failed = failed or error
        else:
            assert failed is not None
            raise failed
        extreme = [tables(numbers) for numbers in EXTREME if extremes]
        if extreme and extreme[0]:
            self._sandbox.redraw(sql, {name: [t[name] for t in extreme] for name in extreme[0]})
        return True

    def query(self, sql: str) -> pa.Table:
        """Rows of a SELECT over public tables and constants."""
        return self._once(("query", sql), lambda: self._sandbox.query(sql), lambda rows: rows.num_rows <= _ROWS_MAX)

    def _once(self, name: tuple[str, ...], run: Callable[[], T], keep: Callable[[T], bool]) -> T:
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
                return self._known[name]  # type: ignore[return-value]
        found = run()
        if keep(found) and sum(map(len, name)) <= _TEXT_CHARS_MAX:
            with self._lock:
                self._known[name] = found
                while len(self._known) > KNOWN_MAX:
                    self._known.popitem(last=False)
        return found
