"""What administration takes and gives, as JSON. Amounts of ε and δ are decimal strings, times ISO 8601 in UTC."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tacit import wire

Name = Field(min_length=1, max_length=63)
Reason = Field(min_length=1, max_length=500, description="For the journal, where it stays")


class Pace(wire.Wire):
    """At most ``epsilon`` a day or a month, under the lifetime limit."""

    period: Literal["day", "month"]
    epsilon: str


class Account(wire.Wire):
    """One account; ``analyst`` null is the dataset's own, and ``group`` true one that its members share.

    ``in_words`` says how far it is by both of its lanes; ``window`` what its pace leaves now.
    """

    dataset: str
    analyst: str | None
    state: Literal["open", "frozen", "closed"]
    declared_by: Literal["policy", "owner"]
    limit: wire.Spend
    spent: wire.Spend
    remaining: wire.Spend
    charges: int
    pace: Pace | None = None
    group: bool = False
    member_of: str | None = None
    in_words: str = ""
    window: wire.PaceWindow | None = None


class Total(wire.Wire):
    """What all charges of an account amount to. ``pld_epsilon`` is **information, and never an admission rule**.

    It is the ε, at the account's δ, of one privacy loss distribution over everything charged so far: tighter than both lanes, and
    a bound only for questions that were fixed beforehand. Null where it cannot be computed here.
    """

    dataset: str
    analyst: str | None
    spent: wire.Spend
    in_words: str
    pld_epsilon: float | None = None
    pld_delta: str
    note: str = (
        "pld_epsilon is information only: the two lanes decide, whose sums hold for questions that depend on answers."
    )


class AccountList(wire.Wire):
    """Accounts, by dataset and name."""

    accounts: list[Account]


class Key(wire.Wire):
    """One API key, without its secret."""

    key_id: str
    principal: str
    role: str
    datasets: list[str]
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None


class KeyList(wire.Wire):
    """Keys, oldest first."""

    keys: list[Key]


class NewKey(wire.Wire):
    """A key that was just made. ``secret`` is shown this once and stored nowhere."""

    secret: str
    key: Key


class Analyst(wire.Wire):
    """One analyst: accounts, and keys that still open."""

    name: str
    accounts: list[Account]
    keys: list[str] = Field(description="Ids of keys that are neither revoked nor over")


class AnalystList(wire.Wire):
    """Analysts by name."""

    analysts: list[Analyst]


class History(wire.Wire):
    """Charges, newest first. ``next_before`` asks for the page after this one."""

    charges: list[wire.Charge]
    next_before: int | None = None


class JournalEntry(wire.Wire):
    """One entry; ``hash`` is SHA-256 of ``previous``, a newline and ``body``."""

    sequence: int
    kind: str
    body: str
    previous: str
    hash: str


class Journal(wire.Wire):
    """A page of the journal and its head."""

    entries: list[JournalEntry]
    head: wire.LedgerHead


class Verification(wire.Wire):
    """What verifying the whole ledger found."""

    ok: bool
    head: wire.LedgerHead
    accounts: int
    charges: int
    releases: int
    findings: list[str]


class Checkpoint(wire.Wire):
    """A signed note over the journal's origin, size and root, and the key that checks it."""

    checkpoint: str
    origin: str
    public_key: str = Field(description="Ed25519, PEM")


class Appointment(wire.Wire):
    """Give an analyst an account that the policy does not name, or change its ε under the ceiling it began with."""

    analyst: str = Name
    epsilon: str
    delta: str = "0"


class StateChange(wire.Wire):
    """Freeze, thaw or close an account; without ``analyst`` the dataset's own. A closed account stays closed."""

    state: Literal["open", "frozen", "closed"]
    analyst: str | None = Field(default=None, min_length=1, max_length=63)
    reason: str = Reason


class Transfer(wire.Wire):
    """Move unspent ε from one analyst to another."""

    giver: str = Name
    taker: str = Name
    epsilon: str


class PaceChange(wire.Wire):
    """Pace an account; without ``analyst`` the dataset's own. ``none`` lifts it."""

    period: Literal["day", "month", "none"]
    epsilon: str = "0"
    analyst: str | None = Field(default=None, min_length=1, max_length=63)


class KeyRequest(wire.Wire):
    """Make a key. Without ``days`` it ends when revoked."""

    principal: str = Name
    role: Literal["analyst", "owner", "auditor"] = "analyst"
    datasets: list[str] = Field(min_length=1, max_length=1000)
    days: int | None = Field(default=None, ge=1, le=36_500)


class Rotation(wire.Wire):
    """Replace a key by a new one of the same holder; the old one opens for ``overlap_hours`` more."""

    overlap_hours: int = Field(default=0, ge=0, le=24 * 90)


class Grant(wire.Wire):
    """The datasets that a key grants from now on."""

    datasets: list[str] = Field(min_length=1, max_length=1000)
