"""``SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = …, …) …`` as GoogleSQL writes it.

The clause is no SQL that the parser knows, so it is taken out by tokens and blanked: positions in the rest stay true.
"""

from __future__ import annotations

import difflib
import re

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from tacit_service.errors import SqlSyntaxError

from .caps import FLAGS, span

# GoogleSQL's names and ours, to ours
NAMES = {
    "epsilon": "epsilon",
    "delta": "delta",
    "max_groups_contributed": "max_groups",
    "max_rows_contributed": "max_rows",
    "max_groups": "max_groups",
    "max_rows": "max_rows",
    "max_amount": "max_amount",
    "accuracy": "accuracy",
    "bias_check": "bias_check",
    "approx_bounds": "approx_bounds",
    "privacy_unit_column": "privacy_unit_column",
    "group_selection_strategy": "group_selection_strategy",
}
# said by GoogleSQL and true here whatever is written: the unit is the policy's, keys are declared or pass a noisy threshold
GRANTED = {"group_selection_strategy": {"laplace_threshold", "public_groups"}}
_HINT = "Write SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.1, max_groups_contributed = 3) …"


def extract(sql: str) -> tuple[str, dict[str, str]]:
    """The statement with the clause blanked, and its options as text. Raises ``SqlSyntaxError`` options_invalid.

    >>> extract("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) COUNT(*) FROM t")[1]
    {'epsilon': '0.5'}
    """
    if not re.search(r"differential_privacy", sql, re.IGNORECASE):
        return sql, {}
    try:
        tokens = DuckDB().tokenize(sql)
    except TokenError:
        return sql, {}
    for i in range(len(tokens) - 2):
        words = [t.text.upper() for t in tokens[i : i + 3]]
        if words == ["SELECT", "WITH", "DIFFERENTIAL_PRIVACY"]:
            options, end = _options(sql, tokens, i + 3)
            start, stop = tokens[i + 1].start, end
            blank = "".join("\n" if ch == "\n" else " " for ch in sql[start:stop])
            return sql[:start] + blank + sql[stop:], options
    return sql, {}


def kept(sql: str, other: str) -> str:
    """``other``, a statement made of ``sql``, with the clause of ``sql`` after its first SELECT, where it lacks one.

    >>> kept("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) COUNT(x) FROM t", "SELECT COUNT(*) FROM t")
    'SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) COUNT(*) FROM t'
    """
    try:
        bare = extract(sql)[0]
    except SqlSyntaxError:
        return other
    if bare == sql or re.search(r"differential_privacy", other, re.IGNORECASE):
        return other
    start = next(i for i, (a, b) in enumerate(zip(sql, bare, strict=True)) if a != b)
    stop = next(i for i in range(len(sql), 0, -1) if sql[i - 1] != bare[i - 1])
    return re.sub(r"\bSELECT\b", lambda m: f"{m.group()} {sql[start:stop]}", other, count=1, flags=re.IGNORECASE)


def mended(sql: str, at: int) -> list[str]:
    """The statement with the option that stands at ``at`` under the name that is nearest, or without it."""
    found = re.compile(r"(?P<name>\w+)\s*=\s*(?:'[^']*'|[^,()]+)").match(sql, at)
    if found is None:
        return []
    close = difflib.get_close_matches(found["name"].lower(), NAMES, n=1, cutoff=0.6)
    renamed = [sql[:at] + name + sql[at + len(found["name"]) :] for name in close]
    before, after = sql[:at].rstrip(), sql[found.end() :].lstrip()
    if after.startswith(","):
        after = after[1:].lstrip()
    elif before.endswith(","):
        before = before[:-1]
    return [*renamed, f"{before}{'' if before.endswith('(') or after.startswith(')') else ' '}{after}"]


def _options(sql: str, tokens: list[Token], at: int) -> tuple[dict[str, str], int]:
    end = tokens[at - 1].end + 1
    if at >= len(tokens) or tokens[at].text.upper() != "OPTIONS":
        return {}, end
    if at + 1 >= len(tokens) or tokens[at + 1].token_type is not TokenType.L_PAREN:
        raise _invalid(sql, tokens[at], "OPTIONS is not followed by a list in brackets.")
    options: dict[str, str] = {}
    i = at + 2
    while i < len(tokens):
        if tokens[i].token_type is TokenType.R_PAREN:
            return options, tokens[i].end + 1
        if i + 2 >= len(tokens) or tokens[i + 1].token_type is not TokenType.EQ:
            raise _invalid(sql, tokens[i], "An option is not of the form name = value.")
        if tokens[i + 2].text.lower() in GRANTED.get(tokens[i].text.lower(), ()):
            i += 4 if i + 3 < len(tokens) and tokens[i + 3].token_type is TokenType.COMMA else 3
            continue
        name = NAMES.get(tokens[i].text.lower())
        if name is None or name in options:
            raise _invalid(sql, tokens[i], f"The option {tokens[i].text[:40]} is unknown or stands twice.")
        value = tokens[i + 2]
        words = name in FLAGS or name in ("privacy_unit_column", "group_selection_strategy")
        if value.token_type not in (TokenType.NUMBER, TokenType.STRING) and not words:
            raise _invalid(sql, value, "The value of an option is a plain number.")
        if name in FLAGS and value.text.lower() not in ("true", "false"):
            raise _invalid(sql, value, f"{name} is TRUE or FALSE.")
        options[name] = value.text
        i += 3
        while name == "privacy_unit_column" and i + 1 < len(tokens) and tokens[i].token_type is TokenType.DOT:
            options[name] = f"{options[name]}.{tokens[i + 1].text}"
            i += 2
        if i < len(tokens) and tokens[i].token_type is TokenType.COMMA:
            i += 1
    raise _invalid(sql, tokens[-1], "The list of options is not closed.")


def _invalid(sql: str, token: Token, detail: str) -> SqlSyntaxError:
    return SqlSyntaxError(
        "options_invalid", detail, hint=_HINT, position=span(sql, token.start, token.end + 1), rule="options"
    )
