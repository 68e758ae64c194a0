"""Post-processing that cannot fail on what is released: NULL where DuckDB would raise.

The SQL above release points runs after the charge, over numbers that noise can make negative, huge or fractional. What
raises then has cost budget and shows nothing. So each node that could raise is made total: ``TRY(…)``, ``TRY_CAST``, a
scalar subquery of several rows is NULL. ``TRY`` takes no aggregate, window or subquery inside: around those the operands
are named first, ``list_transform([{'a0': SUM(n)}], lambda __s: TRY(__s.a0 * 2))[1]``.

The list names what is known not to raise; everything else is wrapped, so a function that is added is total from the start.
"""

from __future__ import annotations

import datetime as dt

from sqlglot import exp

from .rules.aggregate import NAMED

TEXT_MAX = 10_000  # characters that REPEAT, LPAD or RPAD may make of a number; more is NULL
MOMENT_MAX = "1e30"  # what SKEWNESS and KURTOSIS may raise to their powers; beyond, a value counts as NULL

# evaluation never raises, whatever the values are
SAFE: tuple[type[exp.Expr], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Alias, exp.Ordered, exp.Order,
    exp.Tuple, exp.Star, exp.Var, exp.DataType, exp.DataTypeParam, exp.Distinct, exp.Where, exp.Having, exp.Qualify,
    exp.Connector, exp.Not, exp.Predicate, exp.In, exp.Between, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest,
    exp.Least, exp.Try, exp.TryCast, exp.Upper, exp.Lower, exp.Length, exp.Trim, exp.Concat, exp.ConcatWs, exp.DPipe,
    exp.IsNan, exp.IsInf, exp.Floor, exp.Ceil, exp.Sign,
    exp.CurrentDate, exp.CurrentTimestamp, exp.Pi, exp.Array, exp.Struct, exp.Explode, exp.Any,
    exp.All, exp.Escape, exp.RowNumber, exp.Typeof, exp.Monthname, exp.Dayname, exp.From, exp.Join, exp.Lateral,
    exp.Table, exp.TableAlias, exp.Group, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Limit, exp.Offset, exp.With, exp.CTE,
    exp.Values, exp.WindowSpec, exp.Query, exp.AggFunc, exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls,
    exp.RespectNulls, exp.PropertyEQ, exp.Kwarg, exp.Div, exp.UDTF, exp.Unnest,
)  # fmt: skip
# predicates that compile a pattern
RISKY: tuple[type[exp.Expr], ...] = (exp.RegexpLike, exp.RegexpFullMatch, exp.RegexpILike, exp.SimilarTo)
# what TRY does not take inside
BARRIERS: tuple[type[exp.Expr], ...] = (exp.Query, exp.AggFunc, exp.Window, exp.Filter, exp.WithinGroup, exp.Explode)
# one of several values, brought to one type
CHOICES: tuple[type[exp.Expr], ...] = (exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)
WIDE = (
    exp.DType.INT,
    exp.DType.BIGINT,
    exp.DType.INT128,
    exp.DType.DOUBLE,
    exp.DType.FLOAT,
)  # a written number's types
CONSTANT: tuple[type[exp.Expr], ...] = (exp.Literal, exp.Null, exp.Boolean, exp.DataType, exp.Var, exp.Identifier)
# a statement of these alone needs no trial
PLAIN: tuple[type[exp.Expr], ...] = (
    exp.Select, exp.From, exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Star,
    exp.Paren, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Group, exp.GroupingSets, exp.Tuple, exp.Count, exp.Sum,
    exp.Avg, exp.Min, exp.Max, exp.Subquery,
)  # fmt: skip


def total(tree: exp.Query, single: frozenset[str] = frozenset()) -> exp.Query:
    """A copy that raises for no values of the tables it reads, where its types fit. ``single``: tables of one row."""
    copy = _guarded(tree, single, values=False)
    assert isinstance(copy, exp.Query)
    return copy


