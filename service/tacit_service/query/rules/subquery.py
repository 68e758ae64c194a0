"""Rule: EXISTS, IN and scalar subqueries inside a protected query.

Pre: the subquery is public, or protected and matched on the unit: its WHERE equates its unit id with the outer row's,
or (for IN) the unit id is looked up among unit ids. Post: what a row learns from it is a function of its own unit's
rows and public data, so the row stays protected. A subquery that reads other people's rows is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError, Position

from .. import moments
from ..bounds import Facts, Interval, Type
from ..expr import Call, Case, Cast, Exists, Expr, InRelation, Lit, Ref, Scalar, conjuncts, refs
from ..operators import truth
from ..outer import Outer
from ..plan import Filter, Project, Relation, Scan, StagedRows, UnitAggregate, Values
from ..syntax import strict, unsupported

if TYPE_CHECKING:
    from ..bind import Binder
    from ..bind_expr import ExprBinder


def exists_query(b: ExprBinder, node: exp.Exists) -> Expr:
    """EXISTS (…)."""
    strict(b.sql, node, "this")
    relation, on_unit = _bind_over_stages(b, node.this)
    if relation.protected and not on_unit:
        raise not_on_unit(b.where(node))
    # two rows of one unit may meet different rows of the subquery, hence not a function of the unit
    return Exists(truth((), never_null=True).with_(per_unit=False), relation, on_unit)


def in_query(b: ExprBinder, node: exp.In) -> Expr:
    """x IN (SELECT …)."""
    if isinstance(node.this, exp.Tuple):
        return _row_in(b, node, node.this)
    x = b.bind(node.this)
    relation, on_unit = _bind_or_stage(b, node.args["query"])
    if len(relation.columns) != 1:
        raise b.mismatch(node, f"The subquery of IN has {len(relation.columns)} columns, one is needed")
    y = relation.columns[0]
    # a NULL among the ids, or looked up, would make the answer depend on other people's rows
    looked_up = x.facts.unit and y.facts.unit and not x.facts.nullable and not y.facts.nullable
    if relation.protected and not on_unit and not looked_up:
        raise not_on_unit(b.where(node))
    kinds = {x.facts.type, y.facts.type} - {Type.NULL}
    if len(kinds) > 1 and not kinds <= {Type.INTEGER, Type.NUMBER}:
        raise _not_alike(b, node, x, relation)
    facts = truth((x.facts, y.facts)).with_(per_unit=False)
    return InRelation(facts, x, relation, y.id, on_unit or looked_up)


def _not_alike(b: ExprBinder, node: exp.In, x: Expr, relation: Relation) -> BindError:
    """The types differ, or that of the released rows does not follow from their text."""
    y = relation.columns[0]
    stage = relation.param if isinstance(relation, StagedRows) else None
    outer = next((outer for name, _, outer, _ in b.binder.params if name == stage), None)
    if outer is None or moments.column(outer.tree, y.name, b.binder.released) is not None:
        return b.mismatch(node, f"{x.facts.type} is looked up among {y.facts.type}")
    return b.mismatch(
        node,
        f"{x.facts.type} is looked up among {y.name}, whose type does not follow from the inner SELECT's text: it is taken for a number",
        "Say it there by a cast: SELECT CAST(… AS TEXT).",
    )


def _row_in(b: ExprBinder, node: exp.In, row: exp.Tuple) -> Expr:
    """``(a, b) IN (SELECT x, y …)``: true where a row's pairs are all equal, else NULL where none is unequal, else false.

    A pair of unit ids, NULL on no side, keeps the comparison to the unit's own rows. Pairs without NULLs stand outside the
    test for the unknown, so that the engine can look rows up by them.
    """
    relation, on_unit = _bind_or_stage(b, node.args["query"])
    if len(relation.columns) != len(row.expressions):
        raise b.mismatch(node, f"{len(row.expressions)} values are looked up among {len(relation.columns)} columns")
    sure: list[Expr] = []
    loose: list[Expr] = []
    looked_up = False
    for part, c in zip(row.expressions, relation.columns, strict=True):
        x, y = b.unify_bound(node, [b.bind(part), Ref(c.facts, c.id, c.name)])
        nullable = x.facts.nullable or y.facts.nullable
        looked_up = looked_up or (x.facts.unit and c.facts.unit and not nullable)
        (loose if nullable else sure).append(Call(truth((x.facts, y.facts)), "eq", (x, y)))
    if relation.protected and not on_unit and not looked_up:
        raise not_on_unit(b.where(node))
    facts = truth((), never_null=True).with_(per_unit=False)

    def some(*conditions: Expr) -> Expr:
        both = conditions[0] if len(conditions) == 1 else Call(truth([c.facts for c in conditions]), "and", conditions)
        rows = Filter(relation.columns, relation.property, relation.max_rows, relation, both)
        return Exists(facts, rows, on_unit or looked_up)

    found = some(*sure, *loose)
    if not loose:
        return found
    rest = loose[0] if len(loose) == 1 else Call(truth([c.facts for c in loose]), "and", tuple(loose))
    unknown = some(*sure, Call(truth((rest.facts,), never_null=True), "is_null", (rest,)))
    result = facts.with_(nullable=True, key_null=True, domain=(False, True))
    null = _constant(None)
    return Case(result, ((found, _constant(True)), (unknown, Cast(null.facts, null))), _constant(False))


def _constant(value: bool | None) -> Lit:
    return Lit(Facts(Type.BOOLEAN, nullable=value is None, domain=(value,), per_unit=True), value)


_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


def quantified(b: ExprBinder, node: exp.Binary, name: str) -> Expr:
    """``x > ALL (SELECT …)``, ``x = ANY (SELECT …)``: by EXISTS, with SQL's three values.

    ANY: true where a row compares true, else NULL where one compares NULL, else false; ALL is NOT ANY of the opposite.
    """
    every = isinstance(node.expression, exp.All)
    x = b.bind(node.this)
    relation, on_unit = _bind_or_stage(b, node.expression.this)
    if relation.protected and not on_unit:
        raise not_on_unit(b.where(node))
    if len(relation.columns) != 1 or name not in _OPPOSITE:
        raise unsupported(
            b.sql, node, "This comparison with ANY or ALL", "Compare with one column by =, <>, <, <=, >, >=."
        )
    column = relation.columns[0]
    x, y = b.unify_bound(node, [x, Ref(column.facts, column.id, column.name)])
    compared = Call(truth((x.facts, y.facts)), _OPPOSITE[name] if every else name, (x, y))
    unknown = Call(truth((compared.facts,), never_null=True), "is_null", (compared,))
    facts = truth((), never_null=True).with_(per_unit=False)

    def some(condition: Expr) -> Expr:
        rows = Filter(relation.columns, relation.property, relation.max_rows, relation, condition)
        return Exists(facts, rows, on_unit)

    result = facts.with_(nullable=True, key_null=True, domain=(False, True))
    null = _constant(None)
    whens = ((some(compared), _constant(not every)), (some(unknown), Cast(null.facts, null)))
    return Case(result, whens, _constant(every))


def scalar_query(b: ExprBinder, node: exp.Subquery) -> Expr:
    """(SELECT aggregate …) as a value: one row by construction."""
    strict(b.sql, node, "this")
    found = _bind_unless_released(b, node.this)
    if found is None:
        return _staged(b, node)
    relation, on_unit = found
    if len(relation.columns) != 1:
        raise b.mismatch(node, f"The subquery has {len(relation.columns)} columns, one is needed")
    if relation.protected and not on_unit:
        raise not_on_unit(b.where(node))
    if not one_row(relation) and (single := _of_one_public_row(b, node, relation)) is not None:
        relation, on_unit = single
    if not one_row(relation):
        raise DerivationError(
            "scalar_subquery_rows",
            "This subquery could give more than one row, and data must not decide whether a query fails.",
            hint="Aggregate it without GROUP BY, for instance SELECT MAX(…).",
            position=b.where(node),
            rule="scalar subqueries",
        )
    column = relation.columns[0]
    facts = column.facts.with_(unit=False, unique=False, origin=None, links=None, per_unit=False)
    return b.binder.lift(Scalar(facts, relation, column.id, on_unit))


def _staged(b: ExprBinder, node: exp.Subquery) -> Expr:
    """``WHERE x > (SELECT AVG(x) FROM …)``: the inner aggregate is released first and read as a public constant.

    Post: what a row of the outer query learns is one released number, hence public; the row stays protected.
    """
    query = node.this.unnest() if isinstance(node.this, exp.Subquery) else node.this
    mark, bound, name = _released(b, node, query, rows=False)
    if len(bound.columns) != 1 or not (bound.single or _first_only(bound.tree)):
        raise DerivationError(
            "released_in_protected",
            "Only a single released number can be used inside a query over protected rows.",
            hint="Use an aggregate without GROUP BY, for instance (SELECT AVG(x) FROM t).",
            position=b.where(node),
            rule="release used in a protected query",
        )
    param = b.binder.stage(bound, staged_facts(b.binder, bound, bound.columns[0].name), name)
    b.binder.staged[mark] = (b.env, bound, param.name)
    return param


def _first_only(tree: exp.Query) -> bool:
    """LIMIT 1: a row or none, which is NULL."""
    limit = tree.args.get("limit")
    return isinstance(limit, exp.Limit) and isinstance(limit.expression, exp.Literal) and limit.expression.name == "1"


def _bind_unless_released(b: ExprBinder, node: exp.Expr) -> tuple[Relation, bool] | None:
    """The subquery as a relation; ``None`` where it is a release, which is bound as one then: nothing of this try is left."""
    undo = b.binder.undone()
    try:
        return _bind(b, node)
    except DerivationError as refused:
        if refused.code != "released_in_protected":
            raise
    undo()
    return None


def _bind_over_stages(b: ExprBinder, node: exp.Expr) -> tuple[Relation, bool]:
    """The subquery as a relation, in which releases in FROM are rows of earlier stages: they may be compared with the row outside."""
    found = _bind_unless_released(b, node)
    if found is not None:
        return found
    saved, b.binder.stages_alone = b.binder.stages_alone, True
    try:
        return _bind(b, node)
    finally:
        b.binder.stages_alone = saved


def _bind_or_stage(b: ExprBinder, node: exp.Expr) -> tuple[Relation, bool]:
    """``x IN (SELECT k … GROUP BY k ORDER BY COUNT(*) DESC LIMIT 3)``: the inner SELECT is released first, its rows are public.

    Post: as with one released number (``_staged``), what a row of the outer query learns is released, hence public.
    """
    found = _bind_unless_released(b, node)
    if found is not None:
        return found
    query = node.unnest() if isinstance(node, exp.Subquery) else node
    mark, outer, name = _released(b, node, query, rows=True)
    rows = b.binder.stage_rows(outer, name)
    b.binder.staged[mark] = (b.env, outer, rows.param)
    return rows, False


def _released(
    b: ExprBinder, node: exp.Expr, query: exp.Expr, *, rows: bool
) -> tuple[tuple[exp.Expr, int, bool], Outer, str | None]:
    """The subquery as a query above releases; the name of its stage where the same text stands elsewhere: it is paid once."""
    mark = (query.copy(), id(b.env), rows)
    if (known := b.binder.staged.get(mark)) is not None:
        return mark, known[1], known[2]
    if not isinstance(query, exp.Query):
        raise unsupported(b.sql, node, "This subquery")
    try:
        bound = b.binder.bind_query(query, b.env, as_relation=False)
    except BindError as error:
        raise _perhaps_correlated(b, error) from error
    if not isinstance(bound, Outer):
        raise unsupported(b.sql, node, "This subquery")
    return mark, bound, None


def _perhaps_correlated(b: ExprBinder, error: BindError) -> BindError | DerivationError:
    """A name of the query around it: each of its rows would be a release."""
    if error.code not in ("unknown_table", "unknown_column") or error.position is None:
        return error
    table, _, name = b.sql[error.position.start : error.position.end].rpartition(".")
    try:
        b.scope.resolve(name.strip('"'), table.strip('"') or None, error.position)
    except BindError:
        return error
    return DerivationError(
        "correlated_release",
        "An aggregate over people depends on the row of the query around it; each row would be a release.",
        hint="Join with it: … JOIN (SELECT k, AVG(x) AS a FROM t GROUP BY k) s ON s.k = p.k WHERE p.x > s.a.",
        position=error.position,
        rule="release used in a protected query",
    )


def released_facts(binder: Binder, bound: Outer, name: str) -> Facts:
    """Of a column of released rows: ``staged_facts``, and whether no two rows have the same value."""
    facts = staged_facts(binder, bound, name)
    unique = facts.type is not Type.NUMBER and moments.unique(bound.tree, name, binder.only_key)
    return facts.with_(unique=unique, per_unit=False)


def staged_facts(binder: Binder, bound: Outer, name: str) -> Facts:
    """What is known of a released number or moment: it may be NULL; an average lies within the bounds of what was averaged."""
    kind, bounds = moments.column(bound.tree, name, binder.released) or (Type.NUMBER, Interval())
    if kind.numeric:
        kind, bounds = Type.NUMBER, bound.bounds.get(name.lower(), Interval())
    return Facts(
        kind,
        bounds,
        nullable=True,
        key_null=True,
        per_unit=True,
        proven=False,
    )


def _of_one_public_row(b: ExprBinder, node: exp.Subquery, relation: Relation) -> tuple[Relation, bool] | None:
    """``(SELECT r.x FROM regions r WHERE r.id = p.id)``, id a key of the public table, as the largest of that one row.

    ``None`` where nothing public says that there is no second row, or the value is no item of a plain SELECT.
    """
    query = node.this
    if relation.protected or not _one_match(relation) or not isinstance(query, exp.Select):
        return None
    if any(query.args.get(k) for k in ("group", "having", "qualify", "order", "limit", "offset", "distinct", "with_")):
        return None
    if len(query.expressions) != 1 or relation.columns[0].facts.type is Type.BOOLEAN:
        return None
    copy = query.copy()
    copy.set("expressions", [exp.Max(this=query.expressions[0].unalias().copy())])
    return _bind(b, copy)


def _one_match(relation: Relation) -> bool:
    """A condition equates a key of the rows with what is constant for all of them."""
    found: list[Expr] = []
    while not isinstance(relation, Scan):
        if isinstance(relation, Filter):
            found += conjuncts(relation.predicate)
        elif not isinstance(relation, Project):
            return False
        relation = relation.input
    mine = {c.id for c in relation.columns}
    for c in found:
        if isinstance(c, Call) and c.name == "eq":
            for x, y in (c.args, c.args[::-1]):
                alike = x.facts.type is y.facts.type and x.facts.type is not Type.NUMBER
                if isinstance(x, Ref) and x.id in mine and x.facts.unique and alike and not refs(y) & mine:
                    return True
    return False


def one_row(relation: Relation) -> bool:
    """The relation is an ungrouped aggregate or one constant row, perhaps with expressions above it."""
    while not isinstance(relation, UnitAggregate):
        if isinstance(relation, Values):
            return len(relation.rows) == 1
        inner = getattr(relation, "input", None)
        if inner is None or type(relation).__name__ != "Project":
            return False
        relation = inner
    return relation.always_row or not relation.keys


def _bind(b: ExprBinder, node: exp.Expr) -> tuple[Relation, bool]:
    query = node.unnest() if isinstance(node, exp.Subquery) else node
    if not isinstance(query, exp.Query):
        raise unsupported(b.sql, node, "This subquery")
    if isinstance(node, exp.Subquery):
        strict(b.sql, node, "this", "alias")
    return b.binder.bind_subquery(query, b.env, b.scope)


def not_on_unit(where: Position | None) -> DerivationError:
    """A subquery over protected rows that is not matched on the unit."""
    return DerivationError(
        "subquery_not_on_unit",
        "The subquery reads protected rows of other people: it is not matched on the privacy unit.",
        hint="Equate the unit ids in its WHERE (… WHERE v.id = p.id), or look the unit id up: id IN (SELECT id FROM …), "
        "where no side of an outer join makes the id NULL.",
        position=where,
        rule="subqueries",
    )
