"""How each kind of refusal may be mended: rules from a code to changed statements, nearest first."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from sqlglot import exp

from tacit_service.errors import Refusal

from . import suggest_forms
from .catalog import Catalog
from .suggest_tree import Rule, any_unit, around, changed, on_copy, units
from .suggest_words import semi_joined

# -- names


def _table_name(catalog: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    def nearest(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Table) or (catalog.table(node.name) is not None and not node.args.get("db")):
            return None
        close = difflib.get_close_matches(node.name.lower(), [n.lower() for n in catalog.names()], n=1, cutoff=0.6)
        names = [n for n in catalog.names() if close and n.lower() == close[0]]
        return exp.to_table(names[0]) if names else None

    yield from changed(tree, nearest)


def _column_name(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, refusal: Refusal) -> Iterator[exp.Expr]:
    hint = refusal.hint or ""
    if hint.startswith("Did you mean ") and isinstance(at, exp.Column | exp.Identifier):
        name = hint.removeprefix("Did you mean ").rstrip("?")
        wrong = at.name.lower()
        yield from changed(
            tree,
            lambda n: (
                exp.column(name, table=n.table or None)
                if isinstance(n, exp.Column) and n.name.lower() == wrong
                else None
            ),
        )


def _qualified(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    select = around(at, exp.Select)
    column = around(at, exp.Column)
    if select is None or not isinstance(column, exp.Column):
        return
    for source in [select.args["from_"].this, *(j.this for j in select.args.get("joins") or [])]:
        yield from changed(
            tree,
            lambda n, a=source.alias_or_name: (
                exp.column(n.name, table=a)  # type: ignore[misc]
                if isinstance(n, exp.Column) and not n.table and n.name == column.name
                else None
            ),
        )


def _group_too(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    column = around(at, exp.Column)
    if isinstance(around(at, exp.Ordered, exp.Window, exp.AggFunc, exp.Query), exp.Ordered):
        yield from on_copy(tree, around(at, exp.Ordered), _unsorted)

    def add(select: exp.Expr) -> bool:
        group = select.args.get("group")
        items = [*(group.expressions if group is not None else []), column.copy()] if column is not None else []
        select.set("group", exp.Group(expressions=items))
        return bool(items)

    yield from on_copy(tree, around(at, exp.Select), add)


def _unsorted(item: exp.Expr) -> bool:
    """ORDER BY without the item."""
    order = item.parent
    if order is not None:
        (item if len(order.expressions) > 1 else order).pop()
    return order is not None


# -- the unit


def _join(catalog: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    join = around(at, exp.Join)
    select = around(at, exp.Select)
    if join is None or select is None:
        return
    ours = units(catalog, select)
    right = [u for u in ours if u[0] == join.this.alias_or_name]
    for left in ours:
        if not right or left == right[0]:
            continue
        pair = exp.EQ(this=exp.column(left[1], table=left[0]), expression=exp.column(right[0][1], table=right[0][0]))

        def add(twin: exp.Expr, pair: exp.Expr = pair) -> bool:
            on = twin.args.get("on")
            twin.set("on", pair.copy() if on is None or isinstance(on, exp.Boolean) else exp.and_(pair.copy(), on))
            if not twin.args.get("side"):
                twin.set("kind", None)
            return True

        yield from on_copy(tree, join, add)
        return


def _aliased(_c: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    table = around(at, exp.Table)

    def rename(twin: exp.Expr) -> bool:
        twin.set("alias", exp.TableAlias(this=exp.to_identifier(f"{twin.name}_2")))
        return True

    yield from on_copy(tree, table, rename)


def _partition(catalog: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    window, select = around(at, exp.Window), around(at, exp.Select)
    ours = units(catalog, select) if select is not None else []
    names = [exp.column(n, table=t if len(ours) > 1 else None) for t, n in ours] or [exp.column(any_unit(catalog))]
    for unit in names:

        def add(twin: exp.Expr, unit: exp.Expr = unit) -> bool:
            twin.set("partition_by", [unit.copy(), *(twin.args.get("partition_by") or [])])
            return True

        yield from on_copy(tree, window, add)


def _selected_too(catalog: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """The unit id as the first column of each side of a set operation, or of SELECT DISTINCT."""

    def add(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Select):
            return None
        if not isinstance(node.parent, exp.SetOperation) and node.args.get("distinct") is None:
            return None
        ours = units(catalog, node)
        if not ours or any(isinstance(e, exp.Column) and e.name == ours[0][1] for e in node.expressions):
            return None
        copy = node.copy()
        copy.set("expressions", [exp.column(ours[0][1]), *copy.expressions])
        return copy

    yield from changed(tree, add)
    yield from changed(tree, _unioned_all)


def _unioned_all(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node, exp.Union) or not node.args.get("distinct"):
        return None
    copy = node.copy()
    copy.set("distinct", False)
    return copy


def _one_side(_c: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    for key in ("this", "expression"):
        yield from changed(tree, lambda n, k=key: n.args[k].copy() if isinstance(n, exp.SetOperation) else None)  # type: ignore[misc]


def _matched(catalog: Catalog, tree: exp.Expr, at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """A subquery equated with the outer row's unit, or looked up by unit ids."""
    found = around(at, exp.In, exp.Exists, exp.Subquery)
    inner = found.find(exp.Select) if found is not None else None
    outer = around(found.parent, exp.Select) if found is not None else None
    if found is None or inner is None or outer is None:
        return
    mine, theirs = units(catalog, outer), units(catalog, inner)
    if not mine or not theirs:
        return
    alias = theirs[0][0] if theirs[0][0] != mine[0][0] else f"{theirs[0][0]}_2"

    def equate(twin: exp.Expr) -> bool:
        select = twin.find(exp.Select)
        if select is None:
            return False
        if alias != theirs[0][0]:
            select.args["from_"].this.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        pair = exp.EQ(this=exp.column(theirs[0][1], table=alias), expression=exp.column(mine[0][1], table=mine[0][0]))
        select.where(pair, copy=False)
        return True

    yield from on_copy(tree, found, equate)


