"""Mending of what other dialects write: functions under other names, TOP, PIVOT, quotes around text, bounds of an average."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.oracle import Oracle
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from tacit_service.errors import Position

from . import suggest_words
from .suggest_tree import on_copy

_DIALECTS = (BigQuery, Snowflake, MySQL, TSQL, Postgres, Oracle)  # analysts' habits, the most frequent first
_KEYWORDS = ("SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT")
_FORMATS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH24": "%H", "MI": "%M", "SS": "%S", "Q": "%q"}
_JAVA = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_ISO = {"4": "%Y", "7": "%Y-%m", "10": "%Y-%m-%d"}
_PLAIN = {"anon_count": exp.Count, "anon_sum": exp.Sum, "anon_avg": exp.Avg}


def texts(sql: str, code: str) -> Iterator[str]:
    """Changed text: for what the parser does not read, or reads as something else."""
    if code == "unsupported_syntax" and "contribution_bounds_per" in sql.lower():
        yield re.sub("contribution_bounds_per_group", "contribution_bounds_per_row", sql, flags=re.IGNORECASE)
        yield re.sub(r",\s*contribution_bounds_per_\w+\s*=>\s*\([^()]*\)", "", sql, flags=re.IGNORECASE)
    if code == "unsupported_aggregate":
        yield re.sub(
            r"APPROX_QUANTILES\s*\(([^()]+),\s*(\d+)\s*\)\s*\[\s*(?:SAFE_)?(OFFSET|ORDINAL)\s*\(\s*(\d+)\s*\)\s*\]",
            _nth_quantile, sql, flags=re.IGNORECASE,
        )  # fmt: skip
    if "apply" in sql.lower():
        yield re.sub(r"\bCROSS\s+APPLY\b", "CROSS JOIN LATERAL", sql, flags=re.IGNORECASE)
    if code == "sql_syntax":
        yield re.sub(r"CONVERT\s*\(\s*N?VARCHAR\s*\(\s*(4|7|10)\s*\)\s*,([^(),]+),\s*(?:23|120|121|126)\s*\)",
                     lambda m: f"strftime({m[2].strip()}, '{_ISO[m[1]]}')", sql, flags=re.IGNORECASE)  # fmt: skip
    if code == "sql_syntax" and "anonymization" in sql.lower():
        private = re.sub(r"WITH\s+ANONYMIZATION", "WITH DIFFERENTIAL_PRIVACY", sql, flags=re.IGNORECASE)
        private = re.sub(r"\bkappa\b", "max_groups_contributed", private, flags=re.IGNORECASE)
        yield re.sub(r"\bANON_(COUNT|SUM|AVG)\b", r"\1", private, flags=re.IGNORECASE)
    if code == "sql_syntax":
        yield _respelt(sql)
        top = re.match(r"(\s*SELECT)\s+TOP\s*\(?\s*(\d+)\s*\)?(.*)", sql, re.IGNORECASE | re.DOTALL)
        if top is not None:
            yield f"{top[1]}{top[3].rstrip(' ;')} LIMIT {top[2]}"
    if code == "sql_not_one_select":
        pivot = re.match(
            r"\s*PIVOT\s+(\w+)\s+ON\s+(\w+)\s+USING\s+(.+?)(?:\s+GROUP\s+BY\s+(.+?))?\s*;?\s*$",
            sql,
            re.IGNORECASE | re.DOTALL,
        )
        if pivot is not None:
            keys = f"{pivot[4]}, {pivot[2]}" if pivot[4] else pivot[2]
            yield f"SELECT {keys}, {pivot[3]} FROM {pivot[1]} GROUP BY {keys}"


def _nth_quantile(found: re.Match[str]) -> str:
    """APPROX_QUANTILES(x, 4)[OFFSET(2)] as the median, as BigQuery's users write it."""
    parts, place = int(found[2]), int(found[4]) - (found[3].upper() == "ORDINAL")
    return f"QUANTILE_CONT({found[1].strip()}, {place / parts:g})" if 0 <= place <= parts and parts else found[0]