def _guarded(node: exp.Expr, single: frozenset[str], *, values: bool) -> exp.Expr:
    """The node over guarded parts. ``values``: it stands in the list of a SELECT, where lambdas may be written."""
    copy = node.__class__()
    for key, part in node.args.items():
        inside = _in_list(node, key, values)
        if isinstance(part, exp.Expr):
            copy.set(key, _guarded(part, single, values=inside))
        elif isinstance(part, list):
            copy.set(key, [_guarded(p, single, values=inside) if isinstance(p, exp.Expr) else p for p in part])
        else:
            copy.set(key, part)
    if isinstance(copy, exp.Subquery) and isinstance(node.parent, exp.Expr) and _is_value(node):
        return copy if _one_row(node.this, single) else _only_row(copy)
    if isinstance(copy, exp.Cast) and not isinstance(copy, exp.TryCast):
        return copy if _converts(copy) else exp.TryCast(this=copy.this, to=copy.args["to"])
    if isinstance(copy, exp.Skewness | exp.Kurtosis) and isinstance(copy.this, exp.Expr):
        copy.set("this", _moderate(copy.this))
    return copy if _safe(copy) else _wrapped(copy, values=values)


def _moderate(value: exp.Expr) -> exp.Expr:
    """NULL for infinities and what is too large: DuckDB's higher moments raise on them, and no TRY goes around an aggregate."""
    if isinstance(value, exp.Distinct):
        return exp.Distinct(expressions=[_moderate(e) for e in value.expressions])
    number = exp.TryCast(this=value.copy(), to=exp.DataType(this=exp.DType.DOUBLE))
    near = exp.Between(this=number, low=exp.Neg(this=_number(MOMENT_MAX)), high=_number(MOMENT_MAX))
    return exp.Case(ifs=[exp.If(this=near, true=value)])


def _converts(cast: exp.Cast) -> bool:
    """A literal that the type takes: a number or text as such, or a day or moment that the calendar has."""
    literal, kind = cast.this, cast.to.this
    if not isinstance(literal, exp.Literal):
        return False
    if kind in exp.DataType.TEXT_TYPES or (not literal.is_string and kind in WIDE):
        return True
    try:
        if kind == exp.DType.BIGINT:
            return abs(int(literal.name)) < 2**63
        read = {exp.DType.DATE: dt.date, exp.DType.TIMESTAMP: dt.datetime}.get(kind)
        return read is not None and literal.is_string and bool(read.fromisoformat(literal.name))
    except ValueError:
        return False


def _in_list(node: exp.Expr, key: str, values: bool) -> bool:
    if isinstance(node, exp.Select):
        return key == "expressions"
    return values and not isinstance(node, exp.Window | exp.Query)


def _safe(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in NAMED
    if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal | None):
        return True
    if isinstance(node, exp.Round):
        digits = node.args.get("decimals")
        return digits is None or (isinstance(digits, exp.Literal) and digits.name.isdigit())
    return isinstance(node, (*SAFE, exp.Slice)) and not isinstance(node, RISKY)


def _wrapped(node: exp.Expr, *, values: bool) -> exp.Expr:
    """``TRY(node)``; where an operand holds what TRY does not take, over operands that are named first."""
    node = _short(node)
    if not any(_barrier(n) for n in node.walk()):
        return exp.Try(this=node)
    if not values or node.find(exp.Explode) is not None:
        return node  # what could fail here is left to the trial over extreme values
    fields: list[str] = []

    def named(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Slice):  # no value of its own
            ends = {k: named(e) for k, e in part.args.items() if isinstance(e, exp.Expr)}
            return exp.Slice(**ends)
        if isinstance(part, CONSTANT) and not _barrier(part):
            return part
        if isinstance(part, exp.Interval) and not any(isinstance(n, exp.Column) or _barrier(n) for n in part.walk()):
            return part
        text = part.sql("duckdb", identify=True)
        if text not in fields:
            fields.append(text)
        return exp.Var(this=f"__s.a{fields.index(text)}")

    over = node.copy()
    for key, part in node.args.items():
        if isinstance(part, exp.Expr):
            over.set(key, named(part))
        elif isinstance(part, list):
            over.set(key, [named(p) if isinstance(p, exp.Expr) else p for p in part])
    struct = ", ".join(f"'a{i}': {text}" for i, text in enumerate(fields))
    body = exp.Try(this=over).sql("duckdb", identify=True)
    return exp.Var(this=f"list_transform([{{{struct}}}], lambda __s: {body})[1]")


def _barrier(node: exp.Expr) -> bool:
    if isinstance(node, exp.Var) and node.name.startswith("list_transform("):
        return True
    return isinstance(node, BARRIERS) or (isinstance(node, exp.Anonymous) and node.name.lower() in NAMED)


