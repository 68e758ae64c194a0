"""Aggregates and window functions. Sums of integers are exact here as there; averages are one division of two such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .casts import convert, range_of, same
from .value import INT128, Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

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
_EXTREMES: dict[type[exp.Expr], str] = {
    exp.Min: "min", exp.Max: "max", exp.LogicalAnd: "bool_and", exp.LogicalOr: "bool_or",
}  # fmt: skip


def _aggregated(x: Value) -> Value:
    return Value(x.sql, x.kind, x.low, x.high, rowwise=False)


def plain(t: Expressions, node: exp.Expr) -> Value:
    """An aggregate without a FILTER."""
    return _aggregated(_aggregate(t, node, ""))


def filtered(t: Expressions, node: exp.Filter) -> Value:
    """``agg(…) FILTER (WHERE …)``."""
    strict(node, "this", "expression")
    return _aggregated(_aggregate(t, node.this, f" FILTER (WHERE {t.truth(node.expression.this).sql})"))


def _aggregate(t: Expressions, node: exp.Expr, tail: str) -> Value:
    if not isinstance(node, _AGGREGATES):
        raise Untranslatable(f"the aggregate {type(node).__name__.upper()}")
    if isinstance(node, exp.Count):
        return _count(t, node, tail)
    if isinstance(node, exp.First):
        return _first(t, node, tail)
    if isinstance(node, exp.PercentileCont | exp.PercentileDisc):
        return _quantile(t, node, tail)
    strict(node, "this")
    distinct = isinstance(node.this, exp.Distinct)
    inner = node.this.expressions[0] if distinct else node.this
    x, once = t.value(inner), "DISTINCT " if distinct else ""
    if isinstance(node, exp.Sum):
        if not x.kind.whole:
            raise Untranslatable(f"SUM of {x.kind}")
        return made(f"sum({once}{x.sql}){tail}", Kind.WIDE, x, high=INT128)
    if isinstance(node, exp.Avg):
        if not x.kind.whole:
            raise Untranslatable(f"AVG of {x.kind}")
        text = f"(sum({once}{x.sql}){tail}::float8 / NULLIF(count({once}{x.sql}){tail}, 0)::float8)"
        return made(text, Kind.FLOAT, x, low=x.low * 1e-19, high=x.high)
    name = _EXTREMES[type(node)]
    if x.kind is Kind.BOOL:
        name = {"min": "bool_and", "max": "bool_or"}.get(name, name)
    elif name.startswith("bool"):
        x = convert(x, Kind.BOOL)
    return made(f"{name}({_sorted(x)}){tail}", x.kind, x, low=x.low, high=x.high)


def _sorted(x: Value) -> str:
    return f'{x.sql} COLLATE "C"' if x.kind is Kind.TEXT else x.sql


def _count(t: Expressions, node: exp.Count, tail: str) -> Value:
    strict(node, "this", "expressions")
    if node.this is None or isinstance(node.this, exp.Star):
        return made(f"count(*){tail}", Kind.INT)
    distinct = isinstance(node.this, exp.Distinct)
    x = t.value(node.this.expressions[0] if distinct else node.this)
    return made(f"count({'DISTINCT ' if distinct else ''}{x.sql}){tail}", Kind.INT, x)


def _first(t: Expressions, node: exp.First, tail: str) -> Value:
    """The first value in an order, NULL or not."""
    strict(node, "this")
    if not isinstance(node.this, exp.Order):
        raise Untranslatable("FIRST without an order")
    x = t.value(node.this.this)
    return made(
        f"(array_agg({x.sql} ORDER BY {order(t, node.this.expressions)}){tail})[1]", x.kind, x, low=x.low, high=x.high
    )


def _quantile(t: Expressions, node: exp.Expr, tail: str) -> Value:
    strict(node, "this", "expression")
    x, p = t.value(node.this), float(node.expression.name)
    if isinstance(node, exp.PercentileDisc):
        text = f"percentile_disc({p!r}) WITHIN GROUP (ORDER BY {_sorted(x)}){tail}"
        return made(text, x.kind, x, low=x.low, high=x.high)
    if not x.kind.number:
        raise Untranslatable(f"QUANTILE_CONT of {x.kind}")
    text = f"percentile_cont({p!r}) WITHIN GROUP (ORDER BY {convert(x, Kind.FLOAT).sql}){tail}"
    return made(text, Kind.FLOAT, x, low=x.low * 2.0**-53, high=x.high)


def order(t: Expressions, keys: list[exp.Expr]) -> str:
    """ORDER BY keys, each with its direction and the place of NULL written out; text by its bytes."""
    parts = []
    for key in keys:
        strict(key, "this", "desc", "nulls_first")
        down, first = bool(key.args.get("desc")), bool(key.args.get("nulls_first"))
        parts.append(f"{_sorted(t.value(key.this))} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}")
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
        return _aggregated(_rank(t, call, over))
    if type(call) in _VALUES:
        return _aggregated(_picked(t, call, over))
    if isinstance(call, exp.IgnoreNulls):
        raise Untranslatable("IGNORE NULLS in a window", "Leave out rows that are NULL in a subquery first.")
    if isinstance(call, exp.Filter):
        where = f" FILTER (WHERE {t.truth(call.expression.this).sql})"
        return _aggregated(_windowed(t, call.this, where + over))
    return _aggregated(_windowed(t, call, over))


def _windowed(t: Expressions, call: exp.Expr, tail: str) -> Value:
    if isinstance(call.this, exp.Distinct):
        raise Untranslatable("DISTINCT in a window")
    if not isinstance(call, exp.Count | exp.Sum | exp.Avg | exp.Min | exp.Max | exp.LogicalAnd | exp.LogicalOr):
        raise Untranslatable(f"{type(call).__name__.upper()} in a window")
    return _aggregate(t, call, tail)


def _rank(t: Expressions, call: exp.Expr, over: str) -> Value:
    name = _RANKS[type(call)]
    if name == "ntile":
        return made(f"ntile({t.value(call.this).sql}::integer){over}::bigint", Kind.INT, high=2.0**31)
    kind = Kind.FLOAT if name in ("percent_rank", "cume_dist") else Kind.INT
    return made(f"{name}(){over}", kind, low=1e-19, high=1.0 if kind is Kind.FLOAT else None)


def _picked(t: Expressions, call: exp.Expr, over: str) -> Value:
    strict(call, "this", "offset", "default")
    name, x = _VALUES[type(call)], t.value(call.this)
    parts, values = [x], [x]
    offset, default = call.args.get("offset"), call.args.get("default")
    if default is not None:
        parts = values = same([x, t.value(default)])
    texts = [parts[0].sql]
    if offset is not None:
        place = t.value(offset)
        texts.append(f"{place.sql}::integer")
    if default is not None:
        texts.append(parts[1].sql)
    low, high = range_of(values)
    return made(f"{name}({', '.join(texts)}){over}", values[0].kind, *values, low=low, high=high)


def _frame(spec: exp.Expr) -> str:
    strict(spec, "kind", "start", "start_side", "end", "end_side")
    kind = str(spec.args["kind"]).upper()
    ends = [_edge(spec, "start"), _edge(spec, "end")] if spec.args.get("end") is not None else [_edge(spec, "start")]
    return f"{kind} BETWEEN {ends[0]} AND {ends[1]}" if len(ends) == 2 else f"{kind} {ends[0]}"


def _edge(spec: exp.Expr, which: str) -> str:
    value, side = spec.args[which], str(spec.args.get(f"{which}_side") or "")
    if value == "CURRENT ROW":
        return "CURRENT ROW"
    if value == "UNBOUNDED":
        return f"UNBOUNDED {side}"
    if isinstance(value, exp.Interval):
        return f"INTERVAL '{int(value.this.name)} {value.args['unit'].name.lower()}' {side}"
    if isinstance(value, exp.Literal) and value.name.isdigit():
        return f"{value.name} {side}"
    raise Untranslatable("this window frame")


NODES: dict[type[exp.Expr], Any] = {**dict.fromkeys(_AGGREGATES, plain), exp.Filter: filtered, exp.Window: window}