def _respelt(sql: str) -> str:
    """Keywords that are nearly there: SELEC, FORM, GROUP region."""

    def near(word: re.Match[str]) -> str:
        found = difflib.get_close_matches(word[0].upper(), _KEYWORDS, n=1, cutoff=0.75)
        return found[0] if found else word[0]

    text = re.sub(r"'[^']*'|\"[^\"]*\"|\b[A-Za-z]{4,7}\b", lambda m: near(m) if m[0][0].isalpha() else m[0], sql)
    return re.sub(r"\b(GROUP|ORDER)\s+(?!BY\b)", r"\1 BY ", text, flags=re.IGNORECASE)


def foreign(sql: str) -> Iterator[str]:
    """The statement as other dialects read it, in DuckDB's words."""
    seen = {" ".join(sql.split())}
    for dialect in _DIALECTS:
        with contextlib.suppress(SqlglotError, RecursionError, ValueError):
            tree = parse_one(sql, dialect=dialect)
            if any(t.expressions and t.is_type(*exp.DataType.TEXT_TYPES) for t in tree.find_all(exp.DataType)):
                continue  # VARCHAR(7) cuts text there, and not in DuckDB
            found = tree.sql(DuckDB, unsupported_level=ErrorLevel.RAISE)
            if " ".join(found.split()) not in seen:
                seen.add(" ".join(found.split()))
                yield found


def foreign_call(sql: str, position: Position | None) -> Iterator[str]:
    """The refused call alone as other dialects read it: the rest of the text means what it meant (DuckDB's LOG is not BigQuery's)."""
    place = None if position is None else _call(sql, position)
    if place is None:
        return
    start, end = place
    for found in foreign(sql[start:end]):
        with contextlib.suppress(SqlglotError):
            whole = not isinstance(parse_one(found, dialect=DuckDB), exp.Binary)
            yield sql[:start] + (found if whole else f"({found})") + sql[end:]


def _call(sql: str, position: Position) -> tuple[int, int] | None:
    """Where the call stands that begins at the position, or holds it."""
    with contextlib.suppress(SqlglotError):
        tokens = DuckDB().tokenize(sql)
        at = next((i for i, t in enumerate(tokens) if t.end >= position.start), len(tokens))
        named = at + 1 < len(tokens) and tokens[at + 1].token_type == TokenType.L_PAREN
        opening = at + 1 if named else _unclosed(tokens, at)
        depth = 0
        for token in tokens[opening:] if opening > 0 else ():
            depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
            if depth == 0:
                return tokens[opening - 1].start, token.end + 1
    return None


def _unclosed(tokens: Sequence[Token], at: int) -> int:
    """The bracket that is open before a token; 0 where none is."""
    depth = 0
    for i in range(at - 1, 0, -1):
        depth += (tokens[i].token_type == TokenType.R_PAREN) - (tokens[i].token_type == TokenType.L_PAREN)
        if depth < 0:
            return i
    return 0


def nodes(tree: exp.Expr, code: str, last: Mapping[str, str], at: exp.Expr | None) -> Iterator[exp.Expr]:
    """Changed trees. ``last``: the last day of each column of dates of which the policy tells one; ``at``: what is refused."""
    if code == "unknown_function":
        yield from _changed(tree, _dated(last), _renamed, suggest_words.renamed)
    if code == "unsupported_aggregate":
        yield from _changed(tree, _quantiles)
    if code == "outer_sql_invalid":
        yield from _changed(tree, _of_its_kind)
    if code == "unsupported_syntax":
        yield from _changed_at(tree, at, _pairs_counted)
    if code == "unknown_column":
        yield from _changed(tree, _text_in_double_quotes)
    if code == "unsupported_syntax":
        for pivot in tree.find_all(exp.Pivot):
            yield from on_copy(tree, pivot.find_ancestor(exp.Select), _unpivoted)
        yield from _changed(tree, _in_order, _by_week, suggest_words.rewritten)
    if code == "type_mismatch":
        for change in (_year_of, suggest_words.retyped):
            yield from _changed_at(tree, at, change)


def _changed(tree: exp.Expr, *changes: Callable[[exp.Expr], exp.Expr]) -> Iterator[exp.Expr]:
    """The tree after all changes, one after the other, if they make another of it."""
    changed = tree.copy()
    for change in changes:
        changed = changed.transform(change, copy=False)
    if changed != tree:
        yield changed


