"""The answer from the noisy measures: released tables, the analyst's outer SQL over them, an interval for every number."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tacit.wire import Cell, ColumnInfo
from tacit_service.engine.key_rows import KeyRows, key_column
from tacit_service.engine.literals import Staged
from tacit_service.errors import EngineFailure
from tacit_service.query.bounds import Type
from tacit_service.query.plan import MeasureKind, Plan, ReleasePoint, Stack

from .bulk import Bulk, fits
from .estimate import Estimate
from .intervals import Computed, Floats, around, compute, redraw, values_only
from .plain import floats, values_of
from .postprocess import Sandbox, SandboxError
from .prepare import Prepared
from .ranks import width
from .stacks import table_schema
from .stages import given
from .turns import FREE_S

IntVector = npt.NDArray[np.int64]
DRAWN_CELLS_MAX = 400_000
DRAWS_MAX = 400
RERUNS_MAX = 200
RERUNS_MIN = 40
SANDBOX_S, SANDBOX_S_A_GROUP = 5.0, 2e-5  # how long the SQL above a release may run
WINDOW_ROWS_MAX = 800_000  # of re-drawn rows that the sandbox gets at once
MEMBERSHIP_DRAWS = 120


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Released:
    """Noisy integers of one release point: key rows and measures (histograms flattened, groups × bins)."""

    keys: KeyRows
    measures: dict[str, IntVector]

    def __init__(self, keys: KeyRows, measures: Mapping[str, Sequence[int] | IntVector]) -> None:
        object.__setattr__(self, "keys", keys)
        vectors = {name: np.asarray(values, dtype=np.int64) for name, values in measures.items()}
        object.__setattr__(self, "measures", vectors)


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as it is shown: JSON cells and intervals of the rows' shape."""

    columns: list[ColumnInfo]
    rows: list[list[Cell]]
    intervals: list[list[list[float] | None]]
    notes: list[str]
    membership: list[float] | None = None
    bulk: Bulk | None = None  # instead of rows and intervals, where they are very many


def staged_numbers(
    sandbox: Sandbox, prepared: Prepared, released: dict[str, Released], known: dict[str, Staged]
) -> dict[str, Staged]:
    """Numbers of the stages whose releases are done, beside those known already; NULL where their SQL fails on the noise."""
    numbers = dict(known)
    for param in prepared.plan.params:
        stacks = [prepared.plan.stack(t) for t in param.tables]
        if param.name in numbers or not all(r in released for s in stacks for r, _ in s.parts):
            continue
        tables = PostProcessor(sandbox, prepared, released, param.name).tables([s.name for s in stacks])
        numbers[param.name] = given(param, sandbox, tables)
    return numbers


