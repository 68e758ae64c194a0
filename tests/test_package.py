"""What is shipped: the wheel holds what the source tree holds, and every import is of a declared dependency."""

from __future__ import annotations

import ast
import functools
import re
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = {"tacit", "tacit_service"}


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def declared(*extras: str) -> set[str]:
    """Names of the distributions that the base and these extras ask for."""
    wanted = list(PROJECT["dependencies"])
    for extra in extras:
        wanted += PROJECT["optional-dependencies"][extra]
    return {normal(re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]) for requirement in wanted}


@functools.cache
def imported(room: str, *, lazy: bool) -> dict[str, set[str]]:
    """Top-level packages that a source root imports, with the files; at module level only unless ``lazy``."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / room).rglob("*.py"):
        if "node_modules" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree) if lazy else tree.body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(ROOT)))
    return {name: files for name, files in found.items() if name not in sys.stdlib_module_names and name not in OWN}


@functools.cache
def owners_of_packages() -> Mapping[str, list[str]]:
    return packages_distributions()


DIALECT = "client/tacit/sqlalchemy.py"  # the one file of the SDK that an extra is for
SUPERSET = "client/tacit/_superset.py"  # which only Superset imports


NOT_HERE = {"grpc": "grpcio"}  # whose package has another name, and is of an extra that tests do not install


def undeclared(room: str, allowed: set[str], *, lazy: bool) -> dict[str, set[str]]:
    owners = owners_of_packages()
    return {
        name: files
        for name, files in imported(room, lazy=lazy).items()
        if not files <= {DIALECT, SUPERSET}
        and not allowed & {normal(owner) for owner in owners.get(name, [NOT_HERE.get(name, name)])}
    }


def test_the_base_install_is_enough_to_import_the_sdk() -> None:
    assert undeclared("client", declared(), lazy=False) == {}


def test_two_extras_are_all_that_the_sdk_may_ask_for_later() -> None:
    assert undeclared("client", declared("arrow", "models"), lazy=True) == {}


def test_the_sqlalchemy_extra_is_for_the_dialect_alone() -> None:
    assert imported("client", lazy=True)["sqlalchemy"] == {DIALECT}
    assert declared("sqlalchemy") - declared() == {"sqlalchemy"}


def test_the_service_extra_declares_all_that_the_service_imports() -> None:
    assert undeclared("service", declared("arrow", "service", "postgres", "spark", "train"), lazy=True) == {}


def test_every_dependency_earns_its_room() -> None:
    owners = owners_of_packages()
    used = {
        normal(owner)
        for room in ("client", "service")
        for name in imported(room, lazy=True)
        for owner in owners.get(name, ())
    }
    assert declared("arrow", "service") - {"tacit"} <= used


def test_every_dependency_has_an_upper_bound() -> None:
    wanted = PROJECT["dependencies"] + [r for extra in PROJECT["optional-dependencies"].values() for r in extra]
    assert [r for r in wanted if not r.startswith("tacit[") and not re.search(r"==|<", r)] == []


def test_the_service_pins_exactly_what_the_promise_leans_on() -> None:
    pinned = {normal(r.partition("==")[0]) for r in PROJECT["optional-dependencies"]["service"] if "==" in r}
    assert {"opendp", "duckdb", "sqlglot"} <= pinned
    train = {normal(r.partition("==")[0]) for r in PROJECT["optional-dependencies"]["train"] if "==" in r}
    assert {"torch", "dp-accounting"} <= train


def test_the_wheel_holds_every_source_file(tmp_path: Path) -> None:
    built = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(built) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        str(path.relative_to(ROOT / room))
        for room, package in (("service", "tacit_service"), ("client", "tacit"))
        for path in (ROOT / room / package).rglob("*")
        if path.is_file() and not {"__pycache__", "node_modules"}.intersection(path.parts)
    }
    assert inside == expected


@pytest.mark.parametrize("package", sorted(OWN))
def test_the_packages_say_that_they_are_typed(package: str) -> None:
    room = "client" if package == "tacit" else "service"
    assert (ROOT / room / package / "py.typed").is_file()


def test_the_image_is_not_run_by_root_and_reports_its_health() -> None:
    steps = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-1]
    assert re.search(r"^USER (?!root|0\b)", steps, re.M)
    assert "/healthz" in steps
    assert "HEALTHCHECK" in steps
    assert not re.search(r"(?i)(password|secret|token|key)=", steps)
