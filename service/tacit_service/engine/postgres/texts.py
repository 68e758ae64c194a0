"""Functions of text. Lengths and places count characters; letters have the cases that Unicode gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .casts import convert
from .patterns import cased
from .value import Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What TRIM takes away there: every space separator of Unicode."""


def case(t: Expressions, node: exp.Expr) -> Value:
    """UPPER, LOWER."""
    strict(node, "this")
    x = t.text(node.this)
    return made(cased("upper" if isinstance(node, exp.Upper) else "lower", x.sql), Kind.TEXT, x)


def length(t: Expressions, node: exp.Length) -> Value:
    """LENGTH in characters."""
    strict(node, "this")
    x = t.text(node.this)
    return made(f"length({x.sql})::bigint", Kind.INT, x, high=2.0**30)


def trim(t: Expressions, node: exp.Trim) -> Value:
    """TRIM, LTRIM, RTRIM."""
    strict(node, "this", "expression", "position")
    x = t.text(node.this)
    chars = t.literal(_SPACES) if node.args.get("expression") is None else t.text(node.expression).sql
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "btrim")
    return made(f"{name}({x.sql}, {chars})", Kind.TEXT, x)


def _place(t: Expressions, node: exp.Expr | None, low: int, what: str) -> int:
    found = None if node is None else t.value(node).constant
    if not isinstance(found, int) or found < low:
        raise Untranslatable(f"{what} with a place that is below {low} or no constant", "Count places from 1.")
    return found


def substring(t: Expressions, node: exp.Substring) -> Value:
    """SUBSTRING from a place above 0."""
    strict(node, "this", "start", "length")
    x, start = t.text(node.this), _place(t, node.args["start"], 1, "SUBSTRING")
    if node.args.get("length") is None:
        return made(f"substr({x.sql}, {start})", Kind.TEXT, x)
    return made(f"substr({x.sql}, {start}, {_place(t, node.args['length'], 0, 'SUBSTRING')})", Kind.TEXT, x)


def bracket(t: Expressions, node: exp.Bracket) -> Value:
    """``text[a:b]``."""
    strict(node, "this", "expressions", "offset")
    (part,) = node.expressions
    if not isinstance(part, exp.Slice):
        raise Untranslatable("a place of a list")
    strict(part, "this", "expression")
    a, b = _place(t, part.this, 1, "a slice"), _place(t, part.expression, 0, "a slice")
    x = t.text(node.this)
    return made(f"substr({x.sql}, {a}, {max(b - a + 1, 0)})", Kind.TEXT, x)


def end(t: Expressions, node: exp.Expr) -> Value:
    """LEFT, RIGHT; a negative number leaves so many out."""
    strict(node, "this", "expression")
    x = t.text(node.this)
    name = "left" if isinstance(node, exp.Left) else "right"
    return made(f"{name}({x.sql}, {_place(t, node.expression, -100_000, name.upper())})", Kind.TEXT, x)


def replace(t: Expressions, node: exp.Replace) -> Value:
    """REPLACE."""
    strict(node, "this", "expression", "replacement")
    x = t.text(node.this)
    return made(
        f"replace({x.sql}, {t.text(node.expression).sql}, {t.text(node.args['replacement']).sql})", Kind.TEXT, x
    )


def split(t: Expressions, node: exp.SplitPart) -> Value:
    """SPLIT_PART at a separator that is not empty."""
    strict(node, "this", "delimiter", "part_index")
    x, separator = t.text(node.this), node.args["delimiter"]
    if not (isinstance(separator, exp.Literal) and separator.name):
        raise Untranslatable("SPLIT_PART at nothing")
    place = _place(t, node.args["part_index"], 1, "SPLIT_PART")
    return made(f"split_part({x.sql}, {t.literal(separator.name)}, {place})", Kind.TEXT, x)


def pad(t: Expressions, node: exp.Pad) -> Value:
    """LPAD, RPAD."""
    strict(node, "this", "expression", "fill_pattern", "is_left")
    x, fill = t.text(node.this), t.text(node.args["fill_pattern"])
    name = "lpad" if node.args.get("is_left") else "rpad"
    return made(f"{name}({x.sql}, ({t.value(node.expression).sql})::integer, {fill.sql})", Kind.TEXT, x)


