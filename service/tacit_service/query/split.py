"""Split a bound statement into release points with measures, and the SQL above them."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from tacit_service.errors import DerivationError, Position

from .bind import Binder, Caps
from .caps import STAGED_ROWS_MAX
from .catalog import Catalog
from .desugar import desugar
from .keys import public_cells
from .measures import MeasureBuilder
from .outer import Outer, quoted, verify
from .parse import parse, position
from .plan import Key, KeyTable, ParamPlan, Plan, ReleasePoint, ResultColumn, Stack
from .rules.join import fanout
from .rules.release import Draft
from .rules.row_cap import capped_point
from .total import exposed, trivial
from .total import total as made_total

COLUMNS_MAX = 256
FANOUT_MAX = 10_000


def plan(catalog: Catalog, sql: str, caps: Caps | None = None) -> Plan:
    """The whole way from text to plan. Pure: depends on the policy, public tables and the text alone.

    Raises ``Refusal`` (422) of one of its kinds.
    """
    tree = desugar(sql, parse(sql))
    binder = Binder(catalog, sql, caps or Caps())
    outer = binder.bind_top(tree)
    releases = tuple(_release(binder, d, tree) for d in binder.drafts)
    rows = catalog.most_rows
    return _assembled(binder, outer, tuple(capped_point(r, rows) for r in _bounds_first(binder, releases)))


def _bounds_first(binder: Binder, releases: tuple[ReleasePoint, ...]) -> tuple[ReleasePoint, ...]:
    """Each stage that finds bounds goes just before the first that uses them: it may read earlier stages itself."""
    finders = {p.name: p for p in binder.bounds_points.values()}
    ordered: list[ReleasePoint] = []
    for point in releases:
        used = dict.fromkeys(a.found_by for m in point.measures for a in m.axes)
        ordered += [finders.pop(name) for name in used if name in finders]
        ordered.append(point)
    return (*ordered, *finders.values())


def _release(binder: Binder, draft: Draft, tree: exp.Expr) -> ReleasePoint:
    at = position(binder.sql, tree)
    _check_fanout(binder, draft, at)
    exprs = [e for _, e, _ in draft.keys]
    public = draft.key_table is not None or (not draft.force_threshold and public_cells(exprs))
    builder = MeasureBuilder(
        draft.source,
        exprs,
        rows=binder.rows_cap,
        groups=binder.group_caps,
        form=binder.catalog.policy.contribution.form,
        amount=binder.caps.max_amount,
        thresholded=not public,
        finder=binder.find_bounds if binder.caps.approx_bounds else None,
    )
    outputs = builder.outputs(draft.aggs, draft.labels, draft.places)
    if not outputs and not exprs:
        raise DerivationError(
            "unsupported_syntax", "The SELECT has neither an aggregate nor a group.", position=at, rule="release"
        )
    threshold = None if public else builder.units(())
    if public and not builder.measures:
        threshold, public = builder.units(()), False  # keys alone are data: they pass the threshold
    table = None
    if draft.key_table is not None:
        table = KeyTable(draft.key_table, tuple(c.id for c in draft.key_table.columns))
    return ReleasePoint(
        name=draft.name,
        source=draft.source,
        keys=tuple(Key(n, e, label) for n, e, label in draft.keys),
        key_table=table,
        public_keys=public,
        measures=tuple(builder.measures),
        outputs=tuple(outputs),
        threshold_on=threshold,
    )


def _check_fanout(binder: Binder, draft: Draft, at: Position | None) -> None:
    def rows(table: str) -> int:
        info = binder.catalog.table(table)
        return 1 if info is None else info.rows

    times = fanout(draft.source, rows)
    if times > FANOUT_MAX:
        raise DerivationError(
            "fanout_too_large",
            f"Joins with public tables could turn one row into {times}; at most {FANOUT_MAX} are run.",
            hint="Join on the public table's key, so that each row has one match.",
            position=at,
            rule="bounded cost",
        )


def _assembled(binder: Binder, outer: Outer, releases: tuple[ReleasePoint, ...]) -> Plan:
    tree = outer.tree
    if len(outer.columns) > COLUMNS_MAX:
        raise DerivationError("sql_too_large", f"The result has more than {COLUMNS_MAX} columns.", rule="limits")
    bare, cut = tree.copy(), False
    row_wise = outer.row_wise and isinstance(tree, exp.Select)
    distinct = bare.args.get("distinct")
    chosen = isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None  # which rows, the order decides
    for key in (*(() if chosen else ("order",)), "limit", "offset", *(("where",) if row_wise else ())):
        cut = cut or bare.args.get(key) is not None
        bare.set(key, None)
    interval_tree, row_stack = None, None
    if row_wise:
        name = row_stack = next(t.name for t in tree.find_all(exp.Table))
        tree = _with_row(tree, name)
        interval_tree = _with_row(bare, name)
    stacks = tuple(
        Stack(whole.name, tuple(Key(n, e, label) for n, e, label in whole.keys), tuple(parts))
        for whole, parts in binder.stacks
    )
    tables = {s.name for s in stacks} | binder.public_tables
    single = frozenset(s.name for s in stacks if not s.keys)
    sql, written, open_ = _text(tree, tables, single, total=bool(releases))
    # The others are this one, read again already, less what is left out.
    unordered = sql if not cut and not row_wise else _text(bare, None, single, total=bool(releases))[0]
    interval = None if interval_tree is None else _text(interval_tree, None, single, total=True)[0] if cut else sql
    params = tuple(
        replace(_param(name, o.tree, [s.name for s in stacks], tables, single), types=types, rows=rows)
        for name, types, o, rows in binder.params
    )
    columns = tuple(ResultColumn(c.name, c.kind, c.source) for c in outer.columns)
    return Plan(
        dataset=binder.catalog.dataset,
        releases=releases,
        stacks=stacks,
        sql=sql,
        unordered_sql=unordered,
        columns=columns,
        row_wise=row_wise,
        public_tables=tuple(sorted(binder.public_tables)),
        interval_sql=interval,
        params=params,
        row_stack=row_stack,
        selects=bool(releases) and _selects(tree),
        sorts=bool(releases) and _sorts(tree, outer),
        written_sql=written,
        exposed=open_,
    )


def _text(
    tree: exp.Query, tables: set[str] | None, single: frozenset[str], *, total: bool
) -> tuple[str, str | None, bool]:
    """The statement as it runs, as it was written where that could fail, and whether it still can; what was written is read again.

    ``total``: it reads releases, so that a failure would come after a charge. ``tables``: what it may read, ``None`` for a part of
    a statement that was read again.
    """
    written = tree.sql("duckdb", identify=True)
    if tables is not None:
        verify(written, tables)
    if not total or trivial(tree):
        return written, None, False
    made = made_total(tree, single)
    return made.sql("duckdb", identify=True), written, exposed(made)


def _selects(tree: exp.Expr) -> bool:
    """Some part of the statement keeps rows by what their numbers are; a condition on keys alone does not."""
    if tree.find(exp.Limit, exp.Offset) is not None:
        return True
    conditions = tree.find_all(exp.Where, exp.Having, exp.Qualify)
    return any(not re.fullmatch(r"k\d+", c.name) for w in conditions for c in w.find_all(exp.Column))


def _sorts(tree: exp.Expr, outer: Outer) -> bool:
    """The rows are sorted by something that is no key."""
    order = tree.args.get("order")
    if order is None:
        return False
    kinds = {c.name.lower(): c.kind for c in outer.columns}
    for item in order.expressions:
        inner = item.this
        if isinstance(inner, exp.Literal) and inner.name.isdigit() and 0 < int(inner.name) <= len(outer.columns):
            known = outer.columns[int(inner.name) - 1].kind
        else:
            known = kinds.get(inner.name.lower(), "") if isinstance(inner, exp.Column) else ""
            known = "key" if not known and re.fullmatch(r"k\d+", inner.name) else known
        if known not in ("key", "public"):
            return True
    return False


def _param(name: str, tree: exp.Query, stacks: list[str], tables: set[str], single: frozenset[str]) -> ParamPlan:
    used = {t.name for t in tree.find_all(exp.Table)}
    sql, written, open_ = _text(tree, tables, single, total=True)
    kept = tuple(t for t in _kept(tree) or () if t in stacks)
    return ParamPlan(name, sql, tuple(s for s in stacks if s in used), written, open_, kept=kept)


_LESSENING = (
    "where", "having", "qualify", "group", "distinct", "limit", "offset", "joins", "laterals", "sample", "with_",
)  # fmt: skip
"""Clauses after which a query may give fewer rows than its table has, or other ones."""


def _kept(tree: exp.Expr) -> list[str] | None:
    """Tables of which the query gives every row, each as often as it does; ``None`` where it may give fewer, or joins them."""
    limit = tree.args.get("limit")
    count = limit.expression if isinstance(limit, exp.Limit) else None
    wide = isinstance(count, exp.Literal) and count.name.isdigit() and int(count.name) > STAGED_ROWS_MAX
    if any(tree.args.get(k) for k in _LESSENING if not (k == "limit" and wide)):  # of UNION ALL "distinct" is false
        return None
    if isinstance(tree, exp.Subquery):
        return _kept(tree.this)
    if isinstance(tree, exp.Union):
        sides = [_kept(tree.this), _kept(tree.expression)]
        return None if None in sides else [name for side in sides for name in side or ()]
    if not isinstance(tree, exp.Select) or tree.args.get("from_") is None:
        return None
    made = [n for e in tree.expressions for n in e.find_all(exp.Explode, exp.Unnest, exp.AggFunc)]
    if any(not isinstance(n.parent, exp.Window) for n in made):
        return None
    source = tree.args["from_"].this
    if isinstance(source, exp.Table):
        return [source.name]
    return _kept(source) if isinstance(source, exp.Subquery) else None


def _with_row(tree: exp.Query, release: str) -> exp.Query:
    """The SELECT with the released row's number beside it, so that intervals find their rows."""
    copy = tree.copy()
    row = exp.alias_(exp.column(quoted("__row"), table=quoted(release)), quoted("__row"))
    copy.set("expressions", [*copy.expressions, row])
    return copy
