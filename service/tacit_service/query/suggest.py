"""A statement near the refused one that passes: candidates in order of nearness, each of which is planned before it is offered.

Pure in the policy, the text and the refusal. What is offered was tried; what was not found is not offered. Candidates come of
parsing the text, so a service has its parser processes make them (``release.planner``).
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from tacit_service.errors import Position, Refusal

from . import suggest_dialects
from .catalog import Catalog
from .options import extract, kept, mended
from .parse import parse
from .suggest_rules import RULES
from .suggest_tree import simplest

FOREIGN = ("unknown_function", "unsupported_syntax", "unknown_column", "unsupported_aggregate")
"""Refusals of what another dialect may have written."""
TRIED_MAX = 16
CHARS_MAX = 4_000
ROUNDS_MAX = 3
TIME_S_MAX = 2.0  # no candidate is begun after this long

Find = Callable[[str, Refusal], Iterable[str]]


def suggestion(
    catalog: Catalog, sql: str, refusal: Refusal, passes: Callable[[str], Refusal | None], find: Find | None = None
) -> str | None:
    """The first candidate that ``passes`` (which returns ``None`` then, else its own refusal).

    A candidate that is refused for another reason is mended in turn, a few times: statements can have several faults.
    ``find``: makes candidates; without it they are made here, one after another, as they are tried.
    """
    find = find or (lambda text, why: candidates(catalog, text, why))
    queue: list[tuple[str, Refusal, int]] = [(sql, refusal, 0)]
    seen = {" ".join(sql.split())}
    tried, end = 0, time.monotonic() + TIME_S_MAX
    while queue:
        text, why, depth = queue.pop(0)
        if why.code == "sql_too_complex":
            continue  # what could not be read in time is not read again
        for candidate in itertools.islice(find(text, why), TRIED_MAX):
            name = " ".join(candidate.split())
            if name in seen or tried >= TRIED_MAX or time.monotonic() > end:
                continue
            seen.add(name)
            tried += 1
            found = passes(candidate)
            if found is None:
                return candidate
            if depth + 1 < ROUNDS_MAX:
                queue.append((candidate, found, depth + 1))
    last = kept(sql, simplest(catalog, sql))
    return last if passes(last) is None else None


def candidates(catalog: Catalog, sql: str, refusal: Refusal) -> Iterator[str]:
    """Statements that mend what the refusal names: by its code, then by leaving out the part it points at."""
    if len(sql) > CHARS_MAX:
        return
    yield from suggest_dialects.texts(sql, refusal.code)
    if refusal.code == "sql_syntax":
        yield from suggest_dialects.foreign(sql)
    yield from _text(sql, refusal)
    try:
        tree: exp.Expr = parse(extract(sql)[0])
    except Refusal:
        return
    at = _node_at(tree, refusal.position)
    for changed in suggest_dialects.nodes(tree, refusal.code, _last_days(catalog), at):
        yield kept(sql, changed.sql("duckdb"))
    if refusal.code in FOREIGN and not (
        at is not None and isinstance(at.parent, exp.Table)
    ):  # a table from a call is DuckDB's own
        yield from suggest_dialects.foreign_call(sql, refusal.position)
    rule = RULES.get(refusal.code)
    if rule is not None:
        for changed in rule(catalog, tree, at, refusal):
            yield kept(sql, changed.sql("duckdb"))
    for changed in _without(tree, at):
        yield kept(sql, changed.sql("duckdb"))


def _last_days(catalog: Catalog) -> dict[str, str]:
    """The last day of each column of dates that is bounded; of a name in several tables the later one."""
    days: dict[str, str] = {}
    for table in catalog.policy.tables.values():
        for name, column in table.columns.items():
            if column.type in ("date", "timestamp") and column.bounds is not None:
                days[name.lower()] = max(days.get(name.lower(), ""), str(column.bounds[1])[:10])
    return days


def _text(sql: str, refusal: Refusal) -> Iterator[str]:
    """Mending of text that does not parse, or holds more than one statement."""
    if refusal.code == "sql_not_one_select":
        yield sql.split(";")[0].strip()
        inner = re.search(r"\b(SELECT|FROM)\b.*", sql, re.IGNORECASE | re.DOTALL)
        if inner is not None:
            yield inner.group().rstrip(" ;)")
    if refusal.code == "options_invalid":
        if refusal.position is not None:
            yield from mended(sql, refusal.position.start)
        yield re.sub(r"WITH\s+DIFFERENTIAL_PRIVACY\s+OPTIONS\s*\([^()]*\)", "", sql, flags=re.IGNORECASE)
    if refusal.code == "sql_syntax":
        yield _grouped_by_names(sql)
        yield sql.replace("`", '"')
        yield re.sub(r",\s*\w+\s*=>\s*\([^()]*\)", "", sql)
        if refusal.position is not None:
            start = refusal.position.start
            yield sql[:start].rstrip() + ")" + " " + sql[start:]
            yield sql[: refusal.position.end].rstrip() + ")" + sql[refusal.position.end :]
            yield sql[:start] + sql[refusal.position.end :]
            yield sql[:start].rstrip()
    if refusal.code == "identifier_invalid" and refusal.position is not None:
        yield sql[: refusal.position.start] + "n" + sql[refusal.position.end :]


def _grouped_by_names(sql: str) -> str:
    """``CUBE (a, b >= 65)``, which the parser does not read, by the name that SELECT gives the expression.

    Whole items of the first GROUP BY are compared by their tokens: no part of a word, of a text or of another clause is touched.
    """
    try:
        tokens = DuckDB().tokenize(sql)
        begin = next((i for i, t in enumerate(tokens) if t.token_type is TokenType.GROUP_BY), len(tokens))
        head = sql[: tokens[begin].start] if begin < len(tokens) else ""
        given = {
            _words(DuckDB().tokenize(text)): name
            for text, name in re.findall(r"(?:SELECT|,)\s*([^,()]+?)\s+AS\s+(\w+)", head, re.IGNORECASE)
        }
    except SqlglotError:
        return sql
    begin += 1
    end = next((i for i in range(begin, len(tokens)) if tokens[i].token_type in _AFTER_GROUP), len(tokens))
    result, done = "", 0
    while begin < end:
        stop = next((i for i in range(begin, end) if tokens[i].token_type in _BETWEEN_ITEMS), end)
        name = given.get(_words(tokens[begin:stop]))
        if name is not None:
            result += sql[done : tokens[begin].start] + name
            done = tokens[stop - 1].end + 1
        begin = stop + 1
    return result + sql[done:]


_AFTER_GROUP = (
    TokenType.HAVING, TokenType.QUALIFY, TokenType.WINDOW, TokenType.ORDER_BY, TokenType.LIMIT, TokenType.OFFSET,
    TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.SEMICOLON, TokenType.FETCH,
)  # fmt: skip
_BETWEEN_ITEMS = (TokenType.COMMA, TokenType.L_PAREN, TokenType.R_PAREN)


def _words(tokens: Sequence[Token]) -> tuple[tuple[TokenType, str], ...]:
    """Of the tokens; names in lower case, as they are compared."""
    return tuple((t.token_type, t.text if t.token_type is TokenType.STRING else t.text.lower()) for t in tokens)


def _node_at(tree: exp.Expr, position: Position | None) -> exp.Expr | None:
    """The smallest node whose tokens span the position."""
    if position is None:
        return None
    best: tuple[int, exp.Expr] | None = None
    for node in tree.walk():
        spans = [n._meta for n in node.walk() if n._meta and "start" in n._meta]
        if not spans:
            continue
        low, high = min(int(m["start"]) for m in spans), max(int(m["end"]) + 1 for m in spans)
        if low <= position.start and high >= position.end and (best is None or high - low <= best[0]):
            best = (high - low, node)
    return None if best is None else best[1]


# -- leaving out

_LEAVING = (
    exp.And,
    exp.Or,
    exp.Where,
    exp.Having,
    exp.Qualify,
    exp.Filter,
    exp.Select,
    exp.Group,
    exp.Order,
    exp.SetOperation,
)
"""What ``_left_out`` takes parts out of."""


def _without(tree: exp.Expr, at: exp.Expr | None) -> Iterator[exp.Expr]:
    """The statement less the smallest parts around a node that can be left out: a condition, a column, a join, a clause."""
    if at is None:
        return
    places = [n for n in (at, *_ancestors(at)) if n.parent is not None]
    numbered = {id(n): i for i, n in enumerate(tree.walk())}
    for node in places:
        index = numbered.get(id(node))
        if index is None:
            continue
        if not isinstance(node.parent, _LEAVING):
            continue  # before a copy is made in vain
        copy = tree.copy()
        twin = next(n for i, n in enumerate(copy.walk()) if i == index)
        if _left_out(twin):
            yield copy


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _left_out(node: exp.Expr) -> bool:
    """Take the node out of its parent; whether it could be."""
    parent, key = node.parent, node.arg_key
    if parent is None:
        return False
    if isinstance(parent, exp.And | exp.Or):
        parent.replace(parent.expression if node is parent.this else parent.this)
        return True
    if isinstance(parent, exp.Where | exp.Having | exp.Qualify):
        parent.pop()
        return True
    if isinstance(parent, exp.Filter) and key == "expression":
        parent.replace(parent.this)
        return True
    if isinstance(parent, exp.Select | exp.Group | exp.Order) and key == "expressions" and len(parent.expressions) > 1:
        _ungroup(parent)
        node.pop()
        return True
    if isinstance(parent, exp.Order | exp.Group):
        parent.pop()
        return True
    if isinstance(parent, exp.Select | exp.SetOperation) and key in (
        "joins", "where", "having", "qualify", "order", "limit", "offset", "distinct", "sample", "windows", "group",
    ):  # fmt: skip
        node.pop()
        return True
    return False


def _ungroup(parent: exp.Expr) -> None:
    """Ordinals of GROUP BY and ORDER BY count the columns: after one is left out, they are dropped rather than wrong."""
    if not isinstance(parent, exp.Select):
        return
    for key in ("group", "order"):
        clause = parent.args.get(key)
        if clause is not None and any(isinstance(e.find(exp.Literal), exp.Literal) for e in clause.expressions):
            clause.pop()
