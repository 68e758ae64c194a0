"""Aggregates and window functions. Sums of integers are exact here as there; averages are one division of two such.

A FILTER is written as CASE inside: Spark has none over windows, and one way serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .casts import convert, same
from .value import INT64, WIDEST, Kind, Untranslatable, Value, hull, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_ROWS = 2.0**39
"""No relation has more rows than these: half a million million."""
_PART = 24
"""Bits of the parts that wide sums are made of: so many rows of one part fit 64 bits."""
_RANKS: dict[type[exp.Expr], str] = {
    exp.RowNumber: "row_number", exp.Rank: "rank", exp.DenseRank: "dense_rank", exp.PercentRank: "percent_rank",
    exp.CumeDist: "cume_dist", exp.Ntile: "ntile",
}  # fmt: skip
_VALUES: dict[type[exp.Expr], str] = {
    exp.Lag: "lag", exp.Lead: "lead", exp.FirstValue: "first_value", exp.LastValue: "last_value", exp.NthValue: "nth_value",
}  # fmt: skip
_AGGREGATES: tuple[type[exp.Expr], ...] = (
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr, exp.First, exp.PercentileCont,
    exp.PercentileDisc,
)  # fmt: skip
_WINDOWED = exp.Count | exp.Sum | exp.Avg | exp.Min | exp.Max | exp.LogicalAnd | exp.LogicalOr
_EXTREMES: dict[type[exp.Expr], str] = {
    exp.Min: "min", exp.Max: "max", exp.LogicalAnd: "bool_and", exp.LogicalOr: "bool_or",
}  # fmt: skip


def plain(t: Expressions, node: exp.Expr) -> Value:
    """An aggregate without a FILTER."""
    return _aggregate(t, node, "", "")


def filtered(t: Expressions, node: exp.Filter) -> Value:
    """``agg(…) FILTER (WHERE …)``."""
    strict(node, "this", "expression")
    return _aggregate(t, node.this, t.truth(node.expression.this).sql, "")


def _where(condition: str, text: str) -> str:
    return f"CASE WHEN {condition} THEN {text} END" if condition else text


def _aggregate(t: Expressions, node: exp.Expr, where: str, tail: str) -> Value:
    if not isinstance(node, _AGGREGATES):
        raise Untranslatable(f"the aggregate {type(node).__name__.upper()}")
    if isinstance(node, exp.Count):
        return _count(t, node, where, tail)
    if isinstance(node, exp.First):
        return _first(t, node, where)
    if isinstance(node, exp.PercentileCont | exp.PercentileDisc):
        return _quantile(t, node, where)
    strict(node, "this")
    distinct = isinstance(node.this, exp.Distinct)
    x, once = t.value(node.this.expressions[0] if distinct else node.this), "DISTINCT " if distinct else ""
    x = x.named(_where(where, x.sql))
    if isinstance(node, exp.Sum | exp.Avg):
        if not x.kind.whole:
            raise Untranslatable(f"{type(node).__name__.upper()} of {x.kind}")
        total = summed(
            x, lambda part: f"sum({once}{part}){tail}" if part != x.sql else f"sum({once}{x.sql}){tail}", once
        )
        if isinstance(node, exp.Sum):
            return total
        text = f"(CAST({total.sql} AS DOUBLE) / CAST(NULLIF(count({once}{x.sql}){tail}, 0L) AS DOUBLE))"
        return made(text, Kind.FLOAT, min(x.low, 0), max(x.high, 0))
    name = _EXTREMES[type(node)]
    if name.startswith("bool"):
        x = convert(x, Kind.BOOL)
    return Value(f"{name}({x.sql}){tail}", x.kind, x.low, x.high, x.places)


def summed(x: Value, total: Callable[[str], str], once: str = "") -> Value:
    """An integer sum that cannot leave its type: of small values in 64 bits, of others part by part, or with 38 digits."""
    if x.kind is Kind.INT and x.size * _ROWS < INT64:
        return made(total(x.sql), Kind.INT, x.low * _ROWS, x.high * _ROWS)
    if x.kind is Kind.WIDE or once:
        wide = total(f"CAST({x.sql} AS DECIMAL(38,0))" if x.kind is Kind.INT else x.sql)
        return made(wide.replace("sum(", "try_sum(", 1), Kind.WIDE)
    mask, step = (1 << _PART) - 1, f"CAST({1 << _PART} AS DECIMAL(38,0))"
    parts = [f"({x.sql} & {mask}L)"]
    if x.size < 2.0 ** (2 * _PART - 1):
        parts.append(f"shiftright({x.sql}, {_PART})")
    else:
        parts += [f"(shiftright({x.sql}, {_PART}) & {mask}L)", f"shiftright({x.sql}, {2 * _PART})"]
    text = ""
    for part in reversed(parts):
        wide = f"CAST({total(part)} AS DECIMAL(20,0))"
        text = wide if not text else f"(CAST({text} * {step} AS DECIMAL(38,0)) + {wide})"
    text = f"CAST({text} AS DECIMAL(38,0))"
    return made(text, Kind.WIDE, max(x.low * _ROWS, -WIDEST), min(x.high * _ROWS, WIDEST))


def _count(t: Expressions, node: exp.Count, where: str, tail: str) -> Value:
    strict(node, "this", "expressions")
    if node.this is None or isinstance(node.this, exp.Star):
        inner = _where(where, "1") if where else "*"
        return made(f"count({inner}){tail}", Kind.INT, 0, _ROWS)
    distinct = isinstance(node.this, exp.Distinct)
    x = t.value(node.this.expressions[0] if distinct else node.this)
    return made(f"count({'DISTINCT ' if distinct else ''}{_where(where, x.sql)}){tail}", Kind.INT, 0, _ROWS)


def _first(t: Expressions, node: exp.First, where: str) -> Value:
    """The first value in an order, NULL or not: the one beside the least key, or beside the greatest where all keys fall."""
    strict(node, "this")
    if not isinstance(node.this, exp.Order):
        raise Untranslatable("FIRST without an order")
    x = t.value(node.this.this)
    falls = all(bool(k.args.get("desc")) for k in node.this.expressions)
    keys = [part for k in node.this.expressions for part in _ranked(t, k, falls)]
    named = ", ".join(f"'k{i}', {part}" for i, part in enumerate(keys))
    text = f"{'max' if falls else 'min'}_by({x.sql}, {_where(where, f'named_struct({named})')})"
    return Value(text, x.kind, x.low, x.high, x.places)


def _ranked(t: Expressions, key: exp.Expr, falls: bool) -> tuple[str, str]:
    """Two parts that sort as the key does: whether it is NULL, and its value."""
    strict(key, "this", "desc", "nulls_first")
    x, down, first = t.value(key.this), bool(key.args.get("desc")), bool(key.args.get("nulls_first"))
    place = f"({x.sql} IS {'NOT ' if first is not falls else ''}NULL)"
    if not down or falls:
        return place, x.sql
    if x.kind is Kind.INT:
        return place, f"(~{x.sql})"
    if x.kind is Kind.BOOL:
        return place, f"(NOT {x.sql})"
    if x.kind in (Kind.DATE, Kind.TIME):
        return place, f"(~unix_micros(CAST({x.sql} AS TIMESTAMP)))"
    raise Untranslatable(f"FIRST in an order that rises and falls, by {x.kind}", "Order by integers.")


def _quantile(t: Expressions, node: exp.Expr, where: str) -> Value:
    """By the sorted values themselves: the formulas are DuckDB's, whose last digit Spark's own do not share."""
    strict(node, "this", "expression")
    x, p = t.value(node.this), float(node.expression.name)
    if not x.kind.number and isinstance(node, exp.PercentileCont):
        raise Untranslatable(f"QUANTILE_CONT of {x.kind}")
    if isinstance(node, exp.PercentileCont):
        x = convert(x, Kind.FLOAT)
    of = _where(where, x.sql)
    values, n = f"sort_array(collect_list({of}))", f"CAST(count({of}) AS DOUBLE)"

    def at(place: str) -> str:
        return f"get({values}, CAST({place} AS INT))"

    if isinstance(node, exp.PercentileDisc):
        place = f"(greatest(1D, {n} - CAST(floor({n} - {p!r}D * {n}) AS DOUBLE)) - 1D)"
        return Value(at(place), x.kind, x.low, x.high, x.places)
    place = f"(({n} - 1D) * {p!r}D)"
    low, high = at(f"floor({place})"), at(f"ceil({place})")
    between = f"({low} + ({high} - {low}) * ({place} - CAST(floor({place}) AS DOUBLE)))"
    text = f"CASE WHEN floor({place}) = ceil({place}) THEN {low} ELSE {between} END"
    return made(f"CASE WHEN count({of}) > 0L THEN {text} END", Kind.FLOAT, x.low, x.high)


def order(t: Expressions, keys: list[exp.Expr]) -> str:
    """ORDER BY keys, each with its direction and the place of NULL written out."""
    parts = []
    for key in keys:
        strict(key, "this", "desc", "nulls_first")
        down, first = bool(key.args.get("desc")), bool(key.args.get("nulls_first"))
        parts.append(f"{t.value(key.this).sql} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}")
    return ", ".join(parts)


def window(t: Expressions, node: exp.Window) -> Value:
    """A window function."""
    strict(node, "this", "partition_by", "order", "spec", "over")
    parts = []
    if node.args.get("partition_by"):
        parts.append("PARTITION BY " + ", ".join(t.value(p).sql for p in node.args["partition_by"]))
    if node.args.get("order"):
        parts.append("ORDER BY " + order(t, node.args["order"].expressions))
    if node.args.get("spec"):
        parts.append(_frame(node.args["spec"]))
    over = f" OVER ({' '.join(parts)})"
    call = node.this
    if type(call) in _RANKS:
        return _rank(t, call, over)
    if isinstance(call, exp.IgnoreNulls):
        strict(call, "this")
        if type(call.this) not in _VALUES:
            raise Untranslatable("IGNORE NULLS of an aggregate")
        return _picked(t, call.this, f" IGNORE NULLS{over}")
    if type(call) in _VALUES:
        return _picked(t, call, over)
    if isinstance(call, exp.Filter):
        return _windowed(t, call.this, t.truth(call.expression.this).sql, over)
    return _windowed(t, call, "", over)


def _windowed(t: Expressions, call: exp.Expr, where: str, over: str) -> Value:
    if isinstance(call.this, exp.Distinct):
        raise Untranslatable("DISTINCT in a window")
    if not isinstance(call, _WINDOWED):
        raise Untranslatable(f"{type(call).__name__.upper()} in a window")
    return _aggregate(t, call, where, over)


def _rank(t: Expressions, call: exp.Expr, over: str) -> Value:
    name = _RANKS[type(call)]
    inner = "" if name != "ntile" else _count_of(t, call.this, "NTILE")
    if name in ("percent_rank", "cume_dist"):
        return made(f"{name}(){over}", Kind.FLOAT, 0, 1)
    return made(f"CAST({name}({inner}){over} AS BIGINT)", Kind.INT, 0, 2.0**31)


def _count_of(t: Expressions, node: exp.Expr, what: str) -> str:
    found = t.value(node).constant
    if not isinstance(found, int) or not 0 < found < 2**31:
        raise Untranslatable(f"{what} of what is no positive constant")
    return str(found)


def _picked(t: Expressions, call: exp.Expr, over: str) -> Value:
    strict(call, "this", "offset", "default")
    name, x = _VALUES[type(call)], t.value(call.this)
    values = [x]
    offset, default = call.args.get("offset"), call.args.get("default")
    if default is not None:
        values = same([x, t.value(default)])
    texts = [values[0].sql]
    if offset is not None:
        texts.append(_offset(t, offset))
    if default is not None:
        texts.append(values[1].sql)
    found = made(f"{name}({', '.join(texts)}){over}", values[0].kind, *hull(values))
    return Value(found.sql, found.kind, found.low, found.high, x.places if default is None else None)


def _offset(t: Expressions, node: exp.Expr) -> str:
    while isinstance(node, exp.Cast | exp.Paren):
        node = node.this
    return _count_of(t, node, "a window function")


def _frame(spec: exp.Expr) -> str:
    strict(spec, "kind", "start", "start_side", "end", "end_side")
    kind = str(spec.args["kind"]).upper()
    if kind not in ("ROWS", "RANGE"):
        raise Untranslatable(f"a window frame of {kind}")
    ends = [_edge(spec, "start", kind)]
    ends.append(_edge(spec, "end", kind) if spec.args.get("end") is not None else "CURRENT ROW")
    return f"{kind} BETWEEN {ends[0]} AND {ends[1]}"


def _edge(spec: exp.Expr, which: str, kind: str) -> str:
    value, side = spec.args[which], str(spec.args.get(f"{which}_side") or "")
    if value == "CURRENT ROW":
        return "CURRENT ROW"
    if value == "UNBOUNDED":
        return f"UNBOUNDED {side}"
    if isinstance(value, exp.Literal) and value.name.isdigit() and kind == "ROWS":
        return f"{value.name} {side}"
    raise Untranslatable("a window frame by RANGE", "Use ROWS.")


NODES: dict[type[exp.Expr], Any] = {**dict.fromkeys(_AGGREGATES, plain), exp.Filter: filtered, exp.Window: window}
