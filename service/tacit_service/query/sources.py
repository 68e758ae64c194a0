"""FROM: tables of the policy, WITH names, derived tables, VALUES and joins, each a source of one SELECT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError

from .bounds import Facts, Type
from .expr import Lit
from .outer import Outer, OuterColumn, quoted
from .parse import position
from .plan import Column, Property, Relation, Scan, Values
from .scope import _nearest
from .syntax import label, strict, unsupported
from .written_lists import constant, unnested

if TYPE_CHECKING:
    from .bind import Binder

JOIN_KINDS = {
    ("", ""): "inner", ("", "INNER"): "inner", ("", "CROSS"): "inner", ("LEFT", ""): "left", ("LEFT", "OUTER"): "left",
    ("RIGHT", ""): "right", ("RIGHT", "OUTER"): "right", ("FULL", ""): "full", ("FULL", "OUTER"): "full",
    ("", "SEMI"): "semi", ("", "ANTI"): "anti", ("LEFT", "SEMI"): "semi", ("LEFT", "ANTI"): "anti",
}  # fmt: skip


@dataclass(slots=True)
class Cte:
    """A WITH member. A released one is bound once, so that two uses share one release and one charge."""

    name: str
    node: exp.Query
    env: Env
    columns: list[str]
    outer: Outer | None = None


@dataclass(slots=True)
class Env:
    """WITH names in sight."""

    ctes: dict[str, Cte] = field(default_factory=dict)

    def extend(self) -> Env:
        """A child that may add names."""
        return Env(dict(self.ctes))


@dataclass(slots=True)
class Source:
    """One item of FROM. ``relation`` when it is protected (or bound as a relation), ``outer`` otherwise."""

    alias: str
    node: exp.Expr
    env: Env
    relation: Relation | None = None
    outer: Outer | None = None
    table: str | None = None
    join: exp.Join | None = None
    aliases: list[str] = field(default_factory=list)
    lateral: bool = False
    query: exp.Query | None = None  # of a release, which is read in a later stage where people's rows stand beside it

    @property
    def protected(self) -> bool:
        """Its rows belong to privacy units."""
        return self.relation is not None and self.relation.protected


def read_from(binder: Binder, select: exp.Select, env: Env, *, as_relation: bool) -> list[Source]:
    """All sources of a SELECT in order; ``as_relation`` binds public ones as relations too."""
    sources: list[Source] = []
    from_ = select.args.get("from_")
    if from_ is not None:
        strict(binder.sql, from_, "this")
        sources += _item(binder, from_.this, env, None, as_relation)
    for join in select.args.get("joins") or []:
        strict(binder.sql, join, "this", "side", "kind", "on", "using", "method")
        sources += _item(binder, join.this, env, join, as_relation)
    seen: set[str] = set()
    for s in sources:
        if s.alias.lower() in seen:
            raise BindError(
                "duplicate_alias",
                f"The name {s.alias} stands twice in FROM.",
                hint="Give each table an alias of its own.",
                position=position(binder.sql, s.node),
                rule="names",
            )
        seen.add(s.alias.lower())
    for s in sources:
        if s.query is not None:
            _staged(binder, s, sources)
    return sources


def _staged(binder: Binder, source: Source, sources: list[Source]) -> None:
    """The release's rows as constants; alone in a subquery it is refused here, and the whole subquery is a stage."""
    beside = binder.stages_alone or any(s.protected for s in sources)
    if source.query is None or not beside:
        raise refuse_released(binder, source.node)
    bound = binder.bind_query(source.query, source.env, as_relation=False)
    if not isinstance(bound, Outer):
        raise refuse_released(binder, source.node)
    source.relation = binder.stage_rows(bound if not source.aliases else renamed(bound, source.aliases))


