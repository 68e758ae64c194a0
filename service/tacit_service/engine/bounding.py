"""A release point → SQL that gives exact integers: one statement for each form of contribution bounding.

Post of every statement: one row a group, integer columns named as the measures, each of which one privacy unit moves by
at most what ``sensitivity`` says. The argument stands beside each form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tacit_service.privacy.sensitivity import Sensitivity, groups, one_row, weights
from tacit_service.query.bounds import INT64_MAX, Type
from tacit_service.query.expr import Ref, constants
from tacit_service.query.plan import CURVE, Form, Measure, MeasureKind, Multiples, Relation, ReleasePoint

from . import stored
from .before_join import Apart, apart
from .emit import expression, key, name, relation, to_steps
from .formulations import Formulation, Statement
from .group_caps import by_rank, kept_groups, partial
from .ordering import group_order, keyed_hash
from .unit_sums import partials as stored_partials
from .weighing import Totals, rows_of, scanned_twice, value, weight


def sensitivity(m: Measure) -> Sensitivity:
    """What one unit can change in the measure's integer vector; see each form's argument below."""
    size = max(abs(m.low), abs(m.high), 1) * m.multiplier
    if m.kind in (MeasureKind.COUNT, MeasureKind.UNITS, MeasureKind.DISTINCT, MeasureKind.HISTOGRAM):
        size = m.multiplier
    if m.form is Form.ONE_ROW:
        return one_row(size)
    total = m.c * size
    if m.form is Form.WEIGHTS:
        return weights(total if m.amount is None else m.amount * m.multiplier)
    return groups(m.k, total if m.amount is None else min(total, m.amount))


def joint(measures: Sequence[Measure]) -> Sensitivity:
    """What one unit can change in the cells of ``measures`` together.

    A row's cells are ≥ 0 and add up to one whole M, and each is scaled alike and rounded toward zero: over all cells a
    unit's magnitudes add up to no more than one cell alone may reach, R·M by weights, C·M in each of K groups. So L1, and L∞
    and L2 ≤ L1 within a group, are those of one cell; only the number of coordinates grows. ∎
    """
    one = sensitivity(measures[0])
    if len(measures) == 1 or measures[0].form is Form.WEIGHTS:
        return one
    return Sensitivity(one.l0 * len(measures), one.l1, one.l2, one.linf)


def statements(point: ReleasePoint) -> list[Statement]:
    """The statements of a release point, by form; together they give every measure once."""
    plain = [m for m in point.measures if m.kind not in (MeasureKind.DISTINCT, MeasureKind.HISTOGRAM)]
    result, scanned = [], []
    for form, ranked, build in _BUILDERS:
        chosen = [m for m in plain if m.form is form and ranked in (None, m.ranked)]
        if chosen and (scan := _one_scan(point, chosen)) is not None:
            scanned.append(scan)
        elif chosen:
            result.append(build(point, chosen))
    if scanned:
        result.insert(0, _scan(point, scanned))
    for m in point.measures:
        if m.kind is MeasureKind.DISTINCT:
            result.append(_distinct(point, m))
        if m.kind is MeasureKind.HISTOGRAM:
            result.append(_histogram(point, m))
    return result


def _keys(point: ReleasePoint) -> list[str]:
    return [k.name for k in point.keys]


def _hashed(point: ReleasePoint) -> list[str]:
    """The keys in the order in which a group's hash takes them: by where they come from, however they are listed."""
    return [k.name for k in sorted(point.keys, key=lambda k: (k.expr.facts.origin or "", k.name))]


def _group_by(keys: list[str]) -> str:
    return f" GROUP BY {', '.join(keys)}" if keys else ""


def _rows(point: ReleasePoint, measures: list[Measure], extra: list[str] | None = None) -> str:
    """The source's rows: unit, keys, and for each measure its integer ``v`` (0 where the condition fails) and ``q`` (0/1)."""
    columns = [f"{key(k.expr)} AS {k.name}" for k in point.keys]
    steps = stored.steps(point.source)
    for m in measures:
        condition = " AND ".join(expression(w) for w in m.where)
        columns.append(f"{f'CASE WHEN {condition} THEN 1 ELSE 0 END' if condition else '1'} AS q_{m.name}")
        if m.kind is MeasureKind.SUM:
            value = row_value(m, steps)
            columns.append(f"{f'CASE WHEN {condition} THEN {value} ELSE 0 END' if condition else value} AS v_{m.name}")
    return f"SELECT {', '.join(['_u', *columns, *(extra or [])])} FROM ({source_text(point.source)})"