def _matched_or_joined(catalog: Catalog, tree: exp.Expr, at: exp.Expr | None, refusal: Refusal) -> Iterator[exp.Expr]:
    """On the unit; or, by a declared path, as a join."""
    yield from _matched(catalog, tree, at, refusal)
    yield from semi_joined(tree, around(at, exp.In, exp.Exists))


def _without_unit(catalog: Catalog, tree: exp.Expr, _at: exp.Expr | None, _r: Refusal) -> Iterator[exp.Expr]:
    """Rows of people: the same without the unit id, or the number of those rows."""
    unit = any_unit(catalog)
    top = tree.find(exp.Select)
    if isinstance(tree, exp.Select):
        copy = tree.copy()
        kept = [e for e in copy.expressions if not any(c.name == unit for c in e.find_all(exp.Column))]
        if kept and len(kept) < len(copy.expressions):
            copy.set("expressions", kept)
            copy.set("group", None)
            copy.set("order", None)
            yield copy
    if top is not None:
        copy = (tree if isinstance(tree, exp.Select) else top).copy()
        for key in ("group", "having", "qualify", "order", "limit", "offset", "distinct"):
            copy.set(key, None)
        copy.set("expressions", [exp.alias_(exp.Count(this=exp.Star()), "n")])
        yield copy


RULES: dict[str, Rule] = {
    "unknown_table": _table_name,
    "unknown_column": _column_name,
    "ambiguous_column": _qualified,
    "not_grouped": _group_too,
    "join_without_unit": _join,
    "duplicate_alias": _aliased,
    "window_not_per_unit": _partition,
    "distinct_without_unit": _selected_too,
    "set_operation_without_unit": _selected_too,
    "set_operation_mixed": _one_side,
    "subquery_not_on_unit": _matched_or_joined,
    "unit_in_output": _without_unit,
    "row_level_output": _without_unit,
    "public_outer_join": suggest_forms.counted_column,
    "unsupported_aggregate": suggest_forms.other_aggregate,
    "unknown_function": suggest_forms.other_aggregate,
    "unsupported_syntax": suggest_forms.syntax,
    "missing_bounds": suggest_forms.bounded,
    "type_mismatch": suggest_forms.share_of_true,
    "aggregate_misplaced": suggest_forms.moved,
    "scalar_subquery_rows": suggest_forms.one_value,
    "released_in_protected": suggest_forms.one_value,
    "correlated_release": suggest_forms.as_join,
    "order_dependent": suggest_forms.unlimited,
    "too_many_groups": suggest_forms.fewer_keys,
}
