"""LIKE, GLOB and regular expressions, as far as both engines read a pattern alike.

DuckDB's RE2 and Java both take the first alternative that matches. Java's matcher recurses where a group repeats, and a
long text could then end it with an error: so what repeats is one character or one class, a few times in a pattern. It also
tries again wherever a repeat may end: two repeats without a limit, in a regular expression or in LIKE (which Spark runs as
one), would take a time that grows so fast with the text that one person's row could end a query. One is all there may be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .scope import literal
from .texts import cased
from .value import Kind, Untranslatable, Value, made, strict

if TYPE_CHECKING:
    from .expressions import Expressions

_CLASSES = {"\\d": "[0-9]", "\\w": "[0-9A-Za-z_]", "\\s": "[\\t\\n\\f\\r ]", "\\D": "[^0-9]", "\\W": "[^0-9A-Za-z_]",
            "\\S": "[^\\t\\n\\f\\r ]", ".": "[^\\n]", "$": "\\z", "^": "\\A"}  # fmt: skip
_TOKEN = re.compile(
    r"\\[dwsDWS]|\\[.^$*+?()\[\]{}|\\/\-]|\[\^?[^\]\\\[&~^]+\]|\(\?:|[().|^$]|[*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\}"
    r"|[^\\\[\]{}()|*+?.^$]",
    re.DOTALL,
)
_REPEATS_MAX = 3
_SHORT = re.compile(r"\?|\{1?[0-9](,1?[0-9])?\}")  # a repeat of twenty at most
_EMPTY = re.compile(r"[*?]|\{0")


def regex(pattern: str) -> str:
    """The pattern as Java reads it."""
    found, at, repeats, endless, depth, last = [], 0, 0, 0, 0, ""
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise _unlike(pattern)
        text, at = token.group(), token.end()
        if text[0] in "*+?{":
            repeats += 1
            endless += _SHORT.fullmatch(text) is None
            if (
                endless > 1
                or last in ("", "(", "(?:", "|", "^", "$", ")")
                or last[0] in "*+?{"
                or repeats > _REPEATS_MAX
            ):
                raise _unlike(pattern)
        depth += (text in ("(", "(?:")) - (text == ")")
        if depth < 0:
            raise _unlike(pattern)
        last = text
        found.append(_CLASSES.get(text, text))
    if depth:
        raise _unlike(pattern)
    return "".join(found)


def _unlike(pattern: str) -> Untranslatable:
    return Untranslatable(
        f"the regular expression {pattern[:60]!r}",
        f"Use literals, classes and groups; ? or {{n,m}} of one character or class, {_REPEATS_MAX} times at most, and one * or +.",
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
    x = t.text(node.this)
    parts = _parts(constant_text(node.expression), escape)
    _quick(parts)
    if not isinstance(node, exp.ILike):
        return made(f"({x.sql} LIKE {_written(parts)} ESCAPE '!')", Kind.BOOL)
    if escape and escape.lower() != escape:
        raise Untranslatable("ILIKE with a letter as its escape")
    if not all(part.isascii() for part, _ in parts):
        raise Untranslatable("ILIKE with letters beyond ASCII in its pattern", "Write LOWER(x) LIKE '…'.")
    lower = [(part.lower(), wild) for part, wild in parts]
    return made(f"({cased('lower', x.sql)} LIKE {_written(lower)} ESCAPE '!')", Kind.BOOL)


def _parts(pattern: str, escape: str) -> list[tuple[str, bool]]:
    """The characters of a pattern, and whether each is a wildcard."""
    if len(escape) > 1:
        raise Untranslatable("an escape of several characters")
    parts, taken = [], False
    for c in pattern:
        if escape and c == escape and not taken:
            taken = True
            continue
        if taken and c not in ("%", "_", escape):
            raise Untranslatable("an escape before what needs none")
        parts.append((c, c in "%_" and not taken))
        taken = False
    if taken:
        raise Untranslatable("a pattern that ends in its escape")
    return parts


def _quick(parts: list[tuple[str, bool]]) -> None:
    """Refuse a pattern that Java would try for long: a % before another, but for one at the end, which nothing can fail after."""
    ends = len(parts)
    while ends and parts[ends - 1] == ("%", True):
        ends -= 1
    runs = sum(part == ("%", True) and (i == 0 or parts[i - 1] != part) for i, part in enumerate(parts[:ends]))
    if runs > 1:
        raise Untranslatable(
            "LIKE with several % before its end", "Write a condition for each part: x LIKE '%a%' AND x LIKE '%b%'."
        )


def _written(parts: list[tuple[str, bool]]) -> str:
    return literal("".join(f"!{c}" if c in "!%_" and not wild else c for c, wild in parts))


def glob(t: Expressions, node: exp.Glob) -> Value:
    """GLOB with * and ?, by LIKE."""
    strict(node, "this", "expression")
    x, pattern = t.text(node.this), constant_text(node.expression)
    if "[" in pattern or "\\" in pattern:
        raise Untranslatable("GLOB with brackets or backslashes")
    parts = [({"*": "%", "?": "_"}.get(c, c), c in "*?") for c in pattern]
    _quick(parts)
    return made(f"({x.sql} LIKE {_written(parts)} ESCAPE '!')", Kind.BOOL)


def matches(t: Expressions, node: exp.Expr) -> Value:
    """REGEXP_MATCHES, REGEXP_FULL_MATCH."""
    strict(node, "this", "expression")
    x, pattern = t.text(node.this), regex(constant_text(node.expression))
    if isinstance(node, exp.RegexpFullMatch):
        pattern = f"\\A(?:{pattern})\\z"
    return made(f"({x.sql} RLIKE {literal(pattern)})", Kind.BOOL)


def _groups(pattern: str) -> int:
    return len(re.findall(r"(?<!\\)\((?!\?)", pattern))


def extracted(t: Expressions, node: exp.RegexpExtract) -> Value:
    """REGEXP_EXTRACT of the whole match or of one group, '' where there is none."""
    strict(node, "this", "expression", "group", "null_if_pos_overflow")
    x, pattern = t.text(node.this), regex(constant_text(node.expression))
    group: Any = 0
    if node.args.get("group") is not None:
        inner = node.args["group"]
        while isinstance(inner, exp.Cast):
            inner = inner.this
        group = t.value(inner).constant
    if not isinstance(group, int) or not 0 <= group <= _groups(pattern):
        raise Untranslatable("REGEXP_EXTRACT of a group that is not there")
    return made(f"regexp_extract({x.sql}, {literal(pattern)}, {group})", Kind.TEXT)


def replaced(t: Expressions, node: exp.RegexpReplace) -> Value:
    """REGEXP_REPLACE of the first match, or of all with 'g'."""
    strict(node, "this", "expression", "replacement", "modifiers", "single_replace")
    x, source = t.text(node.this), constant_text(node.expression)
    flags = "" if node.args.get("modifiers") is None else constant_text(node.args["modifiers"])
    if flags not in ("", "g") or _EMPTY.search(source):
        raise _unlike(source)  # an empty match is replaced at other places by each engine
    with_text = constant_text(node.args["replacement"])
    if "\\" in with_text:
        raise Untranslatable("a replacement with backslashes")
    with_text = with_text.replace("$", "\\$")
    pattern = f"(?:{regex(source)})"
    if not flags:  # Spark replaces every match: all up to the first one is taken with it, and put back
        pattern, with_text = f"\\A([\\x{{0}}-\\x{{10FFFF}}]*?){pattern}", f"$1{_apart(with_text)}"
    return made(f"regexp_replace({x.sql}, {literal(pattern)}, {literal(with_text)})", Kind.TEXT)


def _apart(text: str) -> str:
    """A digit after ``$1`` would name another group."""
    return f"\\{text}" if text[:1].isdigit() else text


NODES: dict[type[exp.Expr], Any] = {
    exp.Like: like, exp.ILike: like, exp.Escape: escaped, exp.Glob: glob, exp.RegexpLike: matches, exp.RegexpFullMatch: matches,
    exp.RegexpExtract: extracted, exp.RegexpReplace: replaced,
}  # fmt: skip
