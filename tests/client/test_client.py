"""The SDK against a service on a real socket: the same calls blocking and awaited, retries that pay once."""

from __future__ import annotations

import asyncio
import inspect
import runpy
import socket
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tacit_test_service import GROUPED, KEY, TYPO, Account, Trouble

import tacit
from tacit import errors

Call = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, url: str) -> Call:
    """``call("query", sql, …)`` by either client, so that every test below is a test of both."""

    def call(method: str, *args: Any, to: str = url, key: str = KEY, retries: int = 3, **kwargs: Any) -> Any:
        if request.param == "sync":
            with tacit.Client(to, key, dataset="clinic", retries=retries) as client:
                return getattr(client, method)(*args, **kwargs)

        async def awaited() -> Any:
            async with tacit.AsyncClient(to, key, dataset="clinic", retries=retries) as client:
                result: Awaitable[Any] = getattr(client, method)(*args, **kwargs)
                return await result

        return asyncio.run(awaited())

    return call


@pytest.fixture
def trouble(url: str) -> Iterator[Callable[[int], str]]:
    proxies: list[Trouble] = []

    def start(losses: int) -> str:
        proxies.append(Trouble(url, losses))
        return proxies[-1].url

    yield start
    for proxy in proxies:
        proxy.close()


def public(kind: type) -> dict[str, inspect.Signature]:
    """The methods by name; annotations are text, and a job is a job."""
    found = {n: inspect.signature(m) for n, m in vars(kind).items() if inspect.isfunction(m) and not n.startswith("_")}
    return {
        name: signature.replace(return_annotation=signature.return_annotation.replace("Async", ""))
        for name, signature in found.items()
    }


def test_the_asynchronous_client_is_the_other_one_awaited() -> None:
    room = Path(tacit.__file__).parents[1]
    written = runpy.run_path(str(room / "unasync.py"))["asynchronous"]((room / "tacit/client.py").read_text("utf-8"))
    assert written == (room / "tacit/async_client.py").read_text("utf-8"), "run `make async`"
    assert all(inspect.iscoroutinefunction(getattr(tacit.AsyncClient, name)) for name in public(tacit.AsyncClient))


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    assert public(tacit.Client) == public(tacit.AsyncClient)
    assert set(public(tacit.Client)) == {
        "datasets",
        "dataset",
        "quote",
        "query",
        "budget",
        "history",
        "me",
        "release",
        "releases",
        "explain",
        "train",
        "quote_training",
        "training_job",
        "training_jobs",
        "close",
    }


def test_a_first_session(call: Call, account: Account) -> None:
    assert call("datasets") == ["clinic"]
    assert [table.name for table in call("dataset").tables] == ["patients", "regions"]
    quote = call("quote", GROUPED, epsilon="0.1")
    assert (quote.price.epsilon, quote.columns[1].plus_minus, account.charges) == ("0.1", 14.0, 0)
    answer = call("query", GROUPED, epsilon="0.1")
    assert answer.rows[1] == ("north", 1234)
    assert answer.intervals[1] == (None, (1220.0, 1248.0))
    assert (answer.receipt.charged.epsilon, answer.receipt.remaining.epsilon) == ("0.1", "2.9")
    assert call("release", answer.id).rows == answer.rows
    assert call("budget").accounts[0].remaining.epsilon == "2.9"
    assert "Scan patients" in call("explain", GROUPED)
    spending = call("history", limit=5)
    assert [(c.release_id, c.cost.epsilon, c.status) for c in spending.charges] == [(answer.id, "0.1", "released")]
    assert [day.spent.epsilon for day in spending.days] == ["0.1"]


@pytest.mark.parametrize(
    ("epsilon", "sent"),
    [
        ("0.30", "0.30"),
        (0.1, "0.1"),
        (1, "1"),
        (Decimal("0.25"), "0.25"),
        (1e-9, "1e-09"),
        (np.float64(0.1), "0.1"),
        (np.int64(2), "2"),
    ],
)
def test_epsilon_is_sent_as_the_decimal_that_was_written(
    client: tacit.Client, account: Account, epsilon: Any, sent: str
) -> None:
    client.quote(GROUPED, epsilon=epsilon)
    assert account.requests[-1][2]["epsilon"] == sent


def test_a_request_holds_only_what_was_asked_for(client: tacit.Client, account: Account) -> None:
    client.quote("SELECT COUNT(*) FROM patients", max_rows=5, max_amount=Decimal("1e3"))
    body = account.requests[-1][2]
    assert body == {"dataset": "clinic", "sql": "SELECT COUNT(*) FROM patients", "max_rows": 5, "max_amount": 1000}


@pytest.mark.parametrize("bad", [{"epsilon": True}, {"epsilon": [1]}, {"max_rows": 1.5}, {"max_amount": float("nan")}])
def test_arguments_that_no_service_accepts_are_not_sent(client: tacit.Client, account: Account, bad: Any) -> None:
    with pytest.raises(errors.InvalidArgument):
        client.query(GROUPED, **bad)
    assert account.requests == []


@pytest.mark.parametrize("url", ["", "localhost:8700", "ftp://x", "http://ada:pw@host", "http://[", "http://h:99999"])
def test_a_wrong_url_is_told_at_once(url: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="url"):
        tacit.Client(url, KEY)


def test_a_malformed_key_is_not_shown() -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        tacit.Client("http://127.0.0.1:1", "secret\nvalue")
    assert "secret" not in str(caught.value)


