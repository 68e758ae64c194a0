"""Named arguments that the parser does not know: ``SUM(x, contribution_bounds_per_group => (0, 100))`` by GoogleSQL's users.

The tokens are put in another order before they are parsed: the argument's name comes to stand as a function around what
precedes it, ``SUM(contribution_bounds_per_group(x, 0, 100))``. No token is made up, and none lost but the arrow, so that
positions stay true.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

PER_ROW, PER_GROUP = "contribution_bounds_per_row", "contribution_bounds_per_group"
NAMES = (PER_ROW, PER_GROUP)
_OPEN, _CLOSE = (TokenType.L_PAREN, TokenType.L_BRACKET), (TokenType.R_PAREN, TokenType.R_BRACKET)
_AFTER = 3  # tokens from the name to the first bound: name, arrow, bracket


def with_bounds(tokens: list[Token]) -> list[Token]:
    """The tokens with every such argument turned into a call around the arguments before it."""
    result = list(tokens)
    for i, token in enumerate(tokens):
        if token.text.lower() in NAMES and _is_argument(tokens, i):
            result = _turned(result, next(n for n, t in enumerate(result) if t is token))
    return result


def _is_argument(tokens: list[Token], i: int) -> bool:
    following = [t.token_type for t in tokens[i + 1 : i + _AFTER]]
    return i > 0 and tokens[i - 1].token_type is TokenType.COMMA and following == [TokenType.FARROW, TokenType.L_PAREN]


def _turned(tokens: list[Token], i: int) -> list[Token]:
    """``( x , name => ( lo , hi ) …`` as ``( name ( x , lo , hi ) …``."""
    depth, start = 0, i
    while start > 0:
        start -= 1
        kind = tokens[start].token_type
        depth += (kind in _CLOSE) - (kind in _OPEN)
        if depth < 0:
            return [
                *tokens[: start + 1], tokens[i], tokens[i + 2], *tokens[start + 1 : i - 1], tokens[i - 1], *tokens[i + _AFTER :],
            ]  # fmt: skip
    return tokens
