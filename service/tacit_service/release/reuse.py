"""Answers that follow from a release one holds: fewer groups, or coarser totals, of what it measured.

The wanted point must read the same rows but for conditions on the held point's keys, count the same things under the same
bounds, with noise no smaller than the held one's. Then its released table is SQL over the held table, and the whole answer is
post-processing: free, with intervals for the noise that was really drawn. Anything that is not plainly so is bought.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa

from tacit_service.engine.calendar_range import CASTS
from tacit_service.engine.emit import expression, name, relation
from tacit_service.engine.key_rows import KeyRows, key_column
from tacit_service.query.bounds import Type
from tacit_service.query.expr import Agg, Exists, Expr, InRelation, Param, Ref, Scalar, Window, refs
from tacit_service.query.plan import (
    AggKind,
    Form,
    Key,
    Measure,
    MeasureKind,
    Output,
    Plan,
    ReleasePoint,
    ResultColumn,
    Stack,
)

from .estimate import Estimate
from .identity import beneath, one, ordered
from .postprocess import Sandbox
from .prepare import Prepared
from .stacks import table_schema

CELLS_MAX: Final = 2_000
"""Groups of a held release that are looked through when an answer might follow from it."""

_SLACK: Final = 1 + 1e-9
FOLLOWS = "Follows from a release that you hold, at no cost: the intervals are for its noise. Ask with fresh to buy new noise."


@dataclass(frozen=True, slots=True)
class _Match:
    """How the wanted point is read off the held one: key and output columns by name, and the conditions on keys."""

    keys: tuple[tuple[Key, Key], ...]
    outputs: tuple[tuple[Output, Output], ...]
    conditions: tuple[Expr, ...]
    coarser: bool
    widening: float


def follows(wanted: Prepared, held: Prepared, sandbox: Sandbox) -> Prepared | None:
    """The wanted request as post-processing of the held one's release; ``None`` when it does not follow."""
    if not (_single(wanted.plan) and _single(held.plan)) or wanted.estimate.checks != held.estimate.checks:
        return None
    new, old = wanted.plan.releases[0], held.plan.releases[0]
    found = _match(new, old, wanted.estimate, held.estimate)
    if found is None or not _same_rows(found, wanted.keys[new.name], held.keys[old.name], held.plan, sandbox):
        return None
    wider = _wider(found, held, sandbox)
    if wider is None or (wanted.by_accuracy and wider > _SLACK):
        return None  # a width was asked for, and this answer would be wider
    return _rewritten(wanted, held, found, wider)


def _single(plan: Plan) -> bool:
    """One release point, read as one table under its own name."""
    if len(plan.releases) != 1 or len(plan.stacks) != 1 or plan.params:
        return False
    return plan.stacks[0].name == plan.releases[0].name and plan.releases[0].key_table is None


# -- does it follow?


def _match(new: ReleasePoint, old: ReleasePoint, price: Estimate, paid: Estimate) -> _Match | None:
    ours, mine = beneath(ordered(new.source))
    theirs, earlier = beneath(ordered(old.source))
    texts = {expression(e) for e in earlier}
    if relation(ours) != relation(theirs) or not texts <= {expression(e) for e in mine}:
        return None
    conditions = tuple(e for e in mine if expression(e) not in texts)
    columns = {k.expr.id: k for k in old.keys if isinstance(k.expr, Ref) and k.type is not Type.NUMBER}
    if not all(refs(e) and refs(e) <= columns.keys() and _plain(e) for e in conditions):
        return None
    by_text = {expression(k.expr): k for k in old.keys}
    keys = [(k, by_text.get(expression(k.expr))) for k in new.keys]
    if any(k is None for _, k in keys) or new.public_keys != old.public_keys:
        return None
    paired = tuple((k, o) for k, o in keys if o is not None)
    dropped = [k for k in old.keys if k not in [o for _, o in paired]]
    outputs, widening = _outputs(new, old, price, paid, coarser=bool(dropped)), _widening(new, old, price, paid)
    if outputs is None or (dropped and not (old.public_keys and all(map(_covers, dropped)))):
        return None
    return _Match(paired, outputs, conditions, bool(dropped), widening)


def _plain(e: Expr) -> bool:
    """Nothing in it reads more than its row."""
    return not any(isinstance(n, Exists | InRelation | Scalar | Window | Agg | Param) for n in e.walk())


