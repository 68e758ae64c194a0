"""Plan → SQL in DuckDB's dialect. Only text made here reaches the engine: names are ours, literals are re-quoted.

Every protected relation is emitted with the unit's id as ``_u`` beside its columns ``c1``, ``c2`` …; no name of the
analyst's occurs. Expressions that the planner could not prove in range are wrapped in TRY, so that no value raises.
"""

from __future__ import annotations

import math
from fractions import Fraction

from tacit_service.engine import stored
from tacit_service.engine.calendar_range import CASTS, in_calendar
from tacit_service.engine.literals import literal, placeholder, rows_placeholder
from tacit_service.engine.row_caps import capped
from tacit_service.query import operators
from tacit_service.query.bounds import INT64_MAX, Facts, Type
from tacit_service.query.expr import (
    Agg,
    Call,
    Case,
    Cast,
    Exists,
    Expr,
    InList,
    InRelation,
    IntervalLit,
    Lit,
    Param,
    Ref,
    Scalar,
    Window,
)
from tacit_service.query.functions import FUNCTIONS
from tacit_service.query.grids import value_grid
from tacit_service.query.plan import (
    Distinct,
    Filter,
    Join,
    Project,
    Relation,
    RowCap,
    Scan,
    SetOp,
    StagedRows,
    UnitAggregate,
    Values,
)

_SET_OPS = {"union_all": "UNION ALL", "union": "UNION", "intersect": "INTERSECT", "intersect_all": "INTERSECT ALL",
            "except": "EXCEPT", "except_all": "EXCEPT ALL"}  # fmt: skip
_JOINS = {"inner": "JOIN", "left": "LEFT JOIN", "right": "RIGHT JOIN", "full": "FULL JOIN", "semi": "SEMI JOIN",
          "anti": "ANTI JOIN"}  # fmt: skip
_GRID_DEFAULT = Fraction(1, 10**6)  # of a per-unit SUM over values without a declared precision


def name(text: str) -> str:
    """A quoted identifier (policy names only)."""
    return '"' + text.replace('"', '""') + '"'


def expression(e: Expr, *, unit: bool = True) -> str:
    """Scalar SQL of an expression. ``unit``: windows stand over a protected relation and partition by ``_u`` first."""
    if isinstance(e, Ref):
        return f"c{e.id}"
    if isinstance(e, Lit):
        return literal(e.value)
    if isinstance(e, Param):
        return placeholder(e.name, e.facts.type.value)
    if isinstance(e, IntervalLit):
        return f"INTERVAL '{e.count}' {e.part}"
    if isinstance(e, Call):
        return _call(e, unit)
    if isinstance(e, Case):
        whens = " ".join(f"WHEN {expression(w, unit=unit)} THEN {expression(v, unit=unit)}" for w, v in e.whens)
        default = "" if e.default is None else f" ELSE {expression(e.default, unit=unit)}"
        return f"CASE {whens}{default} END"
    if isinstance(e, Cast):
        inner = expression(e.arg, unit=unit)
        if e.target:
            inner = f"TRY_CAST({inner} AS {e.target})"
        return in_calendar(f"TRY_CAST({inner} AS {CASTS[e.facts.type]})", e.facts.type)
    if isinstance(e, InList):
        items = ", ".join(expression(i, unit=unit) for i in e.items)
        return f"({expression(e.arg, unit=unit)} IN ({items}))"
    if isinstance(e, Exists):
        return f"EXISTS (SELECT 1 FROM ({relation(e.relation)}))"
    if isinstance(e, InRelation):
        return f"({expression(e.arg, unit=unit)} IN (SELECT c{e.column} FROM ({relation(e.relation)})))"
    if isinstance(e, Scalar):
        return f"(SELECT c{e.column} FROM ({relation(e.relation)}))"
    if isinstance(e, Window):
        return _window(e, unit)
    if isinstance(e, Agg):
        return aggregate(e)
    raise TypeError(f"no SQL for {type(e).__name__}")


