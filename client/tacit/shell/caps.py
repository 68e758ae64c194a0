"""``\\max_rows``, ``\\max_groups``, ``\\max_amount`` and ``\\fresh``: what the next queries of a session ask for besides ε."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit._text import clean
from tacit.errors import InvalidArgument
from tacit.shell.session import positive

if TYPE_CHECKING:
    from tacit.shell.session import Session

POLICY = "policy"
"""What gives a cap back to the policy."""


def whole(text: str) -> int:
    """A cap on rows or groups; ``InvalidArgument`` for what is none.

    >>> whole("30")
    30
    """
    if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) >= 1:
        return int(text)
    raise InvalidArgument(f"{clean(text)} is no whole number of 1 or more; {POLICY} takes the policy's")


def max_rows(session: Session, text: str) -> None:
    """Rows of one unit in the next queries."""
    if text:
        session.options.max_rows = None if text == POLICY else whole(text)
    session.note(f"-- counts at most {session.options.max_rows or _default(session, 'max_rows')} rows of one unit")


def max_groups(session: Session, text: str) -> None:
    """Groups of one unit in the next queries."""
    if text:
        session.options.max_groups = None if text == POLICY else whole(text)
    session.note(
        f"-- counts one unit in at most {session.options.max_groups or _default(session, 'max_groups')} groups"
    )


def max_amount(session: Session, text: str) -> None:
    """Total amount of one unit in a SUM of the next queries."""
    if text:
        amount = None if text == POLICY else positive(text)
        if amount == 0:
            raise InvalidArgument("an amount is above 0: with 0, nothing would be summed")
        session.options.max_amount = amount
    cap = session.options.max_amount
    session.note(
        "-- sums the rows of one unit as the policy bounds them"
        if cap is None
        else f"-- sums at most {cap} of one unit"
    )


def fresh(session: Session, text: str) -> None:
    """Whether the next queries buy new noise even where an answer is held."""
    if text not in ("", "on", "off"):
        raise InvalidArgument("\\fresh on|off")
    if text:
        session.options.fresh = text == "on"
    if session.options.fresh:
        session.note("-- buys new noise, also where you hold an answer: each query is paid")
    else:
        session.note("-- an answer that you hold is given again, free")


def _default(session: Session, name: str) -> int:
    return int(getattr(session.facts(), name))
