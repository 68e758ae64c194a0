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
from .outer import Outer, OuterColumn, projection_name, quoted
from .parse import position
from .plan import Relation
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
    drafts = [
        binder.add_draft(
            lambda name, level=level: Draft(  # type: ignore[misc]
                name, relation, [(f"k{i}", keys[i], labels[i]) for i in level], [], [], key_table, distinct_only
            )
        )
        for level in levels
    ]
    whole = Draft(drafts[0].name, relation, [(f"k{i}", k, labels[i]) for i, k in enumerate(keys)],
                  drafts[0].aggs, drafts[0].labels, key_table)  # fmt: skip
    result, columns, expressions = _projected(binder, select, env, inner, whole, nodes)
    _having(select, result, expressions)
    expressions.aliases = {c.name.lower() for c in columns}
    bare = select.copy()
    bare.set("having", None)
    tail(binder, bare, result, expressions)
    flushed = binder.flush(relation)
    for draft in drafts:
        draft.source = flushed
        draft.aggs, draft.labels = whole.aggs, whole.labels
    result.set("from_", exp.From(this=exp.Table(this=quoted(whole.name))))
    binder.stacks.append((whole, [(d.name, tuple(level)) for d, level in zip(drafts, levels, strict=True)]))
    row_wise = (
        not any(isinstance(n, exp.Window | exp.Query) and n is not result for n in result.walk())
        and result.args.get("distinct") is None
        and result.args.get("qualify") is None
    )
    return released_query(columns, result, row_wise=row_wise)


def _projected(
    binder: Binder, select: exp.Select, env: Env, inner: ExprBinder, draft: Draft, nodes: list[exp.Expr]
) -> tuple[exp.Select, list[OuterColumn], ReleasedExpressions]:
    expressions = ReleasedExpressions(binder, inner, draft, nodes, env)
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
    return result, columns, expressions


def _having(select: exp.Select, result: exp.Select, expressions: ReleasedExpressions) -> None:
    having = select.args.get("having")
    if having is None:
        return
    result.set("where", exp.Where(this=expressions.rewrite(with_aliases(select, having.this))))


def _check_key(binder: Binder, node: exp.Expr, key: Expr, key_table: Relation | None) -> None:
    if key.facts.type is Type.INTERVAL:
        raise unsupported(binder.sql, node, "An interval as a group key")
    if key.facts.type is Type.IMAGE:
        raise unsupported(binder.sql, node, "An image as a group key")
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