class PostProcessor:
    """Runs outer SQL over released tables of one prepared request."""

    dry = False  # whether it waits with dry runs, and not with answers
    reruns_max = RERUNS_MAX

    def __init__(self, sandbox: Sandbox, prepared: Prepared, released: dict[str, Released], seed_text: str) -> None:
        self.sandbox = sandbox
        self.prepared = prepared
        self.plan: Plan = prepared.plan
        self.released = released
        self.seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:8], "big")
        self.noisy = {
            p.name: _arrays(p, prepared.estimate, released[p.name]) for p in self.plan.releases if p.name in released
        }

    def tables(self, names: list[str]) -> dict[str, pa.Table]:
        """Tables that the outer SQL reads, without intervals."""
        values = {
            r: values_only(self.plan.release(r), self.prepared.estimate, self.noisy[r])
            for n in names
            for r, _ in self.plan.stack(n).parts
        }
        return {n: self._table(self.plan.stack(n), values) for n in names}

    def show(self) -> Shown:
        """The answer with its intervals."""
        computed = {
            p.name: compute(p, self.prepared.estimate, self.noisy[p.name], self.seed) for p in self.plan.releases
        }
        values = {r: {n: c.values for n, c in columns.items()} for r, columns in computed.items()}
        tables = {t.name: self._table(t, values) for t in self.plan.stacks}
        groups = sum(len(r.keys) for r in self.released.values())
        patience_s = SANDBOX_S + groups * SANDBOX_S_A_GROUP if self.plan.releases else FREE_S
        result = self.sandbox.query(self.plan.sql, tables, patience_s, self.sandbox.rows_max, dry=self.dry)
        notes: list[str] = []
        membership = self._membership(result, notes)
        rows_at: IntVector | None = None
        if self.plan.row_wise:
            rows_at = result.column(result.num_columns - 1).to_numpy().astype(np.int64)
            result = result.select(range(result.num_columns - 1))
        columns = [
            ColumnInfo(name=c.name, type=wire_type(f.type), kind=c.kind)
            for c, f in zip(self.plan.columns, result.schema, strict=True)
        ]
        numeric = [
            i for i, c in enumerate(columns) if c.kind in ("noisy", "derived") and c.type in ("integer", "number")
        ]
        found = self._intervals(result, numeric, rows_at, computed, notes)
        if fits(result):
            return Shown(columns, [], [], notes, membership, Bulk.of(result, found))
        cells = [values_of(c) for c in result.columns]
        rows = [[cell(v[r]) for v in cells] for r in range(result.num_rows)]
        intervals: list[list[list[float] | None]] = [
            [_pair(found[i], r) if i in found else None for i in range(len(columns))] for r in range(result.num_rows)
        ]
        return Shown(columns, rows, intervals, notes, membership)

    def _membership(self, result: pa.Table, notes: list[str]) -> list[float] | None:
        """For each row, in how many re-draws it is shown (or keeps its place); ``None`` where numbers decide neither."""
        if not (self.plan.selects or self.plan.sorts) or result.num_rows == 0:
            return None
        draws = MEMBERSHIP_DRAWS if self.plan.selects else RERUNS_MIN
        if draws * sum(len(r.keys) for r in self.released.values()) > 4 * DRAWN_CELLS_MAX:
            notes.append("Too many groups to say how sure the choice of rows is.")
            return None
        try:
            again = self.sandbox.redraw(
                self.plan.sql, self._redrawn(draws), timeout_s=20.0, ordered=not self.plan.selects
            )
        except (SandboxError, EngineFailure):  # of another noise: the answer stands
            notes.append(
                "The SQL above the release does not run under other noise: how sure the rows are is not known."
            )
            return None
        keys = self._keys_of(result)
        if self.plan.selects:
            counts = Counter(k for t in again for k in self._keys_of(t))
            others = sum(n > 0.05 * draws for k, n in counts.items() if k not in set(keys))
            if others:
                notes.append(
                    f"About {others} more {'row' if others == 1 else 'rows'} might be shown under other noise; "
                    "membership tells how sure those shown are."
                )
            return [counts[k] / draws for k in keys]
        places = [dict(zip(self._keys_of(t), range(t.num_rows), strict=True)) for t in again]
        return [sum(p.get(k) == i for p in places) / draws for i, k in enumerate(keys)]

    def _keys_of(self, table: pa.Table) -> list[tuple[Any, ...]]:
        """What tells the rows apart: the released row's number where it rides along, else the keys."""
        if self.plan.row_wise:
            return _row_keys(table, [table.num_columns - 1])
        return _row_keys(table, [i for i, c in enumerate(self.plan.columns) if c.kind in ("key", "public")])

    def _redrawn(self, draws: int) -> dict[str, list[pa.Table]]:
        """The tables that the outer SQL reads, under fresh noise."""
        by_point = {p.name: self._drawn_values(p, draws) for p in self.plan.releases}
        return {
            t.name: [
                self._table(t, {r: {n: v[d] for n, v in by_point[r].items()} for r, _ in t.parts}) for d in range(draws)
            ]
            for t in self.plan.stacks
        }

    def _intervals(
        self, result: pa.Table, numeric: list[int], rows_at: IntVector | None,
        computed: dict[str, dict[str, Computed]], notes: list[str],
    ) -> dict[int, tuple[Floats, Floats]]:  # fmt: skip
        found: dict[int, tuple[Floats, Floats]] = {}
        if not self.plan.releases or result.num_rows == 0:
            return found
        derived: list[int] = []
        for i in numeric:
            source = self.plan.columns[i].source
            if rows_at is not None and source is not None:
                parts = [computed[r][source[1]] for r, _ in self.plan.stack(source[0]).parts]
                low, high = np.concatenate([c.low for c in parts]), np.concatenate([c.high for c in parts])
                found[i] = (low[rows_at], high[rows_at])
            else:
                derived.append(i)
        if derived:
            try:
                found |= (
                    self._row_wise(derived, rows_at, result)
                    if rows_at is not None
                    else self._reruns(derived, result, notes)
                )
            except (SandboxError, EngineFailure):
                notes.append(
                    "The SQL above the release does not run under other noise: what it computes has no interval."
                )
        return found

    def _row_wise(self, columns: list[int], rows_at: IntVector, result: pa.Table) -> dict[int, tuple[Floats, Floats]]:
        """The outer SELECT is row-wise: one run over all re-draws stacked, or one for each window of very many groups."""
        assert self.plan.row_stack is not None and self.plan.interval_sql is not None  # noqa: PT018 - for the types
        stack = self.plan.stack(self.plan.row_stack)
        groups = len(self._keys(stack))
        draws = int(np.clip(DRAWN_CELLS_MAX // max(groups, 1), RERUNS_MIN, DRAWS_MAX))
        window = max(WINDOW_ROWS_MAX // draws, 1) if len(stack.parts) == 1 else groups
        rngs = {r: np.random.default_rng([self.seed, 1]) for r, _ in stack.parts}
        found = {i: (np.full(result.num_rows, np.nan), np.full(result.num_rows, np.nan)) for i in columns}
        for start in range(0, groups, window):
            part = slice(start, min(start + window, groups))
            drawn = {r: self._drawn_values(self.plan.release(r), draws, part, rngs[r]) for r, _ in stack.parts}
            stacked = self._table(stack, drawn, draws, part)
            out = self.sandbox.query(self.plan.interval_sql, {stack.name: stacked}, 20.0, dry=self.dry)
            order = np.argsort(out.column(out.num_columns - 1).to_numpy(), kind="stable")
            here = np.flatnonzero((rows_at >= part.start) & (rows_at < part.stop))
            for i in columns:
                values = floats(out.column(i))[order].reshape(draws, part.stop - part.start)[:, rows_at[here] - start]
                low, high = around(floats(result.column(i).take(pa.array(here))), values)
                found[i][0][here], found[i][1][here] = low, high
        return found

    def _reruns(self, columns: list[int], result: pa.Table, notes: list[str]) -> dict[int, tuple[Floats, Floats]]:
        """Any other outer SQL: run again over each re-draw, rows matched by their keys (by place when there are none)."""
        cells = sum(len(r.keys) for r in self.released.values())
        if RERUNS_MIN * cells > 4 * DRAWN_CELLS_MAX:
            notes.append("Too many groups for intervals of what the outer SQL computes across them.")
            return {}
        draws = int(np.clip(DRAWN_CELLS_MAX // 4 // max(cells, 1), RERUNS_MIN, self.reruns_max))
        keys = self._keys_of(result)
        twins = len({k[:-1] for k in keys}) != len(keys)  # told apart by their order alone, so the order must hold
        drawn = self._redrawn(draws)
        again = self.sandbox.redraw(self.plan.unordered_sql, drawn, timeout_s=20.0, ordered=twins, dry=self.dry)
        place = {k: r for r, k in enumerate(keys)}
        if twins:
            notes.append("Some rows have equal keys: their intervals match them by their order.")
        found = {}
        stacked = {i: np.full((draws, result.num_rows), np.nan) for i in columns}
        for d, table in enumerate(again):
            at = np.array([place.get(k, -1) for k in self._keys_of(table)], dtype=np.int64)
            for i in columns:
                stacked[i][d, at[at >= 0]] = floats(table.column(i))[at >= 0]
        for i in columns:
            with np.errstate(invalid="ignore"):
                found[i] = around(floats(result.column(i)), stacked[i])
        return found

    def _drawn_values(
        self, point: ReleasePoint, draws: int, part: slice | None = None, rng: np.random.Generator | None = None
    ) -> dict[str, Floats]:
        """Output values under fresh noise, of all groups or of a window of them."""
        noisy = self.noisy[point.name]
        if part is not None and part.stop - part.start < len(self.released[point.name].keys):
            noisy = {name: values[part] for name, values in noisy.items()}
        drawn = redraw(self.prepared.estimate, point, noisy, draws, rng or np.random.default_rng([self.seed, 1]))
        return values_only(point, self.prepared.estimate, drawn)

    def _keys(self, stack: Stack) -> KeyRows:
        """Key rows of all parts, with NULL for the keys that a part leaves out."""
        (first, present), *others = stack.parts
        if not others and tuple(present) == tuple(range(len(stack.keys))):
            return self.released[first].keys
        rows: list[tuple[Any, ...]] = []
        for name, present in stack.parts:
            for key in self.released[name].keys:
                row: list[Any] = [None] * len(stack.keys)
                for i, value in zip(present, key, strict=True):
                    row[i] = value
                rows.append(tuple(row))
        return rows

    def _table(
        self, stack: Stack, values: dict[str, dict[str, Floats]], draws: int = 1, part: slice | None = None
    ) -> pa.Table:
        """The table that the outer SQL reads. With ``draws``, values carry a first axis and rows repeat for each draw.

        ``part``: of these key rows alone, where the stack has one part.
        """
        schema = table_schema(self.plan, stack)
        keys = self._keys(stack)
        if part is not None and len(stack.parts) == 1:
            keys = keys[part]
        arrays: list[pa.Array] = [pa.array(np.arange(len(keys) * draws))]
        index = pa.array(np.tile(np.arange(len(keys)), draws))
        for i, key in enumerate(stack.keys):
            arrays.append(key_column(keys, i, schema.field(key.name).type).take(index))
        for output in self.plan.release(stack.parts[0][0]).outputs:
            parts = [values[r][output.name] for r, _ in stack.parts]
            arrays.append(_column(np.concatenate(parts, axis=-1).reshape(-1), schema.field(output.name).type))
        if len(stack.parts) > 1:
            sizes = [len(self.released[r].keys) for r, _ in stack.parts]
            arrays.append(pa.array(np.tile(np.repeat(np.arange(len(sizes)), sizes), draws)))
        return pa.Table.from_arrays(arrays, schema=schema)


def _arrays(point: ReleasePoint, estimate: Estimate, released: Released) -> dict[str, Floats]:
    """Measures as floats in their own noise units, histograms as (groups, bins)."""
    result = {}
    for m in point.measures:
        vector, factor = released.measures[m.name].astype(np.float64), estimate.of(point.name, m.name).factor
        if m.kind is MeasureKind.HISTOGRAM:
            vector = vector.reshape(len(released.keys), width(m))
        if m.rank is None:
            result[m.name] = vector / factor
        else:  # the chosen bin, a level that only re-draws move, the cells
            chosen = vector[:, :1]
            result[m.name] = np.concatenate([chosen, np.zeros_like(chosen), vector[:, 1:] / factor], axis=1)
    return result


def _column(values: Floats, kind: pa.DataType) -> pa.Array:
    if kind == pa.int64():
        return pa.array(np.clip(np.rint(values), -(2.0**62), 2.0**62).astype(np.int64))
    return pa.array(values, pa.float64(), from_pandas=True)


def _row_keys(table: pa.Table, columns: list[int]) -> list[tuple[Any, ...]]:
    """The keys of each row, and which of the rows with equal keys it is."""
    rows = list(zip(*(table.column(i).to_pylist() for i in columns), strict=True)) if columns else [()] * table.num_rows
    seen: Counter[tuple[Any, ...]] = Counter()
    result = []
    for row in rows:
        result.append((*row, seen[row]))
        seen[row] += 1
    return result


def _pair(ends: tuple[Floats, Floats], row: int) -> list[float] | None:
    low, high = float(ends[0][row]), float(ends[1][row])
    return [low, high] if math.isfinite(low) and math.isfinite(high) else None


def cell(value: Any) -> Cell:
    """A JSON cell: NaN and infinities, which JSON lacks, become null; dates ISO text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list) and value and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        value = dict(value)  # a MAP
    return str(value)


def wire_type(kind: pa.DataType) -> str:
    """Arrow type → the protocol's type name."""
    for test, label in (
        (pa.types.is_boolean, "boolean"), (pa.types.is_integer, "integer"), (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"), (pa.types.is_date, "date"), (pa.types.is_timestamp, "timestamp"),
        (pa.types.is_null, "null"),
    ):  # fmt: skip
        if test(kind):
            return label
    return "string"


KEY_READERS = {Type.DATE: dt.date.fromisoformat, Type.TIMESTAMP: dt.datetime.fromisoformat}


def keys_to_json(keys: KeyRows) -> list[list[Cell]]:
    """Key rows as JSON cells."""
    return [[cell(v) for v in k] for k in keys]


def keys_from_json(point: ReleasePoint, keys: list[list[Any]]) -> KeyRows:
    """Inverse of ``keys_to_json`` for a point's key types."""
    readers = [KEY_READERS.get(k.type) for k in point.keys]
    return [
        tuple(r(v) if r is not None and v is not None else v for r, v in zip(readers, row, strict=True)) for row in keys
    ]
