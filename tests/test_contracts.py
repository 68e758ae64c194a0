"""The import contract holds, each contract bites, and the two capabilities stay with those who may use them."""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the sources below ``root`` by the repository's own contract file."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(str(root / room) for room in ("service", "client")))
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--config", str(ROOT / ".importlinter")],
        cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("contracts")
    for room in ("service", "client"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def test_the_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


VIOLATIONS = {
    "service/tacit_service/privacy/units.py": ("import tacit_service.policy.model", "Rooms import downwards only"),
    "service/tacit_service/engine/base.py": ("import tacit_service.ledger.store", "siblings never import each other"),
    "service/tacit_service/http/app.py": ("import tacit_service.ledger.store", "only through the assembly"),
    "client/tacit/wire/base.py": ("import tacit_service.errors", "The SDK never imports the service"),
    "client/tacit/errors.py": ("import duckdb", "what only the service installs"),
    "service/tacit_service/errors.py": ("import tacit.errors", "shares the wire models"),
    "service/tacit_service/privacy/events.py": ("import pyarrow", "The mathematics knows no SQL"),
    "service/tacit_service/query/plan.py": ("import tacit_service.privacy.exact", "Exact aggregates pass"),
    "service/tacit_service/privacy/accuracy.py": ("import opendp", "opendp has one importer"),
    "service/tacit_service/policy/load.py": ("import sqlalchemy", "belong to the ledger"),
    "service/tacit_service/query/parse.py": ("import duckdb", "duckdb has two importers"),
    "service/tacit_service/training/desk.py": ("import dbos", "dbos has one importer"),
    "service/tacit_service/training/card.py": ("import onnx", "onnx has one importer"),
    "service/tacit_service/training/curves.py": ("import matplotlib", "matplotlib has one importer"),
    "service/tacit_service/engine/postgres/engine.py": ("import adbc_driver_manager", "adbc has one importer"),
    "service/tacit_service/engine/spark/engine.py": ("import pyspark", "pyspark and grpc have one importer"),
    "service/tacit_service/nowhere.py": ("", "Rooms import downwards only"),
}


def test_every_contract_bites(copy: Path) -> None:
    """One forbidden import planted for each contract, and a module that belongs to no room: all are named."""
    for file, (line, _) in VIOLATIONS.items():
        with (copy / file).open("a", encoding="utf-8") as planted:
            planted.write(f"\n{line}\n")
    result = lint_imports(copy)
    assert result.returncode != 0
    if "nowhere" in result.stdout:  # an exhaustive layer contract reports the unplaced module first, alone
        (copy / "service/tacit_service/nowhere.py").unlink()
        result = lint_imports(copy)
    for file, (line, contract) in VIOLATIONS.items():
        broken = [out for out in result.stdout.splitlines() if " BROKEN" in out and contract in out]
        assert broken or not line, f"{line!r} in {file} went unnoticed:\n{result.stdout}"


@functools.cache
def nodes(*words: str) -> dict[str, list[ast.AST]]:
    """The syntax of every file of the service in which one of the words stands."""
    room = ROOT / "service/tacit_service"
    return {
        str(path.relative_to(room)): list(ast.walk(ast.parse(text)))
        for path in room.rglob("*.py")
        if "node_modules" not in path.parts
        if any(word in (text := path.read_text(encoding="utf-8")) for word in words)
    }


def files_where(holds: Callable[[ast.AST], bool], *words: str) -> set[str]:
    """Files of the service with a syntax node for which ``holds``, which a file without any of the words has not."""
    return {file for file, inside in nodes(*words).items() if any(map(holds, inside))}


def reads_exact_values(node: ast.AST) -> bool:
    """``something._values`` or ``something._key_list``, where something is not the reader itself."""
    match node:
        case ast.Attribute(value=ast.Name(id="self")):
            return False
        case ast.Attribute(attr="_values" | "_key_list"):
            return True
    return False


def names_exact_aggregates(node: ast.AST) -> bool:
    return "ExactAggregates" in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))


def builds_a_proof_of_payment(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and "Charged" in (
        getattr(node.func, "id", None),
        getattr(node.func, "attr", None),
    )


def test_exact_values_are_read_by_the_mechanisms_alone() -> None:
    assert files_where(reads_exact_values, "_values", "_key_list") <= {
        "privacy/mechanisms.py",
        "privacy/choices.py",
        "privacy/thresholds.py",
    }


def test_exact_aggregates_are_named_by_the_mathematics_and_the_aggregating_engine_alone() -> None:
    outside = {
        file for file in files_where(names_exact_aggregates, "ExactAggregates") if not file.startswith("privacy/")
    }
    assert outside <= {"engine/aggregate.py"}


def test_a_proof_of_payment_is_built_by_the_ledger_alone() -> None:
    """In the store after the commit; and, for a replayed request, in admission: a proof that pays for no event."""
    assert files_where(builds_a_proof_of_payment, "Charged") <= {"ledger/store.py", "ledger/admission.py"}
    assert files_where(
        lambda node: builds_a_proof_of_payment(node) and ast.unparse(node.args[1]) != "()", "Charged"
    ) == {"ledger/store.py"}