def _changed_at(tree: exp.Expr, at: exp.Expr | None, change: Callable[[exp.Expr], exp.Expr]) -> Iterator[exp.Expr]:
    """The tree with what is refused changed, or what stands right around it: elsewhere the same words may mean what they say."""
    node = at
    while node is not None and not isinstance(node, exp.Query):
        if change(node) is not node:
            yield from on_copy(tree, node, lambda twin: twin.replace(change(twin)) is not None)
            return
        node = node.parent
    if at is None:
        yield from _changed(tree, change)


def _dated(last: Mapping[str, str]) -> Callable[[exp.Expr], exp.Expr]:
    """CURRENT_DATE as the last day that the policy tells of the column beside it: a constant, as a condition must be."""

    def dated(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.CurrentDate | exp.CurrentTimestamp | exp.CurrentDatetime):
            return node
        around = node.parent
        while around is not None and not isinstance(around, exp.Select):
            ends = {last[c.name.lower()] for c in around.find_all(exp.Column) if c.name.lower() in last}
            if ends:
                return exp.cast(exp.Literal.string(ends.pop()), "DATE") if len(ends) == 1 else node
            around = around.parent
        return node

    return dated


def _renamed(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.SafeDivide):
        return exp.Div(this=node.this, expression=exp.Nullif(this=node.expression, expression=exp.Literal.number(0)))
    if isinstance(node, exp.ToChar) and isinstance(node.args.get("format"), exp.Literal):
        text = node.args["format"].name
        for theirs, ours in _FORMATS.items():
            text = text.replace(theirs, ours)
        return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string(text)])
    if not isinstance(node, exp.Anonymous):
        return node
    name, args = node.name.lower(), node.expressions
    if name in ("date_format", "format_date") and len(args) == 2:
        date, text = args if name == "date_format" else args[::-1]
        if isinstance(text, exp.Literal) and "%" not in text.name:  # Spark's and Java's letters
            text = exp.Literal.string(re.sub("|".join(_JAVA), lambda m: _JAVA[m[0]], text.name))
            if re.search("[a-zA-Z]", re.sub("%[a-zA-Z]", "", text.name)):
                return node
        return exp.Anonymous(this="strftime", expressions=[date, text])
    if name in ("percentile_approx", "approx_percentile", "percentile") and len(args) in (2, 3):
        return exp.PercentileCont(this=args[0], expression=args[1])
    if name == "count_big":
        return exp.Count(this=args[0]) if args else node
    if name in _PLAIN and args:
        return _PLAIN[name](this=args[0])
    if name in ("isnull", "nvl") and len(args) == 2:
        return exp.Coalesce(this=args[0], expressions=[args[1]])
    return node


def _pairs_counted(node: exp.Expr) -> exp.Expr:
    """COUNT(DISTINCT a, b), which leaves out rows with a NULL, as the count of such rows."""
    several = node.this.expressions if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct) else []
    if len(several) < 2:
        return node
    counted = exp.Count(this=exp.Distinct(expressions=[exp.Tuple(expressions=[e.copy() for e in several])]))
    known = [exp.Not(this=exp.Is(this=e.copy(), expression=exp.Null())) for e in several]
    return exp.Filter(this=counted, expression=exp.Where(this=exp.and_(*known, copy=False)))


def _of_its_kind(node: exp.Expr) -> exp.Expr:
    """FORMAT and PRINTF with each number cast to what its place takes: DuckDB's ``{:.1f}`` takes no integer."""
    printf = isinstance(node, exp.Anonymous) and node.name.lower() == "printf"
    if not (printf or isinstance(node, exp.Format)):
        return node
    text, *args = node.expressions if printf else [node.this, *node.expressions]
    if not isinstance(text, exp.Literal):
        return node
    places = re.findall(
        r"%[^%a-zA-Z]*([a-zA-Z])" if printf else r"\{[^{}]*?([a-zA-Z%]?)\}", text.name.replace("%%", "")
    )
    cast = [
        exp.cast(a.copy(), "DOUBLE")
        if kind and kind in "feFEgG%"
        else exp.cast(exp.Round(this=a.copy()), "BIGINT")
        if kind == "d"
        else a
        for a, kind in zip(args, [*places, *[""] * len(args)], strict=False)
    ]
    copy = node.copy()
    copy.set("expressions", [text.copy(), *cast] if printf else cast)
    return copy


