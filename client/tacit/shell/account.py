"""``\\me`` and ``\\receipt``: who the key says you are, and how an answer was paid for and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from tacit._text import clean_block, short_decimal, short_deltas
from tacit.errors import InvalidArgument
from tacit.release import spend
from tacit.shell import render

if TYPE_CHECKING:
    from tacit.release import Release
    from tacit.shell.render import Output
    from tacit.shell.session import Session
    from tacit.wire import Me


def me(session: Session, _: str) -> None:
    """Name, role, key and datasets."""
    who(session.target, session.client.me(), session.options.output)


def who(out: TextIO, found: Me, output: Output) -> None:
    """Who the key says you are."""
    if output == "json":
        return render.model(out, found)
    headers = ["name", "role", "key", "valid until", "datasets"]
    row = [found.principal, found.role, found.key_id, found.expires_at or "it is revoked", ", ".join(found.datasets)]
    return render.rows(out, headers, [row], output)


def receipt(session: Session, release_id: str) -> None:
    """The receipt of an answer, or of the last one."""
    if release_id:
        release = session.client.release(release_id)
    elif session.receipts:
        release = session.receipts[-1]
    else:
        raise InvalidArgument("\\receipt ID: \\releases lists the answers that you hold")
    show(session.target, release, session.options.output)


def show(out: TextIO, release: Release, output: Output) -> None:
    """Price, account and each measurement of an answer."""
    found = release.receipt
    if output == "json":
        return render.model(out, found)
    headers = ["measure", "noise", "scale", "ε", "δ", "contribution"]
    rows = [
        [m.measure, m.mechanism, f"{m.unit_scale:,.6g}", m.epsilon, short_decimal(m.delta), m.contribution]
        for m in found.mechanisms
    ]
    if output == "csv":
        return render.rows(out, headers, rows, output)
    entry = "" if found.ledger is None else f", ledger entry {found.ledger.sequence} ({found.ledger.hash})"
    lines = [
        release.sql,
        f"{release.id} of {release.answer.created_at}{entry}",
        f"charged {spend(found.charged)}; {spend(found.remaining)} left{'; held, so free' if found.held else ''}",
        found.in_words,
        *found.notes,
    ]
    out.write("".join(short_deltas(clean_block(line)) + "\n" for line in lines if line))
    if rows:
        render.rows(out, headers, rows, output)
    return None