def shared_names(binder: Binder, join: exp.Join, tables: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Columns that the last table has in common with those before it, for NATURAL JOIN."""
    *before, (_, last) = tables
    earlier = {c.lower() for _, columns in before for c in columns}
    names = [c for c in last if c.lower() in earlier]
    if not names:
        raise unsupported(binder.sql, join, "A NATURAL JOIN of tables without a common column", "Write JOIN … ON.")
    return names


def join_kind(binder: Binder, join: exp.Join, *, asof: bool = False) -> str:
    """inner, left, right, full, semi or anti."""
    key = (str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper())
    kind = JOIN_KINDS.get(key)
    method = str(join.args.get("method") or "").upper()
    if kind is None or method not in ("", "NATURAL", *(["ASOF"] if asof else [])):
        name = method or " ".join(key).strip()
        raise unsupported(binder.sql, join, f"{name} JOIN", "Write JOIN … ON with the columns named.")
    return kind


def _item(binder: Binder, node: exp.Expr, env: Env, join: exp.Join | None, as_relation: bool) -> list[Source]:
    if isinstance(node, exp.Table):
        return [_table(binder, node, env, join, as_relation)]
    if isinstance(node, exp.Subquery):
        strict(binder.sql, node, "this", "alias")
        if isinstance(node.this, exp.Table):
            raise unsupported(binder.sql, node, "A join in parentheses", "Write the joins one after another.")
        source = Source(_alias(node) or f"__q{binder.new_id()}", node, env, join=join, aliases=_columns(node))
        _fill(binder, source, node.this, env, as_relation)
        return [source]
    if isinstance(node, exp.Lateral) and join is not None:
        name = _alias(node) or f"__q{binder.new_id()}"
        return [Source(name, node, env, join=join, aliases=_columns(node), lateral=True)]
    if join is not None and _reads_others(node):  # DuckDB takes these as LATERAL without the word
        name = _alias(node) or f"__q{binder.new_id()}"
        return [Source(name, exp.Lateral(this=node), env, join=join, aliases=_columns(node), lateral=True)]
    if isinstance(node, exp.Unnest):
        node = _unnested(binder, node)
    if isinstance(node, exp.Values):
        return [_constants(binder, node, env, join, as_relation)]
    raise unsupported(
        binder.sql, node, f"{label(node)} in FROM", "Use the dataset's tables, subqueries, WITH names or VALUES."
    )


def _fill(binder: Binder, source: Source, query: exp.Expr, env: Env, as_relation: bool) -> None:
    if not isinstance(query, exp.Query):
        raise unsupported(binder.sql, query, f"{label(query)} in FROM")
    bound = _bound(binder, source, query, env, as_relation)
    if bound is None:
        return
    if isinstance(bound, Outer):
        source.outer = bound if not source.aliases else renamed(bound, source.aliases)
    else:
        source.relation = rename(bound, source.aliases)


def _bound(binder: Binder, source: Source, query: exp.Query, env: Env, as_relation: bool) -> Relation | Outer | None:
    """The query; ``None`` where a relation is wanted and it is a release, which is left for a stage."""
    undo = binder.undone()
    try:
        return binder.bind_query(query, env, as_relation=as_relation)
    except DerivationError as refused:
        if refused.code != "released_in_protected" or not as_relation:
            raise
    undo()
    source.query, source.env = query, env
    return None


def renamed(outer: Outer, names: list[str]) -> Outer:
    """The outer query with its first columns renamed (alias lists)."""
    columns = [
        OuterColumn(names[i] if i < len(names) else c.name, c.kind, c.source) for i, c in enumerate(outer.columns)
    ]
    return Outer(outer.tree, columns, outer.public)


def rename(relation: Relation, names: list[str]) -> Relation:
    """The relation with its first columns renamed (alias lists)."""
    if not names:
        return relation
    from dataclasses import replace

    columns = tuple(
        Column(c.id, names[i] if i < len(names) else c.name, c.facts) for i, c in enumerate(relation.columns)
    )
    return replace(relation, columns=columns)


def _table(binder: Binder, node: exp.Table, env: Env, join: exp.Join | None, as_relation: bool) -> Source:
    if not isinstance(node.this, exp.Identifier):
        raise unsupported(
            binder.sql, node, f"The table function {label(node.this)}", "Only the dataset's own tables can be read."
        )
    strict(binder.sql, node, "this", "alias", "db", "catalog")
    name = node.name
    alias = _alias(node) or name
    source = Source(alias, node, env, join=join, aliases=_columns(node))
    if node.args.get("db") is None and name.lower() in env.ctes:
        _cte(binder, source, env.ctes[name.lower()], as_relation)
        return source
    info = None if node.args.get("db") else binder.catalog.table(name)
    if info is None:
        raise BindError(
            "unknown_table",
            f"The policy has no table {name}.",
            hint=_nearest(name, [*binder.catalog.names(), *(c.name for c in env.ctes.values())]),
            position=position(binder.sql, node),
            rule="names",
        )
    source.table = info.name
    if info.public and not as_relation:
        columns = [OuterColumn(n, "public") for n, f in info.columns.items() if f.type is not Type.IMAGE]
        tree = exp.select(*[exp.column(quoted(c.name)) for c in columns]).from_(exp.Table(this=quoted(info.name)))
        source.outer = Outer(tree, columns, public=True)
        binder.public_tables.add(info.name)
        if source.aliases:
            source.outer = renamed(source.outer, source.aliases)
        return source
    binder.tables_used.add(info.name)
    scan = binder.new_id()
    hidden = info.public and not binder.public_images
    shown = {n: f for n, f in info.columns.items() if not (hidden and f.type is Type.IMAGE)}
    columns_ = tuple(Column(binder.new_id(), n, f.with_(public=scan) if info.public else f) for n, f in shown.items())
    kind = Property.PUBLIC if info.public else Property.PROTECTED
    rows = 1 if info.one_row_per_unit else None
    scanned = Scan(columns_, kind, rows, info.name, tuple(shown), info.stored)
    source.relation = rename(scanned, source.aliases)
    return source


def _cte(binder: Binder, source: Source, cte: Cte, as_relation: bool) -> None:
    names = source.aliases or cte.columns
    if cte.outer is not None and not as_relation:
        source.outer = cte.outer if not names else renamed(cte.outer, names)
        return
    binder.count_expansion(source.node)
    bound = _bound(binder, source, cte.node, cte.env, as_relation)
    if bound is None:
        source.aliases = names
        return
    if isinstance(bound, Outer):
        cte.outer = bound
        source.outer = bound if not names else renamed(bound, names)
    else:
        source.relation = rename(bound, names)


def _constants(binder: Binder, node: exp.Values, env: Env, join: exp.Join | None, as_relation: bool) -> Source:
    from .bind_expr import ExprBinder
    from .rules.setop import set_operation
    from .scope import Scope

    strict(binder.sql, node, "expressions", "alias")
    rows: list[tuple[Lit, ...]] = []
    constants = ExprBinder(binder, Scope(), env)
    for row in node.expressions:
        cells = [constants.bind(c) for c in row.expressions]
        if not all(isinstance(c, Lit) for c in cells) or len(cells) != len(node.expressions[0].expressions):
            raise unsupported(binder.sql, node, "VALUES with anything but rows of constants")
        rows.append(tuple(c for c in cells if isinstance(c, Lit)))
    names = _columns(node) or [f"col{i}" for i in range(len(rows[0]))]
    columns: list[Column] = []
    at = position(binder.sql, node)  # once: it walks all rows
    for i, name in enumerate(names[: len(rows[0])]):
        facts = rows[0][i].facts
        merged = Values((Column(0, name, facts),), Property.PUBLIC, None, ())
        for row in rows[1:]:
            other = Values((Column(0, name, row[i].facts),), Property.PUBLIC, None, ())
            unioned = set_operation(merged, other, "union_all", binder.new_id, at).columns
            merged = Values(unioned, Property.PUBLIC, None, ())
        cells_i = [row[i].value for row in rows]
        distinct = len(set(cells_i)) == len(cells_i) and None not in cells_i
        distinct = distinct and merged.columns[0].facts.type is not Type.NUMBER
        final = merged.columns[0].facts.with_(unique=distinct, per_unit=False)
        columns.append(Column(binder.new_id(), name, final if final.type is not Type.NULL else Facts(Type.STRING)))
    relation = Values(tuple(columns), Property.PUBLIC, None, tuple(rows))
    source = Source(_alias(node) or f"__v{binder.new_id()}", node, env, join=join)
    if as_relation:
        source.relation = relation
    else:
        tree = exp.select(*[exp.column(quoted(c.name)) for c in columns]).from_(_values_tree(node, columns))
        source.outer = Outer(tree, [OuterColumn(c.name, "public") for c in columns], public=True)
    return source


def _reads_others(node: exp.Expr) -> bool:
    """VALUES or UNNEST of a list with columns of the tables before it."""
    values = unnested(node) if isinstance(node, exp.Unnest) else node
    return isinstance(values, exp.Values) and not constant(values)


def _unnested(binder: Binder, node: exp.Unnest) -> exp.Values:
    """``UNNEST([constants])`` as VALUES."""
    strict(binder.sql, node, "expressions", "alias")
    values = unnested(node)
    if values is None:
        raise unsupported(binder.sql, node, "UNNEST of anything but one list that is written out")
    return values


def _values_tree(node: exp.Values, columns: list[Column]) -> exp.Expr:
    copy = node.copy()
    alias = exp.TableAlias(this=quoted("__values"), columns=[quoted(c.name) for c in columns])
    copy.set("alias", alias)
    return copy


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    return alias.name if alias is not None else ""


def _columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []


def refuse_released(binder: Binder, node: exp.Expr) -> DerivationError:
    """A release used inside a protected query."""
    return DerivationError(
        "released_in_protected",
        "A released result stands inside a query over protected rows where no earlier stage can give it.",
        hint="Join with it in FROM, compare with (SELECT one number …) or use IN (SELECT keys …); or write its answer as a constant.",
        position=position(binder.sql, node),
        rule="release used in a protected query",
    )
