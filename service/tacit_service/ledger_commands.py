"""``tacit-service ledger`` and ``tacit-service key``: what the owner asks the ledger's database, and tells it.

Imported with the command line itself, so rooms are imported inside each command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tacit_service.ledger.directory import Directory

OK, FOUND = 0, 1


class UsageError(Exception):
    """What the caller gave cannot be used; the text is the one line they see."""


def _ledger_url(arguments: Any) -> str:
    from tacit_service.settings import Settings

    return Settings.load(ledger=arguments.ledger).ledger


def ledger_verify(arguments: Any) -> int:
    """Re-derive the ledger; a finding is exit status 1."""
    from tacit_service.ledger.journal import Head
    from tacit_service.ledger.verify import verify

    known = []
    for text in arguments.known or []:
        number, _, digest = text.partition(":")
        if not re.fullmatch(r"[0-9]{1,18}", number) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise UsageError(
                "--known is N:HASH: an entry's number, a colon, and its hash of 64 hex digits, as in a receipt"
            )
        known.append(Head(int(number), digest))
    report = verify(_ledger_url(arguments), known)
    for finding in report.findings:
        print(f"found: {finding}")
    count = len(report.findings)
    verdict = "every entry, price and balance follows" if report.ok else f"{count} finding{'s' if count > 1 else ''}"
    print(f"{verdict}: {report.accounts} accounts, {report.charges} charges, {report.releases} releases")
    print(f"head {report.head.sequence}:{report.head.hash}")
    return OK if report.ok else FOUND


def ledger_show(arguments: Any) -> int:
    """Print accounts and the newest charges."""
    from tacit_service.ledger.administration import Administration
    from tacit_service.ledger.store import Ledger

    ledger = Ledger.open(_existing(_ledger_url(arguments)))
    try:
        balances = Administration(ledger).balances(arguments.dataset)
        rows: list[tuple[str, ...]] = [("dataset", "account", "state", "limit", "spent", "left", "charges")]
        for b in balances:
            amounts = (f"ε {epsilon}, δ {delta.short()}" for epsilon, delta in (b.limit, b.spent, b.remaining))
            rows.append((b.dataset, b.analyst or "(dataset)", b.state, *amounts, str(b.charges)))
        _table(rows)
        lines = [("entry", "at", "analyst", "status", "epsilon", "delta", "charge")]
        for dataset in sorted({b.dataset for b in balances}):
            for c in ledger.history(dataset, None, arguments.limit):
                cost = (str(c.price.epsilon), c.price.delta.short())
                lines.append((str(c.sequence), c.at, c.analyst, c.status, *cost, c.charge_id))
        print()
        _table(lines)
    finally:
        ledger.close()
    return OK


def ledger_export(arguments: Any) -> int:
    """Write the journal to standard output, its head to standard error."""
    from tacit_service.ledger.export import export

    head = export(_ledger_url(arguments), sys.stdout)
    print(f"head {head.sequence}:{head.hash}", file=sys.stderr)
    return OK


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _existing(url: str) -> str:
    """Reading commands make no ledger where there is none."""
    from pathlib import Path

    file = url.removeprefix("sqlite:///").partition("?")[0]
    if url.startswith("sqlite:///") and not Path(file).is_file():
        raise UsageError(f"there is no ledger at {file}")
    return url


def _with_directory(arguments: Any, work: Callable[[Directory], int], *, existing: bool = True) -> int:
    from tacit_service.ledger.directory import Directory
    from tacit_service.ledger.store import Ledger

    url = _ledger_url(arguments)
    ledger = Ledger.open(_existing(url) if existing else url)
    try:
        return work(Directory(ledger))
    finally:
        ledger.close()


def key_add(arguments: Any) -> int:
    """Make a key, print it once, and warn when the ledger does not know what it names."""
    import datetime as dt

    from tacit_service.access import ALL_DATASETS, Role, mint

    end = None if arguments.days is None else dt.datetime.now(dt.UTC) + dt.timedelta(days=arguments.days)
    datasets = tuple(arguments.dataset or (ALL_DATASETS,))
    try:
        minted = mint(arguments.principal, Role(arguments.role), datasets, expires_at=end)
    except ValueError as error:
        raise UsageError(str(error)) from None

    url = _ledger_url(arguments)

    def add(directory: Directory) -> int:
        directory.add_key(minted.row)
        print(minted.secret)
        print(f"{minted.row.key_id} for {minted.row.principal}; shown this once.", file=sys.stderr)
        print(f"Stored in the ledger {_shown(url)}.", file=sys.stderr)
        return OK

    def warn() -> None:
        for warning in _unknown(url, minted.row.principal, arguments.role, arguments.dataset or []):
            print(f"Warning: {warning}", file=sys.stderr)

    status = _with_directory(arguments, add, existing=False)
    warn()
    return status


def _shown(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url))


def _unknown(url: str, principal: str, role: str, datasets: list[str]) -> Iterator[str]:
    """What a new key names that the ledger does not have: a slip, or a policy that was not served yet."""
    from tacit_service.ledger.administration import Administration
    from tacit_service.ledger.store import Ledger

    ledger = Ledger.open(url)
    try:
        balances = Administration(ledger).balances()
    finally:
        ledger.close()
    known = sorted({b.dataset for b in balances})
    missing = [name for name in datasets if name not in known]
    has = f"it has {', '.join(known)}" if known else "it has none yet: is this the ledger that the service uses?"
    if missing:
        yield f"this ledger has no dataset {', '.join(missing)}; {has}."
    elif not known:
        yield "this ledger has no dataset yet: is it the one that the service uses?"
    elif role == "analyst" and not any(b.analyst == principal and b.dataset in (datasets or known) for b in balances):
        yield f"no account is named {principal}: an analyst's name is as in the policy, unless roles give the account."


def key_revoke(arguments: Any) -> int:
    """End a key at once."""

    def revoke(directory: Directory) -> int:
        if not directory.revoke(arguments.key_id):
            raise UsageError("there is no key of this id; tacit-service key list shows them")
        print(f"{arguments.key_id} is revoked")
        return OK

    return _with_directory(arguments, revoke)


def key_list(arguments: Any) -> int:
    """Print the keys, without their secrets."""

    def show(directory: Directory) -> int:
        rows = [("key", "principal", "role", "datasets", "made", "expires", "revoked")]
        for key in directory.list():
            times = (key.created_at, key.expires_at or "-", key.revoked_at or "-")
            rows.append((key.key_id, key.principal, key.role, ",".join(key.datasets), *times))
        _table(rows)
        return OK

    return _with_directory(arguments, show)
