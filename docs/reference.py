"""Writes docs/reference.md from the code: settings, endpoints, commands, functions, error codes.

``make reference`` writes the page; a test compares it with what this makes, so that nothing is missing or stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import runpy
from collections.abc import Iterator
from pathlib import Path

from tacit import cli as sdk_cli
from tacit import errors as sdk
from tacit.shell.commands import COMMANDS
from tacit_service import cli as service_cli
from tacit_service import errors as service
from tacit_service.access.roles import ROUTES
from tacit_service.http.catalogue import CATALOGUE, MAY_BE_CHARGED
from tacit_service.http.problems import EdgeError, status_of
from tacit_service.query.functions import PUBLIC_NAMES
from tacit_service.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    """Every setting, its default and what it means."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default if field.default not in ((), None, "", {}) else "none"
        rows.append((f"`TACIT_{name.upper()}`", f"`{default}`", field.description or ""))
    return table(("environment", "default", "meaning"), rows)


def endpoints() -> str:
    """Every route and the roles that may call it."""
    rows = [
        (f"`{method} {path}`", "no key needed" if roles is None else ", ".join(sorted(roles)))
        for (method, path), roles in ROUTES.items()
    ]
    return table(("endpoint", "who may call it"), rows)


def commands(top: argparse.ArgumentParser) -> str:
    """Every command of a program with its arguments, as its own parser knows them."""
    return table(("command", "does", "arguments"), list(_commands(top)))


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, ...]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                if any(isinstance(inner, argparse._SubParsersAction) for inner in command._actions):
                    yield from _commands(command)
                else:
                    yield f"`{command.prog}`", helps[name], ", ".join(_arguments(command))


def _arguments(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in command._actions:
        if action.dest != "help":
            yield f"`{action.option_strings[-1] if action.option_strings else action.metavar or action.dest}`"


def backslashes() -> str:
    """The console's own commands."""
    rows = [(f"`{f'{name} {usage}'.strip()}`", text) for name, (_run, usage, text) in COMMANDS.items()]
    return table(("command", "does"), rows)


def functions() -> str:
    """The allow-list of scalar functions."""
    return ", ".join(f"`{name}`" for name in PUBLIC_NAMES)


def raised() -> Iterator[tuple[str, str]]:
    """Every ``SomeError("code", …)`` in the service: the code and the class that carries it."""
    classes = {name for name, value in vars(service).items() if inspect.isclass(value)} | {"EdgeError"}
    for path in sorted((ROOT / "service").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in classes and isinstance(node.args[0].value, str):
                yield node.args[0].value, called


def codes() -> str:
    """Every code, its status and meaning, whether a charge may stand, and the exception that the SDK raises."""
    known: dict[str, tuple[int, str]] = dict(CATALOGUE)
    for code, name in raised():
        if name != "PolicyError":
            error = EdgeError(code, "") if name == "EdgeError" else getattr(service, name)(code, "")
            known.setdefault(code, (status_of(error), error.title))
    rows = [
        (
            f"`{code}`",
            str(status),
            meaning,
            "may stand" if code in MAY_BE_CHARGED else "none",
            f"`{sdk.class_for(code, status).__name__}`",
        )
        for code, (status, meaning) in sorted(known.items())
    ]
    return table(("code", "status", "meaning", "charge", "exception of the SDK"), rows)


def page() -> str:
    """The whole page."""
    parts = [
        "# Reference",
        "Written from the code by `make reference`; do not edit.",
        "## Settings",
        "The service reads these from its environment once, at start.",
        settings(),
        "## Endpoints",
        "Bodies and examples: [HTTP](http.md), and `GET /v1/openapi.json` of a running service.",
        endpoints(),
        "## Commands",
        "`tacit-service`, for owners and operators:",
        commands(service_cli.parser()),
        "`tacit`, for analysts; `TACIT_URL`, `TACIT_DATASET`, `TACIT_KEY` or `TACIT_KEY_FILE` say whom it asks:",
        commands(sdk_cli.parser()),
        "Inside `tacit console`:",
        backslashes(),
        "## SQL functions",
        "Below an aggregate these may be used. Above one, over released results, DuckDB's own are there.",
        functions(),
        "## Error codes",
        "A code never changes its meaning. How a problem looks: [errors](errors.md).",
        codes(),
    ]
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """All generated pages by file name."""
    api = runpy.run_path(str(ROOT / "docs/api_reference.py"))
    return {
        "reference.md": page(),
        "reference-http.md": api["http_page"](),
        "reference-python.md": api["python_page"](),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")
