"""Functions of text. Lengths and places count characters; letters have the cases that DuckDB gives them, one for one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .casts import convert
from .scope import literal
from .value import Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What TRIM takes away there: every space separator of Unicode."""
_LETTERS_END = 0x20000  # no script beyond has cases
_LONGEST = 2.0**31


@functools.cache
def _letters(function: str) -> tuple[str, str]:
    """Letters beyond ASCII, and what UPPER or LOWER makes of each: Java's own changes some into two."""
    made_of = {"upper": {"ß": "ẞ"}, "lower": {"İ": "i"}}[function]
    pairs = []
    for code in range(0x80, _LETTERS_END):
        if 0xD800 <= code < 0xE000:
            continue
        letter = chr(code)
        forms = (getattr(letter, function)(), letter.title() if function == "upper" else letter)
        other = made_of.get(letter) or next((f for f in forms if len(f) == 1), letter)
        if other != letter:
            pairs.append((letter, other))
    return "".join(a for a, _ in pairs), "".join(b for _, b in pairs)


def cased(function: str, x: str) -> str:
    """UPPER or LOWER: Spark's own of ASCII, the table's of the rest."""
    before, after = _letters(function)
    other = f"translate({x}, {literal(before)}, {literal(after)})"
    return f"CASE WHEN octet_length({x}) = length({x}) THEN {function}({x}) ELSE {_ascii(function, other)} END"


