"""What is wrong with a policy, and where: one ``PolicyError`` that carries every problem found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit_service.errors import PolicyError

Path = tuple[str | int, ...]
_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: 1-based line, path into the document, what is wrong, and the fix in words."""

    line: int
    path: Path
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that does not hold, at ``path`` of the document."""

    path: Path
    detail: str
    fix: str


def dotted(path: Path) -> str:
    """``("tables", "visits", "bounds", 0)`` → ``tables.visits.bounds[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:200]


def refuse(code: str, file: str, problems: Sequence[Problem]) -> PolicyError:
    """The error of all ``problems``: the first one speaks, ``extra["problems"]`` lists them all."""
    ordered = sorted(problems, key=lambda p: p.line)
    first = ordered[0]
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    where = f"{file}:{first.line}: " + (f"{dotted(first.path)}: " if first.path else "")
    return PolicyError(
        code,
        f"{where}{first.detail}{more}",
        hint=first.fix,
        file=file,
        line=first.line,
        path=dotted(first.path),
        problems=[
            {"line": p.line, "path": dotted(p.path), "detail": p.detail, "fix": p.fix} for p in ordered[:_SHOWN_MAX]
        ],
    )


def describe(error: PolicyError) -> str:
    """All problems of the error, one a line with its fix below: what the command line prints."""
    problems = error.extra.get("problems")
    if not problems:
        return str(error)
    lines = []
    for p in problems:
        path = f"{p['path']}: " if p["path"] else ""
        lines.append(f"{error.extra['file']}:{p['line']}: {path}{p['detail']}\n    fix: {p['fix']}")
    return "\n".join(lines)
