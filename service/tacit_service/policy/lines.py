"""A policy read line by line: what is wrong with a line, or what it lets an analyst ask. From the text alone, never from data.

>>> [(f.line, f.level, f.path) for f in by_line("dataset: clinic\\nbudget: {epsilon: -1}\\n").findings][:2]
[(1, 'error', 'privacy_unit'), (1, 'error', 'tables')]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tacit_service.errors import PolicyError
from tacit_service.policy.check import column_questions, rows_cap
from tacit_service.policy.document import Document, read_document
from tacit_service.policy.load import parse_policy
from tacit_service.policy.model import Policy, Table
from tacit_service.policy.problems import Path, dotted
from tacit_service.privacy.accuracy import half_width

Level = Literal["ok", "note", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of one line (1-based); ``fix`` where it is an error."""

    line: int
    level: Level
    path: str
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """All findings, by line; ``policy`` is None where there is an error."""

    findings: tuple[Finding, ...]
    policy: Policy | None


def by_line(text: str) -> Reading:
    """Read ``text`` as a policy. Errors are findings here, not exceptions."""
    try:
        policy = parse_policy(text)
    except PolicyError as error:
        found = error.extra["problems"]
        wrong = tuple(Finding(p["line"], "error", p["path"], p["detail"], p["fix"]) for p in found)
        return Reading(wrong, None)
    findings = _findings(policy, read_document(text))
    return Reading(tuple(sorted(findings, key=lambda f: f.line)), policy)


def _findings(policy: Policy, document: Document) -> Iterator[Finding]:
    def say(path: Path, text: str, level: Level = "ok") -> Finding:
        return Finding(document.line(path), level, dotted(path), text)

    unit = policy.privacy_unit.name
    yield say(("privacy_unit",), f"each {unit} is protected, with all rows in all tables")
    for name, table in policy.tables.items():
        yield say(("tables", name), _of_table(policy, table))
        for column_name, column in table.columns.items():
            path: Path = ("tables", name, "columns", column_name)
            free = table.public and column.type != "image"
            text = "exact and free" if free else column_questions(policy, table, column_name, column)
            yield say(path, text, "note" if "add 'bounds" in text else "ok")
    asked, budget = policy.per_query, policy.budget
    times = budget.epsilon.units // asked.default_epsilon.units
    yield say(("budget",), f"{times:,} queries at the default ε {asked.default_epsilon}, for the life of the dataset")
    yield say(("per_query",), f"a bare query costs ε {asked.default_epsilon}, one may cost at most {asked.max_epsilon}")
    for section, accounts in (("analysts", policy.analysts), ("roles", policy.roles)):
        for name, account in accounts.items():
            times = account.epsilon.units // asked.default_epsilon.units
            yield say((section, name), f"{times:,} queries at the default ε, or more that are cheaper")


def _of_table(policy: Policy, table: Table) -> str:
    if table.public:
        return "public: anyone may read it, exactly and for free"
    cap = rows_cap(policy, table)
    width = half_width("laplace", cap / float(policy.per_query.default_epsilon))
    rows = "one row" if cap == 1 else f"at most {cap} rows"
    return f"COUNT(*) ±{width:,} at the default ε, whatever the grouping: one {policy.privacy_unit.name} counts with {rows}"