def key(e: Expr, *, unit: bool = True) -> str:
    """A group key. NaN counts as NULL, as in values; 0.0 and -0.0, which are one group, are written alike."""
    text = expression(e, unit=unit)
    if e.facts.type is not Type.NUMBER or isinstance(e, Lit):
        return text
    return f"CASE WHEN NOT isnan({text}) THEN {text} + CAST(0.0 AS DOUBLE) END"


def one_zero(text: str, facts: Facts) -> str:
    """A float with -0.0 written as 0.0: where rows merge, which of the two is kept would depend on their order."""
    return f"({text} + CAST(0.0 AS DOUBLE))" if facts.type is Type.NUMBER else text


def _call(e: Call, unit: bool) -> str:
    args = [expression(a, unit=unit) for a in e.args]
    if e.name in ("and", "or"):
        return "(" + operators.LOGIC[e.name].join(args) + ")"
    template = operators.TEMPLATES.get(e.name) or FUNCTIONS[e.name].template
    text = template.format(*args, args=", ".join(args))
    if e.name in operators.TEMPORAL:
        return in_calendar(text, e.facts.type)
    if e.facts.type is Type.INTEGER and _may_overflow(e):
        return f"TRY({text})"
    return text


def _may_overflow(e: Call) -> bool:
    if e.name in ("intdiv", "mod"):
        return True
    if e.name in ("add", "sub", "mul", "neg", "abs"):
        return not (e.facts.proven and e.facts.bounds.within_int64())
    return False


def _window(e: Window, unit: bool) -> str:
    partition = [*(["_u"] if unit else []), *(expression(p, unit=unit) for p in e.partition)]
    parts = []
    if partition:
        parts.append("PARTITION BY " + ", ".join(partition))
    if e.order:
        keys = [
            f"{expression(x, unit=unit)} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
            for x, down, first in e.order
        ]
        parts.append("ORDER BY " + ", ".join(keys))
    if e.frame:
        parts.append(e.frame)
    args = ", ".join(one_zero(expression(a, unit=unit), a.facts) for a in e.args)
    if e.function in ("lag", "lead") and len(e.args) > 1:
        rest = [f"CAST({expression(e.args[1])} AS INTEGER)", *(expression(a) for a in e.args[2:])]
        args = ", ".join([expression(e.args[0], unit=unit), *rest])
    if e.function == "count" and not e.args:
        args = "*"
    if e.distinct:
        args = f"DISTINCT {args}"
    if e.ignore_nulls:
        args += " IGNORE NULLS"
    where = "" if e.where is None else f" FILTER (WHERE {expression(e.where, unit=unit)})"
    text = f"{e.function}({args}){where} OVER ({' '.join(parts)})"
    if e.function == "sum" and e.facts.type is Type.INTEGER:
        return saturated(text)
    if e.function in ("sum", "avg") and e.args[0].facts.type is Type.NUMBER:
        over = f"{where} OVER ({' '.join(parts)})"
        total, back = _grid_sum(args, e.args[0].facts, over)
        mean = f" / nullif(count({args}){over}, 0)" if e.function == "avg" else ""
        return f"(CAST({total} AS DOUBLE){back}{mean})"
    return text


def saturated(text: str) -> str:
    """A HUGEINT as BIGINT: values past the range stay at its ends (1-Lipschitz, so sensitivities hold)."""
    return f"CAST(CASE WHEN {text} > {INT64_MAX} THEN {INT64_MAX} WHEN {text} < -{INT64_MAX} THEN -{INT64_MAX} ELSE {text} END AS BIGINT)"


