"""A SELECT that aggregates over people: one release point, or one for each level of ROLLUP, CUBE and GROUPING SETS."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import DerivationError

from . import operators
from .bind_expr import ExprBinder
from .bounds import Type
from .expr import Call, Cast, Expr, Ref, refs
from .keys import public_cells
from .outer import Outer, OuterColumn, projection_name, quoted
from .parse import position
from .plan import Relation
from .rules.aggregate import bind_aggregate, is_aggregate
from .rules.over_people import over_people
from .rules.release import Draft, ReleasedExpressions, released_query
from .scope import Scope
from .select_outer import star_table, tail
from .syntax import strict, unsupported, with_aliases

if TYPE_CHECKING:
    from .bind import Binder
    from .sources import Env

LEVELS_MAX = 32


def release_select(
    binder: Binder, select: exp.Select, env: Env, relation: Relation, scope: Scope, key_table: Relation | None,
    *, distinct_only: bool = False,
) -> Outer:  # fmt: skip
    """The released query. ``distinct_only``: SELECT DISTINCT of key columns, which always pass the threshold."""
    from .select_private import group_nodes, resolve_key

    relation = binder.flush(relation)
    inner = ExprBinder(binder, scope, env)
    select = over_people(inner, select)
    if distinct_only:
        nodes = [e.unalias() for e in select.expressions]
        levels = [list(range(len(nodes)))]
    else:
        nodes = group_nodes(binder, select, scope) or []
        nodes, levels = _levels(binder, select, nodes, lambda n: resolve_key(binder, select, n, scope))
    keys = [inner.bind(n) for n in nodes]
    for node, key in zip(nodes, keys, strict=True):
        _check_key(binder, node, key, key_table)
    labels = [projection_name(n) for n in nodes]
    finest = _finest(binder, select, inner, relation, keys, levels) and key_table is None
    grouping = levels if finest else None
    if finest:
        levels = [list(range(len(nodes)))]
    stages = len(binder.params)
    drafts = [
        binder.add_draft(
            lambda name, level=level: Draft(  # type: ignore[misc]
                name, relation, [(f"k{i}", keys[i], labels[i]) for i in level], [], [], [], key_table, distinct_only
            )
        )
        for level in levels
    ]
    whole = Draft(drafts[0].name, relation, [(f"k{i}", k, labels[i]) for i, k in enumerate(keys)],
                  drafts[0].aggs, drafts[0].labels, drafts[0].places, key_table)  # fmt: skip
    expressions = ReleasedExpressions(binder, inner, whole, nodes, env, grouping or levels, totals=finest)
    result, columns = _projected(binder, select, expressions)
    _having(select, result, expressions)
    if grouping is not None:
        result.set("group", _totals(whole, grouping))
    expressions.aliases = {c.name.lower() for c in columns}
    bare = select.copy()
    bare.set("having", None)
    tail(binder, bare, result, expressions)
    flushed = binder.flush(relation)
    if len(binder.params) > stages:  # what an aggregate reads of an earlier stage runs before it
        binder.drafts = [*(d for d in binder.drafts if all(d is not mine for mine in drafts)), *drafts]
    for draft in drafts:
        draft.source = flushed
        draft.aggs, draft.labels, draft.places = whole.aggs, whole.labels, whole.places
    result.set("from_", exp.From(this=exp.Table(this=quoted(whole.name))))
    binder.stacks.append((whole, [(d.name, tuple(level)) for d, level in zip(drafts, levels, strict=True)]))
    row_wise = (
        not any(isinstance(n, exp.Window | exp.Query | exp.Explode) and n is not result for n in result.walk())
        and result.args.get("distinct") is None
        and result.args.get("qualify") is None
        and not finest
    )
    return released_query(columns, result, whole, row_wise=row_wise)


def _finest(
    binder: Binder, select: exp.Select, inner: ExprBinder, relation: Relation, keys: list[Expr], levels: list[list[int]]
) -> bool:
    """All levels of a ROLLUP are to be sums of the finest one: one release instead of several, and totals that add up.

    With M cells and L levels, ε split over the levels gives each row the noise of ε/L: squared errors add to L²·Σ rows
    ≥ L²·M; sums of one release of the cells add to L·M, which is less. It asks for counts and sums (they add up), for
    public keys that leave out no row, and for contributions whose bound does not depend on the grouping.
    """
    if len(levels) < 2 or set(range(len(keys))) not in [set(level) for level in levels]:
        return False
    if any(k.facts.nullable and not k.facts.key_null for k in keys) or not public_cells(keys):
        return False
    aggs = [bind_aggregate(inner, n) for n in _aggregates(select)]
    if not aggs or any(a.function not in ("count", "sum") or a.distinct for a in aggs):
        return False
    form = binder.catalog.policy.contribution.form
    groups, per_group = binder.group_caps
    rows = binder.rows_cap if relation.max_rows is None else min(binder.rows_cap, relation.max_rows)
    return relation.max_rows == 1 or form == "weights" or (form == "auto" and rows <= groups * per_group)


def _aggregates(select: exp.Select) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    stack = [*select.expressions, *(c for k in ("having", "qualify", "order") if (c := select.args.get(k)) is not None)]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Query):
            continue
        if is_aggregate(node):
            found.append(node)
        elif isinstance(node, exp.Window):
            stack.extend(node.this.iter_expressions())
            stack.extend(c for c in node.iter_expressions() if c is not node.this)
        else:
            stack.extend(node.iter_expressions())
    return found


def _totals(draft: Draft, levels: list[list[int]]) -> exp.Group:
    """GROUP BY of the outer statement: the levels as grouping sets over the released keys."""
    columns = [exp.column(quoted(n), table=quoted(draft.name)) for n, _, _ in draft.keys]
    sets = [exp.Tuple(expressions=[columns[i].copy() for i in level]) for level in levels]
    return exp.Group(expressions=[exp.GroupingSets(expressions=sets)])


def _projected(
    binder: Binder, select: exp.Select, expressions: ReleasedExpressions
) -> tuple[exp.Select, list[OuterColumn]]:
    result = exp.Select()
    columns: list[OuterColumn] = []
    projections: list[exp.Expr] = []
    for node in select.expressions:
        if star_table(binder, node) is not None:
            raise unsupported(binder.sql, node, "* together with aggregates", "Name the columns.")
        found = expressions.kind(node)
        name = projection_name(node)
        projections.append(exp.alias_(expressions.rewrite(node.unalias()), quoted(name)))
        columns.append(OuterColumn(name, found.kind, found.source))
    result.set("expressions", projections)
    return result, columns


def _having(select: exp.Select, result: exp.Select, expressions: ReleasedExpressions) -> None:
    having = select.args.get("having")
    if having is None:
        return
    condition = expressions.rewrite(with_aliases(select, having.this))
    if expressions.totals:
        result.set("having", exp.Having(this=condition))
    else:
        result.set("where", exp.Where(this=condition))


def _check_key(binder: Binder, node: exp.Expr, key: Expr, key_table: Relation | None) -> None:
    if key.facts.type is Type.INTERVAL:
        raise unsupported(binder.sql, node, "An interval as a group key")
    if key.facts.type is Type.IMAGE:
        raise unsupported(binder.sql, node, "An image as a group key")
    if key.facts.unit:  # alone, it would be a per-unit aggregation; here it is in a ROLLUP, CUBE or GROUPING SETS
        raise DerivationError(
            "unit_in_output",
            "Grouping sets with the privacy unit's id would hold one group for each person, beside totals of all.",
            hint="Group by the id alone in a subquery, or leave it out of the sets.",
            position=position(binder.sql, node),
            rule="release",
        )
    if _computes_with_unit(key):
        raise DerivationError(
            "unit_forged",
            "The group key is computed from the privacy unit's id, which would merge people into invented units.",
            hint="Group by another column, or by the unit id itself in a subquery.",
            position=position(binder.sql, node),
            rule="the unit id cannot be rewritten",
        )
    if key_table is not None and not refs(key) <= {c.id for c in key_table.columns}:
        raise DerivationError(
            "public_outer_join",
            "Grouping a public table's LEFT JOIN by a protected column would tell which public rows have no match.",
            hint="Group by the public table's own columns, or use JOIN.",
            position=position(binder.sql, node),
            rule="join with a public relation",
        )


def _computes_with_unit(key: Expr) -> bool:
    """A function or operator other than a comparison takes the unit id as its argument."""
    return any(
        any(isinstance(a, Ref) and a.facts.unit for a in n.children())
        for n in key.walk()
        if (isinstance(n, Call) and n.name not in operators.COMPARE and n.name != "is_null") or isinstance(n, Cast)
    )


def _levels(
    binder: Binder, select: exp.Select, plain: list[exp.Expr], resolve: object
) -> tuple[list[exp.Expr], list[list[int]]]:
    """All key expressions, and for each grouping level the indexes that it groups by."""
    group = select.args.get("group")
    nodes = list(plain)

    def index(node: exp.Expr) -> int:
        node = resolve(node)  # type: ignore[operator]
        if node not in nodes:
            nodes.append(node)
        return nodes.index(node)

    fixed = list(range(len(plain)))
    sets: list[list[list[int]]] = []
    for item in group.expressions if group is not None else []:
        if not isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets):
            continue
        strict(binder.sql, item, "expressions")
        groups = [_members(e, index) for e in item.expressions]
        if isinstance(item, exp.Rollup):
            sets.append([_joined(groups[:n]) for n in range(len(groups), -1, -1)])
        elif isinstance(item, exp.Cube):
            sets.append([_joined(c) for n in range(len(groups), -1, -1) for c in itertools.combinations(groups, n)])
        else:
            sets.append(groups)
    levels = [fixed + _joined(choice) for choice in itertools.product(*sets)]
    if len(levels) > LEVELS_MAX:
        raise unsupported(binder.sql, select, f"More than {LEVELS_MAX} grouping levels")
    return nodes, [list(dict.fromkeys(level)) for level in levels]


def _joined(parts: Iterable[list[int]]) -> list[int]:
    return [i for part in parts for i in part]


def _members(node: exp.Expr, index: object) -> list[int]:
    if isinstance(node, exp.Tuple):
        return [index(e) for e in node.expressions]  # type: ignore[operator]
    if isinstance(node, exp.Paren):
        return [index(node.this)]  # type: ignore[operator]
    return [index(node)]  # type: ignore[operator]
