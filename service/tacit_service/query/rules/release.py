"""Rule: an aggregate without the unit in GROUP BY is a release point.

Pre: a protected input; keys and aggregate arguments row-wise over it. Post: the relation is released: its numbers leave
through measurements whose sensitivities follow from the contribution bounds, its keys are public or pass a threshold.
Whatever stands around the aggregates in SELECT, HAVING, ORDER BY and QUALIFY is post-processing over the released table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError, Position

from ..bounds import Interval, Type
from ..caps import LEVEL
from ..expr import Agg, Expr, Ref, refs
from ..outer import Outer, OuterColumn, OuterExpressions, OuterScope, projection_name, quoted
from ..parse import position
from ..plan import Relation
from .aggregate import bind_aggregate, is_aggregate

if TYPE_CHECKING:
    from ..bind_expr import ExprBinder


WITHIN = {"avg", "median", "quantile_cont", "quantile_disc", "min", "max"}


@dataclass(slots=True)
class Draft:
    """A release point before its measures are chosen. ``names`` of aggregates align with ``aggs``."""

    name: str
    source: Relation
    keys: list[tuple[str, Expr, str]]
    aggs: list[Agg]
    labels: list[str]
    places: list[Position | None]
    key_table: Relation | None = None
    force_threshold: bool = False

    def known(self, column: str) -> tuple[Type, Interval] | None:
        """Type and public bounds of a key or a number of the released table."""
        for name, expr, _ in self.keys:
            if name == column:
                return expr.facts.type, expr.facts.bounds
        place = int(column[1:]) if column[1:].isdigit() else len(self.aggs)
        if place >= len(self.aggs):
            return None
        agg = self.aggs[place]
        inside = (
            agg.function in WITHIN and agg.args[0].facts.type.numeric
        )  # clipped to the bounds of what they are made of
        return Type.NUMBER, agg.args[0].facts.bounds if inside else Interval()


@dataclass(slots=True)
class _Keys(OuterScope):
    """Scope of what is nested in a released SELECT: names of the input that are group keys, as columns of the release."""

    of: ReleasedExpressions | None = None

    def find(self, name: str, table: str | None) -> tuple[str, OuterColumn] | None:
        """Also by the key's own name."""
        found = OuterScope.find(self, name, table)
        if found is None and self.of is not None:
            key = self.of.key_named(name, table)
            found = None if key is None else (self.of.draft.name, key)
        return found