def aggregate(e: Agg) -> str:
    """A per-unit (or public) aggregate. Sums of decimals run on integers of their grid: one value in any row order."""
    where = "" if e.where is None else f" FILTER (WHERE {expression(e.where)})"
    if e.function == "count":
        if not e.args:
            return f"count(*){where}"
        return f"count({'DISTINCT ' if e.distinct else ''}{expression(e.args[0])}){where}"
    x = expression(e.args[0])
    kind = e.args[0].facts.type
    if e.function not in ("sum", "avg"):
        x = one_zero(x, e.args[0].facts)
    once = "DISTINCT " if e.distinct else ""
    if e.order:
        keys = [
            f"{expression(o)} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
            for o, down, first in e.order
        ]
        inner = f"string_agg({x}, {expression(e.args[1])}" if e.function == "string_agg" else f"first({x}"
        return f"{inner} ORDER BY {', '.join(keys)}){where}"
    if e.function == "sum":
        if kind is Type.INTEGER:
            return saturated(f"sum({once}{x}){where}")
        total, back = _grid_sum(x, e.args[0].facts, where, once)
        return f"(CAST({total} AS DOUBLE){back})"
    if e.function == "avg" and kind is Type.NUMBER:
        total, back = _grid_sum(x, e.args[0].facts, where, once)
        return f"(CAST({total} AS DOUBLE){back} / nullif(count({once}{x}){where}, 0))"
    if e.function == "avg":
        return f"avg({once}{x}){where}"
    if e.function in ("stddev_samp", "stddev_pop", "var_samp", "var_pop"):
        return _moments(e, x, where)
    if len(e.args) == 2:
        return _pairs(e, where)
    if e.function in ("quantile_cont", "quantile_disc", "median"):
        function = "quantile_cont" if e.function == "median" else e.function
        p = 0.5 if e.parameter is None else float(e.parameter)
        return (
            f"CAST({function}({x}, {p!r}){where} AS DOUBLE)"  # quantile_disc of integers is one; its facts say NUMBER
        )
    return f"{e.function}({x}){where}"


def _moments(e: Agg, x: str, where: str) -> str:
    """Variance from exact integer sums of the value and its square, so that row order cannot show."""
    f = e.args[0].facts
    grid = value_grid(f, *f.bounds.ends())
    steps, back = to_steps(x, grid)
    # past 2^40 steps (bounds are known and hold 2^31 at most, unless a cap was only assumed) the sums might overflow
    whole = f"CASE WHEN abs({steps}) < {float(2**40)!r} THEN CAST(round({steps}) AS HUGEINT) END"
    n = f"count({x}){where}"
    first, second = (f"CAST(sum({p}){where} AS DOUBLE)" for p in (whole, f"{whole} * {whole}"))
    less = f"nullif({n} - 1, 0)" if e.function.endswith("samp") else f"nullif({n}, 0)"
    variance = (
        f"(CASE WHEN {second} > {first} * {first} / {n} THEN {second} - {first} * {first} / {n} ELSE 0.0 END / {less})"
    )
    spread = f"sqrt({variance}){back}" if e.function.startswith("stddev") else f"{variance}{back}{back}"
    return f"(CASE WHEN count({whole}){where} = {n} THEN {spread} END)"


def _pairs(e: Agg, where: str) -> str:
    """Covariance, correlation and regression of y on x from exact integer sums over rows with both; NaN where DuckDB has it."""
    steps = []
    for a in e.args:
        grid = value_grid(a.facts, *a.facts.bounds.ends())
        text, back = to_steps(one_zero(expression(a), a.facts), grid)
        steps.append((f"CASE WHEN abs({text}) < {float(2**40)!r} THEN CAST(round({text}) AS HUGEINT) END", back))
    (y, by), (x, bx) = steps
    n = f"nullif(count({y} + {x}){where}, 0)"

    def total(part: str) -> str:
        return f"CAST(sum(CASE WHEN {y} + {x} IS NOT NULL THEN {part} END){where} AS DOUBLE)"

    def product(a: str, b: str) -> str:
        return f"({total(f'{a} * {b}')} - {total(a)} * {total(b)} / {n})"

    def single(a: str) -> str:  # told exactly: rounding might leave a tiny spread
        held = f"CASE WHEN {y} + {x} IS NOT NULL THEN {a} END"
        return f"min({held}){where} = max({held}){where}"

    both, spread = product(y, x), f"nullif({product(x, x)}, 0.0)"
    slope = f"(CASE WHEN NOT ({single(x)}) THEN {both} / {spread} END)"
    if e.function == "corr":
        sides = f"nullif(sqrt(greatest({product(x, x)}, 0.0)) * sqrt(greatest({product(y, y)}, 0.0)), 0.0)"
        return f"(CASE WHEN {single(x)} OR {single(y)} THEN CAST('NaN' AS DOUBLE) ELSE {both} / {sides} END)"
    if e.function.startswith("covar"):
        return f"({both} / nullif({n} - {int(e.function == 'covar_samp')}, 0){by}{bx})"
    if e.function == "regr_slope":
        return f"(CASE WHEN {single(x)} THEN CAST('NaN' AS DOUBLE) ELSE {slope}{by} / (1.0{bx}) END)"
    return f"((({total(y)} - {slope} * {total(x)}) / {n}){by})"