def _quantiles(node: exp.Expr) -> exp.Expr:
    """APPROX_QUANTILES(x, 4) as the inner quantiles."""
    if not isinstance(node, exp.ApproxQuantiles) or not isinstance(node.expression, exp.Literal):
        return node
    parts = int(node.expression.name) if node.expression.name.isdigit() else 0
    if not 2 <= parts <= 20:
        return node
    fractions = [exp.Literal.number(f"{i / parts:g}") for i in range(1, parts)]
    return exp.PercentileCont(this=node.this, expression=exp.Array(expressions=fractions))


def _text_in_double_quotes(node: exp.Expr) -> exp.Expr:
    """``sex = "F"``: double quotes make a name; where a column is compared with it, a text was meant."""
    compared = node.arg_key != "this" and isinstance(node.parent, exp.EQ | exp.NEQ | exp.In | exp.Like | exp.ILike)
    if isinstance(node, exp.Column) and not node.table and node.this.args.get("quoted") and compared:
        return exp.Literal.string(node.name)
    return node


def _by_week(node: exp.Expr) -> exp.Expr:
    """TIME_BUCKET of seven days as weeks, unless they are to begin at a day of one's own."""
    width = node.this if isinstance(node, exp.DateBin) and not node.args.get("unit") else None
    if isinstance(width, exp.Interval) and f"{width.name} {width.args['unit'].name}".upper() in ("7 DAY", "7 DAYS"):
        return exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string("week"), node.expression.copy()])
    return node


def _year_of(node: exp.Expr) -> exp.Expr:
    """``day > 2024``: where a column is compared with a year, its year was meant."""
    if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE) and isinstance(node.this, exp.Column):
        year = node.expression
        if isinstance(year, exp.Literal) and not year.is_string and re.fullmatch(r"(19|20)\d\d", year.name):
            return type(node)(this=exp.Year(this=node.this.copy()), expression=year.copy())
    return node


def _in_order(node: exp.Expr) -> exp.Expr:
    """BETWEEN SYMMETRIC with its constants in order."""
    if not isinstance(node, exp.Between) or not node.args.get("symmetric"):
        return node
    low, high = node.args["low"], node.args["high"]
    if all(isinstance(e, exp.Literal) and not e.is_string for e in (low, high)) and float(low.name) > float(high.name):
        low, high = high, low
    return exp.Between(this=node.this, low=low, high=high)


def _unpivoted(select: exp.Expr) -> bool:
    """``PIVOT (AVG(x) FOR k IN ('a', 'b'))`` as aggregates with FILTER, by the columns that it does not name."""
    source = select.args["from_"].this
    pivots = source.args.get("pivots") or []
    if len(pivots) != 1 or pivots[0].args.get("unpivot") or len(pivots[0].args.get("fields") or []) != 1:
        return False
    (field,), calls = pivots[0].args["fields"], pivots[0].expressions
    used = {c.name for c in pivots[0].find_all(exp.Column)}
    inner = source.this if isinstance(source, exp.Subquery) else None
    own = [e.alias_or_name for e in inner.expressions] if isinstance(inner, exp.Select) else []
    keys = [exp.column(n) for n in own if n not in used and n != "*"]
    source.set("pivots", None)
    items: list[exp.Expr] = [k.copy() for k in keys]
    for value in field.expressions:
        for call in calls:
            test = exp.Where(this=exp.EQ(this=field.this.copy(), expression=value.unalias().copy()))
            name = "_".join([value.alias_or_name, *([call.alias_or_name] if call.alias or len(calls) > 1 else [])])
            items.append(
                exp.alias_(
                    exp.Filter(this=call.unalias().copy(), expression=test), exp.to_identifier(name, quoted=True)
                )
            )
    select.set("expressions", items)
    select.set("group", exp.Group(expressions=keys) if keys else None)
    return True
