"""Answers, quotes, budgets and public facts as table, CSV or JSON. Tables round, the others are exact.

Nothing written here holds a control character from the service: names and cells lose them, JSON escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TextIO

from tacit import _table
from tacit._text import clean, clean_block, escape_json, exact, half_width, short_decimal, short_deltas
from tacit.release import duration, is_free, spend
from tacit.shell import binary

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tacit.release import Release
    from tacit.wire import AccountBudget, Budget, DatasetFacts, Quote, TableFacts

Output = Literal["table", "csv", "json", "arrow", "parquet"]
OUTPUTS: tuple[Output, ...] = ("table", "csv", "json", "arrow", "parquet")
"""How answers are written; all else is a table where an answer would be Arrow or Parquet."""


def answer(out: TextIO, release: Release, output: Output, expanded: bool = False) -> None:
    """A release; ``expanded`` writes one line a cell."""
    if output in binary.FORMATS:
        return binary.write(out, release, output)
    if output == "json":
        return _answer_json(out, release)
    if output == "csv":
        table = release.columnar(intervals=True)
        headers = [name for name, _, _ in table]
        return csv_rows(out, headers, zip(*(values for _, _, values in table), strict=True))
    shown = _table.cells(release.columns, release.answer.rows, release.answer.intervals)
    columns, shown = _table.with_membership(release.columns, shown, release.membership)
    layout = _table.expanded_lines if expanded else _table.answer_lines
    legend = [] if release.membership is None else [f"({_table.SURE})"]
    _write(out, [*layout(columns, shown), *legend, _count(len(shown), "row")])
    return None


def quote(out: TextIO, quoted: Quote, output: Output) -> None:
    """A quote: price, expected ± of each column, measurements."""
    if output == "json":
        return model(out, quoted)
    rows = [
        [c.name, c.kind, "" if c.plus_minus is None else half_width(c.plus_minus), c.note or ""] for c in quoted.columns
    ]
    if output == "csv":
        exact_rows = [[c.name, c.kind, c.plus_minus, c.note] for c in quoted.columns]
        return csv_rows(out, ["column", "kind", "plus_minus", "note"], exact_rows)
    _write(out, [price(quoted), "", *_plain(["column", "kind", "± (95 %)", "note"], rows)])
    measured = [
        [point.name, m.measure, m.mechanism, f"{m.unit_scale:,.6g}", m.epsilon, short_decimal(m.delta), m.contribution]
        for point in quoted.release_points
        for m in point.measurements
    ]
    if measured:
        headers = ["release point", "measure", "noise", "scale", "ε", "δ", "contribution"]
        _write(out, ["", *_plain(headers, measured)])
    _write(out, [f"Note: {clean(note)}" for note in quoted.notes])
    return None


def price(quoted: Quote) -> str:
    """Price and expected ± in one line: what is shown before anything is spent."""
    widths = [f"{c.name} {half_width(c.plus_minus)}" for c in quoted.columns if c.plus_minus is not None]
    parts = [_cost(quoted)]
    if widths:
        parts.append(f"{', '.join(widths[:6])}{', …' if len(widths) > 6 else ''} (95 %)")
    if quoted.more_like_this is not None and quoted.affordable and "free" not in parts[0]:
        parts.append(f"about {quoted.more_like_this:,} more like this")
    return clean(" · ".join(parts))


def _cost(quoted: Quote) -> str:
    if quoted.held:
        return "free: you hold this answer"
    if is_free(quoted.price):
        return "free"
    part = f" ({quoted.share:.1%} of it)" if quoted.share is not None and quoted.affordable else ""
    short = part if quoted.affordable else ": more than is left"
    return f"costs {spend(quoted.price)} of {spend(quoted.remaining)} left{short}"


def receipt(release: Release) -> str:
    """What an answer cost, in one line, for stderr."""
    return f"-- {release.summary()}"


def budget(out: TextIO, accounts: Budget, output: Output) -> None:
    """Limit, spent and left of each account."""
    if output == "json":
        return model(out, accounts)
    headers = ["dataset", "limit ε", "spent ε", "left ε", "limit δ", "spent δ", "left δ", "dataset left ε", "releases"]
    rows = [
        [
            a.dataset,
            *(amount.epsilon for amount in (a.limit, a.spent, a.remaining)),
            *(amount.delta for amount in (a.limit, a.spent, a.remaining)),
            a.dataset_remaining.epsilon if a.dataset_remaining else "",
            str(a.releases),
        ]
        for a in accounts.accounts
    ]
    if output == "csv":
        amounts = [f"{what}_{unit}" for unit in ("epsilon", "delta") for what in ("limit", "spent", "left")]
        return csv_rows(out, ["dataset", *amounts, "dataset_left_epsilon", "releases"], rows)
    short = [[*row[:4], *(short_decimal(delta) for delta in row[4:7]), *row[7:]] for row in rows]
    _write(out, _plain(headers, short, right=[False] + [True] * 8))
    _write(out, [clean(line) for a in accounts.accounts for line in _words(a)])
    if any(_set_aside(a) for a in accounts.accounts):
        _write(
            out, ["Less δ is left than limit − spent: the ledger keeps parts of δ for other ways to add up charges."]
        )
    return None


def _words(account: AccountBudget) -> Iterator[str]:
    """What the table's figures alone would make one wonder about."""
    if "Rényi" in account.in_words:
        yield f"{account.dataset}: {account.in_words}"
    if account.pending is not None:
        yield f"{account.dataset}: {spend(account.pending)} is held by charges that have no answer yet, or were cut off."
    shared = None if account.group is None else account.group.pace
    for whose, pace in (("you are", account.pace), ("your group is", shared), ("the dataset is", account.dataset_pace)):
        if pace is not None:
            left = f"ε {pace.remaining} of {pace.limit} is left of this {pace.period}"
            yield f"{account.dataset}: {whose} paced: {left}; a new one begins at {pace.ends}."
    if account.group is not None:
        left, limit = spend(account.group.remaining), spend(account.group.limit)
        yield f"{account.dataset}: your group {account.group.name} has {left} left of {limit}, which its members share."