def _ascii(function: str, x: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    pair = (letters, letters.upper()) if function == "upper" else (letters.upper(), letters)
    return f"translate({x}, {literal(pair[0])}, {literal(pair[1])})"


def case(t: Expressions, node: exp.Expr) -> Value:
    """UPPER, LOWER."""
    strict(node, "this")
    return made(cased("upper" if isinstance(node, exp.Upper) else "lower", t.text(node.this).sql), Kind.TEXT)


def _integer(text: str, high: float = _LONGEST) -> Value:
    return made(f"CAST({text} AS BIGINT)", Kind.INT, 0, high)


def length(t: Expressions, node: exp.Length) -> Value:
    """LENGTH in characters."""
    strict(node, "this")
    return _integer(f"length({t.text(node.this).sql})")


def trim(t: Expressions, node: exp.Trim) -> Value:
    """TRIM, LTRIM, RTRIM."""
    strict(node, "this", "expression", "position")
    x = t.text(node.this)
    chars = literal(_SPACES) if node.args.get("expression") is None else t.text(node.expression).sql
    side = str(node.args.get("position") or "BOTH")
    if side not in ("LEADING", "TRAILING", "BOTH"):
        raise Untranslatable(f"TRIM {side}")
    return made(f"trim({side} {chars} FROM {x.sql})", Kind.TEXT)


def _place(t: Expressions, node: exp.Expr | None, low: int, what: str) -> int:
    while isinstance(node, exp.Cast):
        node = node.this
    found = None if node is None else t.value(node).constant
    if not isinstance(found, int) or not low <= found < 2**31:
        raise Untranslatable(f"{what} with a place that is below {low} or no constant", "Count places from 1.")
    return found


def substring(t: Expressions, node: exp.Substring) -> Value:
    """SUBSTRING from a place above 0."""
    strict(node, "this", "start", "length")
    x, start = t.text(node.this), _place(t, node.args["start"], 1, "SUBSTRING")
    if node.args.get("length") is None:
        return made(f"substring({x.sql}, {start})", Kind.TEXT)
    return made(f"substring({x.sql}, {start}, {_place(t, node.args['length'], 0, 'SUBSTRING')})", Kind.TEXT)


def bracket(t: Expressions, node: exp.Bracket) -> Value:
    """``text[a:b]``."""
    strict(node, "this", "expressions", "offset")
    (part,) = node.expressions
    if not isinstance(part, exp.Slice):
        raise Untranslatable("a place of a list")
    strict(part, "this", "expression")
    a, b = _place(t, part.this, 1, "a slice"), _place(t, part.expression, 0, "a slice")
    return made(f"substring({t.text(node.this).sql}, {a}, {max(b - a + 1, 0)})", Kind.TEXT)


def end(t: Expressions, node: exp.Expr) -> Value:
    """LEFT, RIGHT; a negative number leaves so many out."""
    strict(node, "this", "expression")
    x = t.text(node.this)
    left = isinstance(node, exp.Left)
    n = _place(t, node.expression, -100_000, "LEFT or RIGHT")
    if n >= 0:
        return made(f"{'left' if left else 'right'}({x.sql}, {n})", Kind.TEXT)
    if left:
        return made(f"substring({x.sql}, 1, greatest(length({x.sql}) - {-n}, 0))", Kind.TEXT)
    return made(f"substring({x.sql}, {1 - n})", Kind.TEXT)


def replace(t: Expressions, node: exp.Replace) -> Value:
    """REPLACE."""
    strict(node, "this", "expression", "replacement")
    parts = [t.text(n).sql for n in (node.this, node.expression, node.args["replacement"])]
    return made(f"replace({', '.join(parts)})", Kind.TEXT)


def split(t: Expressions, node: exp.SplitPart) -> Value:
    """SPLIT_PART at a separator that is not empty."""
    strict(node, "this", "delimiter", "part_index")
    x, separator = t.text(node.this), node.args["delimiter"]
    if not (isinstance(separator, exp.Literal) and separator.name):
        raise Untranslatable("SPLIT_PART at nothing")
    place = _place(t, node.args["part_index"], 1, "SPLIT_PART")
    return made(f"split_part({x.sql}, {literal(separator.name)}, {place})", Kind.TEXT)


def pad(t: Expressions, node: exp.Pad) -> Value:
    """LPAD, RPAD by a constant length and a fill that is not empty."""
    strict(node, "this", "expression", "fill_pattern", "is_left")
    x, fill = t.text(node.this), node.args["fill_pattern"]
    if not (isinstance(fill, exp.Literal) and fill.name):
        raise Untranslatable("LPAD or RPAD by nothing")
    name = "lpad" if node.args.get("is_left") else "rpad"
    return made(f"{name}({x.sql}, {_place(t, node.expression, 0, 'LPAD or RPAD')}, {literal(fill.name)})", Kind.TEXT)


def joined(t: Expressions, node: exp.Expr) -> Value:
    """CONCAT, CONCAT_WS, which leave NULL out; and ``||``, which does not."""
    if isinstance(node, exp.DPipe):
        strict(node, "this", "expression")
        return made(f"concat({as_text(t, node.this).sql}, {as_text(t, node.expression).sql})", Kind.TEXT)
    strict(node, "expressions")
    parts = [as_text(t, e).sql for e in node.expressions]
    if not isinstance(node, exp.ConcatWs):
        parts.insert(0, "''")
    return made(f"concat_ws({', '.join(parts)})", Kind.TEXT)


def as_text(t: Expressions, node: exp.Expr) -> Value:
    """Any value as its text."""
    return convert(t.value(node), Kind.TEXT)


def found_in(t: Expressions, node: exp.Expr) -> Value:
    """CONTAINS, STARTS_WITH, ENDS_WITH."""
    strict(node, "this", "expression")
    name = {"Contains": "contains", "StartsWith": "startswith", "EndsWith": "endswith"}[type(node).__name__]
    return made(f"{name}({t.text(node.this).sql}, {t.text(node.expression).sql})", Kind.BOOL)


def position(t: Expressions, node: exp.StrPosition) -> Value:
    """STRPOS."""
    strict(node, "this", "substr")
    return _integer(f"instr({t.text(node.this).sql}, {t.text(node.args['substr']).sql})")


def md5(t: Expressions, node: exp.MD5) -> Value:
    """MD5 of the UTF-8 bytes, in hexadecimal: the same word in both engines."""
    strict(node, "this")
    return made(f"md5({t.text(node.this).sql})", Kind.TEXT)


def character(t: Expressions, node: exp.Chr) -> Value:
    """CHR of a constant."""
    (code,) = node.expressions
    while isinstance(code, exp.Cast | exp.TryCast):
        code = code.this
    found = t.value(code).constant
    if not (isinstance(found, int) and 1 <= found < 0xD800):
        raise Untranslatable("CHR of what is no constant")
    return Value(literal(chr(found)), Kind.TEXT, constant=chr(found))


def first_code(t: Expressions, node: exp.Expr) -> Value:
    """ASCII: the code of the first character."""
    strict(node, "this")
    return _integer(f"ascii({t.text(node.this).sql})", 2.0**21)


def translated(t: Expressions, node: exp.Translate) -> Value:
    """TRANSLATE character by character."""
    strict(node, "this", "from_", "to")
    before, after = node.args["from_"], node.args["to"]
    if not all(isinstance(n, exp.Literal) for n in (before, after)) or len(set(before.name)) < len(before.name):
        raise Untranslatable("TRANSLATE of a character twice")
    return made(f"translate({t.text(node.this).sql}, {literal(before.name)}, {literal(after.name)})", Kind.TEXT)


def repeated(t: Expressions, node: exp.Repeat) -> Value:
    """REPEAT by a constant."""
    strict(node, "this", "times")
    return made(f"repeat({t.text(node.this).sql}, {_place(t, node.args['times'], 0, 'REPEAT')})", Kind.TEXT)


def reversed_text(_: Expressions, __: exp.Expr) -> Value:
    """REVERSE keeps accents on their letters there, and not here."""
    raise Untranslatable("REVERSE", "Reverse the text in the source, as a column of its own.")


NODES: dict[type[exp.Expr], Any] = {
    exp.Upper: case, exp.Lower: case, exp.Length: length, exp.Trim: trim, exp.Substring: substring, exp.Bracket: bracket,
    exp.Left: end, exp.Right: end, exp.Replace: replace, exp.SplitPart: split, exp.Pad: pad, exp.Concat: joined,
    exp.ConcatWs: joined, exp.DPipe: joined, exp.Contains: found_in, exp.StartsWith: found_in, exp.EndsWith: found_in,
    exp.StrPosition: position, exp.MD5: md5, exp.Chr: character, exp.Ascii: first_code, exp.Translate: translated,
    exp.Repeat: repeated, exp.Reverse: reversed_text,
}  # fmt: skip
