"""Public facts, quotes and receipts in the words of the protocol."""

from __future__ import annotations

from fractions import Fraction

from tacit.wire import (
    Cell,
    ColumnFacts,
    DatasetFacts,
    MechanismInfo,
    QuotedColumn,
    QuotedRelease,
    Survival,
    TableFacts,
)
from tacit_service.policy.model import Column, Policy, Table
from tacit_service.query.functions import PUBLIC_NAMES
from tacit_service.query.plan import AggKind, Form, Output, ReleasePoint

from .bias import PricedCheck
from .bias import quote_words as bias_words
from .estimate import Vector, contribution_words, rank_scale
from .intervals import expected_half_width, half_width
from .postprocessing import cell, wire_type
from .prepare import Prepared
from .shares import ROWS_DEFAULT
from .survival import in_words, survival

AGGREGATES = ("count", "sum", "avg", "median", "quantile_cont", "quantile_disc", "stddev", "variance", "count_if")


def mechanism_info(prepared: Prepared, v: Vector) -> MechanismInfo:
    """One measurement of the receipt, with all measures that it draws together."""
    m, s = v.measurement, v.measurement.sensitivity
    parts = [prepared.estimate.of(v.point, name) for name, _ in v.parts]
    return MechanismInfo(
        release_point=v.point,
        measure=", ".join(f"{p.measure.name}: {'rank' if v.chooses else p.measure.kind}" for p in parts),
        mechanism=m.kind,
        scale=m.scale,
        unit_scale=rank_scale(parts[0]) if v.chooses else parts[0].unit_scale,
        l0=s.l0,
        l1=float(s.l1),
        l2=s.l2,
        linf=float(s.linf),
        threshold=m.threshold,
        epsilon=str(m.epsilon),
        delta=str(m.delta),
        contribution=contribution_words(parts[0].measure),
    )


def mechanism_infos(prepared: Prepared, point: str | None = None) -> list[MechanismInfo]:
    """All measurements of a prepared request, or of one of its release points."""
    drawn = [mechanism_info(prepared, v) for v in prepared.estimate.vectors if point in (None, v.point)]
    return drawn + [_check_info(c) for c in prepared.estimate.checks if point in (None, c.check.point)]


def _check_info(one: PricedCheck) -> MechanismInfo:
    m, s = one.measurement, one.measurement.sensitivity
    return MechanismInfo(
        release_point=one.check.point,
        measure=f"bias check: {one.check.what} of {one.label}",
        mechanism=m.kind,
        scale=m.scale,
        unit_scale=m.scale,
        l0=s.l0,
        l1=float(s.l1),
        l2=s.l2,
        linf=float(s.linf),
        epsilon=str(m.epsilon),
        delta=str(m.delta),
        contribution="what counts and what is lost of a unit, up to 4 times its bound",
    )


def quoted_columns(prepared: Prepared) -> list[QuotedColumn]:
    """Expected half-width of each output column, where public facts decide it."""
    columns = []
    for i, (c, field) in enumerate(zip(prepared.plan.columns, prepared.schema, strict=False)):
        plus_minus, note = None, None
        if c.source is not None and c.kind == "noisy":
            point = prepared.plan.release(c.source[0])
            output = next(o for o in point.outputs if o.name == c.source[1])
            plus_minus, note = _expected(prepared, point, output)
        elif i in prepared.half:
            plus_minus, note = prepared.half[i], _assumed(prepared)
        elif c.kind == "derived":
            note = "computed from noisy numbers; its interval comes with the answer"
        columns.append(
            QuotedColumn(
                name=c.name,
                kind=c.kind,
                type=wire_type(field.type),
                plus_minus=plus_minus,
                note=note,
            )
        )
    return columns


def _assumed(prepared: Prepared) -> str:
    """The sizes that a width of a computed number rests on."""
    rows = sorted({round(r) for r in prepared.rows.values()})
    if not rows:
        return "about, whatever the sizes of groups"
    sizes = f"{rows[0]:,}" if len(rows) == 1 else f"{rows[0]:,} to {rows[-1]:,}"
    return f"about, in groups of {sizes} rows; a smaller one is wider, so name its rows: accuracy = '… in groups of n'"


def _expected(prepared: Prepared, point: ReleasePoint, output: Output) -> tuple[float | None, str | None]:
    width = half_width(point, output, prepared.estimate)
    if width is not None:
        return width, None
    rows = prepared.rows.get(point.name)
    if any(a.found_by for m in point.measures if m.name in output.measures for a in m.axes):
        return None, "depends on the bounds found; its interval comes with the answer"
    if rows is None and output.kind is not AggKind.AVG:  # nothing would be said of it, and a quantile's takes work
        return None, "depends on the answer; its interval comes with it"
    about = expected_half_width(point, output, prepared.estimate, rows or ROWS_DEFAULT)
    if about is not None and rows is not None:
        return about, f"about, in a group of {rows:,.0f} rows"
    if about is not None and output.kind is AggKind.AVG:
        return None, f"about ±{about * ROWS_DEFAULT:.4g} / n in a group of n rows"
    return None, "depends on the answer; its interval comes with it"