_written: tuple[Relation, str] | None = None  # of the last source: a point's statements, one a measure, share it


def source_text(source: Relation) -> str:
    """The SELECT of a release point's source, written once for all statements that are made of it in a row."""
    global _written
    last = _written
    if last is None or last[0] is not source:
        last = _written = (source, relation(source))
    return last[1]


def row_value(m: Measure, steps: Mapping[int, Multiples] | None = None) -> str:
    """The integer that a row counts: its value's, or its cell of integer axes."""
    if not m.axes:
        return integer_value(m, steps)
    lows, highs = [], []
    for axis in m.axes:
        one = replace(m, value=axis.value, low=axis.low, high=axis.high, grid=axis.grid, center=axis.center)
        v = integer_value(one, steps)
        lows.append(f"({v} - ({axis.low}))")
        highs.append(f"({axis.high} - {v})")
    if m.cell == (CURVE,):
        return f"{lows[0]} * {highs[0]} - {-m.low}"
    return " * ".join(u if c else t for u, t, c in zip(lows, highs, m.cell, strict=True))


def integer_value(m: Measure, steps: Mapping[int, Multiples] | None = None) -> str:
    """The value as an integer in [low, high]: clamped by CASE (NULL and NaN count 0), then rounded to the grid.

    Where steps are so many that floats might miss one, what rounding gives is held within [low, high] once more.

    ``steps``: columns whose whole multiples of a grid are stored; those of this measure's grid are read as they are. The
    build has checked that they are within the declared bounds: where those are within [low, high], a clamp changes nothing.
    """
    assert m.value is not None
    x = expression(m.value)
    held = None
    if isinstance(m.value, Ref) and steps is not None and (m.center / m.grid).denominator == 1:
        held = steps.get(m.value.id)
        held = held if held is not None and held.grid == m.grid else None
        x = f"i{m.value.id}" if held is not None else x
    if held is not None or (m.value.facts.type is Type.INTEGER and m.grid == 1):
        center = int(m.center / m.grid)
        lo, hi = m.low + center, m.high + center
        shift = f" - {center}" if center > 0 else f" + {-center}" if center < 0 else ""
        known = constants(m.value)
        if known and lo <= min(known) and max(known) <= hi:  # within the bounds by what is written
            return f"({x}{shift})"
        if held is not None and lo <= held.low and held.high <= hi:
            return f"coalesce({x}{shift}, 0)"
        inner = f"CASE WHEN {x} <= {lo} THEN {m.low} WHEN {x} >= {hi} THEN {m.high} ELSE {x}{shift} END"
        return f"coalesce(CAST({inner} AS BIGINT), 0)"
    lo_f, hi_f = float(m.low * m.grid + m.center), float(m.high * m.grid + m.center)
    moved = x if m.center == 0 else f"({x} - {float(m.center)!r})"
    text, _ = to_steps(moved, m.grid)
    rounded = f"CAST(round({text}) AS BIGINT)"
    if not _few_steps(m):
        rounded = f"least({m.high}, greatest({m.low}, {rounded}))"
    above = f"{x} > {hi_f!r}" + ("" if m.value.facts.type is Type.INTEGER else f" AND NOT isnan({x})")
    return (
        f"CASE WHEN {x} BETWEEN {lo_f!r} AND {hi_f!r} THEN {rounded} "
        f"WHEN {x} < {lo_f!r} THEN {m.low} WHEN {above} THEN {m.high} ELSE 0 END"
    )


def _few_steps(m: Measure) -> bool:
    """Whether a value between the two ends is within [low, high] once rounded, however floats round on the way there.

    The ends, the center, their difference and the quotient by the grid are each off by at most 2^-52 of their size. In
    steps of the grid none is larger than 2^41, so five such errors are less than a hundredth of a step, where half a step
    more than ``low`` and ``high`` allow would be needed for another integer. ∎
    """
    ends = (m.low * m.grid + m.center, m.high * m.grid + m.center, m.center)
    return max(map(abs, ends)) <= _STEPS_MAX * m.grid


_STEPS_MAX: Final = 2**40


def _total(text: str, measure: str) -> str:
    """A sum as BIGINT. Past 64 bits it stays at the ends, which moves by no more than the sum itself does."""
    return f"CAST(least({INT64_MAX}, greatest(-{INT64_MAX}, coalesce(sum({text}), 0))) AS BIGINT) AS {measure}"


