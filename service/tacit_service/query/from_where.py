"""FROM and WHERE of a SELECT over relations: joins derived one after another, then the filter and what it narrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError

from .bind_expr import ExprBinder
from .bounds import Type
from .build import integer
from .expr import Call, Cast, Exists, Expr, InRelation, Lit, Param, Ref, Scalar, conjuncts, refs
from .narrow import narrow, rows_left
from .operators import ARITHMETIC, choice, truth
from .parse import position
from .plan import Column, Filter, Project, Property, Relation, Values
from .rules.aggregate import has_aggregate
from .rules.join import join, staged
from .rules.lateral import lateral
from .scope import Entry, Scope
from .sources import Env, Source, join_kind, shared_names
from .syntax import unsupported

if TYPE_CHECKING:
    from .bind import Binder

SUBQUERIES = (Exists, InRelation, Scalar)
NULL_REJECTING = ("eq", "ne", "lt", "le", "gt", "ge", "like", "ilike")


def from_clause(
    binder: Binder, select: exp.Select, env: Env, sources: list[Source], scope: Scope
) -> tuple[Relation, Relation | None]:
    """The joined relation, and the public side of ``public LEFT JOIN protected`` whose rows are the keys."""
    if not sources:
        relation = scope.relation = _one_row(binder)
        return relation, None
    filters = _early_filters(binder, select, env, sources, scope) if len(sources) > 1 else []
    key_table: Relation | None = None
    first = sources[0]
    assert first.relation is not None
    relation = first.relation
    scope.entries = [Entry(first.alias, relation.columns)]
    for source in sources[1:]:
        assert source.join is not None
        kind = join_kind(binder, source.join)
        if source.lateral:
            scope.relation = relation
            relation, columns = lateral(binder, source, relation, scope, kind)
            scope.entries.append(Entry(source.alias, columns))
            refresh(scope, relation)
            continue
        assert source.relation is not None
        entry = Entry(source.alias, source.relation.columns)
        on = _condition(binder, source, scope, entry, env, kind)
        if key_table is not None and not (kind == "left" and source.relation.protected):
            raise public_rows_kept(binder, source.node)
        if kind == "left" and not relation.protected and source.relation.protected:
            if staged(relation):
                raise public_rows_kept(binder, source.node)
            key_table, kind = relation, "inner"
        relation = join(relation, source.relation, kind, on, filters, position(binder.sql, source.node))
        if kind not in ("semi", "anti"):
            scope.entries.append(entry)
        refresh(scope, relation)
        if kind == "full" and on is not None and not source.join.args.get("on"):
            relation = _merged(binder, scope, relation, on)
    scope.relation = relation
    return relation, key_table


def _one_row(binder: Binder) -> Relation:
    """What a SELECT without FROM reads: one public row, of which no column is in sight."""
    one = integer(1)
    column = Column(binder.new_id(), "one", one.facts.with_(per_unit=False))
    return Values((column,), Property.PUBLIC, None, ((one,),))


def _merged(binder: Binder, scope: Scope, relation: Relation, on: Expr) -> Relation:
    """FULL JOIN … USING: each named column once, from whichever side has it. The unit's id stays what it is."""
    facts = {c.id: c.facts for c in relation.columns}
    pairs = [tuple(a for a in part.children() if isinstance(a, Ref)) for part in conjuncts(on)]
    columns, exprs = [], []
    for left, right in pairs:
        a, b = facts[left.id], facts[right.id]
        both = choice("coalesce", [a, b], a.type if a.type is b.type else Type.NUMBER)
        unit = left.facts.unit and right.facts.unit
        sure = not (left.facts.nullable or right.facts.nullable)
        both = both.with_(unit=unit, nullable=not sure, key_null=not sure and both.key_null, per_unit=unit and sure)
        columns.append(Column(binder.new_id(), left.name, both))
        exprs.append(Call(both, "coalesce", (Ref(a, left.id, left.name), Ref(b, right.id, right.name))))
        for entry in scope.entries:
            entry.hidden |= {left.id, right.id}
    own = tuple(Ref(c.facts, c.id, c.name) for c in relation.columns)
    scope.entries.insert(0, Entry(f"__using{binder.new_id()}", tuple(columns)))
    merged = Project((*relation.columns, *columns), relation.property, relation.max_rows, relation, (*own, *exprs))
    refresh(scope, merged)
    return merged


def _early_filters(binder: Binder, select: exp.Select, env: Env, sources: list[Source], scope: Scope) -> list[Expr]:
    """WHERE conjuncts bound once ahead of the joins: ``FROM a, b WHERE a.id = b.id`` joins by them."""
    where = select.args.get("where")
    if where is None or sum(s.protected for s in sources) < 2:
        return []
    plain = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    scope.entries = [Entry(s.alias, s.relation.columns) for s in sources if s.relation is not None]
    found: list[Expr] = []
    for node in plain:
        inner = node.unnest()
        if (
            isinstance(inner, exp.EQ)
            and isinstance(inner.this, exp.Column)
            and isinstance(inner.expression, exp.Column)
        ):
            try:
                found.append(ExprBinder(binder, scope, env).bind(inner))
            except BindError:
                continue
    return found