def quoted_releases(prepared: Prepared) -> list[QuotedRelease]:
    """Release points with their measurements."""
    result = []
    for point in prepared.plan.releases:
        keys = prepared.keys[point.name]
        result.append(
            QuotedRelease(
                name=point.name,
                keys="public" if point.public_keys else "threshold",
                groups=None if keys is None else len(keys),
                measurements=mechanism_infos(prepared, point.name),
                survival=[Survival(people=n, chance=round(c, 4)) for n, c in _survival(prepared, point)],
            )
        )
    return result


def _survival(prepared: Prepared, point: ReleasePoint) -> list[tuple[int, float]]:
    if point.threshold_on is None:
        return []
    return survival(prepared.estimate.of(point.name, point.threshold_on).measurement)


def dataset_facts(policy: Policy) -> DatasetFacts:
    """What every analyst of the dataset may know."""
    c = policy.contribution
    return DatasetFacts(
        name=policy.dataset,
        description=policy.description,
        privacy_unit=policy.privacy_unit.name,
        privacy_unit_column=policy.privacy_unit.column,
        tables=[_table(n, t) for n, t in policy.tables.items()],
        max_groups=c.max_groups,
        max_rows=c.max_rows or c.max_groups * c.max_rows_per_group,
        max_rows_per_group=c.max_rows_per_group,
        default_epsilon=str(policy.per_query.default_epsilon),
        max_epsilon=str(policy.per_query.max_epsilon),
        default_delta=str(policy.per_query.default_delta),
        response_times=list(policy.response_times),
        functions=sorted({*PUBLIC_NAMES, *AGGREGATES}),
    )


def _table(name: str, t: Table) -> TableFacts:
    return TableFacts(
        name=name,
        public=t.public,
        one_row_per_unit=t.one_row_per_unit,
        unit_path=[t.unit] if t.unit else [f"{mine} = {theirs}" for mine, theirs in t.path],
        columns=[_column(n, col, n == t.unit) for n, col in t.columns.items()],
        description=t.description,
    )


def _column(name: str, column: Column, is_unit: bool) -> ColumnFacts:
    bounds: list[Cell] | None = None
    if column.bounds is not None:
        bounds = [_bound(b) for b in column.bounds]
    return ColumnFacts(
        name=name,
        type=column.type,
        bounds=bounds,
        precision=None if column.precision is None else str(column.precision),
        categories=None if column.categories is None else list(column.categories),
        nullable=column.nullable,
        is_privacy_unit=is_unit,
        description=column.description,
    )


def _bound(value: object) -> Cell:
    shown = cell(value)
    if isinstance(shown, float) and Fraction(shown).denominator == 1:
        return int(shown)
    return shown


def _cut_groups(prepared: Prepared) -> list[str]:
    """Where a unit may be in more groups than count, the answer is biased, and no interval around noise shows that."""
    said = []
    for point in prepared.plan.releases:
        caps = {m.k for m in point.measures if m.form is Form.GROUPS and m.ranked}
        keys = prepared.keys[point.name]
        groups = None if keys is None else len(keys)
        for k in caps:
            if groups is None or k < groups:
                of = "" if groups is None else f" of {groups}"
                said.append(
                    f"One unit counts in at most {k}{of} groups; units in more are undercounted, "
                    "which the intervals do not show. max_groups raises the cap, at the price of wider intervals."
                )
    return list(dict.fromkeys(said))


def _shares(prepared: Prepared) -> list[str]:
    """By which weights ε is split, and what they rest on."""
    if len(prepared.estimate.vectors) < 2:
        return []
    parts = ", ".join(
        f"{v.measurement.epsilon} for {' and '.join(n for n, _ in v.parts)}" for v in prepared.estimate.vectors[:8]
    )
    known = "the policy's expected_rows, or from what was asked" if prepared.rows else "equal sizes of tables"
    return [
        f"ε is split so that the widest relative interval is narrowest: {parts}. Sizes are guessed from {known}, never from data."
    ]


def notes(prepared: Prepared, held: bool) -> list[str]:
    """What a person should know beside the numbers."""
    said: list[str] = []
    if held:
        said += prepared.plan.notes or ["Answered from a release that you hold: the same noise, free of charge."]
    elif prepared.free:
        said.append("Reads public tables only: exact and free of charge.")
    hidden = [
        k.label
        for p in prepared.plan.releases
        for k in p.keys
        if p.public_keys and k.expr.facts.nullable and not k.expr.facts.key_null and p.key_table is None
    ]
    if hidden:
        named = ", ".join(dict.fromkeys(hidden))
        said.append(f"Rows where {named} is NULL are in no group: the policy does not declare NULL as a key.")
    said += _cut_groups(prepared)
    if prepared.plan.params:
        said.append("A condition or a join uses what the same statement releases first; intervals take that as it is.")
    said += _shares(prepared)
    loose = [c.name for i, c in enumerate(prepared.plan.columns) if c.kind == "derived" and i not in prepared.half]
    if prepared.by_accuracy and loose and not held:
        said.append(f"accuracy is not asked of {', '.join(loose)}: no price makes it narrower, or it is no number.")
    said += bias_words(prepared.estimate.checks) if prepared.bias_check else []
    if any(p.finds_bounds for p in prepared.plan.releases):
        said.append("A part of the price finds bounds that the policy lacks; widths are known after that.")
    if any(not p.public_keys for p in prepared.plan.releases):
        said.append("Groups with few people may be missing: keys that are not declared pass a noisy threshold.")
        said += [in_words(found) for p in prepared.plan.releases if (found := _survival(prepared, p))]
    return said
