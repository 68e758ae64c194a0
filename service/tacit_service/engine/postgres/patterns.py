"""LIKE, GLOB and regular expressions, as far as both engines read a pattern alike.

DuckDB's RE2 takes the first alternative that matches, PostgreSQL the longest: whether a text matches is the same, where
the match ends is not. So a pattern may have alternatives where only that is asked, and one greedy repetition at most
where the match itself is taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .value import Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_CLASSES = {
    "d": "[0-9]",
    "w": "[0-9A-Za-z_]",
    "s": "[\t\n\f\r ]",
    "D": "[^0-9]",
    "W": "[^0-9A-Za-z_]",
    "S": "[^\t\n\f\r ]",
}
_TOKEN = re.compile(
    r"\\[dwsDWS]|\\[.^$*+?()\[\]{}|\\/\-]|\[\^?[^\]\\\[]+\]|\(\?:|[().|^$]|[*+?]\??|\{[0-9]+(?:,[0-9]*)?\}\??|[^\\\[\]{}()|*+?.^$]",
    re.DOTALL,
)
_UNICODE = '"pg_c_utf8"'
"""PostgreSQL's own collation (from version 17) that knows the cases of all letters."""


def cased(function: str, x: str) -> str:
    """UPPER or LOWER of all letters, ordered as bytes afterwards."""
    return f'({function}({x} COLLATE {_UNICODE}) COLLATE "C")'


def regex(pattern: str, *, taken: bool) -> str:
    """The pattern as PostgreSQL reads it. ``taken``: the match itself is used, not only whether there is one."""
    found, at, repeats = [], 0, 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise _unlike(pattern)
        text = token.group()
        at = token.end()
        if len(text) > 1 and text.endswith("?") and text[0] in "*+?{":
            raise _unlike(pattern)
        repeats += text[0] in "*+?{"
        if taken and (text == "|" or repeats > 1):
            raise _unlike(pattern)
        found.append(
            "[^\n]"
            if text == "."
            else _CLASSES[text[1]]
            if len(text) == 2 and text[0] == "\\" and text[1] in _CLASSES
            else text
        )
    if re.search(r"[*+?}][*+{]|\[[:.=]|\(\?(?!:)|(^|[(|])[*+?{](?!:)", pattern):
        raise _unlike(pattern)
    return "".join(found)


def _unlike(pattern: str) -> Untranslatable:
    return Untranslatable(
        f"the regular expression {pattern[:60]!r}",
        "Use literals, classes, groups and *, + or ?; where the match itself is taken, no alternatives.",
    )


def constant_text(node: exp.Expr | None) -> str:
    """The text of a literal."""
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise Untranslatable("a pattern that is no constant")
    return node.name


def like(t: Expressions, node: exp.Expr) -> Value:
    """LIKE and ILIKE, with no escape unless one is given."""
    strict(node, "this", "expression", "negate")
    if node.args.get("negate"):
        raise Untranslatable("NOT inside LIKE")
    return _like(t, node, "")


def escaped(t: Expressions, node: exp.Escape) -> Value:
    """LIKE … ESCAPE."""
    strict(node, "this", "expression")
    return _like(t, node.this, constant_text(node.expression))


def _like(t: Expressions, node: exp.Expr, escape: str) -> Value:
    x, pattern = t.text(node.this), t.literal(constant_text(node.expression))
    text = x.sql
    if isinstance(node, exp.ILike):
        if escape and escape.lower() != escape:
            raise Untranslatable("ILIKE with a letter as its escape")
        text, pattern = cased("lower", text), cased("lower", pattern)
    return made(f"({text} LIKE {pattern} ESCAPE {t.literal(escape)})", Kind.BOOL, x)


def glob(t: Expressions, node: exp.Glob) -> Value:
    """GLOB with * and ?, by LIKE."""
    x, pattern = t.text(node.this), constant_text(node.expression)
    if re.search(r"[\[\]\\]", pattern):
        raise Untranslatable("GLOB with classes of characters", "Use LIKE, or a regular expression.")
    text = re.sub(r"([!%_])", r"!\1", pattern).replace("*", "%").replace("?", "_")
    return made(f"({x.sql} LIKE {t.literal(text)} ESCAPE '!')", Kind.BOOL, x)


def matches(t: Expressions, node: exp.Expr) -> Value:
    """REGEXP_MATCHES, REGEXP_FULL_MATCH."""
    strict(node, "this", "expression")
    x, pattern = t.text(node.this), regex(constant_text(node.expression), taken=False)
    if isinstance(node, exp.RegexpFullMatch):
        pattern = f"^(?:{pattern})$"
    return made(f"({x.sql} ~ {t.literal(pattern)})", Kind.BOOL, x)


def extracted(t: Expressions, node: exp.RegexpExtract) -> Value:
    """REGEXP_EXTRACT of the whole match or of one group, '' where there is none."""
    strict(node, "this", "expression", "group", "null_if_pos_overflow")
    x, pattern = t.text(node.this), regex(constant_text(node.expression), taken=True)
    group = 0 if node.args.get("group") is None else t.value(node.args["group"]).constant
    if not isinstance(group, int):
        raise Untranslatable("REGEXP_EXTRACT of a group that is no constant")
    found = f"(regexp_match({x.sql}, {t.literal(pattern if group else f'({pattern})')}))[{max(group, 1)}]"
    return made(f"CASE WHEN {x.sql} IS NOT NULL THEN coalesce({found}, '') END", Kind.TEXT, x)


def replaced(t: Expressions, node: exp.RegexpReplace) -> Value:
    """REGEXP_REPLACE of the first match, or of all with 'g'."""
    strict(node, "this", "expression", "replacement", "modifiers", "single_replace")
    x, source = t.text(node.this), constant_text(node.expression)
    flags = "" if node.args.get("modifiers") is None else constant_text(node.args["modifiers"])
    if flags not in ("", "g") or (flags and re.search(r"[*?]|\{0", source)):
        raise _unlike(source)  # an empty match is replaced at other places by each engine
    with_text = constant_text(node.args["replacement"])
    if "\\" in with_text:
        raise Untranslatable("a replacement with backslashes")
    pattern = t.literal(regex(source, taken=True))
    return made(f"regexp_replace({x.sql}, {pattern}, {t.literal(with_text)}, '{flags}')", Kind.TEXT, x)


NODES: dict[type[exp.Expr], Any] = {
    exp.Like: like, exp.ILike: like, exp.Escape: escaped, exp.Glob: glob, exp.RegexpLike: matches, exp.RegexpFullMatch: matches,
    exp.RegexpExtract: extracted, exp.RegexpReplace: replaced,
}  # fmt: skip
