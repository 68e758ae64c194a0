"""What an owner does to accounts, and that none of it makes more budget than was promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tacit_service.errors import BudgetExhausted, Conflict, NotFound
from tacit_service.ledger.administration import Administration
from tacit_service.ledger.records import Pace, Window
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.curves import price
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

Book = Any


def left(book: Book, analyst: str | None) -> str:
    return str(book.ledger.balance("clinic", analyst).remaining[0])


def test_a_frozen_account_refuses_until_it_is_thawed(book: Book) -> None:
    owner = Administration(book.ledger)
    owner.freeze("clinic", "ada", "under review")
    with pytest.raises(BudgetExhausted, match="Your account is frozen"):
        book.reserve()
    assert left(book, "ada") == "0"
    book.reserve(analyst="bob")
    owner.thaw("clinic", "ada", "reviewed")
    book.reserve()
    assert verify(book.url).ok


def test_a_frozen_dataset_refuses_everyone_even_what_it_paid_for(book: Book) -> None:
    book.buy(canonical="same")
    Administration(book.ledger).freeze("clinic", None, "incident")
    for free in (False, True):
        with pytest.raises(BudgetExhausted, match="dataset's account is frozen"):
            book.reserve(analyst="bob", free=free)
    assert book.spent("bob") == "0"


def test_a_closed_account_stays_closed(book: Book) -> None:
    owner = Administration(book.ledger)
    owner.close("clinic", "ada", "left the project")
    with pytest.raises(Conflict, match="closed"):
        owner.thaw("clinic", "ada", "came back")
    with pytest.raises(BudgetExhausted):
        book.reserve()
    with pytest.raises(NotFound):
        owner.close("clinic", "eve", "never came")
    assert [balance.state for balance in owner.balances("clinic")] == ["open", "closed", "open"]
    assert verify(book.url).ok


def test_a_transfer_moves_what_is_unspent_and_lifts_no_one_above_their_ceiling(book: Book) -> None:
    owner = Administration(book.ledger)
    with pytest.raises(Conflict, match="ceiling"):
        owner.transfer("clinic", "ada", "bob", Epsilon.parse("1"))  # bob's limit is his ceiling already
    lower = Limits.create(Epsilon.parse("1"), Delta.parse("1e-6"))
    book.ledger.ensure_analyst("clinic", "bob", lower)
    book.reserve("2")
    with pytest.raises(Conflict, match="unspent"):
        owner.transfer("clinic", "ada", "bob", Epsilon.parse("1.1"))
    owner.transfer("clinic", "ada", "bob", Epsilon.parse("1"))
    assert (left(book, "ada"), left(book, "bob")) == ("0", "2")
    book.ledger.ensure_analyst("clinic", "bob", lower)
    assert left(book, "bob") == "2", "the policy's limit does not undo a transfer"
    with pytest.raises(BudgetExhausted):
        book.reserve("0.5")
    for nothing in (("bob", "bob", Epsilon.parse("1")), ("ada", "bob", Epsilon(0))):
        with pytest.raises(ValueError, match="between two"):
            owner.transfer("clinic", *nothing)
    assert verify(book.url).ok


def test_a_pace_refuses_more_a_day_and_starts_anew_but_never_above_the_limit(
    url: str, make_book: Callable[..., Book]
) -> None:
    book = make_book(url, epsilon="1", delta="0")
    clock = ["2026-11-22T10:00:00.000000+00:00"]
    book.ledger.close()
    book.ledger = Ledger.open(url, now=lambda: clock[0])
    owner = Administration(book.ledger)
    owner.pace("clinic", "ada", "day", Epsilon.parse("0.4"))
    book.reserve("0.3")
    with pytest.raises(BudgetExhausted, match=r"epsilon 0.1 of 0.4 is left of this day") as refused:
        book.reserve("0.2")
    assert refused.value.extra["window"] == {"epsilon": "0.1", "ends": "2026-11-23T00:00:00+00:00"}
    assert book.ledger.closed("clinic", "ada", price((book.laplace("0.1"),))) is None
    book.reserve("0.1")
    assert book.ledger.balance("clinic", "ada").window == Window(
        "day", Epsilon.parse("0.4"), Epsilon(0), "2026-11-23T00:00:00+00:00"
    )
    clock[0] = "2026-11-23T00:00:00.000000+00:00"
    book.reserve("0.4")
    clock[0] = "2026-11-22T23:00:00.000000+00:00"  # set back: the later day's window stays, and is full
    assert book.ledger.closed("clinic", "ada", price((book.laplace("0.1"),))).ends == "2026-11-24T00:00:00+00:00"
    with pytest.raises(BudgetExhausted):
        book.reserve("0.1")
    clock[0] = "2026-12-30T00:00:00.000000+00:00"
    with pytest.raises(BudgetExhausted, match="does not hold"):
        book.reserve("0.4")
    book.reserve("0.2")
    owner.pace("clinic", "ada", "", Epsilon(0))
    assert left(book, "ada") == "0"
    assert verify(url).ok


def test_a_policy_paces_by_versions_and_an_owner_between_them(url: str, make_book: Callable[..., Book]) -> None:
    book = make_book(url, epsilon="2", delta="0")
    clock = ["2026-11-22T10:00:00"]
    ledger = Ledger.open(url, now=lambda: clock[0])
    of_day = {epsilon: Pace("day", Epsilon.parse(epsilon).units) for epsilon in ("0.3", "0.5")}

    def version(pace: Pace) -> None:
        ledger.ensure_analyst("clinic", "ada", book.analyst_limits, pace=pace)

    version(of_day["0.3"])
    for _ in range(3):
        ledger.reserve(book.request("0.1"))
    with pytest.raises(BudgetExhausted, match="is left of this day"):
        ledger.reserve(book.request("0.1"))
    version(of_day["0.5"])
    ledger.reserve(book.request("0.2"))
    with pytest.raises(BudgetExhausted, match="is left of this day"):
        ledger.reserve(book.request("0.1"))  # the same window: a new version does not fill it again
    owner = Administration(ledger)
    owner.pace("clinic", "ada", "", Epsilon(0))
    head = ledger.head()
    version(of_day["0.5"])
    assert ledger.head() == head, "the same version again leaves what the owner set since"
    ledger.reserve(book.request("0.1"))
    version(Pace("month", Epsilon.parse("0.1").units))
    ledger.reserve(book.request("0.1"))
    with pytest.raises(BudgetExhausted, match="is left of this month"):
        ledger.reserve(book.request("0.1"))
    version(Pace())
    ledger.reserve(book.request("0.1"))
    assert book.spent() == "0.8"
    ledger.close()
    assert verify(url).ok


def test_a_monthly_pace_and_its_refusals(book: Book) -> None:
    owner = Administration(book.ledger)
    owner.pace("clinic", None, "month", Epsilon.parse("0.5"))
    book.reserve("0.5")
    with pytest.raises(BudgetExhausted, match="is left of this month"):
        book.reserve("0.1", analyst="bob")
    with pytest.raises(ValueError, match="per day or per month"):
        owner.pace("clinic", None, "year", Epsilon.parse("1"))
    assert verify(book.url).ok