class ReleasedExpressions(OuterExpressions):
    """Rewrites expressions over one release: keys and aggregate calls become columns of the released table."""

    def __init__(
        self, binder: Any, inner: ExprBinder, draft: Draft, key_nodes: list[exp.Expr], env: Any,
        levels: list[list[int]], *, totals: bool,
    ) -> None:  # fmt: skip
        columns = [OuterColumn(n, "key", (draft.name, n)) for n, _, _ in draft.keys]
        super().__init__(binder, _Keys([(draft.name, columns)], of=self), env)
        self.inner = inner
        self.draft = draft
        self.key_nodes = key_nodes
        self.levels = levels
        self.totals = totals

    def rewrite(self, node: exp.Expr) -> exp.Expr:
        """As the base, with aggregates and keys replaced."""
        if isinstance(node, exp.Grouping | exp.GroupingId):
            return self._grouping(node)
        found = self.released(node)
        if found is not None:
            column = exp.column(quoted(found.source[1] if found.source else ""), table=quoted(self.draft.name))
            if self.totals and found.kind == "noisy":  # released for the finest level: coarser ones are its sums
                total: exp.Expr = exp.Sum(this=column)
                if self._whole(found):
                    total = exp.cast(total, "BIGINT")
                return exp.Coalesce(this=total, expressions=[exp.Literal.number(0)]) if self._counts(found) else total
            return column
        if isinstance(node, exp.Column):
            if not node.table and node.name.lower() in self.aliases:
                return exp.column(quoted(node.name))
            sorted_by = isinstance(node.find_ancestor(exp.Order, exp.Window, exp.AggFunc, exp.Query), exp.Order)
            raise BindError(
                "not_grouped",
                f"Column {node.name} is neither in GROUP BY nor inside an aggregate.",
                hint="Sort by a group's key or an aggregate, or leave ORDER BY out: a column has many values in a row."
                if sorted_by
                else f"Add {node.name} to GROUP BY, or aggregate it.",
                position=position(self.binder.sql, node),
                rule="aggregation",
            )
        return super().rewrite(node)

    def _agg(self, column: OuterColumn) -> Agg:
        return self.draft.aggs[int((column.source or ("", "a0"))[1][1:])]

    def _counts(self, column: OuterColumn) -> bool:
        return self._agg(column).function == "count"

    def _whole(self, column: OuterColumn) -> bool:
        return self._counts(column) or self._agg(column).args[0].facts.type is Type.INTEGER

    def _grouping(self, node: exp.Expr) -> exp.Expr:
        """GROUPING(a, b): a bit for each argument, set where the row's level leaves it out."""
        places = [self._key_place(e) for e in node.expressions]
        values = [sum((i not in level) << (len(places) - 1 - n) for n, i in enumerate(places)) for level in self.levels]
        if self.totals:
            columns = [exp.column(quoted(self.draft.keys[i][0]), table=quoted(self.draft.name)) for i in places]
            return exp.Grouping(expressions=columns)
        if len(set(values)) == 1:
            return exp.cast(exp.Literal.number(values[0]), "BIGINT")
        level = exp.column(quoted(LEVEL), table=quoted(self.draft.name))
        whens = [
            exp.If(this=exp.Literal.number(i), true=exp.cast(exp.Literal.number(v), "BIGINT"))
            for i, v in enumerate(values)
        ]
        return exp.Case(this=level, ifs=whens)

    def _key_place(self, node: exp.Expr) -> int:
        for i, key_node in enumerate(self.key_nodes):
            if node == key_node:
                return i
        found = self._key_of(node) if isinstance(node, exp.Column) else None
        for i, (name, _, _) in enumerate(self.draft.keys):
            if found is not None and found.name == name:
                return i
        raise BindError(
            "not_grouped",
            "GROUPING takes expressions of GROUP BY.",
            hint="Name a column or expression of GROUP BY.",
            position=position(self.binder.sql, node),
            rule="aggregation",
        )

    def released(self, node: exp.Expr) -> OuterColumn | None:
        """The released column that the node stands for."""
        for key_node, (name, _, _) in zip(self.key_nodes, self.draft.keys, strict=True):
            if node == key_node:
                return OuterColumn(name, "key", (self.draft.name, name))
        if is_aggregate(node):
            agg = bind_aggregate(self.inner, node)
            self._check_strict(node, agg)
            if agg not in self.draft.aggs:
                self.draft.aggs.append(agg)
                self.draft.labels.append(projection_name(node))
                self.draft.places.append(position(self.binder.sql, node))
            name = f"a{self.draft.aggs.index(agg)}"
            return OuterColumn(name, "noisy", (self.draft.name, name))
        if isinstance(node, exp.Column) and not (not node.table and node.name.lower() in self.aliases):
            return self._key_of(node)
        return None

    def key_named(self, name: str, table: str | None) -> OuterColumn | None:
        """The key that is a column of that name."""
        try:
            return self._key_of(exp.column(name, table=table))
        except BindError:
            return None

    def _key_of(self, node: exp.Column) -> OuterColumn | None:
        bound = self.inner.bind(node)
        for name, expr, _ in self.draft.keys:
            if isinstance(expr, Ref) and isinstance(bound, Ref) and expr.id == bound.id:
                return OuterColumn(name, "key", (self.draft.name, name))
        return None

    def _check_strict(self, node: exp.Expr, agg: Agg) -> None:
        """Over ``public LEFT JOIN protected`` an aggregate must read protected columns, whose NULLs it skips."""
        table = self.draft.key_table
        if table is None:
            return
        public = {c.id for c in table.columns}
        read = set().union(*(refs(a) for a in agg.args)) if agg.args else set()
        if not (read - public) or not all(isinstance(a, Ref) for a in agg.args):
            raise DerivationError(
                "public_outer_join",
                "Over a public table's LEFT JOIN, rows without a match belong to nobody, so only aggregates of the "
                "protected table's columns are defined.",
                hint="Count a protected column, for instance COUNT(p.id) instead of COUNT(*).",
                position=position(self.binder.sql, node),
                rule="join with a public relation",
            )

    def kind(self, node: exp.Expr) -> OuterColumn:
        """What a projection stands for."""
        inner = node.unalias()
        while isinstance(inner, exp.Paren):
            inner = inner.this
        found = self.released(inner)
        if found is not None:
            return OuterColumn(found.name, "derived") if self.totals and found.kind == "noisy" else found
        if self.totals and any(is_aggregate(n) for n in inner.walk()):
            return OuterColumn("", "derived")
        for n in inner.walk():
            if is_aggregate(n) or isinstance(n, exp.Window | exp.Query):
                return OuterColumn("", "derived")
        return OuterColumn("", "key" if any(isinstance(n, exp.Column) for n in inner.walk()) else "public")


def released_query(columns: list[OuterColumn], tree: exp.Query, draft: Draft, *, row_wise: bool) -> Outer:
    """The outer query over one released table."""
    dropping = any(tree.args.get(k) is not None for k in ("where", "having", "limit", "offset", "qualify", "distinct"))
    bounds = {}
    for c in columns:
        if c.kind == "noisy" and c.source is not None and (known := draft.known(c.source[1])) is not None:
            bounds[c.name.lower()] = known[1]
    single = not draft.keys and not dropping
    return Outer(tree, columns, public=False, row_wise=row_wise, single=single, bounds=bounds)