def _short(node: exp.Expr) -> exp.Expr:
    """Text of a length that a number decides is NULL beyond ``TEXT_MAX``: memory that runs out is not an error TRY sees."""
    length = node.args.get("times") if isinstance(node, exp.Repeat) else node.args.get("expression")
    if not isinstance(node, exp.Repeat | exp.Pad) or length is None or isinstance(length, exp.Literal):
        return node
    if any(_barrier(n) for n in length.walk()):
        limited: exp.Expr = exp.Case(
            ifs=[exp.If(this=exp.LTE(this=length, expression=_number(TEXT_MAX)), true=length.copy())]
        )
        copy = node.copy()
        copy.set("times" if isinstance(node, exp.Repeat) else "expression", limited)
        return copy
    fits = exp.LTE(this=length.copy(), expression=_number(TEXT_MAX))
    return exp.Case(ifs=[exp.If(this=fits, true=node)])


def exposed(tree: exp.Query) -> bool:
    """Something in what ``total`` made could raise all the same: an unwrapped call, a sum of what was cast (to DECIMAL), or
    text among the values that one is chosen from, which is converted when it is chosen."""
    for node in tree.walk():
        if isinstance(node, CHOICES) and any(
            isinstance(p, exp.Literal) and p.is_string for p in node.iter_expressions()
        ):
            return True
        if isinstance(node, exp.AggFunc) and node.find(exp.Cast) is not None:
            return True
        if isinstance(node, exp.WindowSpec) and node.args.get("kind") == "RANGE" and node.find(exp.Literal) is not None:
            return True  # the end of a frame is a sum, which may be past the type
        bare = not _safe(node) and not isinstance(node, exp.Cast | exp.Try)
        if bare and not isinstance(node.parent, exp.Try) and node.find_ancestor(exp.Try) is None:
            return True
    return False


def trivial(tree: exp.Query) -> bool:
    """Columns, literals and plain aggregates alone: nothing that could fail, and no comparison that converts a text."""
    return all(isinstance(n, PLAIN) and (not isinstance(n, exp.Subquery) or not _is_value(n)) for n in tree.walk())


def _number(value: int | str) -> exp.Expr:
    return exp.Literal.number(str(value))


def _is_value(node: exp.Expr) -> bool:
    """The subquery stands for one value: no table, and not what IN, EXISTS, ANY or ALL look through."""
    parent = node.parent
    if isinstance(parent, exp.In) and parent.args.get("query") is node:
        return False
    return not isinstance(
        parent,
        exp.From | exp.Join | exp.Lateral | exp.Exists | exp.Any | exp.All | exp.SetOperation | exp.With | exp.CTE,
    )


def _one_row(query: exp.Expr, single: frozenset[str]) -> bool:
    """One row at most by construction: an aggregate without GROUP BY, LIMIT 1, no FROM, or a FROM of one such row."""
    if not isinstance(query, exp.Select) or query.find(exp.Explode) is not None:
        return False
    limit = query.args.get("limit")
    if (
        isinstance(limit, exp.Limit)
        and isinstance(limit.expression, exp.Literal)
        and limit.expression.name in ("0", "1")
    ):
        return True
    source = query.args.get("from_")
    if source is None:
        return True
    if not query.args.get("joins") and not query.args.get("laterals"):
        table = source.this
        if table.name in single if isinstance(table, exp.Table) else _one_row(table.this, single):
            return True
    return query.args.get("group") is None and any(_aggregates(e) for e in query.expressions)


def _aggregates(node: exp.Expr) -> bool:
    """An aggregate call stands in the expression itself: not in a subquery, and not as a window's function."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.Window):
        return any(_aggregates(p) for p in node.this.iter_expressions())
    if isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() in NAMED):
        return True
    return any(_aggregates(p) for p in node.iter_expressions())


def _only_row(query: exp.Subquery) -> exp.Subquery:
    """The value of the only row, or NULL: ``(SELECT CASE WHEN COUNT(*) = 1 THEN ANY_VALUE(v) END FROM (…) AS o(v))``."""
    alias = exp.TableAlias(this=exp.to_identifier("__one", quoted=True), columns=[exp.to_identifier("v", quoted=True)])
    one = exp.EQ(this=exp.Count(this=exp.Star()), expression=_number(1))
    value = exp.Case(ifs=[exp.If(this=one, true=exp.AnyValue(this=exp.column("v", table="__one", quoted=True)))])
    inner = exp.Select(expressions=[value])
    inner.set("from_", exp.From(this=exp.Subquery(this=query.this, alias=alias)))
    return exp.Subquery(this=inner)