@dataclass(frozen=True, slots=True)
class _Scan:
    """Measures that one scan of the rows gives, with the stored columns that it reads; scans of a point are made as one."""

    measures: list[Measure]
    terms: list[str]
    extra: list[str]
    how: Formulation


def _one_scan(point: ReleasePoint, measures: list[Measure]) -> _Scan | None:
    """One row a unit: the unit adds one value in [low, high] to one group, so L0 = 1 and L1 = max(|low|, |high|). ∎

    Weights by stored totals, and K × C by stored ranks: see ``_weights`` and ``_groups``, whose integers they are.
    """
    form = measures[0].form
    if form is Form.ONE_ROW:
        return _Scan(measures, [_total(value(m), m.name) for m in measures], [], Formulation.NEEDLESS)
    if form is Form.WEIGHTS and _stored_total(point, measures) and not any(m.where for m in measures):
        terms = [_total(weight(value(m), m, stored.TOTAL), m.name) for m in measures]
        return _Scan(measures, terms, [stored.TOTAL], Formulation.WEIGHTS_STORED)
    if form is Form.GROUPS and measures[0].ranked and not _counted_by_totals(point, measures):
        place = stored.ranks(point.source, [k.expr for k in point.keys])
        if place is not None and all(by_rank(m) is not None for m in measures):
            group, row = stored.rank_columns(place)
            terms = [f"{str(by_rank(m)).format(group=group, row=row)} AS {m.name}" for m in measures]
            return _Scan(measures, terms, [group, row], Formulation.GROUPS_RANKS)
    return None


def _scan(point: ReleasePoint, scans: list[_Scan]) -> Statement:
    keys = _keys(point)
    measures = [m for scan in scans for m in scan.measures]
    columns = [*keys, *(term for scan in scans for term in scan.terms)]
    rows = _rows(point, measures, [name for scan in scans for name in scan.extra])
    how = scans[0].how if len(scans) == 1 else Formulation.ONE_SCAN
    return _statement(f"SELECT {', '.join(columns)} FROM ({rows}){_group_by(keys)}", keys, measures, how)


def _stored_total(point: ReleasePoint, measures: list[Measure]) -> bool | None:
    return None if any(m.amount is not None for m in measures) else stored.total(point.source)


def _counted_by_totals(point: ReleasePoint, measures: list[Measure]) -> bool:
    whole = not point.keys and stored.whole_table(point.source) is not None
    return whole and all(m.kind is not MeasureKind.SUM and not m.where for m in measures)


def _weights(point: ReleasePoint, measures: list[Measure]) -> Statement:
    """Weights: with n of the unit's rows in the query, each counts ⌊S·min(1, R/n)⌋, toward zero, so Σ over all groups ≤ S·R.

    A value v counts v·S when n ≤ R, else (v·S·R)/n toward zero: Σ|·| ≤ Σ|v|·S·min(1, R/n) ≤ S·R·max|v|. With an amount
    B the total Σ|v| takes the place of n: Σ|·| ≤ S·B. Both hold whatever the grouping, so L1 = L2 = L∞ = that total. ∎
    """
    keys = _keys(point)
    known = _stored_total(point, measures)
    totals = Totals(measures)
    if known is None:
        sums = ", ".join([*keys, *(_total(totals.term(m, sparse=True), m.name) for m in measures)])
        rows, kept = _rows(point, measures), ""
        if not scanned_twice(point.source):
            rows, kept = "SELECT * FROM s", f"WITH s AS ({rows}) "
        units = f"SELECT _u, {totals.select()} FROM ({rows}) GROUP BY _u HAVING {totals.above()}"
        sql = f"{kept}SELECT {sums} FROM ({rows}) r LEFT JOIN ({units}) t USING (_u){_group_by(keys)}"
        return _statement(sql, keys, measures, Formulation.WEIGHTS)
    terms = [totals.term(m, sparse=False) for m in measures]
    rows = _rows(point, measures, [stored.TOTAL])

    def heavy(condition: str) -> str:
        own = f"SELECT _u, {totals.select()} FROM ({rows}) WHERE {condition} GROUP BY _u"
        return f"({rows}) s JOIN ({own}) t USING (_u) WHERE s.{condition}"

    cap = min(m.c for m in measures)
    return _by_weight(point, measures, rows, cap, terms, heavy, Formulation.WEIGHTS_LIGHT)


