"""Writes docs/reference-http.md from the OpenAPI description and docs/reference-python.md from the docstrings."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import tacit
import tacit.dbapi
import tacit.model
import tacit.sqlalchemy
import tacit.training
from tacit_service.http.app import create_app
from tacit_service.settings import Settings

_WRITTEN = "Written from the code by `make reference`; do not edit."
_METHODS = ("get", "post", "put", "delete", "patch")


def http_page() -> str:
    """Every endpoint with its parameters and bodies, then every model with its members."""
    api = _description()
    parts = ["# Endpoints", f"{_WRITTEN} In words and by example: [HTTP](http.md)."]
    for path, operations in api["paths"].items():
        for method in _METHODS:
            if method in operations:
                parts += list(_operation(method, path, operations[method]))
    parts.append("## Models")
    for name, schema in sorted(api["components"]["schemas"].items()):
        if "properties" in schema:
            parts += [f"### {name}", _prose(schema.get("description", "")), _members(schema)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## `{method.upper()} {path}`"
    yield f"*{operation['summary']}.*"
    yield _prose(operation.get("description", ""))
    given = [(f"`{p['name']}`", p["in"], p.get("description", "")) for p in operation.get("parameters", ())]
    yield _table(("parameter", "in", "meaning"), given) if given else ""
    body = _model(operation.get("requestBody", {}))
    answer = next((m for code, r in operation["responses"].items() if code.startswith("2") and (m := _model(r))), "")
    yield " ".join(text for text in (body and f"Body: {body}.", answer and f"Answer: {answer}.") if text)


def _model(part: dict[str, Any]) -> str:
    for content in part.get("content", {}).values():
        reference = content.get("schema", {}).get("$ref", "")
        if reference:
            name = reference.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
    return ""


def _members(schema: dict[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    rows = [
        (f"`{name}`", _kind(member), "yes" if name in needed else "", member.get("description", ""))
        for name, member in schema["properties"].items()
    ]
    return _table(("member", "type", "required", "meaning"), rows)


def _kind(member: dict[str, Any]) -> str:
    if "$ref" in member:
        name = member["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in member:
        return " or ".join(dict.fromkeys(_kind(option) for option in member["anyOf"]))
    if "enum" in member:
        return ", ".join(f"`{value}`" for value in member["enum"])
    kind = member.get("type", "anything")
    return f"list of {_kind(member['items'])}" if kind == "array" and "items" in member else str(kind)


def _description() -> dict[str, Any]:
    nobody: Any = None  # no service is asked: the description comes from the routes
    description: dict[str, Any] = create_app(nobody, Settings()).openapi()
    return description


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in line) + " |" for line in lines)


def _prose(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split()).replace("``", "`")


def python_page() -> str:
    """Every public name of the SDK with its signature, its docstring and its example."""
    parts = ["# Python", f"{_WRITTEN} How to begin: [from Python](python.md). `help()` shows the same."]
    for title, kinds in (
        ("tacit", (tacit.Client, tacit.AsyncClient, tacit.Release)),
        ("tacit.dbapi", (tacit.dbapi.connect, tacit.dbapi.Connection, tacit.dbapi.Cursor)),
        (
            "tacit.training and tacit.model",
            (tacit.training.TrainingJob, tacit.training.AsyncTrainingJob, tacit.model.Model),
        ),
    ):
        parts.append(f"## {title}")
        for kind in kinds:
            parts += list(_entry(kind, 3))
            if inspect.isclass(kind) and kind is not tacit.AsyncClient:
                for name, member in vars(kind).items():
                    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                        parts += list(_entry(member, 4, name))
    for module in (tacit.sqlalchemy, tacit.errors):
        parts += [f"## {module.__name__}", *_docstring(module)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _entry(thing: Any, depth: int, name: str = "") -> Iterator[str]:
    """A heading with the signature, and the docstring."""
    name = name or thing.__name__
    yield f"{'#' * depth} {name}"
    if not isinstance(thing, property):
        signature = inspect.signature(thing)
        own = [p for n, p in signature.parameters.items() if n != "self"]
        yield _code(f"{name}{signature.replace(parameters=own)}".replace("'", "").replace('"', ""))
    yield from _docstring(thing)


def _docstring(thing: Any) -> Iterator[str]:
    """Paragraphs as prose; examples and drawings as they stand."""
    for paragraph in (inspect.getdoc(thing) or "").split("\n\n"):
        kept = paragraph.startswith((">>> ", "    ")) or "──" in paragraph
        yield _code(textwrap.dedent(paragraph)) if kept else _prose(paragraph)


def _code(text: str) -> str:
    return f"```text\n{text}\n```"