def _set_aside(account: AccountBudget) -> bool:
    try:
        limit, spent, left = (Decimal(amount.delta) for amount in (account.limit, account.spent, account.remaining))
        return left < limit - spent
    except ArithmeticError:
        return False


def names(out: TextIO, datasets: Sequence[str], output: Output) -> None:
    """Names of datasets, one a line."""
    if output == "json":
        out.write(escape_json(json.dumps({"datasets": list(datasets)}, ensure_ascii=False)) + "\n")
    elif output == "csv":
        csv_rows(out, ["dataset"], ([name] for name in datasets))
    else:
        _write(out, [clean(name) for name in datasets])


def facts(out: TextIO, dataset: DatasetFacts, output: Output) -> None:
    """A dataset's tables and contribution bounds."""
    if output == "json":
        return model(out, dataset)
    rows = [
        [
            t.name,
            "public" if t.public else "protected",
            "" if t.public else "one" if t.one_row_per_unit else "many",
            " > ".join(t.unit_path),
            t.description,
        ]
        for t in dataset.tables
    ]
    if output == "csv":
        return csv_rows(out, ["table", "kind", "rows_per_unit", "unit_path", "description"], rows)
    _write(out, [clean(dataset.description)] if dataset.description else [])
    _write(out, _plain(["table", "kind", f"rows per {dataset.privacy_unit}", "unit path", "description"], rows))
    _write(
        out,
        [
            clean(line)
            for line in (
                f"Protects each {dataset.privacy_unit} ({dataset.privacy_unit_column}).",
                f"One {dataset.privacy_unit} counts in at most {dataset.max_groups:,} groups, with "
                f"{dataset.max_rows:,} rows in all and {dataset.max_rows_per_group:,} a group, by default.",
                f"ε {dataset.default_epsilon} a query by default, at most {dataset.max_epsilon}.",
                *_times(dataset.response_times),
            )
        ],
    )
    return None


