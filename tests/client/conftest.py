from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tacit

# importlib mode gives test folders no package; the service is a plain module beside the tests.
_spec = importlib.util.spec_from_file_location("tacit_test_service", Path(__file__).with_name("service.py"))
assert _spec is not None
assert _spec.loader is not None
service = importlib.util.module_from_spec(_spec)
sys.modules["tacit_test_service"] = service
_spec.loader.exec_module(service)

if TYPE_CHECKING:
    from tacit_test_service import Account, Run


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Account, str]]:
    account = service.Account()
    with service.serve(account) as url:
        yield account, url


@pytest.fixture
def account(served: tuple[Account, str]) -> Account:
    """The service's books, fresh for each test."""
    served[0].__dict__.update({k: v for k, v in service.Account().__dict__.items() if k != "lock"})
    return served[0]


@pytest.fixture
def url(served: tuple[Account, str], account: Account) -> str:
    return served[1]


@pytest.fixture
def client(url: str) -> Iterator[tacit.Client]:
    with tacit.Client(url, service.KEY, dataset="clinic") as client:
        yield client


@pytest.fixture
def environment(url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "TACIT_URL": url,
        "TACIT_KEY": service.KEY,
        "TACIT_DATASET": "clinic",
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """The real command in a process of its own: ``run("query", "SELECT …")``; ``TACIT_…=None`` removes a variable."""

    def run(*arguments: str, stdin: str = "", **changes: str | None) -> subprocess.CompletedProcess[str]:
        changed = {name: value for name, value in {**environment, **changes}.items() if value is not None}
        command = [sys.executable, "-m", "tacit.cli", *arguments]
        return subprocess.run(
            command, input=stdin, env=changed, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    return run
