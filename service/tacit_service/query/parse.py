"""Text to one parsed SELECT, within limits that are checked on tokens before the parser sees anything.

sqlglot's parser is exponential in nested type-named calls (``DATE(DATE(…``) and recursive in every other nesting, so
size, token count and nesting are bounded first; what passes parses in milliseconds.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from tacit_service.errors import Position, SqlSyntaxError

from .caps import span as span
from .named_arguments import with_bounds
from .pivot import statement

CHARS_MAX = 20_000
TOKENS_MAX = 4_000
NESTING_MAX = 30
TYPE_CALL_NESTING_MAX = 4
CHAIN_MAX = 24
TREE_DEPTH_MAX = 220
IDENTIFIER_CHARS_MAX = 128

_LENGTH = re.compile(r"\s*(-?\d+(\.\d+)?|-?\d+:\d\d(:\d\d(\.\d+)?)?|(-?\d+(\.\d+)?\s*[A-Za-z]+\s*)+)\s*", re.ASCII)
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_PREFIX = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE}


def parse(sql: str) -> exp.Query:
    """Parse one SELECT (or set operation) in DuckDB's dialect.

    Raises ``SqlSyntaxError``: sql_too_large, sql_too_deep, sql_syntax, sql_not_one_select.
    """
    if len(sql) > CHARS_MAX:
        raise SqlSyntaxError("sql_too_large", f"The statement has {len(sql)} characters; {CHARS_MAX} are allowed.")
    if "\x00" in sql:
        raise SqlSyntaxError("sql_syntax", "The statement holds a NUL character.")
    tokens = _tokens(sql)
    _check_nesting(sql, tokens)
    _check_intervals(sql, tokens)
    tree = _one_query(sql, tokens)
    _check_tree(sql, tree)
    return tree


def _tokens(sql: str) -> list[Token]:
    try:
        tokens: list[Token] = DuckDB().tokenize(sql)
    except TokenError as error:
        raise SqlSyntaxError("sql_syntax", "A quote or a comment is not closed.") from error
    if len(tokens) > TOKENS_MAX:
        raise SqlSyntaxError("sql_too_large", f"The statement has {len(tokens)} tokens; {TOKENS_MAX} are allowed.")
    return tokens


def _check_nesting(sql: str, tokens: list[Token]) -> None:
    depth = type_depth = chain = 0
    stack: list[bool] = []
    for i, token in enumerate(tokens):
        kind = token.token_type
        if kind in _OPEN:
            typed = kind is TokenType.L_PAREN and i > 0 and _type_named(tokens[i - 1])
            stack.append(typed)
            depth += 1
            type_depth += typed
        elif kind in _CLOSE and stack:
            depth -= 1
            type_depth -= stack.pop()
        chain = chain + 1 if kind in _PREFIX else 0
        if depth > NESTING_MAX or type_depth > TYPE_CALL_NESTING_MAX or chain > CHAIN_MAX:
            raise SqlSyntaxError(
                "sql_too_deep",
                f"The statement is nested deeper than {NESTING_MAX} levels "
                f"(or {TYPE_CALL_NESTING_MAX} calls named like a type, such as DATE).",
                hint="Move inner parts into WITH clauses.",
                position=span(sql, token.start, token.end + 1),
            )


def _check_intervals(sql: str, tokens: list[Token]) -> None:
    """Refuse the lengths of which sqlglot keeps the first number and unit and drops the rest: '1 day ago' is not a day."""
    for before, token in itertools.pairwise(tokens):
        if before.token_type is not TokenType.INTERVAL or token.token_type is not TokenType.STRING:
            continue
        if _LENGTH.fullmatch(token.text) is None:
            raise SqlSyntaxError(
                "unsupported_syntax",
                "A length of time is written as numbers with units.",
                hint="Write INTERVAL '1 day', INTERVAL '1 month -1 day' or INTERVAL (-1) DAY.",
                position=span(sql, token.start, token.end + 1),
            )


def _type_named(token: Token) -> bool:
    return token.token_type in DuckDB.Parser.TYPE_TOKENS and token.token_type is not TokenType.VAR


def _one_query(sql: str, tokens: list[Token]) -> exp.Query:
    try:
        trees: list[Any] = DuckDB().parser().parse(with_bounds(tokens), sql)
    except ParseError as error:
        where = error.errors[0] if error.errors else {}
        text = str(where.get("description") or "").rstrip(".")
        if not text or "<class" in text:  # the parser's own vocabulary helps nobody
            text = "The statement is not complete here"
        hint = "Check commas, brackets and keywords around this place."
        raise SqlSyntaxError("sql_syntax", f"{text}.", hint=hint, position=_at(sql, where)) from error
    except RecursionError as error:
        raise SqlSyntaxError("sql_too_deep", "The statement is nested too deeply.") from error
    trees = [t for t in trees if t is not None]
    if len(trees) != 1:
        raise SqlSyntaxError(
            "sql_not_one_select",
            "Exactly one statement is allowed.",
            hint="Send each SELECT as a query of its own.",
        )
    tree = trees[0]
    if isinstance(tree, exp.Pivot):
        tree = statement(tree) or tree
    if isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
        tree = tree.unnest()
    if isinstance(tree, exp.Values):
        tree.set("alias", tree.args.get("alias") or exp.TableAlias(this=exp.to_identifier("__values", quoted=True)))
        tree = exp.Select(expressions=[exp.Star()]).from_(tree, copy=False)
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise SqlSyntaxError(
            "sql_not_one_select",
            "Only a SELECT can be asked; nothing can be set, created, copied, attached, described or changed.",
            hint="Write one SELECT statement.",
        )
    return tree


def _check_tree(sql: str, tree: exp.Expr) -> None:
    stack: list[tuple[exp.Expr, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > TREE_DEPTH_MAX:
            raise SqlSyntaxError("sql_too_deep", "The statement has too long a chain of operators.")
        made = node.arg_key == "columns" and isinstance(node.parent, exp.Pivot)  # by the parser, which names no truths
        if isinstance(node, exp.Identifier) and (node.name or not made):
            _check_identifier(sql, node)
        stack.extend((child, depth + 1) for child in node.iter_expressions())


def _check_identifier(sql: str, node: exp.Identifier) -> None:
    name = node.name
    if not name or len(name) > IDENTIFIER_CHARS_MAX or not name.isprintable():
        raise SqlSyntaxError(
            "identifier_invalid",
            f"A name is empty, longer than {IDENTIFIER_CHARS_MAX} characters, or holds control characters.",
            hint="Use printable characters in names and aliases.",
            position=position(sql, node),
        )


def _at(sql: str, where: dict[str, Any]) -> Position | None:
    line, col = where.get("line"), where.get("col")
    if not isinstance(line, int) or not isinstance(col, int):
        return None
    lines = sql.split("\n")
    if not 1 <= line <= len(lines):
        return None
    end = min(sum(len(t) + 1 for t in lines[: line - 1]) + col, len(sql))
    width = max(len(str(where.get("highlight") or "x")), 1)
    return span(sql, max(end - width, 0), end)


def position(sql: str, node: exp.Expr | None) -> Position | None:
    """Where a parsed node stands in the text: the span of all positioned tokens under it, or ``None``."""
    if node is None:
        return None
    starts: list[int] = []
    ends: list[int] = []
    for n in node.walk():
        meta = n._meta
        if meta and "start" in meta:
            starts.append(int(meta["start"]))
            ends.append(int(meta["end"]) + 1)
    if not starts:
        return None
    return span(sql, min(starts), max(ends))