def _times(steps_ms: list[int]) -> list[str]:
    if not steps_ms:
        return []
    first, last = duration(steps_ms[0]), duration(steps_ms[-1])
    return [f"Answers are sent at one of {len(steps_ms)} times, {first} to {last}, whenever they are ready."]


def table_facts(out: TextIO, table: TableFacts, output: Output) -> None:
    """A table's columns."""
    if output == "json":
        return model(out, table)
    rows = [
        [
            c.name,
            c.type,
            "" if c.bounds is None else " .. ".join(exact(b) for b in c.bounds),
            "" if c.precision is None else c.precision,
            "" if c.categories is None else ", ".join(exact(value) for value in c.categories),
            {True: "yes", False: "no", None: "maybe"}[c.nullable],
            "; ".join(text for text in ("privacy unit" if c.is_privacy_unit else "", c.description) if text),
        ]
        for c in table.columns
    ]
    headers = ["column", "type", "bounds", "precision", "categories", "null", "description"]
    if output == "csv":
        return csv_rows(out, headers, rows)
    _write(out, [clean(f"{'Public' if table.public else 'Protected'} table {table.name}. {table.description}").strip()])
    _write(out, _plain(headers, rows))
    return None


def rows(out: TextIO, headers: list[str], texts: list[list[str]], output: Output) -> None:
    """Any small table of texts."""
    if output == "json":
        out.write(escape_json(json.dumps([dict(zip(headers, row, strict=True)) for row in texts])) + "\n")
    elif output == "csv":
        csv_rows(out, headers, texts)
    else:
        _write(out, _plain(headers, texts))


def block(out: TextIO, text: str) -> None:
    """Text of several lines, such as a plan."""
    out.write(short_deltas(clean_block(text)).rstrip("\n") + "\n")


def csv_rows(out: TextIO, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """RFC 4180, exact: NULL is an empty field, an empty string is ``""``."""
    for row in (headers, *rows):
        out.write(",".join(_csv_field(value) for value in row) + "\n")


def _csv_field(value: object) -> str:
    text = clean_block(exact(value)) if value is None or not hasattr(value, "isoformat") else value.isoformat()
    quoted = any(char in text for char in ',"\n\r') or (text == "" and value is not None)
    return '"' + text.replace('"', '""') + '"' if quoted else text


def _plain(headers: list[str], rows: list[list[str]], right: list[bool] | None = None) -> list[str]:
    """A table without the columns that are empty in every row."""
    kept = [i for i in range(len(headers)) if i == 0 or any(row[i].strip() for row in rows)]
    texts = [[clean(row[i]) for i in kept] for row in rows]
    sides = [right[i] if right else False for i in kept]
    return _table.lines([clean(headers[i]) for i in kept], texts, sides)


def _answer_json(out: TextIO, release: Release) -> None:
    """The answer as sent; ends of intervals of whole numbers are written as whole numbers."""
    body = release.answer.model_dump(mode="json")
    whole = [column.type == "integer" for column in release.columns]
    body["intervals"] = [
        [[_whole(x) for x in span] if span and whole[i] else span for i, span in enumerate(row)]
        for row in body["intervals"]
    ]
    out.write(escape_json(json.dumps(body, ensure_ascii=False)) + "\n")


def _whole(value: float) -> float:
    return int(value) if abs(value) < 2**53 and value == int(value) else value


def model(out: TextIO, sent: BaseModel) -> None:
    """A model of the protocol as JSON, on one line."""
    out.write(escape_json(json.dumps(sent.model_dump(mode="json"), ensure_ascii=False)) + "\n")


def _write(out: TextIO, lines: Iterable[str]) -> None:
    for line in lines:
        out.write(line + "\n")


def _count(number: int, what: str) -> str:
    return f"({number:,} {what}{'' if number == 1 else 's'})"