def _condition(binder: Binder, source: Source, scope: Scope, entry: Entry, env: Env, kind: str) -> Expr | None:
    assert source.join is not None
    on, using = source.join.args.get("on"), source.join.args.get("using")
    both = Scope([*scope.entries, entry], scope.outer, scope.relation)
    if on is not None:
        condition = ExprBinder(binder, both, env).predicate(on)
        return condition
    names = [(u.name, position(binder.sql, u)) for u in using or []]
    if str(source.join.args.get("method") or "").upper() == "NATURAL":
        shared = shared_names(binder, source.join, both.in_sight())
        names = [(n, position(binder.sql, source.join)) for n in shared]
    if names:
        parts: list[Expr] = []
        for name, where in names:
            left, _ = Scope(scope.entries).resolve(name, None, where)
            right, _ = Scope([entry]).resolve(name, None, where)
            a, b = Ref(left.facts, left.id, left.name), Ref(right.facts, right.id, right.name)
            parts.append(Call(truth((a.facts, b.facts)), "eq", (a, b)))
            if kind == "right":
                for e in scope.entries:
                    e.hidden.add(left.id)
            else:
                entry.hidden.add(right.id)
        return parts[0] if len(parts) == 1 else Call(truth([p.facts for p in parts]), "and", tuple(parts))
    if kind != "inner":
        raise unsupported(binder.sql, source.join, f"{kind.upper()} JOIN without ON")
    return None


def refresh(scope: Scope, relation: Relation) -> None:
    """Columns of the scope with the facts that hold after a join or a filter."""
    now = {c.id: c for c in relation.columns}
    for entry in scope.entries:
        entry.columns = tuple(Column(c.id, c.name, now[c.id].facts if c.id in now else c.facts) for c in entry.columns)
    scope.relation = relation


def public_rows_kept(binder: Binder, node: exp.Expr) -> DerivationError:
    """``public LEFT JOIN protected`` anywhere but directly below the aggregation by the public table's columns."""
    return DerivationError(
        "public_outer_join",
        "Rows of a public table that match no protected row belong to nobody; here they would be lost or tell of others.",
        hint="Use JOIN, or aggregate directly: SELECT r.x, COUNT(p.id) FROM r LEFT JOIN p ON … GROUP BY r.x.",
        position=position(binder.sql, node),
        rule="join with a public relation",
    )


def _kept_public_rows(binder: Binder, where: exp.Expr, predicate: Expr, key_table: Relation) -> Relation | None:
    """The public side after WHERE: filtered by its own conditions; ``None`` where WHERE makes the join an inner one."""
    public = {c.id for c in key_table.columns}
    own = [
        c for c in conjuncts(predicate) if refs(c) <= public and not any(isinstance(n, SUBQUERIES) for n in c.walk())
    ]
    others = [c for c in conjuncts(predicate) if c not in own]
    if any(isinstance(n, Param) for c in own for n in c.walk()):
        raise public_rows_kept(binder, where)  # keys are listed before anything is released
    if own:
        both = own[0] if len(own) == 1 else Call(truth([c.facts for c in own]), "and", tuple(own))
        key_table = Filter(narrow(key_table.columns, both), key_table.property, None, key_table, both)
    if not others:
        return key_table
    if any(isinstance(c, Call) and c.name in NULL_REJECTING and all(_strict(n) for n in c.walk()) for c in others):
        return None  # a row without a match has NULLs, and does not pass
    raise public_rows_kept(binder, where)


def _strict(e: Expr) -> bool:
    """NULL where what it reads is NULL."""
    return isinstance(e, Ref | Lit | Cast) or (isinstance(e, Call) and e.name in (*NULL_REJECTING, *ARITHMETIC))


def where_clause(
    binder: Binder, select: exp.Select, env: Env, relation: Relation, scope: Scope, key_table: Relation | None
) -> tuple[Relation, Relation | None]:
    """The filtered relation, and the key table with the filter's public part."""
    where = select.args.get("where")
    if where is None:
        return relation, key_table
    _no_aggregate(binder, where.this)
    b = ExprBinder(binder, scope, env)
    predicate = b.predicate(where.this)
    relation = binder.flush(relation)
    own = {c.id for c in relation.columns}
    if b.outer_refs and binder.correlated:
        for part in conjuncts(predicate):
            if (
                isinstance(part, Call)
                and part.name == "eq"
                and all(isinstance(a, Ref) and a.facts.unit for a in part.args)
            ):
                sides = {a.id in own for a in part.args if isinstance(a, Ref)}
                if sides == {True, False} and relation.protected:
                    binder.correlated[-1] = True
    if key_table is not None:
        key_table = _kept_public_rows(binder, where.this, predicate, key_table)
    rows = rows_left(predicate, relation.max_rows)
    relation = Filter(narrow(relation.columns, predicate), relation.property, rows, relation, predicate)
    refresh(scope, relation)
    return relation, key_table


def _no_aggregate(binder: Binder, node: exp.Expr) -> None:
    if has_aggregate(node):
        raise DerivationError(
            "aggregate_misplaced",
            "An aggregate stands in WHERE.",
            hint="Use HAVING, or a subquery.",
            position=position(binder.sql, node),
            rule="aggregation",
        )
