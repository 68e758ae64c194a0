"""Tidiness is a unit test: the laws of docs/design.md that a machine can read."""

from __future__ import annotations

import ast
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = sorted(p for room in ("service", "client") for p in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
SKIPPED_PARTS = {
    ".git", ".venv", "build", "dist", "node_modules", "__pycache__",
    ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache",
}  # fmt: skip

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

LEFT_OPEN = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|\bNotImplementedError\b")
REGISTRY_HOST = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|anaconda|crates|ghcr|quay|unpkg|jsdelivr)\.(?:org|com|io|net)\b"
)
MACHINE_PATH = re.compile(r"(?<![\w.*])/(?:work|root|home|farm|Users)/\w")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file of the repository but this one, whose patterns would find themselves."""
    for folder, below, files in os.walk(ROOT):
        below[:] = sorted(set(below) - SKIPPED_PARTS)
        for path in (Path(folder, file) for file in sorted(files)):
            if path.is_file() and path != Path(__file__):
                with contextlib.suppress(UnicodeDecodeError):
                    yield path, path.read_text(encoding="utf-8")


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def code_lines(function: Function) -> int:
    """Lines of a function from its ``def`` on, less its docstring: a proof beside the code is never too long."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_a_file_does_one_thing(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    assert lines <= FILE_LINES_MAX
    assert not LEFT_OPEN.findall(source)
    tree = ast.parse(source)
    assert {f.name: code_lines(f) for f in functions(tree) if code_lines(f) > FUNCTION_LINES_MAX} == {}


def is_export(statement: ast.stmt) -> bool:
    """Imports, ``__all__``, ``__version__``, a lazy ``__getattr__`` and the imports under ``TYPE_CHECKING``."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)):
            return target.startswith("__") or target == "_LAZY"
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
            return all(is_export(inner) for inner in body)
    return False


@pytest.mark.parametrize("path", [p for p in PRODUCT if p.name == "__init__.py"], ids=name)
def test_an_init_holds_a_docstring_and_exports(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a package says what it is"
    assert [ast.unparse(statement) for statement in tree.body if not is_export(statement)] == []


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = {
        name(path): hits
        for path, text in text_files()
        if (hits := REGISTRY_HOST.findall(text) + MACHINE_PATH.findall(text))
    }
    assert found == {}


def asserts_something(test: Function) -> bool:
    """An ``assert``, ``pytest.raises`` or ``warns``, or a helper whose name says that it asserts."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"raises", "warns", "fail"} or called.startswith(("assert_", "check_", "expect_")):
                return True
    return False


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_every_test_can_fail(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [f for f in functions(tree) if f.name.startswith("test_")]
    assert [f.name for f in tests if not asserts_something(f)] == []
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant)), f"line {node.lineno}"


def test_the_patterns_find_what_they_forbid() -> None:
    assert LEFT_OPEN.search("raise NotImplementedError")
    assert REGISTRY_HOST.search("https://files.pythonhosted" + ".org/x")
    assert MACHINE_PATH.search("open('/ho" + "me/ada/x')")
    assert not MACHINE_PATH.search("docs/work/x and ../work/y")
