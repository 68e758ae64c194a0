"""``tacit-service audit``: read queries, run the audit, print what was declared and what was measured."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded, load_policy

if TYPE_CHECKING:
    from .run import Report, Statement


def find(policies: list[Path], dataset: str) -> Loaded:
    """The policy of the dataset among the files."""
    loaded = [load_policy(path) for path in policies]
    found = next((one for one in loaded if one.policy.dataset == dataset), None)
    if found is None:
        names = ", ".join(one.policy.dataset for one in loaded) or "none"
        raise PolicyError("dataset_unknown", f"No policy declares {dataset}.", hint=f"The datasets are: {names}.")
    return found


def read_queries(path: Path) -> list[str]:
    """Statements of a file: SQL with ``;`` at line ends, or JSON: a list of texts, or of objects with ``sql``."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".json":
            items = json.loads(text)
            if not isinstance(items, list):
                raise TypeError
            queries = [item["sql"] if isinstance(item, dict) else item for item in items]
        else:
            queries = [part.strip() for part in text.replace(";\r\n", ";\n").rstrip().removesuffix(";").split(";\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            "queries_unreadable", f"{path}: {type(error).__name__}.", hint="Name a readable file."
        ) from None
    except (ValueError, KeyError, TypeError):
        hint = 'Write a list of statements, or of objects with "sql".'
        raise PolicyError("queries_unreadable", f"{path} is not a list of statements in JSON.", hint=hint) from None
    queries = [sql for sql in queries if isinstance(sql, str) and sql]
    if not queries:
        raise PolicyError("queries_unreadable", f"{path} holds no statement.", hint="Write one SELECT or more.")
    return queries


def run(arguments: Any, policies: list[Path]) -> int:
    """Exit status 0 when everything holds, 1 when something does not."""
    from .run import audit

    loaded = find(policies, arguments.dataset)
    queries = read_queries(Path(arguments.queries))
    report = audit(
        loaded,
        queries,
        units=arguments.units,
        rounds=arguments.rounds,
        confidence=arguments.confidence / 100,
        epsilon=arguments.epsilon,
        tell=(lambda _: None) if arguments.json else _tell,
    )
    if arguments.json:
        print(json.dumps(as_json(report), indent=2))
    else:
        _conclude(report)
    return 0 if report.holds else 1


def _tell(statement: Statement) -> None:
    print(" ".join(statement.sql.split())[:120])
    if statement.refused is not None:
        print(f"  refused: {statement.refused}")
    for f in statement.findings:
        verdict = "holds" if f.holds else "BROKEN"
        print(f"  {f.point}.{f.measure} ({f.mechanism}): declared {f.declared}, measured {f.measured}, {verdict}")
    if statement.bound is not None and statement.charged is not None:
        b = statement.bound
        print(f"  ε ≥ {b.epsilon:.3f} with {b.confidence:.0%} confidence, charged {statement.charged[0]} ({b.event})")


def _conclude(report: Report) -> None:
    answered = [s for s in report.statements if s.refused is None]
    vectors = [f for s in answered for f in s.findings]
    broken = [f for f in vectors if not f.holds]
    print(
        f"\n{report.dataset}: {len(answered)} statements ran, {len(report.statements) - len(answered)} were refused; "
        f"{len(vectors)} vectors on {len(report.units)} neighbours (L0 / L1 / L∞), {len(broken)} above what is declared."
    )
    bounds = [(s.bound, s.charged) for s in answered if s.bound is not None and s.charged is not None]
    above = [b for b, charged in bounds if b.epsilon > float(str(charged[0]))]
    if bounds:
        print(f"{len(bounds)} lower bounds on ε, {len(above)} above what was charged.")


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "dataset": report.dataset,
        "neighbours": report.units,
        "holds": report.holds,
        "statements": [
            {
                "sql": s.sql,
                "refused": s.refused,
                "holds": s.holds,
                "charged": None if s.charged is None else {"epsilon": str(s.charged[0]), "delta": str(s.charged[1])},
                "findings": [
                    {
                        "release_point": f.point,
                        "measure": f.measure,
                        "mechanism": f.mechanism,
                        "declared": dataclasses.asdict(f.declared),
                        "measured": dataclasses.asdict(f.measured),
                        "neighbour": f.unit,
                        "holds": f.holds,
                    }
                    for f in s.findings
                ],
                "bound": None if s.bound is None else dataclasses.asdict(s.bound),
            }
            for s in report.statements
        ],
    }