def test_the_key_is_in_no_repr(client: tacit.Client) -> None:
    assert repr(client) == f"Client({client.url!r}, dataset='clinic')"


def test_every_query_has_an_idempotency_key_of_its_own(client: tacit.Client, account: Account) -> None:
    client.query(GROUPED)
    client.query(GROUPED)
    keys = [headers["idempotency-key"] for _, headers, _ in account.requests]
    assert len(set(keys)) == 2
    assert min(map(len, keys)) == 32


def test_the_same_key_again_is_the_same_answer(call: Call, account: Account) -> None:
    first = call("query", GROUPED, idempotency_key="monday")
    assert call("query", GROUPED, idempotency_key="monday").id == first.id
    assert account.charges == 1
    with pytest.raises(errors.Conflict):
        call("query", "SELECT COUNT(*) FROM patients", idempotency_key="monday")


def test_an_answer_lost_on_its_way_is_fetched_and_paid_once(
    call: Call, trouble: Callable[[int], str], account: Account
) -> None:
    answer = call("query", GROUPED, to=trouble(2), epsilon="0.1")
    assert answer.rows[0] == ("east", 980)
    assert [path for path, _, _ in account.requests] == ["POST /v1/queries"] * 3
    assert len({headers["idempotency-key"] for _, headers, _ in account.requests}) == 1
    assert (account.charges, account.spent) == (1, Decimal("0.1"))


def test_when_retries_run_out_the_error_holds_the_key_to_the_answer(
    call: Call, trouble: Callable[[int], str], account: Account
) -> None:
    with pytest.raises(errors.ConnectionFailed, match="without paying twice") as caught:
        call("query", GROUPED, to=trouble(2), retries=1)
    assert call("query", GROUPED, idempotency_key=caught.value.idempotency_key).rows[0] == ("east", 980)
    assert account.charges == 1


def test_a_busy_service_is_asked_again(call: Call, account: Account) -> None:
    account.failures = [(503, {}, {"retry-after": "0"}), (503, {"code": "starting"}, {"retry-after": "0"})]
    assert call("query", GROUPED).rows
    assert len({headers["idempotency-key"] for _, headers, _ in account.requests}) == 1
    assert len(account.requests) == 3


@pytest.mark.parametrize("headers", [{}, {"retry-after": "86400"}, {"retry-after": "soon"}])
def test_a_service_that_does_not_say_when_is_not_asked_again(call: Call, account: Account, headers: Any) -> None:
    account.failures = [(503, {"code": "ledger_unavailable"}, headers)]
    with pytest.raises(errors.LedgerUnavailable):
        call("query", GROUPED)
    assert len(account.requests) == 1


def test_a_query_that_still_runs_is_awaited_even_without_retries(call: Call, account: Account) -> None:
    account.failures = [(409, {"code": "idempotency_in_progress"}, {"retry-after": "0"}) for _ in range(5)]
    assert call("query", GROUPED, retries=0).rows
    assert len(account.requests) == 6


def test_a_query_that_runs_for_ever_is_not_awaited_for_ever(call: Call, account: Account) -> None:
    account.failures = [(409, {"code": "idempotency_in_progress"}, {"retry-after": "31"})]
    with pytest.raises(errors.InProgress):
        call("query", GROUPED)


def test_an_internal_error_is_not_repeated_but_can_be(call: Call, account: Account) -> None:
    account.failures = [(500, {"code": "internal"}, {})]
    with pytest.raises(errors.InternalError) as caught:
        call("query", GROUPED)
    assert caught.value.idempotency_key == account.requests[0][1]["idempotency-key"]
    assert len(account.requests) == 1


def test_nobody_there(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(errors.ConnectionFailed, match="cannot connect"):
        call("datasets", to=f"http://127.0.0.1:{port}", retries=0)


def test_refusals_are_exceptions_with_data(call: Call, account: Account) -> None:
    with pytest.raises(errors.UnknownColumn) as caught:
        call("query", TYPO)
    assert caught.value.hint == "Did you mean income?"
    assert str(caught.value).splitlines()[1:3] == ["  2 |        AVG(incme) FROM patients", "    |            ^^^^^"]
    with pytest.raises(errors.EpsilonInvalid):
        call("quote", GROUPED, epsilon=0)
    with pytest.raises(errors.NotFound):
        call("release", "rel_/../../x")
    assert account.requests[-1][0] == "GET /v1/releases/rel_/../../x"
    with pytest.raises(errors.Unauthenticated, match="Ask the owner"):
        call("datasets", key="wrong")


def test_an_exhausted_budget_says_what_is_left(call: Call, account: Account) -> None:
    account.spent = Decimal("2.95")
    with pytest.raises(errors.BudgetExhausted, match=r"Left: ε 0\.05, δ 1e-6") as caught:
        call("query", GROUPED, epsilon="0.1")
    assert caught.value.remaining == {"epsilon": "0.05", "delta": "0.000001"}
    assert account.charges == 0


def test_a_dataset_and_a_statement_are_needed(url: str) -> None:
    with tacit.Client(url, KEY) as client:
        with pytest.raises(errors.InvalidArgument, match="dataset"):
            client.quote(GROUPED)
        with pytest.raises(errors.InvalidArgument, match="SELECT"):
            client.quote("  ", dataset="clinic")


@pytest.mark.parametrize("key", ["", "two words", "tab\t", "é", "k" * 256])
def test_an_idempotency_key_that_the_service_would_refuse_is_not_sent(call: Call, account: Account, key: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="without spaces"):
        call("query", GROUPED, idempotency_key=key)
    assert account.requests == []
