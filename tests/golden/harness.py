"""Golden files: a statement, and what becomes of it. Reviewing a rule is reading SQL.

A case is `-- case: name`, the statement, and `-- plan` or `-- refused` with the expected lines as comments. Set
TACIT_GOLDEN_UPDATE=1 to rewrite the expectations, then read the diff.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tacit_service.engine.bounding import sensitivity, statements
from tacit_service.engine.literals import with_names
from tacit_service.errors import Refusal
from tacit_service.policy.load import load_policy
from tacit_service.query.bind import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.explain import explain
from tacit_service.query.split import plan
from tacit_service.query.suggest import suggestion
from tacit_service.release.estimate import contribution_words

HERE = Path(__file__).parent
REGIONS = pa.table(
    {"region": ["R1", "R2", "R3"], "country": ["Norland", "Norland", "Sudland"], "population": [10, 20, 30]}
)
_CASE = re.compile(r"-- case: (?P<name>.*)\n(?P<sql>(?:(?!-- ).*\n)+)(?P<expected>(?:-- (?!case: ).*\n?)*)")


@dataclass(frozen=True)
class Case:
    name: str
    sql: str
    expected: str


def catalog() -> Catalog:
    return Catalog(load_policy(HERE / "clinic.yaml").policy, {"regions": REGIONS})


def cases(path: Path) -> list[Case]:
    return [Case(m["name"], m["sql"].strip(), m["expected"].strip()) for m in _CASE.finditer(path.read_text() + "\n")]


def outcome(cat: Catalog, sql: str) -> str:
    """The plan with its sensitivities and engine SQL, or the refusal with its position and fix, as comment lines."""
    try:
        planned = plan(cat, sql, Caps())
    except Refusal as refusal:
        at = "" if refusal.position is None else f" at {refusal.position.line}:{refusal.position.column}"
        lines = [f"refused {refusal.code}{at}: {refusal.detail}"]
        lines += [f"fix: {refusal.hint}"] if refusal.hint else []
        lines += [f"try: {' '.join(str(offered(cat, sql, refusal)).split())}"]
        return "\n".join(f"-- {line}" for line in lines)
    lines = ["plan", *explain(planned).splitlines()]
    for point in planned.releases:
        for m in point.measures:
            s = sensitivity(m)
            lines.append(
                f"measure {point.name}.{m.name} {m.kind}: {contribution_words(m)}; "
                f"L0 {s.l0}, L1 {s.l1}, Linf {s.linf}; grid {m.grid}, multiplier {m.multiplier}"
                + ("" if m.rank is None else f"; rank {m.rank} among {len(m.candidates)} bins")
            )
        lines += [f"engine: {with_names(s.sql)}" for s in statements(point)]
    return "\n".join(f"-- {line}" for line in lines)


def refused(cat: Catalog, sql: str) -> Refusal | None:
    try:
        plan(cat, sql, Caps())
    except Refusal as refusal:
        return refusal
    return None


def offered(cat: Catalog, sql: str, refusal: Refusal) -> str | None:
    """The statement that is offered instead."""
    return suggestion(cat, sql, refusal, lambda text: refused(cat, text))


def rewritten(path: Path, cat: Catalog) -> str:
    """The file with present outcomes."""
    head = path.read_text().split("-- case:")[0]
    blocks = [f"-- case: {c.name}\n{c.sql}\n{outcome(cat, c.sql)}\n" for c in cases(path)]
    return head + "\n".join(blocks)
