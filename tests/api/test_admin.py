"""Administration over HTTP, on a real ledger: owners change, auditors read, and nobody reaches past their key."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.testclient import TestClient
from tacit_api_fakes import House

from tacit_service.errors import BudgetExhausted
from tacit_service.http.app import create_app
from tacit_service.ledger import checkpoint
from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.events import LaplaceEvent

CLINIC = "/v1/admin/datasets/clinic"


def laplace(epsilon: float) -> LaplaceEvent:
    return LaplaceEvent("patient_id", "opendp 0.16.0", 1 / epsilon + 1e-9, 1, epsilon)


def charge(ledger: Ledger, dataset: str = "clinic", analyst: str = "ada", epsilon: float = 0.25, free: bool = False):
    return ledger.reserve(ChargeRequest(dataset, analyst, (laplace(epsilon),), "body", None, "SELECT 1", free))


def buy(ledger: Ledger, number: int = 1, **options) -> str:
    charged = charge(ledger, **options)
    who = options.get("dataset", "clinic"), options.get("analyst", "ada")
    ledger.record(charged.charge_id, StoredRelease(f"rel_{number}", *who, "same", b"{}", "2026-11-22T00:00:00Z"))
    return charged.charge_id


class Door:
    """One caller: what they get, as JSON, with the status expected."""

    def __init__(self, api, house: House, who: str) -> None:
        self._api, self._headers = api, house.headers(who)

    def get(self, path: str, status: int = 200):
        return self._sent(self._api.get(path, headers=self._headers), status)

    def post(self, path: str, body=None, status: int = 200):
        return self._sent(self._api.post(path, json=body, headers=self._headers), status)

    @staticmethod
    def _sent(answer, status: int):
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def api(office: Ledger, house: House) -> Iterator[TestClient]:
    """The application over the house once its ledger is open."""
    with TestClient(create_app(house.service, house.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def owner(office: Ledger, api, house: House) -> Door:
    return Door(api, house, "owner")  # of clinic alone


@pytest.fixture
def steward(office: Ledger, api, house: House) -> Door:
    return Door(api, house, "steward")  # an owner of everything


@pytest.fixture
def auditor(office: Ledger, api, house: House) -> Door:
    return Door(api, house, "auditor")


def test_a_key_is_shown_once_works_at_once_and_ends_at_once(api, owner: Door, auditor: Door):
    made = owner.post("/v1/admin/keys", {"principal": "ada", "datasets": ["clinic"], "days": 30})
    header = {"Authorization": f"Bearer {made['secret']}"}
    assert api.get("/v1/me", headers=header).json()["principal"] == "ada"
    for door in (owner, auditor):
        listed = door.get("/v1/admin/keys")
        assert made["key"] in listed["keys"]
        assert made["secret"] not in json.dumps(listed)
    assert owner.post(f"/v1/admin/keys/{made['key']['key_id']}/revoke")["revoked_at"]
    assert api.get("/v1/me", headers=header).status_code == 401


def test_a_rotated_key_opens_until_the_overlap_is_over(api, owner: Door):
    old = owner.post("/v1/admin/keys", {"principal": "ada", "datasets": ["clinic"]})
    of = f"/v1/admin/keys/{old['key']['key_id']}"
    new = owner.post(f"{of}/rotate", {"overlap_hours": 1})
    status = [api.get("/v1/me", headers={"Authorization": f"Bearer {one['secret']}"}).status_code for one in (old, new)]
    assert status == [200, 200]
    at_once = owner.post(f"/v1/admin/keys/{new['key']['key_id']}/rotate", {})
    status = [
        api.get("/v1/me", headers={"Authorization": f"Bearer {one['secret']}"}).status_code for one in (new, at_once)
    ]
    assert status == [401, 200]
    again = owner.post(f"/v1/admin/keys/{new['key']['key_id']}/rotate", {}, status=409)
    assert again["code"] == "key_over"


def test_a_grant_takes_effect_with_the_next_request(api, steward: Door):
    made = steward.post("/v1/admin/keys", {"principal": "olaf", "role": "owner", "datasets": ["clinic"]})
    header = {"Authorization": f"Bearer {made['secret']}"}
    steward.post(f"/v1/admin/keys/{made['key']['key_id']}/grants", {"datasets": ["shop", "shop"]})
    assert api.get("/v1/datasets", headers=header).json() == {"datasets": ["shop"]}


def test_nobody_hands_out_or_changes_more_than_they_hold(owner: Door, steward: Door, office: Ledger):
    for datasets in (["shop"], ["*"], ["clinic", "shop"]):
        refused = owner.post("/v1/admin/keys", {"principal": "eve", "datasets": datasets}, status=404)
        assert refused["code"] == "not_found"
    foreign = steward.post("/v1/admin/keys", {"principal": "ben", "datasets": ["shop"]})["key"]["key_id"]
    assert foreign not in json.dumps(owner.get("/v1/admin/keys"))
    for act, body in (("rotate", {}), ("grants", {"datasets": ["clinic"]}), ("revoke", None)):
        theirs = owner.post(f"/v1/admin/keys/{foreign}/{act}", body, status=404)
        nothing = owner.post(f"/v1/admin/keys/key_none/{act}", body, status=404)
        assert theirs == nothing
    mine = owner.post("/v1/admin/keys", {"principal": "ada", "datasets": ["clinic"]})["key"]["key_id"]
    owner.post(f"/v1/admin/keys/{mine}/grants", {"datasets": ["*"]}, status=404)
    assert steward.get("/v1/admin/keys?principal=eve")["keys"] == []


@pytest.mark.parametrize("path", ["accounts", "history", "pending"])
def test_a_dataset_of_another_reads_as_one_that_does_not_exist(owner: Door, path):
    assert owner.get(f"/v1/admin/datasets/shop/{path}", 404) == owner.get(f"/v1/admin/datasets/none/{path}", 404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("analysts", {"analyst": "eve", "epsilon": "0.1"}),
        ("state", {"analyst": "ben", "state": "closed", "reason": "not mine"}),
        ("transfer", {"giver": "ben", "taker": "ada", "epsilon": "0.1"}),
        ("pace", {"analyst": "ben", "period": "day", "epsilon": "0.1"}),
    ],
)
def test_an_owner_of_one_dataset_changes_nothing_on_another(owner: Door, office: Ledger, path, body):
    head = office.head()
    theirs = owner.post(f"/v1/admin/datasets/shop/{path}", body, status=404)
    assert theirs == owner.post(f"/v1/admin/datasets/none/{path}", body, status=404)
    assert office.head() == head


def test_the_whole_ledger_is_for_keys_that_grant_it_all(owner: Door, auditor: Door):
    for path in ("journal", "verify", "checkpoint"):
        assert owner.get(f"/v1/admin/{path}", 403)["code"] == "forbidden"
        auditor.get(f"/v1/admin/{path}")


def test_states_are_kept_by_the_ledger_and_say_who_and_why(owner: Door, office: Ledger):
    frozen = owner.post(f"{CLINIC}/state", {"analyst": "ada", "state": "frozen", "reason": "under review"})
    assert (frozen["state"], frozen["remaining"]["epsilon"]) == ("frozen", "0")
    with pytest.raises(BudgetExhausted, match="frozen"):
        charge(office)
    entry = office.journal(office.head().sequence - 1)[0]
    assert (entry.kind, entry.data["by"], entry.data["reason"]) == ("state", "olga", "under review")
    owner.post(f"{CLINIC}/state", {"analyst": "ada", "state": "open", "reason": "reviewed"})
    charge(office)
    owner.post(f"{CLINIC}/state", {"state": "closed", "reason": "the study is over"})
    with pytest.raises(BudgetExhausted, match="dataset's account is closed"):
        charge(office)
    refused = owner.post(f"{CLINIC}/state", {"state": "open", "reason": "more"}, status=409)
    assert refused["code"] == "account_closed"


def test_an_appointed_analyst_sees_the_dataset_and_the_allotment_is_kept(api, owner: Door, office: Ledger):
    made = owner.post("/v1/admin/keys", {"principal": "eve", "datasets": ["clinic"]})
    header = {"Authorization": f"Bearer {made['secret']}"}
    assert api.get("/v1/datasets", headers=header).json() == {"datasets": []}
    account = owner.post(f"{CLINIC}/analysts", {"analyst": "eve", "epsilon": 1.5, "delta": "1e-7"})
    assert (account["limit"]["epsilon"], account["declared_by"]) == ("1.5", "owner")
    assert api.get("/v1/datasets", headers=header).json() == {"datasets": ["clinic"]}
    charge(office, analyst="eve", epsilon=1.0)

    too_much = owner.post(f"{CLINIC}/analysts", {"analyst": "fay", "epsilon": "0.6"}, status=409)
    assert (too_much["code"], office.balance("clinic", None).charges) == ("allotment_exceeded", 1)
    owner.post(f"{CLINIC}/analysts", {"analyst": "eve", "epsilon": "1.2", "delta": "1e-7"})
    assert str(office.balance("clinic", "eve").remaining[0]) == "0.2"
    owner.post(f"{CLINIC}/analysts", {"analyst": "fay", "epsilon": "0.6"})
    above = owner.post(f"{CLINIC}/analysts", {"analyst": "eve", "epsilon": "1.6", "delta": "1e-7"}, status=409)
    assert above["code"] in ("limits_fixed", "allotment_exceeded")
    theirs = owner.post(f"{CLINIC}/analysts", {"analyst": "ada", "epsilon": "0.1"}, status=409)
    assert theirs["code"] == "account_of_policy"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("analysts", {"analyst": "two words", "epsilon": "0.1"}, "name_invalid"),
        ("analysts", {"analyst": "eve", "epsilon": "0"}, "epsilon_invalid"),
        ("analysts", {"analyst": "eve", "epsilon": "lots"}, "epsilon_invalid"),
        ("analysts", {"analyst": "eve", "epsilon": "0.1", "delta": "1"}, "epsilon_invalid"),
        ("analysts", {"analyst": "eve", "epsilon": "0.1", "delta": "-1"}, "delta_invalid"),
        ("analysts", {"analyst": "eve", "epsilon": "0.1", "colour": "red"}, "invalid_request"),
        ("state", {"state": "melted", "reason": "x"}, "invalid_request"),
        ("state", {"state": "frozen"}, "invalid_request"),
        ("transfer", {"giver": "ada", "taker": "ada", "epsilon": "0.1"}, "transfer_empty"),
        ("transfer", {"giver": "ada", "taker": "bob", "epsilon": "0"}, "transfer_empty"),
        ("pace", {"period": "hour", "epsilon": "0.1"}, "invalid_request"),
        ("pace", {"period": "day"}, "epsilon_invalid"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(owner: Door, office: Ledger, path, body, code):
    head = office.head()
    assert owner.post(f"{CLINIC}/{path}", body, status=422)["code"] == code
    assert office.head() == head


def test_transfer_and_pace(owner: Door, office: Ledger, steward: Door):
    owner.post(f"{CLINIC}/analysts", {"analyst": "eve", "epsilon": "1", "delta": "1e-7"})
    owner.post(f"{CLINIC}/analysts", {"analyst": "eve", "epsilon": "0.5", "delta": "1e-7"})
    moved = owner.post(f"{CLINIC}/transfer", {"giver": "ada", "taker": "eve", "epsilon": "0.25"})
    assert [account["limit"]["epsilon"] for account in moved["accounts"]] == ["0.75", "0.75"]
    paced = owner.post(f"{CLINIC}/pace", {"analyst": "ada", "period": "day", "epsilon": "0.25"})
    assert paced["pace"] == {"period": "day", "epsilon": "0.25"}
    charge(office)
    assert owner.get(f"{CLINIC}/accounts")["accounts"][1]["window"]["remaining"] == "0"
    with pytest.raises(BudgetExhausted, match="day"):
        charge(office)
    assert owner.post(f"{CLINIC}/pace", {"analyst": "ada", "period": "none"})["pace"] is None
    charge(office)
    assert steward.get("/v1/admin/verify")["ok"]


def test_history_says_what_each_charge_cost_and_pages(owner: Door, auditor: Door, office: Ledger):
    first = buy(office)
    open_charge = charge(office, epsilon=0.5).charge_id
    void = charge(office).charge_id
    office.void(void, "the worker never started")
    page = auditor.get(f"{CLINIC}/history?limit=2")
    assert [(c["charge_id"], c["status"], c["cost"]["epsilon"]) for c in page["charges"]] == [
        (void, "voided", "0"),
        (open_charge, "pending", "0.5"),
    ]
    rest = auditor.get(f"{CLINIC}/history?limit=2&before={page['next_before']}")
    assert [(c["charge_id"], c["release_id"]) for c in rest["charges"]] == [(first, "rel_1")]
    assert rest["next_before"] is None
    assert [c["charge_id"] for c in owner.get(f"{CLINIC}/pending")["charges"]] == [open_charge]
    assert owner.get(f"{CLINIC}/history?analyst=eve")["charges"] == []
    analysts = {a["name"]: a for a in owner.get("/v1/admin/analysts")["analysts"]}
    assert analysts["ada"]["accounts"][0]["spent"]["epsilon"] == "0.75"
    assert analysts["ada"]["keys"]
    assert "ben" not in analysts, "an analyst of another dataset"


def test_spending_is_ones_own_and_for_the_owner_the_datasets(api, house: House, owner: Door, office: Ledger):
    owner.post(f"{CLINIC}/analysts", {"analyst": "eve", "epsilon": "1", "delta": "1e-7"})
    buy(office, 1)
    buy(office, 2, analyst="eve", free=True)
    pending = charge(office, epsilon=0.5).charge_id
    ada = Door(api, house, "ada").get("/v1/budget/history?dataset=clinic")
    assert {c["analyst"] for c in ada["charges"]} == {"ada"}
    assert [(d["charges"], d["spent"]["epsilon"]) for d in ada["days"]] == [(2, "0.75")]
    assert [c["charge_id"] for c in ada["pending"]] == [pending]
    assert {c["paid_by_dataset"] for c in ada["charges"]} == {None}, "whether others hold the same is not told"
    assert ada["complete"]
    whole = owner.get("/v1/budget/history?dataset=clinic")
    assert [(d["charges"], d["spent"]["epsilon"]) for d in whole["days"]] == [(3, "0.75")], "handed on: paid before"
    assert [c["paid_by_dataset"] for c in whole["charges"]] == [True, False, True]
    assert str(office.balance("clinic", None).spent[0]) == "0.75"
    assert not owner.get("/v1/budget/history?dataset=clinic&limit=2")["complete"]
    hidden = Door(api, house, "ben").get("/v1/budget/history?dataset=clinic", 404)
    assert hidden == Door(api, house, "ben").get("/v1/budget/history?dataset=none", 404)


def test_the_loss_by_one_distribution_is_information(auditor: Door, office: Ledger):
    for number in range(3):
        buy(office, number)
    office.void(charge(office).charge_id, "the worker never started")
    found = auditor.get(f"{CLINIC}/total?analyst=ada")
    assert (found["spent"]["epsilon"], found["pld_delta"]) == ("0.75", "0.0000001")
    assert 0.7 < found["pld_epsilon"] <= 0.7501, "three of pure 0.25: what is left of it at this δ"
    assert "information only" in found["note"]
    assert "by simple adding" in found["in_words"]
    whole = auditor.get(f"{CLINIC}/total")
    assert (whole["analyst"], whole["spent"]["epsilon"]) == (None, "0.75")
    assert auditor.get(f"{CLINIC}/total?analyst=eve", 404)["code"] == "not_found"


def test_an_auditor_proves_the_ledger_without_the_service(auditor: Door, office: Ledger):
    from tacit_service.ledger.journal import link

    buy(office)
    pages, after = [], 0
    while entries := auditor.get(f"/v1/admin/journal?after={after}&limit=3")["entries"]:
        pages += entries
        after = entries[-1]["sequence"]
    previous = "0" * 64
    for entry in pages:
        assert entry["previous"] == previous
        previous = link(previous, entry["body"])
        assert entry["hash"] == previous
    report = auditor.get("/v1/admin/verify")
    assert (report["ok"], report["findings"], report["head"]["hash"]) == (True, [], previous)
    note = auditor.get("/v1/admin/checkpoint")
    head = checkpoint.read(note["checkpoint"], note["origin"], load_pem_public_key(note["public_key"].encode()))
    assert (head.sequence, head.hash) == (len(pages), previous)


def test_a_tampered_row_is_found_over_http(auditor: Door, office: Ledger):
    import sqlalchemy as sa

    buy(office)
    with office.writing() as connection:
        connection.execute(sa.text("UPDATE accounts SET p_epsilon = 0, r_rdp = 0 WHERE analyst = 'ada'"))
    report = auditor.get("/v1/admin/verify")
    assert not report["ok"]
    assert "account of ada on clinic" in report["findings"][0]