def _by_weight(
    point: ReleasePoint, measures: list[Measure], rows: str, cap: int, terms: list[str], heavy: Callable[[str], str],
    formulation: Formulation,
) -> Statement:  # fmt: skip
    """Units within the cap by their stored total need no bounding: their rows are summed as they stand.

    ``heavy``: the FROM clause for units that pass a condition, over which ``terms`` are summed. The stored total is no
    less than the unit's rows in the query, so a light unit has at most ``cap`` rows, and each form leaves such a unit
    whole: both parts together are the integers that the form alone gives. ∎
    """
    keys = _keys(point)
    group = _group_by(keys)
    light = [f"sum({value(m)} * {m.multiplier}) AS {m.name}" for m in measures]
    above = [f"sum({term}) AS {m.name}" for term, m in zip(terms, measures, strict=True)]
    parts = (
        f"SELECT {', '.join([*keys, *light])} FROM ({rows}) WHERE {stored.TOTAL} <= {cap}{group} UNION ALL "
        f"SELECT {', '.join([*keys, *above])} FROM {heavy(f'{stored.TOTAL} > {cap}')}{group}"
    )
    sums = [_total(m.name, m.name) for m in measures]
    return _statement(f"SELECT {', '.join([*keys, *sums])} FROM ({parts}){group}", keys, measures, formulation)


def _statement(sql: str, keys: list[str], measures: list[Measure], formulation: Formulation) -> Statement:
    return Statement(sql, len(keys), tuple(m.name for m in measures), formulation)


def _groups(point: ReleasePoint, measures: list[Measure]) -> Statement:
    """K × C: the unit's partial in a group is cut to [C·min(low,0), C·max(high,0)], and at most K of its groups count.

    So L0 = K, L∞ = C·max(|low|, |high|). Which K is decided by a hash of (unit, group): a function of the unit's rows.
    A centred sum over n > C rows is scaled by C/n toward zero, as AVG's weights. Not ranked: every key is a function of
    the unit, hence one group a unit, K = 1. ∎
    """
    keys = _keys(point)
    if _counted_by_totals(point, measures):
        sums = [_total(f"_units * ({partial(m).replace(f'q_{m.name}', '_rows')})", m.name) for m in measures]
        sql = f"SELECT {', '.join(sums)} FROM {name(stored.totals_table(str(stored.whole_table(point.source))))}"
        return _statement(sql, keys, measures, Formulation.GROUPS_TOTALS)
    partials, terms = [], []
    for m in measures:
        partials.append(f"{rows_of(m)} AS q_{m.name}")
        if m.kind is MeasureKind.SUM:
            partials.append(f"sum(v_{m.name}) AS v_{m.name}")
        terms.append(partial(m))
    k = measures[0].k if measures[0].ranked else None
    if k is None and (parts := apart(point, measures)) is not None:
        return _before_join(parts, point, measures, partials, terms)
    known = stored.total(point.source) is not None
    whole = known and all(m.kind is not MeasureKind.UNITS and m.amount is None for m in measures)
    rows = _rows(point, measures, [stored.TOTAL] if known else None)
    columns = ", ".join(["_u", *keys])

    def kept(condition: str = "TRUE") -> str:
        made = f"SELECT {', '.join([columns, *partials])} FROM ({rows}) WHERE {condition} GROUP BY {columns}"
        if k is None:
            return f"({made})"
        return f"(WITH p AS ({made}), {kept_groups(_hashed(point), k)} SELECT * FROM kept)"

    if whole:
        cap = min([*(m.c for m in measures), *([] if k is None else [k])])
        return _by_weight(point, measures, rows, cap, terms, kept, Formulation.GROUPS_LIGHT)
    sums = [_total(term, m.name) for m, term in zip(measures, terms, strict=True)]
    how = Formulation.GROUPS if k is not None else Formulation.GROUPS_OF_UNIT
    return _statement(f"SELECT {', '.join([*keys, *sums])} FROM {kept()}{_group_by(keys)}", keys, measures, how)


def _before_join(
    parts: Apart, point: ReleasePoint, measures: list[Measure], partials: list[str], terms: list[str]
) -> Statement:
    """The integers of ``_groups``: a unit's rows meet one row of the unit, or none, and so have their partials already. ∎
    ``unit_sums.partials`` stands for the sums of ``row_value`` over a unit's rows, and must give the same integers."""
    keys = _keys(point)
    sums = [_total(term, m.name) for m, term in zip(measures, terms, strict=True)]
    known = stored_partials(parts.rows.source, measures)
    own = known or f"SELECT {', '.join(['_u', *partials])} FROM ({_rows(parts.rows, measures)}) GROUP BY _u"
    labels = ", ".join(["_u", *(f"{key(k.expr)} AS {k.name}" for k in point.keys)])
    join = "LEFT JOIN" if parts.outer else "JOIN"
    joined = f"({own}) {join} (SELECT {labels} FROM ({relation(parts.units)})) USING (_u)"
    sql = f"SELECT {', '.join([*keys, *sums])} FROM {joined}{_group_by(keys)}"
    return _statement(sql, keys, measures, Formulation.GROUPS_UNITS if known else Formulation.GROUPS_BEFORE_JOIN)