def joined(t: Expressions, node: exp.Expr) -> Value:
    """CONCAT, CONCAT_WS, which leave NULL out; and ``||``, which does not."""
    if isinstance(node, exp.DPipe):
        parts = [as_text(t, node.this), as_text(t, node.expression)]
        return made(f"({parts[0].sql} || {parts[1].sql})", Kind.TEXT, *parts)
    strict(node, "expressions")
    parts = [as_text(t, e) for e in node.expressions]
    name = "concat_ws" if isinstance(node, exp.ConcatWs) else "concat"
    return made(f"{name}({', '.join(p.sql for p in parts)})", Kind.TEXT, *parts)


def as_text(t: Expressions, node: exp.Expr) -> Value:
    """Any value as its text."""
    return convert(t.value(node), Kind.TEXT)


def contains(t: Expressions, node: exp.Contains) -> Value:
    """CONTAINS."""
    strict(node, "this", "expression")
    x, y = t.text(node.this), t.text(node.expression)
    return made(f"(strpos({x.sql}, {y.sql}) > 0)", Kind.BOOL, x, y)


def starts(t: Expressions, node: exp.StartsWith) -> Value:
    """STARTS_WITH."""
    strict(node, "this", "expression")
    x, y = t.text(node.this), t.text(node.expression)
    return made(f"starts_with({x.sql}, {y.sql})", Kind.BOOL, x, y)


def ends(t: Expressions, node: exp.EndsWith) -> Value:
    """ENDS_WITH."""
    strict(node, "this", "expression")
    x, y = t.text(node.this), t.text(node.expression)
    return made(f"(right({x.sql}, length({y.sql})) = {y.sql})", Kind.BOOL, x, y)


def position(t: Expressions, node: exp.StrPosition) -> Value:
    """STRPOS."""
    strict(node, "this", "substr")
    x, y = t.text(node.this), t.text(node.args["substr"])
    return made(f"strpos({x.sql}, {y.sql})::bigint", Kind.INT, x, y, high=2.0**30)


def md5(t: Expressions, node: exp.MD5) -> Value:
    """MD5 of the UTF-8 bytes, in hexadecimal: the same word in both engines."""
    x = t.text(node.this)
    return made(f"md5({x.sql})", Kind.TEXT, x)


def character(t: Expressions, node: exp.Chr) -> Value:
    """CHR of a constant."""
    (code,) = node.expressions
    found = t.value(code).constant
    if not (isinstance(found, int) and 1 <= found < 0xD800):
        raise Untranslatable("CHR of what is no constant")
    return made(f"chr({found})", Kind.TEXT)


def first_code(t: Expressions, node: exp.Expr) -> Value:
    """ASCII: the code of the first character."""
    strict(node, "this")
    x = t.text(node.this)
    return made(f"ascii({x.sql})::bigint", Kind.INT, x, high=2.0**21)


def translated(t: Expressions, node: exp.Translate) -> Value:
    """TRANSLATE character by character."""
    strict(node, "this", "from_", "to")
    x = t.text(node.this)
    return made(f"translate({x.sql}, {t.text(node.args['from_']).sql}, {t.text(node.args['to']).sql})", Kind.TEXT, x)


def repeated(t: Expressions, node: exp.Repeat) -> Value:
    """REPEAT by a constant."""
    strict(node, "this", "times")
    x = t.text(node.this)
    return made(f"repeat({x.sql}, {_place(t, node.args['times'], 0, 'REPEAT')})", Kind.TEXT, x)


def reversed_text(_: Expressions, __: exp.Expr) -> Value:
    """REVERSE keeps accents on their letters there, and not here."""
    raise Untranslatable("REVERSE", "Reverse the text in the database, as a column of its own.")


NODES: dict[type[exp.Expr], Any] = {
    exp.Upper: case, exp.Lower: case, exp.Length: length, exp.Trim: trim, exp.Substring: substring, exp.Bracket: bracket,
    exp.Left: end, exp.Right: end, exp.Replace: replace, exp.SplitPart: split, exp.Pad: pad, exp.Concat: joined,
    exp.ConcatWs: joined, exp.DPipe: joined, exp.Contains: contains, exp.StartsWith: starts, exp.EndsWith: ends,
    exp.StrPosition: position, exp.MD5: md5, exp.Chr: character, exp.Ascii: first_code, exp.Translate: translated,
    exp.Repeat: repeated, exp.Reverse: reversed_text,
}  # fmt: skip
