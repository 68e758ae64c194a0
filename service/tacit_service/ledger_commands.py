"""``tacit-service ledger verify|show|export``, and what a new key names that the ledger does not have.

Imported with the command line itself, so rooms are imported inside each command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tacit_service.terminal import FOUND, OK, UsageError, existing_ledger, ledger_url, print_table


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
    known += [_signed(path, arguments.key) for path in arguments.checkpoint or []]
    report = verify(ledger_url(arguments), known)
    for finding in report.findings:
        print(f"found: {finding}")
    count = len(report.findings)
    verdict = "every entry, price and balance follows" if report.ok else f"{count} finding{'s' if count > 1 else ''}"
    print(f"{verdict}: {report.accounts} accounts, {report.charges} charges, {report.releases} releases")
    print(f"head {report.head.sequence}:{report.head.hash}")
    return OK if report.ok else FOUND


def _signed(path: str, key_file: str | None) -> Any:
    """The head in a checkpoint's file, signed by the key in another: a public one, or the signing one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    from tacit_service.ledger.checkpoint import BadCheckpoint, load_key, read
    from tacit_service.settings import Settings

    key_path = Settings.load(checkpoint_key=key_file).checkpoint_key
    if key_path is None:
        raise UsageError("--checkpoint needs the key that signed it: --key FILE, or TACIT_CHECKPOINT_KEY")
    try:
        pem = key_path.read_bytes()
        key = load_pem_public_key(pem) if b"PUBLIC KEY" in pem else load_key(key_path).public_key()
        note = Path(path).read_text(encoding="utf-8")
        if not isinstance(key, Ed25519PublicKey):
            raise BadCheckpoint("the key is not an Ed25519 key")
        return read(note, note.partition("\n")[0], key)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    except ValueError as error:  # BadCheckpoint is one
        raise UsageError(f"--checkpoint {path}: {error}") from None


def ledger_show(arguments: Any) -> int:
    """Print accounts and the newest charges."""
    from tacit_service.ledger.administration import Administration
    from tacit_service.ledger.store import Ledger

    ledger = Ledger.open(existing_ledger(ledger_url(arguments)))
    try:
        balances = Administration(ledger).balances(arguments.dataset)
        rows: list[tuple[str, ...]] = [("dataset", "account", "state", "limit", "spent", "left", "charges")]
        for b in balances:
            amounts = (f"ε {epsilon}, δ {delta.short()}" for epsilon, delta in (b.limit, b.spent, b.remaining))
            rows.append((b.dataset, b.analyst or "(dataset)", b.state, *amounts, str(b.charges)))
        print_table(rows)
        lines = [("entry", "at", "analyst", "status", "epsilon", "delta", "charge")]
        for dataset in sorted({b.dataset for b in balances}):
            for c in ledger.history(dataset, None, arguments.limit):
                cost = (str(c.price.epsilon), c.price.delta.short())
                lines.append((str(c.sequence), c.at, c.analyst, c.status, *cost, c.charge_id))
        print()
        print_table(lines)
    finally:
        ledger.close()
    return OK


def ledger_export(arguments: Any) -> int:
    """Write the journal to standard output, its head to standard error."""
    from tacit_service.ledger.export import export

    head = export(ledger_url(arguments), sys.stdout)
    print(f"head {head.sequence}:{head.hash}", file=sys.stderr)
    return OK


def shown(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url))


def unknown_names(url: str, principal: str, role: str, datasets: list[str]) -> Iterator[str]:
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
