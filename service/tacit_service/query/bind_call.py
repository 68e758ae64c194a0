"""Function calls and date arithmetic: from the parsed call to an entry of the allow-list."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError

from . import operators
from .bounds import Facts, Interval, Type
from .expr import Call, Cast, Expr, IntervalLit, Lit
from .functions import ALIASES, FUNCTIONS, PART_ALIASES, PARTS, TRUNC_PARTS, Fn
from .syntax import label, strict, unsupported

if TYPE_CHECKING:
    from .bind_expr import ExprBinder

# parsed class → (function name, argument keys in order)
TYPED: dict[type[exp.Expr], tuple[str, tuple[str, ...]]] = {
    exp.Upper: ("upper", ("this",)), exp.Lower: ("lower", ("this",)), exp.Length: ("length", ("this",)),
    exp.Substring: ("substring", ("this", "start", "length")), exp.Left: ("left", ("this", "expression")),
    exp.Right: ("right", ("this", "expression")), exp.Replace: ("replace", ("this", "expression", "replacement")),
    exp.Reverse: ("reverse", ("this",)), exp.SplitPart: ("split_part", ("this", "delimiter", "part_index")),
    exp.DPipe: ("dpipe", ("this", "expression")), exp.Contains: ("contains", ("this", "expression")),
    exp.StartsWith: ("starts_with", ("this", "expression")), exp.EndsWith: ("ends_with", ("this", "expression")),
    exp.StrPosition: ("strpos", ("this", "substr")), exp.RegexpLike: ("regexp_matches", ("this", "expression")),
    exp.MD5: ("md5", ("this",)), exp.Abs: ("abs", ("this",)), exp.Sign: ("sign", ("this",)),
    exp.Floor: ("floor", ("this",)), exp.Ceil: ("ceil", ("this",)), exp.Trunc: ("trunc", ("this",)),
    exp.Sqrt: ("sqrt", ("this",)), exp.Cbrt: ("cbrt", ("this",)), exp.Ln: ("ln", ("this",)),
    exp.Exp: ("exp", ("this",)), exp.Pow: ("power", ("this", "expression")), exp.IsNan: ("isnan", ("this",)),
    exp.Year: ("part_year", ("this",)), exp.Month: ("part_month", ("this",)), exp.Day: ("part_day", ("this",)),
    exp.Quarter: ("part_quarter", ("this",)), exp.Week: ("part_week", ("this",)),
    exp.DayOfWeek: ("part_dayofweek", ("this",)), exp.DayOfWeekIso: ("part_isodow", ("this",)),
    exp.DayOfYear: ("part_dayofyear", ("this",)), exp.DayOfMonth: ("part_day", ("this",)),
    exp.Hour: ("part_hour", ("this",)), exp.Minute: ("part_minute", ("this",)), exp.Second: ("part_second", ("this",)),
    exp.TimeToStr: ("strftime", ("this", "format")), exp.Monthname: ("monthname", ("this",)),
    exp.WidthBucket: ("width_bucket", ("this", "min_value", "max_value", "num_buckets")),
    exp.Dayname: ("dayname", ("this",)), exp.LastDay: ("last_day", ("this",)),
}  # fmt: skip

SIZE_MAX = 64
LITERAL_CHARS = 50
PATTERN_MAX = 5_000  # characters of a pattern, times all its repetitions
_FORMAT = re.compile(r"(?:[^%]|%[aAbBdfHIjmMpSuUwWyY%])*\Z")
_INTERVAL_DAYS = {"year": 366, "month": 31, "week": 7, "day": 1, "hour": 1, "minute": 1, "second": 1, "quarter": 92}


def bind_call(b: ExprBinder, node: exp.Expr) -> Expr:
    """Bind a scalar function; refuses unknown ones by name."""
    special = _SPECIAL.get(type(node))
    if special is not None:
        return special(b, node)
    if type(node) in TYPED:
        name, keys = TYPED[type(node)]
        strict(b.sql, node, *keys)
        return call(b, node, name, [node.args[k] for k in keys if node.args.get(k) is not None])
    if isinstance(node, exp.Anonymous):
        return _anonymous(b, node)
    if isinstance(node, exp.Func):
        raise unknown(b, node)
    raise unsupported(b.sql, node, label(node))


def unknown(b: ExprBinder, node: exp.Expr) -> BindError:
    """A function that is not on the allow-list."""
    return BindError(
        "unknown_function",
        f"{label(node)} is not on the list of functions that may read protected rows.",
        hint="Allowed are total, deterministic functions of one row; see the dataset's function list.",
        position=b.where(node),
        rule="allow-list",
    )


def _anonymous(b: ExprBinder, node: exp.Anonymous) -> Expr:
    name = node.name.lower()
    name = ALIASES.get(name, name)
    args = list(node.expressions)
    if name == "date_part" and len(args) == 2 and isinstance(args[0], exp.Literal):
        return call(b, node, f"part_{_part(b, node, args[0].name, PARTS)}", args[1:])
    if name not in FUNCTIONS or name.split("_")[0] in ("part", "trunc", "diff"):
        raise unknown(b, node)
    return call(b, node, name, args)


def call(b: ExprBinder, node: exp.Expr, name: str, nodes: list[exp.Expr]) -> Expr:
    """Check arguments against the entry and build the call with its facts."""
    return apply(b, node, FUNCTIONS[name], [b.bind(n) for n in nodes])


def apply(b: ExprBinder, node: exp.Expr, fn: Fn, args: list[Expr]) -> Expr:
    """The same for bound arguments."""
    low = 1 if fn.variadic else len(fn.params) - fn.optional
    if not (low <= len(args) <= (64 if fn.variadic else len(fn.params))):
        raise BindError(
            "type_mismatch",
            f"{fn.name} takes {low} to {len(fn.params)} arguments, not {len(args)}.",
            position=b.where(node),
            rule="types",
        )
    checked: list[Expr] = []
    for i, arg in enumerate(args):
        allowed = fn.params[0] if fn.variadic else fn.params[i]
        if arg.facts.type is Type.NULL:
            arg = Cast(Facts(allowed[-1], nullable=True, per_unit=True), arg)
        if arg.facts.type not in allowed:
            raise b.mismatch(
                node, f"Argument {i + 1} of {fn.name} must be {' or '.join(allowed)}, this is {arg.facts.type}"
            )
        if i in fn.literal and not isinstance(arg, Lit):
            raise DerivationError(
                "literal_required",
                f"Argument {i + 1} of {fn.name} must be a constant: a value from the data could make it fail.",
                hint="Write the pattern, position or length as a literal.",
                position=b.where(node),
                rule="total expressions",
            )
        checked.append(arg)
    _check_literals(b, node, fn, checked)
    facts = _facts(fn, checked)
    if facts.size > SIZE_MAX:
        raise DerivationError(
            "text_too_long",
            f"This could make a text more than {SIZE_MAX} times longer, so that single rows decide the running time.",
            hint="Join or replace with less text.",
            position=b.where(node),
            rule="bounded cost",
        )
    return Call(facts, fn.name, tuple(checked))


def _facts(fn: Fn, args: list[Expr]) -> Facts:
    facts = [a.facts for a in args]
    kind = Type.INTEGER if fn.name in ("abs", "round", "trunc") and facts[0].type is Type.INTEGER else fn.result
    bounds = fn.bounds(facts) if fn.bounds else Interval()
    grid = Fraction(1) if kind is Type.INTEGER or fn.integer_grid else None
    if fn.name == "abs":
        grid = facts[0].grid
    if fn.name == "round_to":
        digits = int(args[1].value) if isinstance(args[1], Lit) else 0  # type: ignore[arg-type]
        grid = Fraction(1, 10**digits) if digits >= 0 else Fraction(10**-digits)
        bounds = facts[0].bounds.widen(grid)
    if fn.name == "power":
        bounds = _power(facts[0].bounds, args[1])
    domain = (False, True) if kind is Type.BOOLEAN else None
    return Facts(
        kind,
        bounds,
        size=_size(fn, args),
        nullable=fn.nulls or any(f.nullable for f in facts),
        domain=domain,
        grid=operators.usable_grid(grid, bounds),
        per_unit=all(f.per_unit for f in facts),
        proven=all(f.proven for f in facts),
        key_null=any(f.key_null for f in facts) or (domain is not None and fn.nulls),
    )


def _size(fn: Fn, args: list[Expr]) -> int:
    """How many times longer than a column's text the result may be: a few rows must not cost what others do not."""
    sizes = [1 + len(a.value) // LITERAL_CHARS if isinstance(a, Lit) and isinstance(a.value, str) else a.facts.size
             for a in args]  # fmt: skip
    if fn.name in ("concat", "dpipe"):
        return sum(sizes)
    if fn.name == "replace":
        old, new = (len(a.value) if isinstance(a, Lit) and isinstance(a.value, str) else 0 for a in args[1:3])
        return sizes[0] * max(1, -(-new // max(old, 1)))
    return max(sizes, default=1)


def _power(base: Interval, exponent: Expr) -> Interval:
    n = exponent.value if isinstance(exponent, Lit) else None
    if not isinstance(n, int) or not 0 <= n <= 8 or not base.finite:
        return Interval()
    result = Interval.of(1, 1)
    for _ in range(n):
        result = result * base
    return Interval(max(result.lo or Fraction(0), Fraction(0)), result.hi) if n % 2 == 0 else result


def _check_literals(b: ExprBinder, node: exp.Expr, fn: Fn, args: list[Expr]) -> None:
    def text(i: int) -> str:
        arg = args[i]
        return arg.value if isinstance(arg, Lit) and isinstance(arg.value, str) else ""

    def number(i: int, low: int, high: int) -> None:
        arg = args[i]
        if isinstance(arg, Lit) and isinstance(arg.value, int) and not low <= arg.value <= high:
            raise b.mismatch(node, f"Argument {i + 1} of {fn.name} must be between {low} and {high}")

    if fn.name == "strftime" and not _FORMAT.match(text(1)):
        raise b.mismatch(node, "The format holds a specifier that is not supported", "Use %Y, %m, %d, %H, %M, %S …")
    if fn.name in ("regexp_matches", "regexp_extract"):
        try:
            re.compile(text(1))
        except re.error:
            raise b.mismatch(node, "The pattern is no valid regular expression") from None
        # the engine writes counted repetitions out, and fails on too long a program only when a row reaches it
        counts = [int(n) for n in re.findall(r"[{,]([0-9]{1,6})", text(1))]
        if math.prod(max(n, 1) for n in counts) * len(text(1)) > PATTERN_MAX:
            raise b.mismatch(node, "The pattern's counted repetitions multiply to too much", "Write * or +.")
    if fn.name in ("lpad", "rpad"):
        number(1, 0, 1_000)
        if not text(2):
            raise b.mismatch(node, f"The padding of {fn.name} must not be empty")
    if fn.name in ("left", "right", "split_part", "substring"):
        for i in fn.literal:
            if i < len(args) and args[i].facts.type is Type.INTEGER:
                number(i, -100_000, 100_000)
    if fn.name == "round_to":
        number(1, -15, 12)
    if fn.name == "width_bucket":
        number(3, 1, 10_000)
        low, high = args[1].facts.bounds.lo, args[2].facts.bounds.hi
        if low is None or high is None or low >= high:
            raise b.mismatch(node, "The range of width_bucket is empty")


# -- calls whose parsed form needs care


def _trim(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "position")
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    return call(b, node, name, [n for n in (node.this, node.args.get("expression")) if n is not None])


def _pad(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "fill_pattern", "is_left")
    fill = node.args.get("fill_pattern") or exp.Literal.string(" ")
    return call(b, node, "lpad" if node.args.get("is_left") else "rpad", [node.this, node.expression, fill])


def _concat(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "expressions")
    e = call(b, node, "concat", list(node.expressions))
    return Call(e.facts.with_(nullable=False), "concat", tuple(e.children()))


def _like(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "negate")
    e = call(b, node, "like" if isinstance(node, exp.Like) else "ilike", [node.this, node.expression])
    if node.args.get("negate"):
        return Call(operators.truth((e.facts,)), "not", (e,))
    return e


def _regexp_extract(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "group", "null_if_pos_overflow")
    group = node.args.get("group")
    if group is not None and group.name != "0":
        raise unsupported(b.sql, node, "regexp_extract with a group")
    return call(b, node, "regexp_extract", [node.this, node.expression])


def _round(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "decimals")
    if node.args.get("decimals") is None:
        return call(b, node, "round", [node.this])
    return call(b, node, "round_to", [node.this, node.args["decimals"]])


def _log(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression")
    if node.args.get("expression") is None:
        return call(b, node, "log10", [node.this])
    base = node.this.name if isinstance(node.this, exp.Literal) else ""
    if base not in ("2", "10"):
        raise unsupported(b.sql, node, "A logarithm to this base", "Use LN(x) / LN(base).")
    return call(b, node, f"log{base}", [node.expression])


def _variadic(name: str) -> Callable[[ExprBinder, exp.Expr], Expr]:
    def bind(b: ExprBinder, node: exp.Expr) -> Expr:
        from .build import join_types

        strict(b.sql, node, "this", "expressions", "expression")
        rest = node.expressions if name != "nullif" else [node.expression]
        args = b.unify(node, [node.this, *rest])
        if name in ("greatest", "least"):
            args = [a for a in args if a.facts.type is not Type.NULL] or args
        kind = join_types([a.facts.type for a in args])
        facts = [a.facts for a in args if a.facts.type is not Type.NULL] or [args[0].facts]
        return Call(operators.choice(name, facts, kind), name, tuple(args))

    return bind


def _part(b: ExprBinder, node: exp.Expr, text: str, allowed: Any) -> str:
    part = text.lower()
    part = PART_ALIASES.get(part, part)
    if part not in allowed:
        raise unsupported(b.sql, node, f"Date part {text[:20]}", f"Use one of {', '.join(allowed)}.")
    return part


def _extract(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression")
    return call(b, node, f"part_{_part(b, node, node.this.name, PARTS)}", [node.expression])


def _date_trunc(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "unit")
    return call(b, node, f"trunc_{_part(b, node, node.args['unit'].name, TRUNC_PARTS)}", [node.this])


def _date_diff(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "unit")
    part = _part(b, node, node.args["unit"].name, TRUNC_PARTS)
    first, second = b.unify(node, [node.expression, node.this])
    for e in (first, second):
        if e.facts.type is Type.STRING:
            raise b.mismatch(node, "date_diff takes dates", "Write DATE '2024-01-31'.")
    return apply(b, node, FUNCTIONS[f"diff_{part}"], [first, second])


def _date_shift(sign: str) -> Callable[[ExprBinder, exp.Expr], Expr]:
    def bind(b: ExprBinder, node: exp.Expr) -> Expr:
        strict(b.sql, node, "this", "expression")
        return temporal_arithmetic(b, node, sign, b.bind(node.this), b.bind(node.expression))

    return bind


def _interval(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "unit")
    amount = node.this
    text = amount.name if isinstance(amount, exp.Literal) else ""
    if not re.fullmatch(r"-?[0-9]{1,5}", text) or node.args.get("unit") is None:
        raise unsupported(b.sql, node, "An interval that is no whole number of a unit", "Write INTERVAL 3 MONTH.")
    part = _part(b, node, node.args["unit"].name, tuple(_INTERVAL_DAYS))
    return IntervalLit(Facts(Type.INTERVAL, nullable=False, per_unit=True), int(text), part)


def temporal_arithmetic(b: ExprBinder, node: exp.Expr, name: str, x: Expr, y: Expr) -> Expr:
    """date ± integer, date/timestamp ± interval, date − date."""
    if name == "add" and y.facts.type.temporal:
        x, y = y, x
    sign = 1 if name == "add" else -1
    if name in ("add", "sub") and x.facts.type.temporal:
        if isinstance(y, IntervalLit):
            longest = sign * y.count * _INTERVAL_DAYS[y.part]
            facts = operators.plus_interval(x.facts, longest)
            return Call(facts, "plus_interval" if sign > 0 else "minus_interval", (x, y))
        if x.facts.type is Type.DATE and y.facts.type is Type.INTEGER:
            return Call(
                operators.plus_days(x.facts, y.facts, sign), "date_plus_days" if sign > 0 else "date_minus_days", (x, y)
            )
        if name == "sub" and x.facts.type is Type.DATE and y.facts.type is Type.STRING and isinstance(y, Lit):
            y = b.temporal_literal(node, str(y.value), Type.DATE)
        if name == "sub" and x.facts.type is Type.DATE and y.facts.type is Type.DATE:
            facts = operators.arithmetic("sub", x.facts.with_(type=Type.INTEGER), y.facts.with_(type=Type.INTEGER))
            return Call(facts, "days_between", (x, y))
    raise b.mismatch(
        node,
        f"This arithmetic on {x.facts.type} and {y.facts.type} is not supported",
        "Use date ± INTERVAL 1 DAY, or date_diff('day', a, b).",
    )


_SPECIAL: dict[type[exp.Expr], Callable[[ExprBinder, Any], Expr]] = {
    exp.Trim: _trim, exp.Pad: _pad, exp.Concat: _concat, exp.Like: _like, exp.ILike: _like,
    exp.RegexpExtract: _regexp_extract, exp.Round: _round, exp.Log: _log,
    exp.Coalesce: _variadic("coalesce"), exp.Greatest: _variadic("greatest"), exp.Least: _variadic("least"),
    exp.Nullif: _variadic("nullif"), exp.Extract: _extract, exp.TimestampTrunc: _date_trunc,
    exp.DateTrunc: _date_trunc, exp.DateDiff: _date_diff, exp.Interval: _interval,
    exp.DateAdd: _date_shift("add"), exp.DateSub: _date_shift("sub"),
}  # fmt: skip
