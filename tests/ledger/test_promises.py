"""Versions of a policy: what was spent is never forgotten, and for whom it was spent never changes. Groups share a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tacit_service.errors import BudgetExhausted, Conflict
from tacit_service.ledger.administration import Administration
from tacit_service.ledger.records import ChargeRequest
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.events import DpSgdEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

Book = Any


def promise(unit: str = "patients.patient_id", **tables: tuple[str, str]) -> dict[str, Any]:
    tables = tables or {"patients": ("patient_id", "file-1"), "visits": ("patient_id", "file-2")}
    return {"unit": unit, "tables": {name: {"by": by, "source": source} for name, (by, source) in tables.items()}}


def version(book: Book, number: int, what: dict[str, Any], dataset: str = "clinic", epsilon: str = "3") -> None:
    limits = Limits.create(Epsilon.parse(epsilon), Delta.parse("1e-6"))
    book.ledger.ensure_dataset(dataset, limits, f"policy-{number}", what)


def test_a_new_version_carries_what_was_spent(book: Book) -> None:
    version(book, 2, promise())
    book.reserve("1")
    tables = {"patients": ("patient_id", "file-1b"), "labs": ("visit_id = visits.visit_id", "file-3")}
    version(book, 3, promise(**tables), epsilon="2")  # a table more, one left out, another file, a lower limit
    assert (book.spent(None), str(book.ledger.balance("clinic", None).remaining[0])) == ("1", "1")
    head = book.ledger.head()
    version(book, 3, promise(**tables), epsilon="2")
    assert book.ledger.head() == head, "the same version again writes nothing"
    assert verify(book.url).ok


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (promise("visits.visit_id"), "the privacy unit was patients.patient_id, and is visits.visit_id"),
        (promise(visits=("visit_id", "file-2")), "rows of visits belonged to units by patient_id, and now by visit_id"),
        (promise(visits=("public", "file-2")), "rows of visits belonged to units by patient_id, and now by public"),
    ],
)
def test_a_version_that_would_protect_others_is_refused(book: Book, what: dict[str, Any], why: str) -> None:
    version(book, 2, promise())
    book.reserve("1")
    head = book.ledger.head()
    with pytest.raises(Conflict, match=why) as refused:
        version(book, 3, what)
    assert refused.value.code == "promise_changed"
    version(book, 4, promise(labs=("patient_id", "file-3")))  # a version without the table does not make it forgotten
    with pytest.raises(Conflict, match=why):
        version(book, 5, what)
    assert book.ledger.journal(after=head.sequence + 2) == []
    assert book.spent(None) == "1"


def test_the_same_data_under_another_name_has_no_second_budget(book: Book) -> None:
    version(book, 2, promise())
    with pytest.raises(Conflict, match="part of the dataset clinic") as refused:
        version(book, 1, promise(people=("patient_id", "file-1")), dataset="clinic_again")
    assert refused.value.code == "data_promised"
    version(book, 1, promise(regions=("public", "file-1"), sales=("buyer", "file-9")), dataset="shop")
    assert verify(book.url).ok


def grouped(url: str, make_book: Callable[..., Book], **options: Any) -> Book:
    book = make_book(url, **({"delta": "0"} | options))
    group = Limits.create(Epsilon.parse("1"), book.limits.delta)
    book.ledger.ensure_group("clinic", "oncology", group)
    for analyst in ("ada", "bob"):
        book.ledger.ensure_analyst("clinic", analyst, book.analyst_limits, group="oncology")
    book.ledger.ensure_analyst("clinic", "eve", book.analyst_limits)
    return book


def test_a_groups_members_share_its_limit(url: str, make_book: Callable[..., Book]) -> None:
    book = grouped(url, make_book)
    book.reserve("0.7", analyst="ada")
    with pytest.raises(BudgetExhausted, match="account of your group") as refused:
        book.reserve("0.4", analyst="bob")
    assert refused.value.extra == {"remaining": {"epsilon": "0.3", "delta": "0"}, "account": "group"}
    book.reserve("0.3", analyst="bob")
    book.reserve("0.4", analyst="eve")
    assert [book.spent(who) for who in ("ada", "bob", "@oncology", "eve", None)] == ["0.7", "0.3", "1", "0.4", "1.4"]
    assert verify(url).ok


def test_a_group_pays_for_what_is_handed_on_and_gets_back_what_is_voided(
    url: str, make_book: Callable[..., Book]
) -> None:
    book = grouped(url, make_book, delta="1e-6")
    book.buy("0.5", analyst="eve", canonical="same")
    free = book.reserve("0.5", free=True)
    assert (book.spent("@oncology"), book.spent(None)) == ("0.5", "0.5")
    book.ledger.void(free.charge_id, "it was never answered")
    whole, half = (DpSgdEvent("patient_id", "dp", 0.01, 1.0, steps, steps / 2000, 1e-8) for steps in (1000, 500))
    book.ledger.settle(book.reserve(events=(whole,)).charge_id, (half,), "stopped at step 500")
    assert (book.spent("@oncology"), book.spent("ada"), book.spent(None)) == ("0.25", "0.25", "0.75")
    assert verify(url).ok


def test_a_process_that_has_not_heard_of_a_change_of_group_charges_the_new_one(
    url: str, make_book: Callable[..., Book]
) -> None:
    book = grouped(url, make_book)
    book.reserve("0.1")
    other = Ledger.open(url)
    other.ensure_group("clinic", "cardiology", Limits.create(Epsilon.parse("1"), Delta(0)))
    other.ensure_analyst("clinic", "ada", book.analyst_limits, group="cardiology")
    other.close()
    book.reserve("0.2")
    assert [book.spent(who) for who in ("@oncology", "@cardiology", "ada")] == ["0.1", "0.2", "0.3"]
    assert verify(url).ok


def test_no_analyst_can_be_named_like_a_group(book: Book) -> None:
    with pytest.raises(ValueError, match="name"):
        book.ledger.ensure_analyst("clinic", "@oncology", book.limits)
    with pytest.raises(ValueError, match="charge"):
        ChargeRequest("clinic", "@oncology", (), "b", None, "x")
    accounts = Administration(book.ledger).balances("clinic")
    assert [account.analyst for account in accounts] == [None, "ada", "bob"]