def _grid_sum(x: str, f: Facts, where: str, once: str = "") -> tuple[str, str]:
    """Integer sum in multiples of a grid, and the text that scales it back: one value in any row order.

    Without a declared precision the grid is a power of two, 2^-52 of the bounds. Without bounds a value that does not
    fit makes the sum NULL: it is never left out silently.
    """
    if f.grid is None and f.bounds.finite:
        size = max(abs(end) for end in f.bounds.ends()) or Fraction(1)
        grid = Fraction(2) ** (math.ceil(math.log2(size)) - 52)
    else:
        grid = f.grid or _GRID_DEFAULT
    steps, back = to_steps(x, grid)
    whole = f"TRY_CAST(round({steps}) AS BIGINT)"
    total = f"sum({once}{whole}){where}"
    if f.bounds.finite and f.proven:
        return total, back
    return f"CASE WHEN count({whole}){where} = count({x}){where} THEN {total} END", back


def to_steps(x: str, grid: Fraction) -> tuple[str, str]:
    """``x`` in multiples of ``grid``, by an exact integer factor where there is one, and the factor's inverse as text."""
    if grid.numerator == 1:
        return (x, "") if grid.denominator == 1 else (f"{x} * {grid.denominator}.0", f" / {grid.denominator}.0")
    if grid.denominator == 1:
        return f"{x} / {grid.numerator}.0", f" * {grid.numerator}.0"
    value = float(grid)
    return f"{x} / {value!r}", f" * {value!r}"


def relation(r: Relation) -> str:
    """SELECT of a relation: its columns by id, and ``_u`` first when it is protected."""
    if isinstance(r, Scan):
        columns = []
        for n, c in zip(r.source_names, r.columns, strict=True):
            text = name(n) if c.facts.bounds.finite else in_calendar(name(n), c.facts.type)
            columns.append(f"{text} AS c{c.id}")
        columns += _stored(r)
        return f"SELECT {', '.join([*(['_u'] if r.protected else []), *columns])} FROM {name(r.table)}"
    if isinstance(r, Values):
        rows = ", ".join("(" + ", ".join(expression(c) for c in row) + ")" for row in r.rows)
        return f"SELECT * FROM (VALUES {rows}) AS v({', '.join(f'c{c.id}' for c in r.columns)})"
    if isinstance(r, StagedRows):
        ids = ", ".join(f"c{c.id}" for c in r.columns)
        staged = rows_placeholder(r.param, [c.facts.type.value + "!" * c.facts.unique for c in r.columns])
        return f"SELECT {ids} FROM (VALUES {staged}) AS v(there, {ids}) WHERE there"
    if isinstance(r, Project):
        columns = [f"{expression(e, unit=r.protected)} AS c{c.id}" for e, c in zip(r.exprs, r.columns, strict=True)]
        columns += _passed(r)
        return f"SELECT {', '.join([*(['_u'] if r.protected else []), *columns])} FROM ({relation(r.input)})"
    if isinstance(r, Filter):
        return f"SELECT * FROM ({relation(r.input)}) WHERE {expression(r.predicate)}"
    if isinstance(r, Join):
        return _join(r)
    if isinstance(r, UnitAggregate):
        return _unit_aggregate(r)
    if isinstance(r, Distinct):
        own = [f"{one_zero(f'c{c.id}', c.facts)} AS c{c.id}" for c in r.columns]
        return f"SELECT DISTINCT {', '.join([*(['_u'] if r.protected else []), *own])} FROM ({relation(r.input)})"
    if isinstance(r, RowCap):
        return capped(r, relation(r.input))
    if isinstance(r, SetOp):
        return f"{_side(r, r.left)} {_SET_OPS[r.kind]} {_side(r, r.right)}"
    raise TypeError(f"no SQL for {type(r).__name__}")


