"""A's ids tried by B, on every route that takes an id: the same answer, byte for byte, as for an id that does not exist."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient
from tacit_api_fakes import House

from tacit_service.access import ROUTES, Role, mint
from tacit_service.http import examples
from tacit_service.http.app import create_app
from tacit_service.ledger.directory import Directory

BODIES = {
    "/v1/admin/datasets/{name}/analysts": {"analyst": "eve", "epsilon": "0.5", "delta": "1e-8"},
    "/v1/admin/datasets/{name}/state": {"analyst": "ada", "state": "frozen", "reason": "under review"},
    "/v1/admin/datasets/{name}/transfer": {"giver": "ada", "taker": "bob", "epsilon": "0.25"},
    "/v1/admin/datasets/{name}/pace": {"analyst": "ada", "period": "day", "epsilon": "0.1"},
    "/v1/admin/keys/{key_id}/rotate": {"overlap_hours": 1},
    "/v1/admin/keys/{key_id}/grants": {"datasets": ["shop"]},
}
TAKING_IDS = sorted(
    (route, role.value) for route, roles in ROUTES.items() if roles and "{" in route[1] for role in roles
)


@pytest.mark.parametrize(("route", "role"), TAKING_IDS)
def test_anothers_id_is_as_one_that_does_not_exist(house: House, tmp_path, route, role):
    method, path = route
    ledger = house.open_office(tmp_path)
    stranger = mint("stranger" if role != "analyst" else "ben", Role(role), ("shop",))
    Directory(ledger).add_key(stranger.row)
    ids = {  # what is ada's, or of the dataset clinic; the stranger's key opens the dataset shop alone
        "name": ("clinic", "nothing"),
        "release_id": ("rel_5b0c6f0f2f9b4e0a", "rel_0000000000000000"),
        "job_id": (str(examples.TRAINING_JOB["id"]), "job_none"),
        "key_id": (Directory(ledger).list("ada")[0].key_id, "key_none"),
    }
    names = re.findall(r"{(\w+)}", path)
    before, keys = ledger.head(), Directory(ledger).list()
    with TestClient(create_app(house.service, house.settings), raise_server_exceptions=False) as api:
        header = {"Authorization": f"Bearer {stranger.secret}"}
        theirs, none = (
            api.request(
                method, path.format(**{name: ids[name][made_up] for name in names}), headers=header,
                json=BODIES.get(path, {}) if method == "POST" else None,
            )
            for made_up in (0, 1)
        )  # fmt: skip
    assert theirs.status_code == none.status_code >= 400, theirs.text
    assert theirs.content == none.content
    if path in BODIES or method == "GET":
        assert theirs.status_code == 404
    assert (ledger.head(), Directory(ledger).list()) == (before, keys), "and nothing was changed"
    ledger.close()
