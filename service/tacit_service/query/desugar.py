"""Sugar: constructs that are defined by other SQL are written out as that SQL before anything is bound.

Every rewrite is an identity of DuckDB's (checked against it by tests/privacy_e2e/test_meaning.py), and purely one of
syntax: no name is looked up. Positions in the analyst's text stay with the nodes that had them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from sqlglot import exp

from .named_bounds import per_row
from .pivot import pivoted
from .series import MOMENTS_MAX, moments
from .syntax import unsupported

SERIES_MAX = 10_000
_INNER = {"", "INNER", "CROSS"}


def desugar(sql: str, tree: exp.Query) -> exp.Query:
    """The statement with sugar written out, innermost first. Raises ``Refusal`` unsupported_syntax by name."""
    for select in list(tree.find_all(exp.Select)):
        _named_windows(sql, select)
    result = tree
    for node in reversed(list(tree.walk())):
        rule = _RULES.get(type(node))
        if rule is None:
            continue
        fresh = rule(sql, node)
        if fresh is node:
            continue
        if node is tree:
            result = fresh  # type: ignore[assignment]
        else:
            node.replace(fresh)
    return result


# -- clauses


def _named_windows(sql: str, select: exp.Select) -> None:
    """``WINDOW w AS (…)``: each use is written out, a definition may extend an earlier one."""
    named: dict[str, exp.Window] = {}
    definitions = select.args.get("windows")
    if definitions:
        for one in definitions:
            named[one.name.lower()] = _extended(sql, one, named)
        select.set("windows", None)
    for window in list(select.find_all(exp.Window)):
        if window.args.get("alias") is not None and window.find_ancestor(exp.Select) is select:
            whole = _extended(sql, window, named)
            for key in ("partition_by", "order", "spec", "alias"):
                window.set(key, whole.args.get(key))


def _extended(sql: str, window: exp.Window, named: dict[str, exp.Window]) -> exp.Window:
    base = window.args.get("alias")
    if base is None:
        return window
    found = named.get(base.name.lower())
    if found is None:
        raise unsupported(sql, window, f"The window {base.name[:40]}, which no WINDOW clause defines,")
    result = window.copy()
    for key in ("partition_by", "order", "spec"):
        if not result.args.get(key) and found.args.get(key):
            value = found.args[key]
            result.set(key, [v.copy() for v in value] if isinstance(value, list) else value.copy())
    result.set("alias", None)
    return result


def _select(sql: str, node: exp.Expr) -> exp.Expr:
    """Joins in parentheses that come first; UNNEST of constants without FROM; LIMIT ALL and FETCH; GROUP BY ()."""
    from_ = node.args.get("from_")
    inner = from_.this if from_ is not None else None
    if isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Table) and not inner.args.get("alias"):
        joins = inner.this.args.get("joins") or []
        inner.this.set("joins", None)
        node.args["from_"].set("this", inner.this)
        node.set("joins", [*joins, *(node.args.get("joins") or [])])
    limit = node.args.get("limit")
    if isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        if options is not None and options.args.get("with_ties"):
            raise unsupported(sql, node, "FETCH … WITH TIES", "Use QUALIFY RANK() OVER (ORDER BY …) <= n.")
        fresh = exp.Limit(expression=limit.args.get("count") or exp.Literal.number(1))
        if options is not None and options.args.get("percent"):
            fresh.set("limit_options", options)
        node.set("limit", fresh)
    elif isinstance(limit, exp.Limit) and isinstance(limit.expression, exp.Var) and limit.expression.name == "ALL":
        node.set("limit", None)
    group = node.args.get("group")
    if group is not None and any(isinstance(e, exp.Tuple) and not e.expressions for e in group.expressions):
        kept = [e for e in group.expressions if not (isinstance(e, exp.Tuple) and not e.expressions)]
        group.set("expressions", kept)
        if not kept and not group.args.get("all"):
            node.set("group", None)
            if node.args.get("having") is None and not any(e.find(exp.AggFunc) for e in node.expressions):
                raise unsupported(sql, node, "GROUP BY () without an aggregate")
    return _constant_rows(sql, node)


def _constant_rows(sql: str, node: exp.Expr) -> exp.Expr:
    """``SELECT UNNEST([…])`` and ``SELECT UNNEST(generate_series(…))`` as VALUES."""
    items = node.expressions
    if node.args.get("from_") is not None or len(items) != 1:
        return node
    array = items[0].unalias()
    if isinstance(array, exp.Explode) and isinstance(array.this, exp.GenerateSeries):
        name = exp.to_identifier(items[0].alias or "unnest", quoted=True)
        alias = exp.TableAlias(this=exp.to_identifier("__values", quoted=True), columns=[name])
        node.set("expressions", [exp.Star()])
        node.set("from_", exp.From(this=_table(sql, exp.Table(this=array.this.copy(), alias=alias))))
        return node
    if not (isinstance(array, exp.Explode) and isinstance(array.this, exp.Array) and array.this.expressions):
        return node
    rows = [exp.Tuple(expressions=[e.copy()]) for e in array.this.expressions]
    name = exp.to_identifier(items[0].alias or "unnest", quoted=True)
    alias = exp.TableAlias(this=exp.to_identifier("__values", quoted=True), columns=[name])
    node.set("expressions", [exp.Star()])
    node.set("from_", exp.From(this=exp.Values(expressions=rows, alias=alias)))
    return node


def _values(_sql: str, node: exp.Expr) -> exp.Expr:
    """``VALUES (1), (2)`` where a query stands: a SELECT of all its columns."""
    parent = node.parent
    if isinstance(parent, exp.From | exp.Join):
        return node
    rows = node.copy()
    if not rows.args.get("alias"):
        rows.set("alias", exp.TableAlias(this=exp.to_identifier("__values", quoted=True)))
    return exp.Select(expressions=[exp.Star()]).from_(rows, copy=False)


def _table(sql: str, node: exp.Expr) -> exp.Expr:
    """``range(…)`` and ``generate_series(…)`` of constants, numbers or moments, in FROM, as VALUES."""
    series = node.args.get("this")
    if not isinstance(series, exp.GenerateSeries):
        return node
    start, end, step = (_whole(series.args.get(k)) for k in ("start", "end", "step"))
    step = 1 if series.args.get("step") is None else step
    exclusive = bool(series.args.get("is_end_exclusive"))
    rows = moments(series)
    if rows is None:
        if start is None or end is None or not step:
            hint = "Write range(0, 10), or generate_series(DATE '2024-01-01', DATE '2024-12-01', INTERVAL 1 MONTH)."
            raise unsupported(sql, node, "A series whose ends or step are no whole numbers or dates", hint)
        numbers = range(start, end if exclusive else end + (1 if step > 0 else -1), step)
        rows = [number(n) for n in numbers[: SERIES_MAX + 1]]
    if not 0 < len(rows) <= SERIES_MAX:
        hint = "GROUP BY date_trunc('day', …) of a column with bounds gives every day a row."
        raise unsupported(
            sql, node, f"A series of no rows, or of more than {SERIES_MAX} ({MOMENTS_MAX} moments),", hint
        )
    name = "range" if exclusive else "generate_series"
    alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    if not alias.columns:
        alias.set("columns", [exp.to_identifier(name, quoted=True)])
    return exp.Values(expressions=[exp.Tuple(expressions=[row]) for row in rows], alias=alias)


def _unnested(sql: str, node: exp.Expr) -> exp.Expr:
    """``UNNEST(generate_series(…)) AS t(x)`` in FROM."""
    if len(node.expressions) != 1 or not isinstance(node.expressions[0], exp.GenerateSeries) or node.args.get("offset"):
        return node
    alias = node.args.get("alias")
    table = exp.Table(this=node.expressions[0].copy(), alias=None if alias is None else alias.copy())
    return _table(sql, table)


def number(value: int) -> exp.Expr:
    """A whole number as a parsed constant."""
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def _whole(node: exp.Expr | None) -> int | None:
    negative = isinstance(node, exp.Neg)
    inner = node.this if isinstance(node, exp.Neg) else node
    if isinstance(inner, exp.Literal) and not inner.is_string and inner.name.isdigit() and len(inner.name) < 16:
        return -int(inner.name) if negative else int(inner.name)
    return None


# -- conditions


def _row_equality(sql: str, node: exp.Expr) -> exp.Expr:
    """``(a, b) = (1, 2)``: rows compare part by part, and NULL equals NULL there (so it does in DuckDB)."""
    left, right = node.this, node.expression
    if isinstance(node, exp.EQ) and isinstance(right, exp.Any):
        array = right.this.unnest() if isinstance(right.this, exp.Paren) else right.this
        if isinstance(array, exp.Array) and array.expressions:
            return exp.Paren(this=exp.In(this=left.copy(), expressions=[e.copy() for e in array.expressions]))
        return node
    if not (isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple)):
        return node
    equal = _same_row(sql, node, left, right)
    return exp.Paren(this=exp.Not(this=exp.Paren(this=equal))) if isinstance(node, exp.NEQ) else exp.Paren(this=equal)


def _same_row(sql: str, node: exp.Expr, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    if not isinstance(right, exp.Tuple) or len(left.expressions) != len(right.expressions) or not left.expressions:
        raise unsupported(sql, node, "A comparison of rows of different length")
    parts = [
        exp.NullSafeEQ(this=a.copy(), expression=b.copy())
        for a, b in zip(left.expressions, right.expressions, strict=True)
    ]
    return exp.and_(*parts, copy=False)


def _row_in(sql: str, node: exp.Expr) -> exp.Expr:
    if not isinstance(node.this, exp.Tuple) or not node.expressions:
        return node
    return exp.Paren(this=exp.or_(*(_same_row(sql, node, node.this, e) for e in node.expressions), copy=False))


def _contains(_sql: str, node: exp.Expr) -> exp.Expr:
    """``list_contains([constants], x)`` as ``x IN (constants)``."""
    if not isinstance(node.this, exp.Array) or not node.this.expressions:
        return node
    return exp.Paren(this=exp.In(this=node.expression.copy(), expressions=[e.copy() for e in node.this.expressions]))


# -- aggregates


def _filtered(node: exp.Expr, *present: exp.Expr) -> exp.Expr:
    """The aggregate over rows where all of ``present`` are not NULL; a FILTER around it is joined by ``_filter``."""
    conditions = [exp.Not(this=exp.Is(this=p.copy(), expression=exp.Null())) for p in present]
    return exp.Filter(this=node, expression=exp.Where(this=exp.and_(*conditions, copy=False)))


def _regression(_sql: str, node: exp.Expr) -> exp.Expr:
    """Regression aggregates as sums over the rows where both values are present."""
    y, x = node.this, node.expression

    def pairs() -> exp.Expr:
        return _filtered(exp.Count(this=exp.Star(), big_int=True), y, x)

    def spread(of: exp.Expr) -> exp.Expr:
        return exp.Paren(this=exp.Mul(this=pairs(), expression=_filtered(exp.VariancePop(this=of.copy()), y, x)))

    if isinstance(node, exp.RegrCount):
        return pairs()
    if isinstance(node, exp.RegrAvgx | exp.RegrAvgy):
        return _filtered(exp.Avg(this=(x if isinstance(node, exp.RegrAvgx) else y).copy()), y, x)
    if isinstance(node, exp.RegrSxx | exp.RegrSyy):
        return spread(x if isinstance(node, exp.RegrSxx) else y)
    if isinstance(node, exp.RegrSxy):
        return exp.Paren(this=exp.Mul(this=pairs(), expression=exp.CovarPop(this=y.copy(), expression=x.copy())))
    return exp.Pow(this=exp.Corr(this=y.copy(), expression=x.copy()), expression=exp.Literal.number(2))


def _filter(_sql: str, node: exp.Expr) -> exp.Expr:
    """FILTER around what became an expression: it goes to each aggregate inside."""
    inner, condition = node.this, node.expression.this
    if isinstance(inner, exp.AggFunc | exp.WithinGroup | exp.IgnoreNulls):
        return node
    if isinstance(inner, exp.Filter):
        both = exp.and_(inner.expression.this, condition.copy(), copy=False)
        return exp.Filter(this=inner.this, expression=exp.Where(this=both))

    def push(n: exp.Expr) -> exp.Expr:
        if isinstance(n, exp.Filter) and n is not inner:
            both = exp.and_(n.expression.this, condition.copy(), copy=False)
            return exp.Filter(this=n.this, expression=exp.Where(this=both))
        if isinstance(n, exp.AggFunc) and not isinstance(n.parent, exp.Filter):
            return exp.Filter(this=n.copy(), expression=exp.Where(this=condition.copy()))
        return n

    if isinstance(inner, exp.Anonymous):
        return node
    pushed: exp.Expr = inner.transform(push)
    return pushed


def _quantile(sql: str, node: exp.Expr) -> exp.Expr:
    """``quantile(x, p)`` is quantile_disc; a list of fractions is a list of quantiles."""
    node = per_row(sql, node)
    if isinstance(node, exp.Quantile):
        node = exp.PercentileDisc(this=node.this.copy(), expression=node.args["quantile"].copy())
    fractions = node.expression if node.args.get("expression") is not None else None
    if isinstance(fractions, exp.Array) and fractions.expressions:
        parts = [type(node)(this=node.this.copy(), expression=f.copy()) for f in fractions.expressions]
        return exp.Array(expressions=parts)
    return node


def _within_group(_sql: str, node: exp.Expr) -> exp.Expr:
    inner = node.this
    if not isinstance(inner, exp.PercentileCont | exp.PercentileDisc) or not isinstance(inner.this, exp.Array):
        return node
    parts: list[exp.Expr] = []
    for f in inner.this.expressions:
        one = node.copy()
        one.set("this", type(inner)(this=f.copy()))
        parts.append(one)
    return exp.Array(expressions=parts) if parts else node


_AGGREGATE_NAMES: dict[str, type[exp.Expr]] = {
    "mean": exp.Avg, "favg": exp.Avg, "fsum": exp.Sum, "kahan_sum": exp.Sum, "sumkahan": exp.Sum, "countif": exp.CountIf,
}  # fmt: skip


def _named(_sql: str, node: exp.Expr) -> exp.Expr:
    """Aggregates under another name."""
    name, args = node.name.lower(), node.expressions
    if name in _AGGREGATE_NAMES and len(args) == 1:
        return _AGGREGATE_NAMES[name](this=args[0].copy())
    if name in ("geomean", "geometric_mean") and len(args) == 1:
        return exp.Exp(this=exp.Avg(this=exp.Ln(this=args[0].copy())))
    return node


def _moment_of_text(_sql: str, node: exp.Expr) -> exp.Expr:
    """``DATE(x)`` as a cast; ``strptime('2024-01-31', '%Y-%m-%d')`` of constants as the timestamp that it is."""
    if isinstance(node, exp.Date):
        own = {k for k, v in node.args.items() if v}
        return exp.cast(node.this.copy(), "DATE") if own == {"this"} else node
    text, form = node.this, node.args.get("format")
    if not (
        isinstance(text, exp.Literal)
        and isinstance(form, exp.Literal)
        and re.fullmatch(r"(%[YmdHMS]|[-/. :T])+", form.name)
    ):
        return node
    try:
        moment = dt.datetime.strptime(text.name, form.name)
    except ValueError:
        return node
    return exp.cast(exp.Literal.string(moment.isoformat(" ")), "TIMESTAMP")


_RULES: dict[type[exp.Expr], Callable[[str, exp.Expr], exp.Expr]] = {
    exp.Select: _select,
    exp.Values: _values,
    exp.Table: _table,
    exp.Unnest: _unnested,
    exp.Subquery: pivoted,
    exp.EQ: _row_equality,
    exp.NEQ: _row_equality,
    exp.In: _row_in,
    exp.ArrayContains: _contains,
    exp.Filter: _filter,
    exp.Quantile: _quantile,
    exp.PercentileCont: _quantile,
    exp.PercentileDisc: _quantile,
    exp.WithinGroup: _within_group,
    exp.Date: _moment_of_text,
    exp.StrToTime: _moment_of_text,
    exp.Anonymous: _named,
    **dict.fromkeys(
        (
            exp.Sum,
            exp.Avg,
            exp.Count,
            exp.Variance,
            exp.VariancePop,
            exp.Stddev,
            exp.StddevPop,
            exp.StddevSamp,
            exp.Median,
            exp.Min,
            exp.Max,
        ),
        per_row,
    ),
    **dict.fromkeys(
        (exp.RegrCount, exp.RegrAvgx, exp.RegrAvgy, exp.RegrSxx, exp.RegrSyy, exp.RegrSxy, exp.RegrR2), _regression
    ),
}