def _covers(key: Key) -> bool:
    """Every row is in some group of this key, so that groups add up to the whole."""
    return not key.expr.facts.nullable or key.expr.facts.key_null


def _outputs(
    new: ReleasePoint, old: ReleasePoint, price: Estimate, paid: Estimate, *, coarser: bool
) -> tuple[tuple[Output, Output], ...] | None:
    same: dict[str, str] = {}
    for m in new.measures:
        twin = next((o for o in old.measures if _bounded(o) == _bounded(m)), None)
        if twin is None or (coarser and not _adds_up(m)):
            return None
        had, asked = paid.of(old.name, twin.name), price.of(new.name, m.name)
        if had.unit_scale > asked.unit_scale * _SLACK or had.choice_scale > asked.choice_scale * _SLACK:
            return None  # it would be less precise than what was asked for
        same[m.name] = twin.name
    found = []
    for output in new.outputs:
        if coarser and output.kind not in (AggKind.COUNT, AggKind.SUM):
            return None
        plain = replace(output, name="", label="", measures=tuple(same[m] for m in output.measures))
        twin_ = next((o for o in old.outputs if replace(o, name="", label="") == plain), None)
        if twin_ is None:
            return None
        found.append((output, twin_))
    return tuple(found)


def _widening(new: ReleasePoint, old: ReleasePoint, price: Estimate, paid: Estimate) -> float:
    """The held noise over that of a fresh answer, of the measure where it is largest: 1 at most, for one cell."""
    found = [0.0]
    for m in new.measures:
        twin = next((o for o in old.measures if _bounded(o) == _bounded(m)), None)
        if twin is not None:
            found.append(paid.of(old.name, twin.name).unit_scale / price.of(new.name, m.name).unit_scale)
    return max(found)


def _wider(found: _Match, held: Prepared, sandbox: Sandbox) -> float | None:
    """How many times wider than bought the widest number is: √n times the held noise, where n released cells are added up.

    ``None`` where that depends on which keys were released.
    """
    if not found.coarser:
        return found.widening
    point, stack = held.plan.releases[0], held.plan.stacks[0]
    rows = held.keys[point.name]
    if rows is None:
        return None
    table = _key_table(held.plan, stack, rows)
    group = f" GROUP BY {', '.join(name(h.name) for _, h in found.keys)}" if found.keys else ""
    counted = sandbox.query(f"SELECT COUNT(*) AS n FROM {_filtered(found, point)}{group}", {point.name: table})
    return found.widening * math.sqrt(max(counted.column(0).to_pylist(), default=0))


def _key_table(plan: Plan, stack: Stack, rows: KeyRows) -> pa.Table:
    schema, keys = table_schema(plan, stack), plan.releases[0].keys
    columns = [key_column(rows, i, schema.field(k.name).type) for i, k in enumerate(keys)]
    return pa.table(columns, names=[k.name for k in keys])


def _bounded(m: Measure) -> tuple[Any, ...]:
    m = one(m)
    value = None if m.value is None else expression(m.value)
    axes = tuple((expression(a.value), a.low, a.high, a.grid, a.center) for a in m.axes)
    return value, tuple(map(expression, m.where)), axes, replace(m, value=None, where=(), axes=())


def _adds_up(m: Measure) -> bool:
    """Sums over groups are the sum over the whole: what bounds a unit does not look at groups, or there is one a unit."""
    return m.form in (Form.ONE_ROW, Form.WEIGHTS) or (
        m.form is Form.GROUPS and not m.ranked and m.kind is not MeasureKind.DISTINCT
    )


def _same_rows(found: _Match, wanted: KeyRows | None, held: KeyRows | None, plan: Plan, sandbox: Sandbox) -> bool:
    """Declared groups are all shown: what is left after the conditions must be among what was asked for, and all of that held.

    A group that a condition leaves out (``region <> 'R2'``) is not shown, as in plain SQL; bought, it would be noise around 0.
    """
    if wanted is None or held is None:
        return wanted is None and held is None
    if max(len(held), len(wanted)) > CELLS_MAX:
        return False
    if not found.keys:
        return len(wanted) == 1
    point = plan.releases[0]
    table = _key_table(plan, plan.stacks[0], held)
    select = f"SELECT DISTINCT {', '.join(name(h.name) for _, h in found.keys)} FROM "
    sources = (_filtered(found, point), _filtered(replace(found, conditions=()), point))
    left, whole = (sandbox.query(select + source, {point.name: table}).to_pydict().values() for source in sources)
    return set(zip(*left, strict=True)) <= set(wanted) <= set(zip(*whole, strict=True))


