"""Parsed expression → our typed expression tree. Unknown nodes, names and functions are refused by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError, Position

from . import operators
from .bounds import INT64_MAX, Facts, Interval, Type
from .build import NULL, cast_to, integer, join_types, negate
from .catalog import ordinal
from .expr import Agg, Call, Case, Cast, Expr, InList, Lit, Ref
from .parse import position
from .syntax import label, strict, unsupported

if TYPE_CHECKING:
    from .bind import Binder
    from .rules.aggregate import AggregateContext
    from .scope import Scope

BINARY: dict[type[exp.Expr], str] = {
    exp.Add: "add", exp.Sub: "sub", exp.Mul: "mul", exp.Div: "div", exp.IntDiv: "intdiv", exp.Mod: "mod",
}  # fmt: skip
COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq", exp.NEQ: "ne", exp.LT: "lt", exp.LTE: "le", exp.GT: "gt", exp.GTE: "ge",
    exp.NullSafeEQ: "is_not_distinct", exp.NullSafeNEQ: "is_distinct",
}  # fmt: skip
CASTS: dict[str, Type] = {
    "TINYINT": Type.INTEGER, "SMALLINT": Type.INTEGER, "INT": Type.INTEGER, "BIGINT": Type.INTEGER,
    "DOUBLE": Type.NUMBER, "FLOAT": Type.NUMBER, "DECIMAL": Type.NUMBER, "TEXT": Type.STRING, "VARCHAR": Type.STRING,
    "BOOLEAN": Type.BOOLEAN, "DATE": Type.DATE, "TIMESTAMP": Type.TIMESTAMP, "TIMESTAMPNTZ": Type.TIMESTAMP,
}  # fmt: skip


class ExprBinder:
    """Binds expressions of one SELECT. ``aggregates`` is set where aggregate calls may stand."""

    def __init__(self, binder: Binder, scope: Scope, env: Any, aggregates: AggregateContext | None = None) -> None:
        self.binder = binder
        self.scope = scope
        self.env = env
        self.aggregates = aggregates
        self.windows_allowed = False
        self.whole: exp.Expr | None = None  # the item of SELECT that is bound now, which alone may be an image
        self.outer_refs = False
        self.aggregates_bound: dict[exp.Expr, Agg] = {}

    @property
    def sql(self) -> str:
        """The analyst's text, for positions."""
        return self.binder.sql

    def where(self, node: exp.Expr) -> Position | None:
        """Position of a node."""
        return position(self.sql, node)

    def predicate(self, node: exp.Expr) -> Expr:
        """Bind an expression that must be BOOLEAN."""
        e = self.bind(node)
        if e.facts.type not in (Type.BOOLEAN, Type.NULL):
            raise self.mismatch(node, f"A condition is expected, this is {e.facts.type}")
        return e

    def bind(self, node: exp.Expr) -> Expr:
        """Bind any scalar expression."""
        self.binder.count_bound(node)
        if self.aggregates is not None:
            found = self.aggregates.match(node, self)
            if found is not None:
                return found
        for cls in type(node).__mro__:
            handler = _HANDLERS.get(cls)
            if handler is not None:
                return handler(self, node)
        return self.function(node)

    def function(self, node: exp.Expr) -> Expr:
        """A scalar function of the allow-list."""
        from .bind_call import bind_call

        return bind_call(self, node)

    def mismatch(self, node: exp.Expr, text: str, hint: str | None = None) -> BindError:
        """A type error at a node."""
        return BindError("type_mismatch", f"{text}.", hint=hint, position=self.where(node), rule="types")

    # -- names and constants

    def _column(self, node: exp.Column) -> Expr:
        strict(self.sql, node, "this", "table")
        if isinstance(node.this, exp.Star):
            raise unsupported(self.sql, node, "* inside an expression")
        found, outer = self.scope.resolve(node.name, node.table or None, self.where(node))
        self.outer_refs |= outer
        if found.facts.type is Type.IMAGE and node is not self.whole:
            raise self.mismatch(node, f"{found.name} is an image: no expression reads it", "Only training does.")
        return Ref(found.facts, found.id, found.name)

    def _number(self, node: exp.Literal) -> Expr:
        text = node.name
        if node.is_string:
            facts = Facts(Type.STRING, nullable=False, domain=(text,), per_unit=True)
            return Lit(facts, text)
        value = Decimal(text)
        if value.is_finite() and value == value.to_integral_value() and text.isdigit():
            if value > INT64_MAX:
                raise self.mismatch(node, "The number does not fit 64 bits")
            return integer(int(value))
        if not value.is_finite() or abs(value.adjusted()) > 300:
            raise self.mismatch(node, "The number is outside what 64-bit floats hold")
        grid = Fraction(1, 10 ** max(0, -int(value.as_tuple().exponent))) if value else Fraction(1)
        bounds = Interval.of(value, value)
        return Lit(Facts(Type.NUMBER, bounds, nullable=False, grid=grid, per_unit=True), value)

    def _boolean(self, node: exp.Boolean) -> Expr:
        value = bool(node.this)
        return Lit(Facts(Type.BOOLEAN, nullable=False, domain=(value,), per_unit=True), value)

    def _null(self, _node: exp.Null) -> Expr:
        return NULL

    def _paren(self, node: exp.Paren) -> Expr:
        strict(self.sql, node, "this")
        return self.bind(node.this)

    # -- operators

    def _binary(self, node: exp.Binary) -> Expr:
        strict(self.sql, node, "this", "expression")
        name = BINARY[type(node)]
        a, b = self.bind(node.this), self.bind(node.expression)
        if a.facts.type.temporal or b.facts.type.temporal or Type.INTERVAL in (a.facts.type, b.facts.type):
            from .bind_time import temporal_arithmetic

            return temporal_arithmetic(self, node, name, a, b)
        a, b = self.numeric(node.this, a), self.numeric(node.expression, b)
        if name == "intdiv" and Type.NUMBER in (a.facts.type, b.facts.type):
            raise self.mismatch(node, "// divides integers", "Use FLOOR(a / b).")
        return Call(operators.arithmetic(name, a.facts, b.facts), name, (a, b))

    def _neg(self, node: exp.Neg) -> Expr:
        a = self.numeric(node.this, self.bind(node.this))
        if isinstance(a, Lit) and isinstance(a.value, int | Decimal):
            domain = None if a.facts.domain is None else tuple(-v for v in a.facts.domain)
            return Lit(a.facts.with_(bounds=-a.facts.bounds, domain=domain), -a.value)
        return Call(operators.arithmetic("neg", a.facts), "neg", (a,))

    def numeric(self, node: exp.Expr, e: Expr) -> Expr:
        """Require a number; NULL passes as one."""
        if e.facts.type is Type.NULL:
            return Cast(Facts(Type.NUMBER, nullable=True, per_unit=True), e)
        if not e.facts.type.numeric:
            raise self.mismatch(node, f"A number is expected, this is {e.facts.type}", "Use CAST(… AS DOUBLE).")
        return e

    def _comparison(self, node: exp.Binary) -> Expr:
        strict(self.sql, node, "this", "expression")
        if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any):
            return self._in(exp.In(this=node.this, query=node.expression.this))
        if isinstance(node.expression, exp.Any | exp.All):
            from .rules.subquery import quantified

            return quantified(self, node, COMPARISONS[type(node)])
        a, b = self.unify(node, [node.this, node.expression])
        name = COMPARISONS[type(node)]
        never = name in ("is_not_distinct", "is_distinct")
        return Call(operators.truth((a.facts, b.facts), never_null=never), name, (a, b))

    def unify(self, at: exp.Expr, nodes: list[exp.Expr]) -> list[Expr]:
        """Bind expressions that must share one type; string literals become dates where the others are."""
        return self.unify_bound(at, [self.bind(n) for n in nodes])

    def unify_bound(self, at: exp.Expr, bound: list[Expr]) -> list[Expr]:
        """The same for bound expressions."""
        kinds = {e.facts.type for e in bound} - {Type.NULL}
        if kinds <= {Type.INTEGER, Type.NUMBER} or len(kinds) <= 1:
            return bound
        temporal = kinds & {Type.DATE, Type.TIMESTAMP}
        if temporal:
            target = Type.TIMESTAMP if Type.TIMESTAMP in temporal else next(iter(temporal))
            return [cast_to(self._to_temporal(at, e, target), target) for e in bound]
        raise self.mismatch(
            at,
            f"These types do not go together: {', '.join(sorted(kinds))}",
            "Use CAST on one side.",
        )

    def _to_temporal(self, at: exp.Expr, e: Expr, target: Type) -> Expr:
        if isinstance(e, Lit) and isinstance(e.value, str):
            return self.temporal_literal(at, e.value, target)
        if not e.facts.type.temporal and e.facts.type is not Type.NULL:
            raise self.mismatch(at, f"{e.facts.type} and {target} do not go together", "Use CAST on one side.")
        return e

    def temporal_literal(self, at: exp.Expr, text: str, target: Type) -> Lit:
        """A DATE or TIMESTAMP literal from ISO text; a date-time text makes a TIMESTAMP."""
        try:
            value: dt.date = dt.date.fromisoformat(text)
            kind = Type.DATE
        except ValueError:
            try:
                moment = dt.datetime.fromisoformat(text)
            except ValueError:
                raise self.mismatch(at, f"This text is no {target}", "Write it as '2024-01-31'.") from None
            if moment.tzinfo is not None:
                raise self.mismatch(at, "Time zones are not supported", "Write a local time.") from None
            value, kind = moment, Type.TIMESTAMP
        if target is Type.TIMESTAMP and kind is Type.DATE:
            value, kind = dt.datetime(value.year, value.month, value.day), Type.TIMESTAMP
        point = ordinal(kind, value)
        facts = Facts(kind, Interval.of(point, point), nullable=False, domain=(value,), per_unit=True)
        return Lit(facts, value)

    def _connector(self, node: exp.Connector) -> Expr:
        name = "and" if isinstance(node, exp.And) else "or"
        strict(self.sql, node, "this", "expression")
        args = tuple(self.predicate(n) for n in node.flatten())
        return Call(operators.truth([a.facts for a in args]), name, args)

    def _negation(self, node: exp.Not) -> Expr:
        strict(self.sql, node, "this")
        return negate(self.predicate(node.this))

    def _is(self, node: exp.Is) -> Expr:
        strict(self.sql, node, "this", "expression")
        a = self.bind(node.this)
        if isinstance(node.expression, exp.Null):
            return Call(operators.truth((a.facts,), never_null=True), "is_null", (a,))
        if isinstance(node.expression, exp.Boolean) and a.facts.type in (Type.BOOLEAN, Type.NULL):
            b = self._boolean(node.expression)
            return Call(operators.truth((a.facts,), never_null=True), "is_not_distinct", (a, b))
        raise unsupported(self.sql, node, "IS with anything but NULL, TRUE, FALSE or DISTINCT FROM")

    def _between(self, node: exp.Between) -> Expr:
        strict(self.sql, node, "this", "low", "high")
        x, low, high = self.unify(node, [node.this, node.args["low"], node.args["high"]])
        ge = Call(operators.truth((x.facts, low.facts)), "ge", (x, low))
        again, high = self.unify(node, [node.this, node.args["high"]])  # bound again, so that nesting is counted
        le = Call(operators.truth((again.facts, high.facts)), "le", (again, high))
        return Call(operators.truth((ge.facts, le.facts)), "and", (ge, le))

    def _in(self, node: exp.In) -> Expr:
        strict(self.sql, node, "this", "expressions", "query")
        if node.args.get("query") is not None:
            from .rules.subquery import in_query

            return in_query(self, node)
        first, *items = self.unify(node, [node.this, *node.expressions])
        facts = operators.truth([first.facts, *(i.facts for i in items)])
        return InList(facts, first, tuple(items))

    # -- conditionals

    def _case(self, node: exp.Case) -> Expr:
        strict(self.sql, node, "this", "ifs", "default")
        subject = node.args.get("this")
        whens: list[Expr] = []
        for branch in node.args["ifs"]:
            condition = exp.EQ(this=subject.copy(), expression=branch.this) if subject is not None else branch.this
            whens.append(self.predicate(condition))
        values = [self.bind(b.args["true"]) for b in node.args["ifs"]]
        default = node.args.get("default")
        return self.choose(node, whens, values, None if default is None else self.bind(default))

    def _if(self, node: exp.If) -> Expr:
        strict(self.sql, node, "this", "true", "false")
        other = node.args.get("false")
        return self.choose(
            node,
            [self.predicate(node.this)],
            [self.bind(node.args["true"])],
            None if other is None else self.bind(other),
        )

    def choose(self, node: exp.Expr, whens: list[Expr], values: list[Expr], default: Expr | None) -> Expr:
        """CASE with facts joined over its branches."""
        branches = self.unify_bound(node, [*values, *([default] if default is not None else [])])
        kind = join_types([b.facts.type for b in branches])
        facts = [b.facts for b in branches if b.facts.type is not Type.NULL]
        no_else = default is None or default.facts.type is Type.NULL
        joined = operators.choice("coalesce", facts, kind) if facts else Facts(Type.NULL)
        null_branch = no_else or len(facts) < len(branches)
        joined = joined.with_(
            nullable=null_branch or any(f.nullable for f in facts),
            key_null=null_branch or any(f.key_null for f in facts),
            per_unit=joined.per_unit and all(w.facts.per_unit for w in whens),
        )
        if default is not None:
            *values, default = branches
        else:
            values = branches
        return Case(joined, tuple(zip(whens, values, strict=True)), default)

    def _cast(self, node: exp.Cast) -> Expr:
        strict(self.sql, node, "this", "to")
        target = node.args["to"]
        name = target.this.name if isinstance(target, exp.DataType) else ""
        kind = CASTS.get(name)
        if kind is None:
            raise unsupported(
                self.sql, node, f"A cast to {target.sql('duckdb')[:30]}", "Cast to BIGINT, DOUBLE, DATE …"
            )
        if kind in (Type.DATE, Type.TIMESTAMP) and isinstance(node.this, exp.Literal) and node.this.is_string:
            found = self.temporal_literal(node, node.this.name, kind)
            if found.facts.type is kind:
                return found
        return cast_to(self.bind(node.this), kind, self._target(node, target, name))

    def _target(self, node: exp.Expr, target: exp.DataType, name: str) -> str:
        """The narrower SQL type that a cast names, '' when it is as wide as ours."""
        parameters = [p.name for p in target.expressions]
        if name == "DECIMAL":
            digits, scale = parameters if len(parameters) == 2 else (*parameters, "0") if parameters else ("18", "3")
            if not (
                digits.isdigit() and scale.isdigit() and 1 <= int(digits) <= 38 and int(scale) <= min(int(digits), 12)
            ):
                raise unsupported(self.sql, node, "This DECIMAL", "Use DECIMAL(p, s) with s up to 12.")
            return f"DECIMAL({int(digits)},{int(scale)})"
        if parameters or target.args.get("kind") is not None or target.args.get("nested"):
            raise unsupported(self.sql, node, "A type with parameters", "Use a plain type name.")
        return {"TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INT": "INTEGER", "FLOAT": "FLOAT"}.get(name, "")


