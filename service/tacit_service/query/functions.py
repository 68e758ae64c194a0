"""The allow-list of scalar functions below release points: types, bounds, nullability and the SQL that is emitted.

Every entry is *total*: for no value of its arguments does the engine raise. Where DuckDB would, the template wraps the
call in ``TRY(…)`` (NULL instead of an error) or the argument must be a literal that is checked here, so that data can
never decide an error. Templates are filled with already emitted argument SQL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from .bounds import DAY_US, Facts, Interval, Type

B, I, N, S, D, T = Type.BOOLEAN, Type.INTEGER, Type.NUMBER, Type.STRING, Type.DATE, Type.TIMESTAMP  # noqa: E741
NUM = (I, N)
TIME = (D, T)
ANY = (B, I, N, S, D, T)


@dataclass(frozen=True, slots=True)
class Fn:
    """A scalar function. ``params`` gives the allowed types of each argument; ``literal`` the indexes that must be constants.

    ``template`` uses {0}, {1} …; ``{args}`` joins all arguments. ``nulls`` says that the result may be NULL (or NaN)
    even when no argument is.
    """

    name: str
    params: tuple[tuple[Type, ...], ...]
    result: Type
    template: str
    bounds: Callable[[Sequence[Facts]], Interval] | None = None
    literal: tuple[int, ...] = ()
    nulls: bool = False
    optional: int = 0
    variadic: bool = False
    integer_grid: bool = False


def _b(lo: float | None, hi: float | None) -> Callable[[Sequence[Facts]], Interval]:
    return lambda _: Interval.of(lo, hi)


def _mono(f: Callable[[float], float], floor: float | None = None) -> Callable[[Sequence[Facts]], Interval]:
    def bounds(args: Sequence[Facts]) -> Interval:
        a = args[0].bounds
        if floor is not None and (a.lo is None or a.lo < floor):
            return Interval(None, a.monotone(f).hi) if a.hi is not None and a.hi > floor else Interval()
        return a.monotone(f)

    return bounds


def _abs(args: Sequence[Facts]) -> Interval:
    return args[0].bounds.absolute()


def _round(args: Sequence[Facts]) -> Interval:
    return args[0].bounds.floor_ends()


def _bits(args: Sequence[Facts]) -> Interval:
    """Of numbers that are not negative: no bit above the highest of either."""
    ends = [a.bounds for a in args]
    if not all(e.finite and e.ends()[0] >= 0 for e in ends):
        return Interval()
    return Interval.of(0, 2 ** max(int(e.ends()[1]).bit_length() for e in ends) - 1)


def _buckets(args: Sequence[Facts]) -> Interval:
    top = args[3].bounds.hi
    return Interval(Fraction(0), None if top is None else top + 1)


def _strings() -> list[Fn]:
    s = (S,)
    return [
        Fn("upper", (s,), S, "upper({0})"),
        Fn("lower", (s,), S, "lower({0})"),
        Fn("length", (s,), I, "length({0})", _b(0, None)),
        Fn("trim", (s, s), S, "trim({args})", literal=(1,), optional=1),
        Fn("ltrim", (s, s), S, "ltrim({args})", literal=(1,), optional=1),
        Fn("rtrim", (s, s), S, "rtrim({args})", literal=(1,), optional=1),
        Fn("substring", (s, (I,), (I,)), S, "substring({args})", literal=(1, 2), optional=1),
        Fn("left", (s, (I,)), S, "left({0}, {1})", literal=(1,)),
        Fn("right", (s, (I,)), S, "right({0}, {1})", literal=(1,)),
        Fn("replace", (s, s, s), S, "replace({args})", literal=(1, 2)),
        Fn("reverse", (s,), S, "reverse({0})"),
        Fn("split_part", (s, s, (I,)), S, "split_part({args})", literal=(1, 2)),
        Fn("lpad", (s, (I,), s), S, "lpad({0}, CAST({1} AS INTEGER), {2})", literal=(1, 2)),
        Fn("rpad", (s, (I,), s), S, "rpad({0}, CAST({1} AS INTEGER), {2})", literal=(1, 2)),
        Fn("concat", (ANY,), S, "concat({args})", variadic=True),
        Fn("dpipe", (ANY, ANY), S, "({0} || {1})"),
        Fn("contains", (s, s), B, "contains({args})"),
        Fn("starts_with", (s, s), B, "starts_with({args})"),
        Fn("ends_with", (s, s), B, "ends_with({args})"),
        Fn("strpos", (s, s), I, "strpos({args})", _b(0, None)),
        Fn("like", (s, s), B, "({0} LIKE {1})", literal=(1,)),
        Fn("ilike", (s, s), B, "({0} ILIKE {1})", literal=(1,)),
        Fn("regexp_matches", (s, s), B, "regexp_matches({args})", literal=(1,)),
        Fn("regexp_extract", (s, s), S, "regexp_extract({args})", literal=(1,)),
        Fn("md5", (s,), S, "md5({0})"),
        Fn("like_escape", (s, s, s), B, "({0} LIKE {1} ESCAPE {2})", literal=(1, 2)),
        Fn("ilike_escape", (s, s, s), B, "({0} ILIKE {1} ESCAPE {2})", literal=(1, 2)),
        Fn("glob", (s, s), B, "({0} GLOB {1})", literal=(1,)),
        Fn("regexp_full_match", (s, s), B, "regexp_full_match({args})", literal=(1,)),
        Fn("regexp_extract_group", (s, s, (I,)), S, "regexp_extract({0}, {1}, CAST({2} AS INTEGER))", literal=(1, 2)),
        Fn("regexp_replace", (s, s, s), S, "regexp_replace({args})", literal=(1, 2)),
        Fn("regexp_replace_all", (s, s, s), S, "regexp_replace({args}, 'g')", literal=(1, 2)),
        Fn("concat_ws", (ANY,), S, "concat_ws({args})", variadic=True),
        Fn("slice", (s, (I,), (I,)), S, "{0}[{1}:{2}]", literal=(1, 2)),
        Fn("translate", (s, s, s), S, "translate({args})", literal=(1, 2)),
        Fn("repeat", (s, (I,)), S, "repeat({args})", literal=(1,)),
        Fn("ascii", (s,), I, "CAST(ascii({0}) AS BIGINT)", _b(0, 0x10FFFF)),
        Fn("chr", ((I,),), S, "TRY(chr(TRY_CAST({0} AS INTEGER)))", nulls=True),
    ]


def _numbers() -> list[Fn]:
    return [
        Fn("abs", (NUM,), N, "abs({0})", _abs),
        Fn("sign", (NUM,), I, "CAST(sign({0}) AS BIGINT)", _b(-1, 1)),
        Fn("floor", (NUM,), N, "floor({0})", _round, integer_grid=True),
        Fn("ceil", (NUM,), N, "ceil({0})", _round, integer_grid=True),
        Fn("trunc", (NUM,), N, "trunc({0})", _round, integer_grid=True),
        Fn("round", (NUM,), N, "round({0})", _round, integer_grid=True),
        Fn("round_to", (NUM, (I,)), N, "round(CAST({0} AS DOUBLE), CAST({1} AS INTEGER))", None, literal=(1,)),
        Fn("sqrt", (NUM,), N, "sqrt(CAST({0} AS DOUBLE))", _mono(math.sqrt, 0.0), nulls=True),
        Fn("cbrt", (NUM,), N, "cbrt(CAST({0} AS DOUBLE))", _mono(math.cbrt)),
        Fn("ln", (NUM,), N, "ln(CAST({0} AS DOUBLE))", _mono(math.log, 1e-300), nulls=True),
        Fn("log2", (NUM,), N, "log2(CAST({0} AS DOUBLE))", _mono(math.log2, 1e-300), nulls=True),
        Fn("log10", (NUM,), N, "log10(CAST({0} AS DOUBLE))", _mono(math.log10, 1e-300), nulls=True),
        Fn("exp", (NUM,), N, "exp(CAST({0} AS DOUBLE))", _mono(math.exp), nulls=True),
        Fn("power", (NUM, NUM), N, "power(CAST({0} AS DOUBLE), {1})", None, literal=(1,), nulls=True),
        Fn(
            "width_bucket",
            (NUM, NUM, NUM, (I,)),
            I,
            "CAST(CASE WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1 "
            "ELSE floor(({0} - {1}) * {3} / ({2} - {1})) + 1 END AS BIGINT)",
            _buckets,
            literal=(1, 2, 3),
        ),
        Fn("bit_and", ((I,), (I,)), I, "({0} & {1})", _bits),
        Fn("bit_or", ((I,), (I,)), I, "({0} | {1})", _bits),
        Fn("bit_xor", ((I,), (I,)), I, "xor({0}, {1})", _bits),
        Fn("isnan", (NUM,), B, "isnan(CAST({0} AS DOUBLE))"),
        Fn("isfinite", (NUM,), B, "isfinite(CAST({0} AS DOUBLE))"),
    ]


# date parts that EXTRACT may name, with the range of their values
PARTS: dict[str, tuple[int | None, int | None]] = {
    "year": (None, None),
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    "dayofweek": (0, 6),
    "isodow": (1, 7),
    "dayofyear": (1, 366),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 60),
    "isoyear": (None, None),
    "yearweek": (None, None),
    "epoch": (None, None),
}
PART_ALIASES = {"dow": "dayofweek", "weekday": "dayofweek", "doy": "dayofyear", "dayofmonth": "day", "years": "year",
                "months": "month", "days": "day", "weeks": "week", "quarters": "quarter", "hours": "hour",
                "minutes": "minute", "seconds": "second", "weekofyear": "week", "y": "year", "mon": "month", "d": "day",
                "yr": "year", "min": "minute", "sec": "second", "h": "hour", "w": "week"}  # fmt: skip
TRUNC_PARTS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")


def _dates() -> list[Fn]:
    parts = [
        Fn(
            f"part_{p}",
            (TIME,),
            N if p == "epoch" else I,
            f"CAST(extract({p} FROM {{0}}) AS {'DOUBLE' if p == 'epoch' else 'BIGINT'})",
            _PART_BOUNDS.get(p) or _b(*r),
        )
        for p, r in PARTS.items()
    ]
    truncs = [Fn(f"trunc_{p}", (TIME,), T, f"TRY(date_trunc('{p}', {{0}}))", _trunc(p)) for p in TRUNC_PARTS]
    diffs = [
        Fn(f"diff_{p}", (TIME, TIME), I, f"TRY(date_diff('{p}', {{0}}, {{1}}))", _diff(p), nulls=True)
        for p in TRUNC_PARTS
    ]
    return [
        *parts,
        *truncs,
        *diffs,
        Fn("strftime", (TIME, (S,)), S, "strftime({0}, {1})", literal=(1,)),
        Fn("monthname", (TIME,), S, "monthname({0})"),
        Fn("dayname", (TIME,), S, "dayname({0})"),
        Fn("make_date", ((I,), (I,), (I,)), D, "TRY(make_date({args}))", nulls=True),
        Fn("last_day", (TIME,), D, "TRY(last_day({0}))", nulls=True),
    ]


_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def days_of(f: Facts) -> Interval:
    """Bounds of a temporal expression in days since 1970-01-01."""
    if f.type is Type.DATE:
        return f.bounds
    scale = Fraction(1, DAY_US)
    return Interval(
        None if f.bounds.lo is None else f.bounds.lo * scale, None if f.bounds.hi is None else f.bounds.hi * scale
    )


def _year(args: Sequence[Facts]) -> Interval:
    import datetime as dt

    def year(days: Fraction | None) -> int | None:
        if days is None:
            return None
        if not -700_000 <= days <= 2_900_000:  # outside years 1 to 9999
            return None
        return (dt.date(1970, 1, 1) + dt.timedelta(days=math.floor(days))).year

    days = days_of(args[0])
    return Interval.of(year(days.lo), year(days.hi))


def _isoyear(args: Sequence[Facts]) -> Interval:
    return _year(args).widen(Fraction(1))  # the first days of January may belong to the year before


def _yearweek(args: Sequence[Facts]) -> Interval:
    years = _isoyear(args)
    return Interval(None if years.lo is None else years.lo * 100, None if years.hi is None else years.hi * 100 + 53)


def _epoch(args: Sequence[Facts]) -> Interval:
    return days_of(args[0]) * Interval.of(86_400, 86_400)


_PART_BOUNDS: dict[str, Callable[[Sequence[Facts]], Interval]] = {
    "year": _year, "isoyear": _isoyear, "yearweek": _yearweek, "epoch": _epoch,
}  # fmt: skip


def _trunc(part: str) -> Callable[[Sequence[Facts]], Interval]:
    longest = {"year": 366, "quarter": 92, "month": 31, "week": 7, "day": 1}.get(part, 1)

    def bounds(args: Sequence[Facts]) -> Interval:
        days = days_of(args[0])
        return Interval(
            None if days.lo is None else (days.lo - longest) * DAY_US, None if days.hi is None else days.hi * DAY_US
        )

    return bounds


def _diff(part: str) -> Callable[[Sequence[Facts]], Interval]:
    per_day = {"year": Fraction(1, 365), "quarter": Fraction(1, 90), "month": Fraction(1, 28)}.get(
        part, Fraction(86_400, _SECONDS.get(part, 1))
    )

    def bounds(args: Sequence[Facts]) -> Interval:
        days = days_of(args[1]) - days_of(args[0])
        if not days.finite:
            return Interval()
        lo, hi = days.ends()
        return Interval(lo * per_day - 1, hi * per_day + 1).floor_ends()

    return bounds


FUNCTIONS: dict[str, Fn] = {f.name: f for f in (*_strings(), *_numbers(), *_dates())}

# names an analyst may write (DuckDB spellings) that stand for a function above
ALIASES: dict[str, str] = {
    "ucase": "upper", "lcase": "lower", "len": "length", "char_length": "length", "character_length": "length",
    "strlen": "length", "substr": "substring", "prefix": "starts_with", "suffix": "ends_with", "instr": "strpos",
    "position": "strpos", "ceiling": "ceil", "pow": "power", "log": "log10", "startswith": "starts_with",
    "endswith": "ends_with", "str_position": "strpos", "datediff": "date_diff", "datetrunc": "date_trunc",
    "isoyear": "part_isoyear", "yearweek": "part_yearweek", "ord": "ascii", "unicode": "ascii",
}  # fmt: skip

# what completion and the documentation list: the spellings analysts know
PUBLIC_NAMES: tuple[str, ...] = tuple(
    sorted(
        {n for n in FUNCTIONS if "_" not in n or n.split("_")[0] not in ("part", "trunc", "diff", "round")}
        - {"dpipe", "like", "ilike"}
        | {
            "coalesce",
            "nullif",
            "ifnull",
            "if",
            "greatest",
            "least",
            "extract",
            "date_part",
            "date_trunc",
            "date_diff",
            "cast",
            "try_cast",
            "year",
            "month",
            "day",
            "quarter",
            "week",
            "dayofweek",
            "hour",
            "minute",
            "second",
        }
    )
)
