"""SELECTs of the emitted SQL for Spark: every star written out, every derived table named, tables under names of ours."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from .casts import convert, same
from .expressions import Expressions
from .scope import Columns, Scope, quoted
from .value import Kind, Untranslatable, Value, hull, strict

SIZE_MAX = 4_000_000
"""Characters of a translated statement."""
_JOINS = {"": "JOIN", "LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL JOIN"}


@dataclass(frozen=True, slots=True)
class Query:
    """A translated query and its columns."""

    sql: str
    columns: Columns


def table_name(name: str) -> str:
    """What a policy's table is called inside statements: no name of the owner's tables, nor of ours."""
    return quoted(f"_table_{name}")


def translate(sql: str, tables: Mapping[str, Columns]) -> tuple[str, set[str]]:
    """One emitted SELECT in Spark's dialect, and which of ``tables`` it reads, under ``table_name``.

    Raises ``Untranslatable``. Pure: the same text gives the same text.
    """
    reader = _Queries(tables)
    try:
        found = reader.query(sqlglot.parse_one(sql, dialect="duckdb"), Scope())
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise Untranslatable("a statement of this shape", "Write it with fewer levels.") from None
    if len(found.sql) > SIZE_MAX:
        raise Untranslatable("so long a statement", "Write it with fewer levels.")
    return found.sql, reader.read


class _Queries:
    def __init__(self, tables: Mapping[str, Columns]) -> None:
        self.tables = tables
        self.read: set[str] = set()
        self._names = (f"_q{i}" for i in itertools.count(1))

    def query(self, node: exp.Expr, above: Scope) -> Query:
        if isinstance(node, exp.Subquery):
            strict(node, "this", "with_")
            return self.query(node.this, above)
        if isinstance(node, exp.SetOperation):
            return self._set(node, above)
        if isinstance(node, exp.Select):
            return self._select(node, above)
        raise Untranslatable(f"a query by {type(node).__name__.upper()}")

    # -- SELECT

    def _select(self, node: exp.Select, above: Scope) -> Query:
        strict(node, "with_", "distinct", "expressions", "from_", "joins", "where", "group", "having", "limit")
        if node.args.get("distinct") and node.args["distinct"].args.get("on"):
            raise Untranslatable("DISTINCT ON")
        scope = Scope(above=above)
        with_text = self._with(node.args.get("with_"), scope)
        tail = self._from(node, scope)
        reader = Expressions(scope, self.query)
        columns: Columns = {}
        items = []
        for e in node.expressions:
            for name, x in self._items(reader, e, scope):
                x = convert(x, Kind.TEXT) if x.kind is Kind.NULL else x
                items.append(f"{x.sql} AS {quoted(name)}")
                columns[name] = x.named(quoted(name))
        if node.args.get("where"):
            tail += f" WHERE {reader.truth(node.args['where'].this).sql}"
        if node.args.get("group"):
            strict(node.args["group"], "expressions")
            tail += f" GROUP BY {', '.join(self._group(reader, g) for g in node.args['group'].expressions)}"
        if node.args.get("having"):
            tail += f" HAVING {reader.truth(node.args['having'].this).sql}"
        if node.args.get("limit"):
            tail += f" LIMIT {int(node.args['limit'].expression.name)}"
        distinct = "DISTINCT " if node.args.get("distinct") else ""
        return Query(f"{with_text}SELECT {distinct}{', '.join(items)}{tail}", columns)

    @staticmethod
    def _group(reader: Expressions, key: exp.Expr) -> str:
        if isinstance(key, exp.Literal) and not key.is_string:
            return str(int(key.name))
        return reader.value(key).sql

    def _items(self, reader: Expressions, e: exp.Expr, scope: Scope) -> list[tuple[str, Value]]:
        if isinstance(e, exp.Star):
            strict(e, "except_")
            left_out = {c.name for c in e.args.get("except_") or []}
            names = dict.fromkeys(n for columns in scope.sources.values() for n in columns if n not in left_out)
            return [(n, scope.column(n)) for n in names]
        if isinstance(e, exp.Column) and isinstance(e.this, exp.Star):
            strict(e.this)
            return [(n, scope.column(n, e.table)) for n in scope.sources.get(e.table, {})]
        if isinstance(e, exp.Alias):
            strict(e, "this", "alias")
            return [(e.alias, reader.value(e.this))]
        if isinstance(e, exp.Column):
            return [(e.name, reader.value(e))]
        return [("_x", reader.value(e))]

    # -- FROM

    def _with(self, node: exp.With | None, scope: Scope) -> str:
        if node is None:
            return ""
        strict(node, "expressions")
        parts = []
        named: dict[str, Columns] = {}
        scope.named = named
        for cte in node.expressions:
            strict(cte, "this", "alias", "materialized")
            strict(cte.args["alias"], "this")
            found = self.query(cte.this, scope)
            named[cte.alias] = found.columns
            parts.append(f"{quoted(cte.alias)} AS ({found.sql})")
        return f"WITH {', '.join(parts)} "

    def _from(self, node: exp.Select, scope: Scope) -> str:
        start = node.args.get("from_")
        if start is None:
            return ""
        text = f" FROM {self._source(start.this, scope, scope)}"
        for join in node.args.get("joins") or []:
            strict(join, "this", "side", "kind", "on", "using")
            side, kind = (str(join.args.get(k) or "").upper() for k in ("side", "kind"))
            if kind in ("SEMI", "ANTI"):
                inner = Scope(above=scope)
                source = self._source(join.this, inner, scope)
                both = Scope(sources={**scope.sources, **inner.sources}, above=scope.above, named=scope.named)
                text += f" LEFT {kind} JOIN {source} {self._condition(join, both)}"
                continue
            if kind not in ("", "INNER", "OUTER", "CROSS") or side not in _JOINS:
                raise Untranslatable(f"{side} {kind} JOIN")
            text += f" {_JOINS[side]} {self._source(join.this, scope, scope)} {self._condition(join, scope)}"
        return text

    def _condition(self, join: exp.Join, scope: Scope) -> str:
        if join.args.get("using"):
            return f"USING ({', '.join(quoted(i.name) for i in join.args['using'])})"
        on = join.args.get("on")
        return f"ON {'TRUE' if on is None else Expressions(scope, self.query).truth(on).sql}"

    def _source(self, node: exp.Expr, scope: Scope, around: Scope) -> str:
        """One relation of a FROM clause; its columns are entered into ``scope``."""
        if isinstance(node, exp.Table):
            strict(node, "this", "alias")
            name, alias = node.name, node.alias or node.name
            columns = around.relation(name)
            text = quoted(name)
            if columns is None:
                if name not in self.tables:
                    raise Untranslatable(f"the table {name}")
                columns, text = self.tables[name], table_name(name)
                self.read.add(name)
            scope.sources[alias] = columns
            return f"{text} AS {quoted(alias)}"
        if isinstance(node, exp.Values):
            return self._values(node, scope)
        lateral = isinstance(node, exp.Lateral)
        inner = node.this if lateral else node
        if not isinstance(inner, exp.Subquery):
            raise Untranslatable(f"FROM {type(inner).__name__.upper()}")
        strict(inner, "this", "alias")
        outside = scope if lateral else around.above or Scope(named=around.named)
        above = Scope(above=outside, named=around.named) if not lateral else scope
        found = self.query(inner.this, above)
        alias = (node.alias or inner.alias) or next(self._names)
        scope.sources[alias] = found.columns
        return f"{'LATERAL ' if lateral else ''}({found.sql}) AS {quoted(alias)}"

    def _values(self, node: exp.Values, scope: Scope) -> str:
        strict(node, "expressions", "alias")
        reader = Expressions(Scope(), self.query)
        rows = [[reader.value(e) for e in row.expressions] for row in node.expressions]
        typed = [same(list(column)) for column in zip(*rows, strict=True)]
        alias = node.args["alias"]
        names = [c.name for c in alias.args["columns"]]
        columns: Columns = {}
        for i, (name, values) in enumerate(zip(names, typed, strict=True)):
            if all(v.kind is Kind.NULL for v in values):
                typed[i] = values = [convert(v, Kind.TEXT) for v in values]
            kind = next(v.kind for v in values if v.kind is not Kind.NULL)
            columns[name] = Value(quoted(name), kind, *hull(values))
        scope.sources[alias.name] = columns
        lines = ", ".join(f"({', '.join(v.sql for v in row)})" for row in zip(*typed, strict=True))
        return f"(VALUES {lines}) AS {quoted(alias.name)}({', '.join(map(quoted, names))})"

    # -- set operations

    def _set(self, node: exp.SetOperation, above: Scope) -> Query:
        strict(node, "this", "expression", "distinct", "with_")
        scope = Scope(above=above)
        with_text = self._with(node.args.get("with_"), scope)
        left, right = self.query(node.this, scope), self.query(node.expression, scope)
        word = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}[type(node)]
        if not node.args.get("distinct"):
            word += " ALL"
        columns: Columns = {}
        for (name, a), b in zip(left.columns.items(), right.columns.values(), strict=True):
            joined, _ = same([a, b])
            if joined.kind is not a.kind or b.kind not in (a.kind, Kind.NULL):
                raise Untranslatable(f"{word} of {a.kind} and {b.kind}", "Cast one of the two columns.")
            places = a.places if a.places == b.places else None
            columns[name] = Value(quoted(name), a.kind, *hull([a, b]), places)
        return Query(f"{with_text}({left.sql}) {word} ({right.sql})", columns)
