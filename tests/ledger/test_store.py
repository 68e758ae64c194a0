"""The ledger's contract, one process at a time, on both stores."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tacit_service.errors import BudgetExhausted, Conflict, LedgerUnavailable, NotFound
from tacit_service.ledger.journal import Head
from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.ledger.verify import verify
from tacit_service.privacy.curves import price
from tacit_service.privacy.events import DpSgdEvent, GaussianEvent, LaplaceThresholdEvent
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon

Book = Any


def exhaust(book: Book, events: tuple[Any, ...]) -> int:
    count = 0
    try:
        while True:
            book.reserve(events=events)
            count += 1
    except BudgetExhausted:
        return count


def test_a_charge_is_on_both_accounts_and_covers_its_events(book: Book) -> None:
    reservation = book.reserve("0.25")
    assert reservation.charged.covers(book.laplace("0.25"))
    assert not reservation.charged.covers(book.laplace("0.1"))
    assert (book.spent("ada"), book.spent(None), book.spent("bob")) == ("0.25", "0.25", "0")
    assert reservation.head == book.ledger.head()
    assert [charge.status for charge in book.ledger.pending("clinic")] == ["pending"]


def test_a_tenth_thirty_times_is_three_and_the_curve_lane_goes_on_to_thirty_seven(book: Book) -> None:
    for _ in range(30):
        book.reserve("0.1")
    assert book.spent() == "3"
    assert 30 + exhaust(book, (book.laplace("0.1"),)) == 37


def test_pure_epsilon_alone_admits_exactly_its_decimal(url: str, make_book: Callable[..., Book]) -> None:
    book = make_book(url, epsilon="1", delta="0")
    assert exhaust(book, (book.laplace("0.1"),)) == 10
    with pytest.raises(BudgetExhausted) as refused:
        book.reserve("0.000000000001")
    assert refused.value.extra["remaining"] == {"epsilon": "0", "delta": "0"}


def test_the_table_of_the_privacy_page_from_the_store(url: str, make_book: Callable[..., Book]) -> None:
    book = make_book(url)
    gaussian = GaussianEvent("patient_id", "opendp 0.16.0", 10.0, 1.0, 0.005000000000000001, 0.5, 5e-8)
    assert exhaust(book, (gaussian,)) == 34
    assert verify(url).ok


def test_training_then_counts(sqlite_book: Book) -> None:
    sqlite_book.reserve(events=(DpSgdEvent("patient_id", "dp", 0.01, 1.0, 1000, 2.5, 2e-7),))
    assert exhaust(sqlite_book, (sqlite_book.laplace("0.1"),)) == 13


def test_a_refusal_says_what_is_left_and_leaves_no_trace(book: Book) -> None:
    book.reserve("2")
    before, entries = book.ledger.head(), len(book.ledger.journal())
    with pytest.raises(BudgetExhausted) as refused:
        book.reserve("1.5")
    assert refused.value.code == "budget_exhausted"
    assert refused.value.extra == {"remaining": {"epsilon": "1", "delta": "0.0000003"}, "account": "analyst"}
    assert (book.ledger.head(), len(book.ledger.journal())) == (before, entries)
    assert book.spent() == "2"
    book.reserve("1")  # the account is unharmed: what was shown as left is admitted


def test_one_analyst_spent_others_go_on(url: str, make_book: Callable[..., Book]) -> None:
    book = make_book(url, analyst_epsilon="1", delta="0")
    exhaust(book, (book.laplace("0.5"),))
    book.reserve("0.5", analyst="bob")
    assert (book.spent("ada"), book.spent("bob"), book.spent(None)) == ("1", "0.5", "1.5")


def test_the_dataset_refuses_what_its_analysts_still_could(url: str, make_book: Callable[..., Book]) -> None:
    book = make_book(url, delta="0")  # over-committed: each analyst has as much as the dataset
    book.reserve("2")
    with pytest.raises(BudgetExhausted) as refused:
        book.reserve("2", analyst="bob")
    assert refused.value.extra["account"] == "dataset"
    assert book.spent("bob") == "0"


def test_the_analyst_whose_account_does_not_exist_is_not_charged(book: Book) -> None:
    with pytest.raises(NotFound):
        book.reserve(analyst="eve")
    with pytest.raises(NotFound):
        book.ledger.balance("nowhere", None)
    assert book.spent(None) == "0"


def test_a_threshold_uses_delta_in_both_lanes(book: Book) -> None:
    event = LaplaceThresholdEvent("patient_id", "opendp 0.16.0", 10.0, 200, 1, 1, 1, 0.1, 1e-7)
    assert exhaust(book, (event,)) == 3  # of the 3e-7 in lane P
    assert book.ledger.balance("clinic", "ada").remaining[1] < Delta.parse("1e-7")


def test_a_stored_release_costs_a_second_analyst_only_their_own(book: Book) -> None:
    book.buy("0.5", canonical="same")
    assert book.ledger.held("clinic", "ada", "same") == book.ledger.held_by_other("clinic", "bob", "same")
    assert book.ledger.held("clinic", "bob", "same") is None
    reservation = book.reserve("0.5", analyst="bob", free=True)
    assert not reservation.charged.covers(book.laplace("0.5")), "no new noise: the dataset has not paid for it"
    book.ledger.record(reservation.charge_id, book.release(analyst="bob", canonical="same"))
    assert (book.spent("ada"), book.spent("bob"), book.spent(None)) == ("0.5", "0.5", "0.5")
    assert verify(book.url).ok


def test_nothing_is_free_for_the_dataset_that_it_never_paid(book: Book) -> None:
    reservation = book.reserve("0.5", free=True)
    with pytest.raises(ValueError, match="stored already"):
        book.ledger.record(reservation.charge_id, book.release(canonical="new"))


def test_the_same_key_is_the_same_answer_and_one_charge(book: Book) -> None:
    first = book.reserve("0.1", key="k")
    with pytest.raises(Conflict) as running:
        book.reserve("0.1", key="k")
    assert (running.value.code, running.value.extra) == ("idempotency_in_progress", {"charge_id": first.charge_id})
    release = book.release()
    head = book.ledger.record(first.charge_id, release)
    again = book.reserve("0.1", key="k")
    assert (again.replay, again.charge_id, again.head) == (release, first.charge_id, head)
    assert again.charged.events == (), "a replay pays for no new noise"
    assert book.spent() == "0.1"


def test_the_same_key_on_another_body_is_a_conflict(book: Book) -> None:
    book.reserve("0.1", key="k", body="one")
    with pytest.raises(Conflict) as conflict:
        book.reserve("0.1", key="k", body="two")
    assert conflict.value.code == "idempotency_conflict"
    book.reserve("0.1", key="k", body="two", analyst="bob")  # keys are each analyst's own
    assert book.spent() == "0.1"


def test_a_failed_attempt_keeps_its_charge_and_its_key(book: Book) -> None:
    reservation = book.reserve("0.1", key="k")
    head = book.ledger.fail(reservation.charge_id, "engine_timeout")
    assert book.ledger.fail(reservation.charge_id, "engine_timeout") == head
    with pytest.raises(Conflict, match="charged"):
        book.reserve("0.1", key="k")
    with pytest.raises(ValueError, match="failed"):
        book.ledger.record(reservation.charge_id, book.release())
    with pytest.raises(ValueError, match="final"):
        book.ledger.void(reservation.charge_id, "it failed")
    assert book.spent() == "0.1"


def test_a_void_gives_back_only_what_nothing_used(book: Book) -> None:
    reservation = book.reserve("1")
    with pytest.raises(ValueError, match="proof"):
        book.ledger.void(reservation.charge_id, " ")
    book.ledger.void(reservation.charge_id, "the job was cancelled in the queue, before any worker took it")
    assert (book.spent("ada"), book.spent(None)) == ("0", "0")
    assert book.ledger.balance("clinic", "ada").charges == 0
    with pytest.raises(ValueError, match="voided"):
        book.ledger.record(reservation.charge_id, book.release())
    with pytest.raises(ValueError, match="final"):
        book.ledger.void(reservation.charge_id, "again")
    assert verify(book.url).ok


def test_training_settles_to_the_steps_done(book: Book) -> None:
    whole = DpSgdEvent("patient_id", "dp", 0.01, 1.0, 1000, 2.5, 2e-7)
    half = DpSgdEvent("patient_id", "dp", 0.01, 1.0, 500, 1.75, 2e-7)
    reservation = book.reserve(events=(whole,))
    with pytest.raises(ValueError, match="more than"):
        book.ledger.settle(reservation.charge_id, (whole, whole), "stopped")
    book.ledger.settle(reservation.charge_id, (half,), "stopped by its owner at step 500")
    assert book.ledger.balance("clinic", None).total == book.limits.part(price((half,)))
    with pytest.raises(ValueError, match="final"):
        book.ledger.settle(reservation.charge_id, (half,), "again")
    book.ledger.record(reservation.charge_id, book.release())
    (entry,) = book.ledger.history("clinic")
    assert (entry.status, entry.price) == ("released", price((half,)))
    assert verify(book.url).ok


def test_a_release_belongs_to_its_own_charge(book: Book) -> None:
    reservation = book.reserve()
    with pytest.raises(ValueError, match="same analyst"):
        book.ledger.record(reservation.charge_id, book.release(analyst="bob"))
    with pytest.raises(ValueError, match="same analyst"):
        book.ledger.record("chg_invented", book.release())
    release = book.release()
    head = book.ledger.record(reservation.charge_id, release)
    assert book.ledger.record(reservation.charge_id, release) == head, "recording again after a lost reply is harmless"
    with pytest.raises(ValueError, match="otherwise"):
        book.ledger.record(reservation.charge_id, book.release())
    assert book.ledger.release(release.release_id) == release
    assert book.ledger.release("rel_none") is None


def test_releases_come_newest_first_and_body_for_body(book: Book) -> None:
    releases = [book.buy("0.01", canonical=f"c{i}") for i in range(3)]
    assert book.ledger.releases("clinic", "ada", 2) == releases[:0:-1]
    assert book.ledger.releases("clinic", "bob") == []
    assert (book.ledger.count_releases("clinic", "ada"), book.ledger.count_releases("clinic", "bob")) == (3, 0)
    newer = book.buy("0.01", canonical="c0")
    assert book.ledger.held("clinic", "ada", "c0") == newer


def test_policies_change_and_spending_stays(book: Book) -> None:
    book.reserve("1")
    lower, higher = (Limits.create(Epsilon.parse(e), Delta.parse("1e-6")) for e in ("2", "4"))
    book.ledger.ensure_dataset("clinic", lower, "policy-2")
    balance = book.ledger.balance("clinic", None)
    assert (str(balance.limit[0]), str(balance.spent[0]), str(balance.remaining[0])) == ("2", "1", "1")
    assert balance.limits == book.limits, "the lanes are those of creation"
    book.ledger.ensure_dataset("clinic", book.limits, "policy-3")
    assert str(book.ledger.balance("clinic", None).remaining[0]) == "2"
    with pytest.raises(Conflict) as fixed:
        book.ledger.ensure_dataset("clinic", higher, "policy-4")
    assert fixed.value.code == "limits_fixed"
    with pytest.raises(Conflict):
        book.ledger.ensure_analyst("clinic", "ada", Limits.create(Epsilon.parse("3"), Delta.parse("1e-5")))
    assert verify(book.url).ok


def test_ensuring_what_is_there_writes_nothing(book: Book) -> None:
    head = book.ledger.head()
    again = book.open()
    assert again.head() == head
    again.close()


def test_quotes_agree_with_admission(book: Book) -> None:
    cost = price((book.laplace("0.1"),))
    assert book.ledger.how_many("clinic", "ada", cost) == 37
    book.reserve("2.9")
    assert book.ledger.affordable("clinic", "ada", cost)
    assert book.ledger.how_many("clinic", "ada", cost) == exhaust(book, (book.laplace("0.1"),)) == 1
    assert not book.ledger.affordable("clinic", "ada", cost)


def test_threads_share_one_ledger(url: str, make_book: Callable[..., Book]) -> None:
    book = make_book(url, epsilon="0.05", delta="0")
    admitted: list[str] = []

    def work() -> None:
        for _ in range(20):
            try:
                admitted.append(book.reserve("0.001").charge_id)
            except BudgetExhausted:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(admitted)) == len(admitted) == 50
    assert verify(url).ok


def test_a_loss_past_counting_is_refused_and_costs_nothing(book: Book) -> None:
    with pytest.raises(BudgetExhausted):
        book.reserve("3000000")
    assert book.spent() == "0"


def test_a_lane_past_counting_does_not_overflow(url: str, make_book: Callable[..., Book]) -> None:
    """Gaussians that lane P cannot hold: its sum passes the limit and stops, lane R decides."""
    book = make_book(url, epsilon="3", delta="1e-6")
    wide = GaussianEvent("patient_id", "opendp 0.16.0", 1e3, 1.0, 0.0000005000000000000001, 3.9e6, 1e-3)
    for _ in range(3):
        book.reserve(events=(wide,))
    balance = book.ledger.balance("clinic", None)
    assert balance.total.epsilon == 4 * 10**18
    assert math.isclose(float(balance.remaining[0]), 1.415, abs_tol=0.001)
    assert verify(url).ok


def test_malformed_requests_never_reach_the_store(book: Book) -> None:
    for bad in ({"analyst": ""}, {"key": ""}, {"key": "k" * 256}):
        with pytest.raises(ValueError, match=r"charge|key"):
            book.request(**bad)
    with pytest.raises(ValueError, match="description"):
        ChargeRequest("clinic", "ada", (), "b", None, "x" * 100_001)
    with pytest.raises(ValueError, match="name"):
        book.ledger.ensure_analyst("clinic", "", book.limits)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "not a url", "sqlite:////proc/nowhere/ledger.db"]
)
def test_a_store_that_cannot_be_durable_is_refused(url: str) -> None:
    with pytest.raises(LedgerUnavailable) as refused:
        Ledger.open(url)
    assert refused.value.code == "ledger_unavailable"


def test_the_journal_reads_in_order(book: Book) -> None:
    book.buy()
    kinds = [entry.kind for entry in book.ledger.journal()]
    assert kinds == ["ledger", "account", "account", "account", "charge", "release"]
    last = book.ledger.journal(after=5)[0]
    assert Head(last.sequence, last.hash) == book.ledger.head()
    assert last.data["release_id"] == "rel_1"
    assert StoredRelease("rel_1", "clinic", "ada", "canonical", b"{}", last.data["created_at"]).release_id == "rel_1"