# -- the answer as post-processing


def _rewritten(wanted: Prepared, held: Prepared, found: _Match, wider: float) -> Prepared:
    plan, point = wanted.plan, held.plan.releases[0]
    table = _table_sql(found, point, filtered=True)
    row_wise = plan.row_wise and not found.coarser
    interval_sql = None
    if row_wise and plan.interval_sql is not None:
        interval_sql = _over(plan.interval_sql, point.name, _table_sql(found, point, filtered=False))
    source = {o.name: h.name for o, h in found.outputs} | {k.name: h.name for k, h in found.keys}
    rewritten = replace(
        held.plan,
        sql=_over(plan.sql, point.name, table, without_row=plan.row_wise and found.coarser),
        unordered_sql=_over(plan.unordered_sql, point.name, table),
        interval_sql=interval_sql,
        columns=tuple(_column(c, source, coarser=found.coarser) for c in plan.columns),
        row_wise=row_wise,
        selects=plan.selects,
        sorts=plan.sorts,
        row_stack=point.name if row_wise else None,
        public_tables=plan.public_tables,
        notes=(FOLLOWS, *_cautions(found, wanted.plan.releases[0], wider)),
    )
    return replace(held, plan=rewritten, schema=wanted.schema)


def _cautions(found: _Match, point: ReleasePoint, wider: float) -> Iterator[str]:
    """What is not as in an answer of its own: the width of sums of cells, and bounds that were taken over more rows."""
    if wider > _SLACK:
        yield (
            f"It adds up released numbers, so its intervals are up to {wider:.2g} times as wide as bought at this price; asked "
            "by accuracy, it would be bought."
        )
    bounded = any(m.form is Form.WEIGHTS or (m.form is Form.GROUPS and m.ranked) for m in point.measures)
    if found.conditions and bounded:
        yield (
            "A unit's contributions were bounded over all groups of the held release, not over those asked for: units with much "
            "elsewhere count for less than in a query of its own, which no interval shows."
        )


def _over(sql: str, point: str, table: str, *, without_row: bool = False) -> str:
    """The statement over the held release: the released table's name becomes a subquery of that name."""
    from sqlglot import exp, parse_one  # the parser, for the first answer that follows from another

    from tacit_service.query.outer import quoted

    tree = parse_one(sql, read="duckdb")
    if without_row and isinstance(tree, exp.Select):
        tree.set("expressions", tree.expressions[:-1])
    for node in list(tree.find_all(exp.Table)):
        if node.name == point:
            alias = node.alias or point
            node.replace(exp.Subquery(this=parse_one(table, read="duckdb"), alias=exp.TableAlias(this=quoted(alias))))
    return tree.sql("duckdb", identify=True)


def _column(c: ResultColumn, source: dict[str, str], *, coarser: bool) -> ResultColumn:
    if c.source is None:
        return c
    if coarser and c.kind == "noisy":
        return ResultColumn(c.name, "derived")
    return ResultColumn(c.name, c.kind, (c.source[0], source[c.source[1]]))


def _filtered(found: _Match, point: ReleasePoint) -> str:
    """The held table, with its key columns under the engine's names too, which the conditions were written for."""
    twice = "".join(f", {name(k.name)} AS c{k.expr.id}" for k in point.keys if isinstance(k.expr, Ref))
    where = " AND ".join(expression(e) for e in found.conditions)
    return f"(SELECT *{twice} FROM {name(point.name)})" + (f" WHERE {where}" if where else "")


def _table_sql(found: _Match, point: ReleasePoint, *, filtered: bool) -> str:
    """The wanted point's table, as ``stacks.table_schema`` has it: row number, keys, outputs."""
    keys = [f"{name(h.name)} AS {name(k.name)}" for k, h in found.keys]
    cells = []
    for o, h in found.outputs:
        value = f"CAST(SUM({name(h.name)}) AS {CASTS[o.type]})" if found.coarser else name(h.name)
        cells.append(f"{value} AS {name(o.name)}")
    row = [] if found.coarser else ["__row"]
    source = _filtered(found if filtered else replace(found, conditions=()), point)
    group = f" GROUP BY {', '.join(name(h.name) for _, h in found.keys)}" if found.coarser and found.keys else ""
    return f"SELECT {', '.join([*row, *keys, *cells])} FROM {source}{group}"
