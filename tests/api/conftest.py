from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from tacit_service.http.app import create_app

# importlib mode gives test folders no package; the fakes are a plain module beside the tests.
_spec = importlib.util.spec_from_file_location("tacit_api_fakes", Path(__file__).with_name("fakes.py"))
assert _spec is not None
assert _spec.loader is not None
fakes = importlib.util.module_from_spec(_spec)
sys.modules["tacit_api_fakes"] = fakes
_spec.loader.exec_module(fakes)

if TYPE_CHECKING:
    from tacit_api_fakes import House

    from tacit_service.ledger.store import Ledger


@pytest.fixture
def house() -> House:
    return fakes.House()


@pytest.fixture
def office(house: House, tmp_path: Path) -> Iterator[Ledger]:
    """The house's ledger, a real one; ask for it before ``api``."""
    ledger = house.open_office(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def api(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house.service, house.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def body() -> dict[str, Any]:
    return {"dataset": "clinic", "sql": "SELECT COUNT(*) AS n FROM patients", "epsilon": "0.1"}
