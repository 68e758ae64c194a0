"""Rule: window functions whose PARTITION BY holds the privacy unit.

Pre: a protected relation; the unit id, never NULL, is among the partition expressions. Post: a row's value is a function
of rows of its own unit, so the row stays protected. Any other window reads other people's rows and is refused; above a
release point windows are post-processing and free.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tacit_service.errors import DerivationError

from ..bind_time import INTERVAL_DAYS
from ..bounds import Facts, Interval, Type
from ..expr import Expr, IntervalLit, Lit, Window
from ..operators import choice
from ..syntax import label, strict, unsupported

if TYPE_CHECKING:
    from ..bind_expr import ExprBinder

RANKING: dict[type[exp.Expr], str] = {
    exp.RowNumber: "row_number", exp.Rank: "rank", exp.DenseRank: "dense_rank",
    exp.PercentRank: "percent_rank", exp.CumeDist: "cume_dist",
}  # fmt: skip
SHIFT: dict[type[exp.Expr], str] = {exp.Lag: "lag", exp.Lead: "lead"}
VALUE: dict[type[exp.Expr], str] = {
    exp.FirstValue: "first_value", exp.LastValue: "last_value", exp.NthValue: "nth_value",
}  # fmt: skip
AGGREGATE: dict[type[exp.Expr], str] = {
    exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max", exp.Count: "count",
}  # fmt: skip


def bind_window(b: ExprBinder, node: exp.Window) -> Expr:
    """Bind a window call. Raises ``DerivationError`` window_not_per_unit, unsupported_syntax."""
    strict(b.sql, node, "this", "partition_by", "order", "spec", "over")
    if not b.windows_allowed:
        raise unsupported(b.sql, node, "A window function here", "Compute it in a subquery first.")
    partition = tuple(b.bind(p) for p in node.args.get("partition_by") or [])
    if b.binder.protected_scope(b.scope) and not any(p.facts.unit and not p.facts.nullable for p in partition):
        raise DerivationError(
            "window_not_per_unit",
            "The window reads rows of other people: its PARTITION BY does not hold the privacy unit.",
            hint="Add the unit id to PARTITION BY, or use the window above an aggregation.",
            position=b.where(node),
            rule="window functions",
        )
    order = tuple(_ordered(b, o) for o in (node.args["order"].expressions if node.args.get("order") else []))
    ignore_nulls = isinstance(node.this, exp.IgnoreNulls)
    call = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
    if ignore_nulls and type(call) not in (*SHIFT, *VALUE):
        raise unsupported(b.sql, node, f"IGNORE NULLS of {label(call)}")
    found = _function(b, call, ordered=bool(order), framed=node.args.get("spec") is not None)
    facts = found.facts
    if found.function == "row_number" and len(partition) == 1 and partition[0].facts.unit:
        facts = facts.with_(unit_rank=True)
    frame = _frame(b, node.args.get("spec"), order)
    if facts.nullable and (found.where is not None or not _holds_current(frame)):
        facts = facts.with_(key_null=True)  # a frame without a row
    return replace(found, facts=facts, partition=partition, order=order, frame=frame, ignore_nulls=ignore_nulls)


def _ordered(b: ExprBinder, node: exp.Ordered) -> tuple[Expr, bool, bool]:
    strict(b.sql, node, "this", "desc", "nulls_first")
    return b.bind(node.this), bool(node.args.get("desc")), bool(node.args.get("nulls_first"))


def _window(function: str, args: tuple[Expr, ...], facts: Facts) -> Window:
    return Window(facts, function, args, (), ())


def _function(b: ExprBinder, node: exp.Expr, *, ordered: bool, framed: bool) -> Window:
    """The call as a window without its partition, order and frame."""
    kind = type(node)
    if kind in RANKING:
        strict(b.sql, node)
        if RANKING[kind] in ("percent_rank", "cume_dist"):
            return _window(RANKING[kind], (), Facts(Type.NUMBER, Interval.of(0, 1), nullable=False))
        cap = b.binder.rows_cap
        facts = Facts(Type.INTEGER, Interval.of(1, cap), nullable=False, grid=Fraction(1), proven=False)
        return _window(RANKING[kind], (), facts)
    if kind is exp.Ntile:
        strict(b.sql, node, "this")
        tiles = _place(b, node, node.this)
        facts = Facts(Type.INTEGER, Interval.of(1, tiles.value), nullable=False, grid=Fraction(1))
        return _window("ntile", (tiles,), facts)
    if kind in SHIFT:
        strict(b.sql, node, "this", "offset", "default")
        parts = [node.this, *[node.args[k] for k in ("offset", "default") if node.args.get(k) is not None]]
        args = [b.bind(p) for p in parts]
        if len(args) > 1 and not (isinstance(args[1], Lit) and isinstance(args[1].value, int)):
            raise unsupported(b.sql, node, "An offset that is no constant")
        joined = args[0].facts
        if len(args) > 2:
            first, default = b.unify_bound(node, [args[0], args[2]])
            args = [first, args[1], default]
            joined = choice("coalesce", [joined, default.facts], joined.type).with_(domain=None)
        return _window(SHIFT[kind], tuple(args), _row_value(joined))
    if kind in VALUE:
        strict(b.sql, node, "this", "offset")
        arg = b.bind(node.this)
        if kind is exp.NthValue:
            place = _place(b, node, node.args.get("offset"))
            return _window("nth_value", (arg, place), _row_value(arg.facts))
        if kind is exp.LastValue and ordered and not framed:
            raise unsupported(
                b.sql,
                node,
                "LAST_VALUE up to the current row's peers",
                "Use FIRST_VALUE with the opposite order, or ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING.",
            )
        return _window(VALUE[kind], (arg,), _row_value(arg.facts))
    plain = node.this if isinstance(node, exp.Filter) else node
    if type(plain) in AGGREGATE:
        return _aggregate(b, node)
    raise unsupported(b.sql, node, f"{label(node)} as a window function")


def _place(b: ExprBinder, node: exp.Expr, place: exp.Expr | None) -> Lit:
    """A constant whole number above 0."""
    found = None if place is None else b.bind(place)
    if isinstance(found, Lit) and type(found.value) is int and 0 < found.value < 2**31:
        return found
    raise unsupported(b.sql, node, f"{label(node)} without a constant number above 0")


def _aggregate(b: ExprBinder, node: exp.Expr) -> Window:
    from .aggregate import bind_aggregate

    saved, b.aggregates = b.aggregates, None
    try:
        agg = bind_aggregate(b, node)
    finally:
        b.aggregates = saved
    if agg.distinct and agg.function != "count":
        raise unsupported(b.sql, node, f"{agg.function.upper()}(DISTINCT …) as a window function")
    facts = agg.facts
    cap = b.binder.rows_cap
    if agg.function == "count":
        facts = facts.with_(bounds=Interval.of(0, cap))
    if agg.function == "sum":
        f = agg.args[0].facts.bounds
        lo = None if f.lo is None else min(f.lo, Fraction(0)) * cap
        hi = None if f.hi is None else max(f.hi, Fraction(0)) * cap
        facts = facts.with_(bounds=Interval(lo, hi))
    facts = facts.with_(nullable=agg.function != "count", per_unit=False)
    return replace(_window(agg.function, agg.args, facts), where=agg.where, distinct=agg.distinct)


def _row_value(f: Facts) -> Facts:
    """A value of another row of the unit: a number that counted rows does not count them here."""
    return f.with_(
        nullable=True, key_null=True, per_unit=False, unit=False, unique=False, origin=None, links=None, unit_rank=False
    )


def _frame(b: ExprBinder, spec: Any, order: tuple[tuple[Expr, bool, bool], ...]) -> str | None:
    if spec is None:
        return None
    strict(b.sql, spec, "kind", "start", "start_side", "end", "end_side")
    kind = str(spec.args.get("kind") or "").upper()
    if kind not in ("ROWS", "RANGE"):
        raise unsupported(b.sql, spec, "This window frame")
    temporal = len(order) == 1 and order[0][0].facts.type.temporal
    start = _edge(b, spec, "start", kind, temporal=temporal)
    if spec.args.get("end") is None:
        return f"{kind} {start}"
    return f"{kind} BETWEEN {start} AND {_edge(b, spec, 'end', kind, temporal=temporal)}"


def _holds_current(frame: str | None) -> bool:
    """The frame always has the current row itself."""
    if frame is None:
        return True
    start, _, end = frame.removeprefix("ROWS ").removeprefix("RANGE ").removeprefix("BETWEEN ").partition(" AND ")
    return not start.endswith("FOLLOWING") and not end.endswith("PRECEDING")


def _edge(b: ExprBinder, spec: exp.Expr, which: str, kind: str, *, temporal: bool) -> str:
    value, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
    if value == "CURRENT ROW":
        return "CURRENT ROW"
    if value == "UNBOUNDED" and side in ("PRECEDING", "FOLLOWING"):
        return f"UNBOUNDED {side}"
    if (
        isinstance(value, exp.Literal)
        and value.name.isdigit()
        and kind == "ROWS"
        and side in ("PRECEDING", "FOLLOWING")
    ):
        return f"{int(value.name)} {side}"
    if isinstance(value, exp.Interval) and kind == "RANGE" and temporal and side in ("PRECEDING", "FOLLOWING"):
        span = b.bind(value)
        # 100 years past the calendar (years 2 to 9999) is far inside what the engine's dates hold: no row can fail
        if isinstance(span, IntervalLit) and 0 <= span.count * INTERVAL_DAYS[span.part] <= 36_600:
            return f"INTERVAL '{span.count}' {span.part} {side}"
    raise unsupported(b.sql, spec, "This window frame", "Use ROWS BETWEEN n PRECEDING AND CURRENT ROW.")
