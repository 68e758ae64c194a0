"""Function calls and date arithmetic: from the parsed call to an entry of the allow-list."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tacit_service.errors import BindError, DerivationError

from . import bind_time, operators
from .bind_time import INTERVAL_NAMES, interval_call, part
from .bounds import Facts, Interval, Type
from .desugar import number
from .expr import Call, Cast, Expr, Lit
from .functions import ALIASES, FUNCTIONS, PARTS, Fn
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
    exp.Dayname: ("dayname", ("this",)), exp.LastDay: ("last_day", ("this",)), exp.WeekOfYear: ("part_week", ("this",)),
    exp.TimeToUnix: ("part_epoch", ("this",)), exp.Glob: ("glob", ("this", "expression")),
    exp.RegexpFullMatch: ("regexp_full_match", ("this", "expression")), exp.Ascii: ("ascii", ("this",)),
    exp.Unicode: ("ascii", ("this",)), exp.Translate: ("translate", ("this", "from_", "to")),
    exp.Repeat: ("repeat", ("this", "times")), exp.BitwiseAnd: ("bit_and", ("this", "expression")),
    exp.BitwiseOr: ("bit_or", ("this", "expression")), exp.BitwiseXor: ("bit_xor", ("this", "expression")),
}  # fmt: skip

SIZE_MAX = 64
LITERAL_CHARS = 50
PATTERN_MAX = 5_000  # characters of a pattern, times all its repetitions
_FORMAT = re.compile(r"(?:[^%]|%[aAbBdfHIjmMpSuUwWyY%])*\Z")


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
    written = node.name.lower()
    name = ALIASES.get(written, written)
    args = list(node.expressions)
    if name == "date_part" and len(args) == 2 and isinstance(args[0], exp.Literal):
        return call(b, node, f"part_{part(b, node, args[0].name, PARTS)}", args[1:])
    if name in INTERVAL_NAMES and len(args) == 1:
        return interval_call(b, name, args)
    if name not in FUNCTIONS or written.split("_")[0] in ("part", "trunc", "diff"):
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
    if fn.name in ("concat", "dpipe", "concat_ws"):
        return sum(sizes)
    if fn.name == "repeat":
        return sizes[0] * max(int(args[1].value), 1) if isinstance(args[1], Lit) else SIZE_MAX + 1  # type: ignore[arg-type]
    if fn.name.startswith("regexp_replace"):
        return sizes[0] * (len(args[2].value) + 1 if isinstance(args[2], Lit) and isinstance(args[2].value, str) else 1)
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
    if fn.name in ("regexp_matches", "regexp_extract", "regexp_extract_group", "regexp_full_match", "regexp_replace"):
        try:
            re.compile(text(1))
        except re.error:
            raise b.mismatch(node, "The pattern is no valid regular expression") from None
        # the engine writes counted repetitions out, and fails on too long a program only when a row reaches it
        counts = [int(n) for n in re.findall(r"[{,]([0-9]{1,6})", text(1))]
        if math.prod(max(n, 1) for n in counts) * len(text(1)) > PATTERN_MAX:
            raise b.mismatch(node, "The pattern's counted repetitions multiply to too much", "Write * or +.")
    if fn.name == "repeat":
        number(1, 0, 60)
    if fn.name == "regexp_extract_group":
        number(2, 0, re.compile(text(1)).groups)
    if fn.name == "regexp_replace" and (bad := re.search(r"\\(?![0-9\\])|\\[0-9]", text(2))):
        raise b.mismatch(node, f"The replacement holds {bad.group()}", "Write plain text as the replacement.")
    if fn.name == "like_escape" and len(text(2)) != 1:
        raise b.mismatch(node, "The escape must be one character")
    if fn.name == "like_escape" and re.search(f"{re.escape(text(2))}(?![%_{re.escape(text(2))}])", text(1)):
        raise b.mismatch(node, "In the pattern, the escape stands before neither %, _ nor itself")
    if fn.name in ("lpad", "rpad"):
        number(1, 0, 1_000)
        if not text(2):
            raise b.mismatch(node, f"The padding of {fn.name} must not be empty")
    if fn.name in ("left", "right", "split_part", "substring", "slice"):
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


def _escape(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression")
    like = node.this
    name = {exp.Like: "like_escape", exp.ILike: "ilike_escape"}.get(type(like))
    if name is None:
        raise unsupported(b.sql, node, "ESCAPE of anything but LIKE")
    strict(b.sql, like, "this", "expression", "negate")
    e = call(b, node, name, [like.this, like.expression, node.expression])
    return Call(operators.truth((e.facts,)), "not", (e,)) if like.args.get("negate") else e


def _similar(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression")  # DuckDB's SIMILAR TO is a regular expression over the whole text
    return call(b, node, "regexp_full_match", [node.this, node.expression])


def _regexp_replace(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "replacement", "modifiers", "single_replace")
    options = node.args.get("modifiers")
    if options is not None and not (isinstance(options, exp.Literal) and options.name in ("", "g")):
        raise unsupported(b.sql, node, "regexp_replace with options but 'g'")
    name = "regexp_replace_all" if options is not None and options.name == "g" else "regexp_replace"
    return call(b, node, name, [node.this, node.expression, node.args["replacement"]])


def _concat_ws(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "expressions")
    if not isinstance(node.expressions[0], exp.Literal):
        raise unsupported(b.sql, node, "CONCAT_WS with a separator that is no constant")
    e = call(b, node, "concat_ws", list(node.expressions))
    return Call(e.facts.with_(nullable=False, key_null=False), "concat_ws", tuple(e.children()))


def _slice(b: ExprBinder, node: exp.Expr) -> Expr:
    """``text[2:4]``, ``text[1]``: characters of a text by constant places."""
    strict(b.sql, node, "this", "expressions", "offset")
    place = node.expressions[0] if len(node.expressions) == 1 else None
    if isinstance(place, exp.Slice):
        low, high = place.this, place.expression
        strict(b.sql, place, "this", "expression")
        parts = [n for n in (low, high) if n is not None]
        if len(parts) == 2:
            return call(b, node, "slice", [node.this, *parts])
        start = 1 if low is None else _constant(b, node, low)
        end = None if high is None else _constant(b, node, high)
        return call(b, node, "slice", [node.this, number(start), number(100_000 if end is None else end)])
    at = _constant(b, node, place)
    at = at + 1 if at >= 0 else at  # the parser counts from 0
    return call(b, node, "slice", [node.this, number(at), number(at)])


def _constant(b: ExprBinder, node: exp.Expr, place: exp.Expr | None) -> int:
    negative = isinstance(place, exp.Neg)
    inner = place.this if isinstance(place, exp.Neg) else place
    if not (isinstance(inner, exp.Literal) and not inner.is_string and inner.name.isdigit()):
        raise unsupported(b.sql, node, "A place in a text that is no constant")
    return -int(inner.name) if negative else int(inner.name)


def _first_of_list(name: str) -> Callable[[ExprBinder, exp.Expr], Expr]:
    def bind(b: ExprBinder, node: exp.Expr) -> Expr:
        strict(b.sql, node, "expressions", "charset")
        return call(b, node, name, list(node.expressions))

    return bind


def _regexp_extract(b: ExprBinder, node: exp.Expr) -> Expr:
    strict(b.sql, node, "this", "expression", "group", "null_if_pos_overflow")
    group = node.args.get("group")
    if group is not None and group.name != "0":
        return call(b, node, "regexp_extract_group", [node.this, node.expression, group])
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


_SPECIAL: dict[type[exp.Expr], Callable[[ExprBinder, Any], Expr]] = {
    exp.Trim: _trim, exp.Pad: _pad, exp.Concat: _concat, exp.Like: _like, exp.ILike: _like,
    exp.RegexpExtract: _regexp_extract, exp.Round: _round, exp.Log: _log,
    exp.Coalesce: _variadic("coalesce"), exp.Greatest: _variadic("greatest"), exp.Least: _variadic("least"),
    exp.Nullif: _variadic("nullif"), exp.Escape: _escape, exp.SimilarTo: _similar, exp.RegexpReplace: _regexp_replace,
    exp.ConcatWs: _concat_ws, exp.Bracket: _slice, exp.Chr: _first_of_list("chr"), **bind_time.SPECIAL,
}  # fmt: skip