_BUILDERS: Final = (
    (Form.ONE_ROW, None, _groups), (Form.WEIGHTS, None, _weights), (Form.GROUPS, False, _groups), (Form.GROUPS, True, _groups),
)  # fmt: skip
"""Forms in the order of their statements; one row a unit never comes to be built, since one scan gives it."""


def _distinct(point: ReleasePoint, m: Measure) -> Statement:
    """Distinct values: each (unit, group) keeps at most C of them by hash, each unit at most K groups.

    Adding a unit adds to the union of a group's kept values at most its own C, in at most K groups: L0 = K, L∞ = C. ∎
    """
    assert m.value is not None
    keys = _keys(point)
    rows = _rows(point, [m], [f"{expression(m.value)} AS y"])
    pairs = f"SELECT DISTINCT {', '.join(['_u', *keys, 'y'])} FROM ({rows}) WHERE q_{m.name} = 1 AND y IS NOT NULL"
    order = keyed_hash(["y"], nulls=False)
    partition = ", ".join(["_u", *keys])
    kept = f"SELECT *, row_number() OVER (PARTITION BY {partition} ORDER BY {order}) AS ry FROM ({pairs})"
    if m.ranked:
        kept = (
            f"SELECT *, dense_rank() OVER (PARTITION BY _u ORDER BY {group_order(_hashed(point))}) AS rk FROM ({kept})"
        )
        kept = f"SELECT * FROM ({kept}) WHERE rk <= {m.k}"
    sql = f"SELECT {', '.join([*keys, f'count(DISTINCT y) AS {m.name}'])} FROM ({kept}) WHERE ry <= {m.c}{_group_by(keys)}"
    return _statement(sql, keys, [m], Formulation.DISTINCT_GROUPS if m.ranked else Formulation.DISTINCT)


def _histogram(point: ReleasePoint, m: Measure) -> Statement:
    """Counts by public bin of the value: a COUNT with one more key, bounded as its form says (one row, or weights). ∎"""
    assert m.value is not None
    keys = [*_keys(point), "bin"]
    x = expression(m.value)
    low = float(m.candidates[0])
    last = len(m.candidates) - 1
    steps, _ = to_steps(f"({x} - {low!r})", m.grid)
    between = "".join(f" WHEN {x} <= {float(e)!r} THEN {i}" for i, e in enumerate(m.edges))
    guard = f"{x} IS NULL" if m.value.facts.type is Type.INTEGER else f"{x} IS NULL OR isnan({x})"
    high = float(m.candidates[-1])
    index = (
        f"CASE WHEN {guard} THEN NULL WHEN {x} <= {low!r} THEN 0 WHEN {x} >= {high!r} THEN {last} "
        f"ELSE CAST(round({steps}) AS BIGINT) END"
    )
    if m.edges:
        index = f"CASE WHEN {guard} THEN NULL{between} ELSE {last} END"
    exact = stored.total(point.source) is True and not m.where and not m.value.facts.nullable
    rows = _rows(point, [m], [f"{index} AS bin", *([stored.TOTAL] if exact else [])])
    rows = f"SELECT * FROM ({rows}) WHERE q_{m.name} = 1 AND bin IS NOT NULL"
    if m.form is Form.ONE_ROW:
        sql = f"SELECT {', '.join([*keys, _total('1', m.name)])} FROM ({rows}){_group_by(keys)}"
        return _statement(sql, keys, [m], Formulation.BINS)
    if exact:
        weighed = _total(weight("1", m, stored.TOTAL), m.name)
        sql = f"SELECT {', '.join([*keys, weighed])} FROM ({rows}){_group_by(keys)}"
        return _statement(sql, keys, [m], Formulation.BINS_STORED)
    term = _total(weight("1", m, "n"), m.name)
    ctes = f"WITH s AS ({rows}), t AS (SELECT _u, count(*) AS n FROM s GROUP BY _u)"
    sql = f"{ctes} SELECT {', '.join([*keys, term])} FROM s JOIN t USING (_u){_group_by(keys)}"
    return _statement(sql, keys, [m], Formulation.BINS_WEIGHTS)