def _stored(r: Scan) -> list[str]:
    """What the snapshot stores beside the columns, under names that are the plan's (``stored.hidden``)."""
    if r.stored is None:
        return []
    extra = [stored.TOTAL] if r.stored.total else []
    grids = stored.steps(r)
    extra += [
        f"{name(stored.steps_column(n))} AS i{c.id}"
        for n, c in zip(r.source_names, r.columns, strict=True)
        if c.id in grids
    ]
    return extra + [column for place in range(len(r.stored.ranks)) for column in stored.rank_columns(place)]


def _passed(r: Project) -> list[str]:
    """The input's stored columns, by the projection's own ids."""
    grids = stored.steps(r)
    extra = [
        f"i{e.id} AS i{c.id}" for e, c in zip(r.exprs, r.columns, strict=True) if c.id in grids and isinstance(e, Ref)
    ]
    return extra + [h for h in stored.hidden(r.input) if not h.startswith("i")]


def _side(r: SetOp, side: Relation) -> str:
    columns = []
    for mine, theirs in zip(r.columns, side.columns, strict=True):
        text = f"c{theirs.id}"
        if theirs.facts.type is not mine.facts.type:
            text = f"TRY_CAST({text} AS {CASTS[mine.facts.type]})"
        if r.kind != "union_all":
            text = one_zero(text, mine.facts)
        columns.append(f"{text} AS c{mine.id}")
    unit = ["_u"] if r.protected else []
    return f"SELECT {', '.join([*unit, *columns])} FROM ({relation(side)})"


def _join(r: Join) -> str:
    conditions = [] if r.on is None else [expression(r.on)]
    both = r.left.protected and r.right.protected
    if both:
        conditions.insert(0, "l._u = r._u")
    unit = "r._u" if (r.kind == "right" and both) or not r.left.protected else "l._u"
    if r.kind == "full" and both:
        unit = "coalesce(l._u, r._u)"
    columns = [f"c{c.id}" for c in r.columns] + [f"i{i}" for i in stored.steps(r)]
    if (side := stored.total_side(r)) is not None:
        columns.append(f"{side}.{stored.TOTAL}")
    select = ", ".join([*([f"{unit} AS _u"] if r.protected else []), *columns])
    on = " AND ".join(conditions) or "TRUE"
    if r.lateral:
        right = f"SELECT * FROM ({relation(r.right)}) WHERE _u = l._u" if both else relation(r.right)
        return f"SELECT {select} FROM ({relation(r.left)}) AS l {_JOINS[r.kind]} LATERAL ({right}) AS r ON TRUE"
    return f"SELECT {select} FROM ({relation(r.left)}) AS l {_JOINS[r.kind]} ({relation(r.right)}) AS r ON {on}"


def _unit_aggregate(r: UnitAggregate) -> str:
    keys, aggs = r.columns[: len(r.keys)], r.columns[len(r.keys) :]
    columns = [
        f"{one_zero(expression(k, unit=r.protected), k.facts)} AS c{c.id}" for k, c in zip(r.keys, keys, strict=True)
    ]
    columns += [f"{expression(a)} AS c{c.id}" for a, c in zip(r.aggs, aggs, strict=True)]
    unit = ["_u"] if r.protected and not r.always_row else []
    count = len(unit) + len(r.keys)
    group = f" GROUP BY {', '.join(str(i + 1) for i in range(count))}" if count else ""
    return f"SELECT {', '.join([*unit, *columns]) or '1'} FROM ({relation(r.input)}){group}"
