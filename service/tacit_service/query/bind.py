"""The binder: one statement to relations, release points and the SQL above them.

Every query inside the statement is bound to one of two things: a ``Relation`` (rows of units, or public rows that a
protected query reads) or an ``Outer`` (SQL above release points). Rules decide; what no rule derives is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError, SqlSyntaxError

from .bounds import Facts, Interval, Type
from .caps import Caps as Caps
from .catalog import Catalog
from .expr import Expr, Param, Ref, Scalar
from .found_bounds import bounds_point
from .outer import Outer, OuterScope, quoted
from .parse import position
from .plan import Column, Project, Property, Relation, ReleasePoint, StagedRows, Values
from .rules.by_name import by_name
from .rules.release import Draft
from .rules.setop import set_operation
from .rules.subquery import released_facts, staged_facts
from .scope import Scope
from .select_outer import outer_select, outer_set_operation
from .select_private import private_select
from .sources import Cte, Env, Source, read_from, refuse_released
from .syntax import strict, unsupported

EXPANSIONS_MAX = 64
DRAFTS_MAX = 64
BOUND_MAX = 20_000
FINDERS_MAX = 4
SET_KINDS: dict[type[exp.Expr], str] = {exp.Union: "union", exp.Intersect: "intersect", exp.Except: "except"}


class Binder:
    """State of binding one statement."""

    def __init__(self, catalog: Catalog, sql: str, caps: Caps) -> None:
        self.catalog = catalog
        self.sql = sql
        self.caps = caps
        self.drafts: list[Draft] = []
        self.stacks: list[tuple[Draft, list[tuple[str, tuple[int, ...]]]]] = []
        self.tables_used: set[str] = set()
        self.public_tables: set[str] = set()
        self.stages_alone = False  # a release in FROM of a subquery is a stage though no people's rows stand beside it
        self.public_images = False  # only what validates a model reads them
        self.params: list[tuple[str, tuple[Type, ...], Outer, bool]] = []  # name, types, query, whether of rows
        self.staged: dict[tuple[exp.Expr, int, bool], tuple[Env, Outer, str]] = {}  # by text and WITH names in sight
        self.bounds_points: dict[tuple[Relation, Expr], ReleasePoint] = {}
        self.lifts: list[list[tuple[Column, Expr]]] = []
        self.correlated: list[bool] = []
        self._ids = itertools.count(1)
        self._expansions = 0
        self._bound = 0

    def new_id(self) -> int:
        """A fresh plan-wide column id."""
        return next(self._ids)

    def find_bounds(self, source: Relation, value: Expr) -> str:
        """The name of the release point that finds bounds of the value; the same value is paid once."""
        point = self.bounds_points.get((source, value))
        if point is None:
            if len(self.bounds_points) == FINDERS_MAX:
                raise DerivationError(
                    "missing_bounds",
                    f"More than {FINDERS_MAX} expressions have no bounds; each would take a part of the price to find them.",
                    hint="Give bounds in the statement: GREATEST(low, LEAST(high, x)).",
                    rule="sensitivity",
                )
            point = bounds_point(f"__b{len(self.bounds_points)}", source, value)
            self.bounds_points[source, value] = point
        return point.name

    @property
    def rows_cap(self) -> int:
        """R: rows of one unit that count in full, over the protected tables used so far."""
        if self.caps.max_rows is not None:
            return self.caps.max_rows
        infos = [self.catalog.table(t) for t in self.tables_used]
        return max((i.max_rows for i in infos if i is not None and not i.public), default=1)

    @property
    def group_caps(self) -> tuple[int, int]:
        """K and C over the protected tables used so far."""
        infos = [i for i in map(self.catalog.table, self.tables_used) if i is not None and not i.public]
        k = self.caps.max_groups or max((i.max_groups for i in infos), default=1)
        c = self.caps.max_rows or max((i.max_rows_per_group for i in infos), default=1)
        return k, c

    def count_expansion(self, node: exp.Expr) -> None:
        """WITH names are expanded where they are used; a chain of doublings must not explode."""
        self._expansions += 1
        if self._expansions > EXPANSIONS_MAX:
            raise SqlSyntaxError(
                "sql_too_large",
                f"WITH names are used more than {EXPANSIONS_MAX} times in all.",
                position=position(self.sql, node),
            )

    def count_bound(self, node: exp.Expr) -> None:
        """CASE with a subject and BETWEEN write an operand more than once; nested, that must not explode."""
        self._bound += 1
        if self._bound > BOUND_MAX:
            raise SqlSyntaxError(
                "sql_too_large",
                f"The statement has more than {BOUND_MAX} expressions once WITH names, CASE and BETWEEN are written out.",
                position=position(self.sql, node),
            )

    def add_draft(self, make: Callable[[str], Draft]) -> Draft:
        """Register a release point under the next name."""
        if len(self.drafts) >= DRAFTS_MAX:
            raise SqlSyntaxError("sql_too_large", f"The statement has more than {DRAFTS_MAX} release points.")
        draft = make(f"__r{len(self.drafts)}")
        self.drafts.append(draft)
        return draft

    def lift(self, scalar: Scalar) -> Expr:
        """Compute a scalar subquery as a column of its own below the expression (TRY cannot hold a subquery)."""
        column = Column(self.new_id(), "subquery", scalar.facts)
        self.lifts[-1].append((column, scalar))
        return Ref(scalar.facts, column.id, column.name)

    def stage(self, outer: Outer, facts: Facts, name: str | None = None) -> Param:
        """A released scalar that a protected query reads: it runs first, and its number is a constant for the rest.

        ``name``: of a stage that is known already.
        """
        param = Param(facts, name or f"p{len(self.params)}")
        if name is None:
            self.params.append((param.name, (facts.type,), outer, False))
        return param

    def stage_rows(self, outer: Outer, name: str | None = None) -> StagedRows:
        """Released rows that a protected query reads: they are constants for the rest."""
        columns = tuple(Column(self.new_id(), c.name, released_facts(self, outer, c.name)) for c in outer.columns)
        rows = StagedRows(columns, Property.PUBLIC, None, name or f"p{len(self.params)}")
        if name is None:
            self.params.append((rows.param, tuple(c.facts.type for c in columns), outer, True))
        return rows

    def undone(self) -> Callable[[], None]:
        """What takes back all release points and stages that are added from now on."""
        lists: list[list[Any]] = [self.drafts, self.stacks, self.params]
        sizes = [len(items) for items in lists]

        def undo() -> None:
            for items, size in zip(lists, sizes, strict=True):
                del items[size:]
            left = {name for name, *_ in self.params}
            self.staged = {k: v for k, v in self.staged.items() if v[2] in left}

        return undo

    def released(self, table: str, column: str) -> tuple[Type, Interval] | None:
        """Type and public bounds of a column of a released or public table (see ``moments``)."""
        info = self.catalog.table(table)
        if info is not None:
            facts = info.columns.get(column)
            return None if facts is None or not info.public else (facts.type, facts.bounds)
        draft = next((whole for whole, _ in self.stacks if whole.name == table), None)
        return None if draft is None else draft.known(column)

    def only_key(self, table: str, column: str) -> bool:
        """The column is the one key of a released table of one level: no two rows have the same."""
        found = next(((whole, levels) for whole, levels in self.stacks if whole.name == table), None)
        return found is not None and len(found[1]) == 1 and [n for n, _, _ in found[0].keys] == [column]

    def flush(self, relation: Relation) -> Relation:
        """Put the lifted columns under what comes next."""
        lifted = self.lifts[-1]
        if not lifted:
            return relation
        columns = (*relation.columns, *(c for c, _ in lifted))
        exprs = (*(Ref(c.facts, c.id, c.name) for c in relation.columns), *(e for _, e in lifted))
        lifted.clear()
        return Project(columns, relation.property, relation.max_rows, relation, exprs)

    def protected_scope(self, scope: Scope) -> bool:
        """The expressions of this scope read protected rows."""
        return scope.relation is not None and scope.relation.protected

    # -- queries

    def bind_top(self, tree: exp.Query) -> Outer:
        """The whole statement. Raises ``DerivationError`` row_level_output when it would show protected rows."""
        try:
            bound = self.bind_query(tree, Env(), as_relation=False)
        except DerivationError as error:
            # SELECT * FROM people LIMIT 10: what is wrong is the rows, not the LIMIT, under which there is no aggregate
            if error.code == "order_dependent" and error.position == order_dependent(self, tree).position:
                raise self._row_level(tree, None) from None
            raise
        if isinstance(bound, Outer):
            return bound
        raise self._row_level(tree, bound)

    def bind_outer(self, node: exp.Query, env: Env, around: OuterScope) -> Outer:
        """A subquery inside post-processing."""
        try:
            bound = self.bind_query(node, env, as_relation=False, around=around)
        except BindError as error:
            raise self._perhaps_correlated(error, around) from error
        if isinstance(bound, Outer):
            return bound
        raise self._row_level(node, bound)

    def bind_subquery(self, node: exp.Query, env: Env, scope: Scope) -> tuple[Relation, bool]:
        """A subquery inside a protected query: its relation, and whether it is matched on the unit."""
        self.count_expansion(node)
        self.correlated.append(False)
        try:
            relation = self.bind_query(node, env, as_relation=True, outer=scope)
        finally:
            on_unit = self.correlated.pop()
        if isinstance(relation, Outer):
            raise refuse_released(self, node)
        return relation, on_unit

    def bind_query(
        self,
        node: exp.Query,
        env: Env,
        *,
        as_relation: bool,
        outer: Scope | None = None,
        around: OuterScope | None = None,
    ) -> Relation | Outer:
        """A query at any depth. ``as_relation``: it is read by a protected query and must not hold a release."""
        env = self._with(node, env)
        if isinstance(node, exp.Subquery):
            strict(self.sql, node, "this", "with_")
            return self.bind_query(node.this, env, as_relation=as_relation, outer=outer, around=around)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, env, as_relation, outer, around)
        if not isinstance(node, exp.Select):
            raise unsupported(self.sql, node, type(node).__name__.upper())
        strict(
            self.sql, node, "with_", "expressions", "from_", "joins", "where", "group", "having", "qualify", "order",
            "limit", "offset", "distinct",
        )  # fmt: skip
        self.lifts.append([])
        try:
            sources = read_from(self, node, env, as_relation=as_relation)
            if as_relation or any(s.protected for s in sources):
                return private_select(self, node, env, self._relations(sources), outer, as_relation)
            return outer_select(self, node, env, sources, around)
        finally:
            self.lifts.pop()

    def _relations(self, sources: list[Source]) -> list[Source]:
        """Public sources bound as relations, since a protected query reads them."""
        for s in sources:
            if s.relation is None and not s.lateral:
                if s.outer is not None and not s.outer.public and s.outer.single:
                    s.relation = staged_row(self, s.outer)
                    continue
                if s.outer is not None and not s.outer.public:
                    s.relation = self.stage_rows(s.outer)
                    continue
                if s.outer is None:
                    raise refuse_released(self, s.node)
                single = exp.Select()
                single.set("from_", exp.From(this=s.node))
                s.relation = read_from(self, single, s.env, as_relation=True)[0].relation
        return sources

    def _with(self, node: exp.Query, env: Env) -> Env:
        with_ = node.args.get("with_")
        if with_ is None:
            return env
        strict(self.sql, with_, "expressions", "recursive")
        if with_.args.get("recursive"):
            raise unsupported(self.sql, with_, "WITH RECURSIVE", "Write a plain WITH.")
        env = env.extend()
        for cte in with_.expressions:
            strict(self.sql, cte, "this", "alias", "materialized")
            if not isinstance(cte.this, exp.Query):
                raise unsupported(self.sql, cte, "WITH over anything but a SELECT")
            names = [c.name for c in cte.args["alias"].columns]
            env.ctes[cte.alias.lower()] = Cte(cte.alias, cte.this, Env(dict(env.ctes)), names)
        return env

    def _set_operation(
        self, node: exp.SetOperation, env: Env, as_relation: bool, outer: Scope | None, around: OuterScope | None
    ) -> Relation | Outer:
        strict(self.sql, node, "this", "expression", "distinct", "with_", "order", "limit", "offset", "by_name")
        left, left_on_unit = self._branch(node.this, env, as_relation, outer, around)
        right, right_on_unit = self._branch(node.expression, env, as_relation, outer, around)
        if self.correlated and outer is not None:  # a derived table says nothing of the subquery that reads it
            self.correlated[-1] = left_on_unit and right_on_unit
        if node.args.get("by_name"):
            left, right = by_name(left, right, self.new_id, position(self.sql, node))
        if isinstance(left, Outer) and isinstance(right, Outer):
            return outer_set_operation(self, node, left, right)
        if isinstance(left, Outer) or isinstance(right, Outer):
            return self._mixed(node, env, left, right)
        if node.args.get("limit") or node.args.get("offset"):
            raise order_dependent(self, node)
        kind = SET_KINDS[type(node)]
        if node.args.get("distinct") is False:
            kind = f"{kind}_all"
        return set_operation(left, right, kind, self.new_id, position(self.sql, node))

    def _branch(
        self, node: exp.Query, env: Env, as_relation: bool, outer: Scope | None, around: OuterScope | None
    ) -> tuple[Relation | Outer, bool]:
        """One side of a set operation, and whether it reads nothing protected but what is matched on the outer unit."""
        self.correlated.append(False)
        try:
            bound = self.bind_query(node, env, as_relation=as_relation, outer=outer, around=around)
        finally:
            on_unit = self.correlated.pop()
        return bound, on_unit or (isinstance(bound, Relation) and not bound.protected)

    def _mixed(
        self, node: exp.SetOperation, env: Env, left: Relation | Outer, right: Relation | Outer
    ) -> Relation | Outer:
        released = left if isinstance(left, Outer) else right
        side = node.this if isinstance(left, Outer) else node.expression
        if isinstance(released, Outer) and not released.public:
            raise self._row_level(node, left if isinstance(right, Outer) else right)
        bound = self.bind_query(side, env, as_relation=True)
        pair = (bound, right) if isinstance(left, Outer) else (left, bound)
        if isinstance(pair[0], Outer) or isinstance(pair[1], Outer):
            raise refuse_released(self, node)
        kind = SET_KINDS[type(node)] + ("_all" if node.args.get("distinct") is False else "")
        return set_operation(pair[0], pair[1], kind, self.new_id, position(self.sql, node))

    def _row_level(self, node: exp.Expr, relation: Relation | Outer | None) -> DerivationError:
        per_unit = isinstance(relation, Relation) and any(c.facts.unit for c in relation.columns)
        return DerivationError(
            "unit_in_output" if per_unit else "row_level_output",
            "The result would hold one row for each person." if per_unit else "The result would hold rows of people.",
            hint="Aggregate: SELECT COUNT(*), AVG(x) … GROUP BY a column that is not the privacy unit.",
            position=position(self.sql, node),
            rule="release",
        )

    def _perhaps_correlated(self, error: BindError, around: OuterScope) -> BindError | DerivationError:
        if error.code not in ("unknown_table", "unknown_column") or error.position is None:
            return error
        text = self.sql[error.position.start : error.position.end]
        table, _, name = text.rpartition(".")
        if around.find(name.strip('"'), table.strip('"') or None) is None:
            return error
        return DerivationError(
            "correlated_release",
            "An aggregate over protected rows depends on the row of the query around it; each row would be a release.",
            hint="Write it as a join: SELECT r.x, COUNT(p.id) FROM r LEFT JOIN p ON … GROUP BY r.x.",
            position=error.position,
            rule="release",
        )


def staged_row(binder: Binder, outer: Outer) -> Relation:
    """A released row in FROM of a protected query: its numbers are constants of a later stage."""
    columns, cells = [], []
    for c in outer.columns:
        one = exp.Select(expressions=[exp.column(quoted(c.name), table=quoted("__one"))])
        one.set(
            "from_", exp.From(this=exp.Subquery(this=outer.tree.copy(), alias=exp.TableAlias(this=quoted("__one"))))
        )
        param = binder.stage(Outer(one, [c], public=False), staged_facts(binder, outer, c.name))
        columns.append(Column(binder.new_id(), c.name, param.facts.with_(per_unit=False)))
        cells.append(param)
    return Values(tuple(columns), Property.PUBLIC, None, (tuple(cells),))


def order_dependent(binder: Binder, node: exp.Expr) -> DerivationError:
    """LIMIT and OFFSET over protected rows."""
    at = node.args.get("limit") or node.args.get("offset")
    return DerivationError(
        "order_dependent",
        "LIMIT or OFFSET below an aggregate makes the rows of one person depend on those of others.",
        hint="Filter by a condition instead, or move LIMIT above the aggregate.",
        position=position(binder.sql, at) or position(binder.sql, node),
        rule="order-dependent operations",
    )
