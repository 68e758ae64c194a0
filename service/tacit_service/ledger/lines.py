"""What ``tacit-service ledger show`` and ``ledger verify`` print, with the exit status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from . import accounts, journal
from .database import Database, unavailable
from .journal import Head
from .queries import past
from .records import Balance, PastCharge
from .verify import verify

NEWEST_SHOWN = 20


def show_lines(url: str, *, newest: int = NEWEST_SHOWN) -> tuple[list[str], int]:
    """Every account with its limits, and the newest charges of each dataset; status 0."""
    database = Database.open(url, create=False)
    try:
        with database.read() as connection:
            balances = [account.balance() for account in accounts.list_all(connection)]
            datasets = sorted({balance.dataset for balance in balances})
            charges = [charge for name in datasets for charge in past(connection, name, None, newest)]
            head = journal.read_head(connection)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise unavailable("The ledger cannot be read.", type(error).__name__) from error
    finally:
        database.close()
    return [*_accounts(balances), "", *_charges(charges), "", f"head {head.sequence} {head.hash}"], 0


def verify_lines(url: str, *, known: Sequence[Head] = ()) -> tuple[list[str], int]:
    """What verification found; status 0 when nothing, 1 otherwise."""
    report = verify(url, known)
    counted = ", ".join(
        f"{number} {what}"
        for number, what in (
            (report.head.sequence, "entries"),
            (report.accounts, "accounts"),
            (report.charges, "charges"),
            (report.releases, "releases"),
        )
    )
    head = f"head {report.head.sequence} {report.head.hash}"
    if report.ok:
        checked = "Every entry follows from the one before, every price from its event, every row from the entries."
        return [f"ok: {counted}", checked, head], 0
    return [f"NOT ok: {counted}", *(f"  {finding}" for finding in report.findings), head], 1


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _accounts(balances: list[Balance]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("dataset", "analyst", "epsilon", "spent", "left", "delta", "spent", "left", "charges", "state")
    ]
    for b in balances:
        epsilon, delta = ((str(b.limit[i]), str(b.spent[i]), str(b.remaining[i])) for i in (0, 1))
        rows.append((b.dataset, b.analyst or "(dataset)", *epsilon, *delta, str(b.charges), b.state))
    return _table(rows)


def _charges(charges: list[PastCharge]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("entry", "when", "dataset", "analyst", "epsilon", "delta", "status", "what")]
    for c in charges:
        what = " ".join(c.description.split())[:60]
        price = (str(c.price.epsilon), str(c.price.delta))
        rows.append((str(c.sequence), c.at[:19], c.dataset, c.analyst, *price, c.status, what))
    return _table(rows)
