"""A store that fails under a running service: 503 from everything that needs it, ``/healthz`` says so, and it comes back verified."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient
from tacit_api_fakes import House

from tacit_service.assembly import LedgerBooks, Parts, Service
from tacit_service.http.app import create_app
from tacit_service.ledger.directory import Directory


def test_after_a_store_error_the_service_is_closed_and_healthz_says_so(house: House, tmp_path: Path):
    ledger = house.open_office(tmp_path)
    parts = Parts(LedgerBooks(ledger), Directory(ledger), house.parts.datasets, office=house.service.office())
    database = ledger._database.engine

    def rename(old: str, new: str) -> None:
        with database.connect() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
            connection.commit()

    with TestClient(create_app(Service.of(parts), house.settings), raise_server_exceptions=False) as api:
        header = house.headers("steward")
        assert api.get("/healthz").json() == {"status": "ok", "ready": True, "ledger": "healthy"}
        rename("accounts", "elsewhere")
        first = api.get("/v1/admin/datasets/clinic/accounts", headers=header)
        assert (first.status_code, first.json()["code"]) == (503, "ledger_unavailable")
        assert api.get("/v1/me", headers=header).status_code == 503, "not even a key is read from a store that failed"
        for path in ("/healthz", "/readyz"):
            health = api.get(path)
            assert (health.status_code, health.json()["ledger"]) == (503, "unhealthy")
        rename("elsewhere", "accounts")
        assert api.get("/healthz").json()["ledger"] == "healthy", "verified from the first entry, and open again"
        assert api.get("/v1/admin/datasets/clinic/accounts", headers=header).status_code == 200
    ledger.close()