def _refuse_star(binder: ExprBinder, node: exp.Expr) -> Expr:
    raise unsupported(binder.sql, node, f"{label(node)} inside an expression", "Name the columns.")


def _refuse_window(binder: ExprBinder, node: exp.Expr) -> Expr:
    from .rules.window import bind_window

    return bind_window(binder, cast(exp.Window, node))


def _subquery(binder: ExprBinder, node: exp.Expr) -> Expr:
    from .rules.subquery import scalar_query

    return scalar_query(binder, cast(exp.Subquery, node))


def _exists(binder: ExprBinder, node: exp.Expr) -> Expr:
    from .rules.subquery import exists_query

    return exists_query(binder, cast(exp.Exists, node))


def _aggregate(binder: ExprBinder, node: exp.Expr) -> Expr:
    raise DerivationError(
        "aggregate_misplaced",
        f"{label(node)} cannot stand here.",
        hint="Aggregates belong in SELECT, HAVING or ORDER BY, and do not nest.",
        position=binder.where(node),
        rule="aggregation",
    )


_HANDLERS: dict[type, Callable[[ExprBinder, Any], Expr]] = {
    exp.Column: ExprBinder._column,
    exp.Literal: ExprBinder._number,
    exp.Boolean: ExprBinder._boolean,
    exp.Null: ExprBinder._null,
    exp.Paren: ExprBinder._paren,
    exp.Neg: ExprBinder._neg,
    exp.And: ExprBinder._connector,
    exp.Or: ExprBinder._connector,
    exp.Not: ExprBinder._negation,
    exp.Is: ExprBinder._is,
    exp.Between: ExprBinder._between,
    exp.In: ExprBinder._in,
    exp.Case: ExprBinder._case,
    exp.If: ExprBinder._if,
    exp.Cast: ExprBinder._cast,
    exp.Star: _refuse_star,
    exp.Window: _refuse_window,
    exp.Subquery: _subquery,
    exp.Exists: _exists,
    exp.AggFunc: _aggregate,
    exp.Filter: _aggregate,
    exp.WithinGroup: _aggregate,
    exp.IgnoreNulls: _aggregate,
    **dict.fromkeys(BINARY, ExprBinder._binary),
    **dict.fromkeys(COMPARISONS, ExprBinder._comparison),
}
