"""The tables. ``migrations/`` builds them; a test compares the two.

    journal    append-only, hash-chained: everything that ever happened, as canonical JSON
    charges    append-only, one row a charge: found by id and by (analyst, idempotency key)
    outcomes   append-only: what became of a charge that was not simply released (failed, voided, settled)
    releases   append-only, one row a release: the stored answer
    accounts   one row an account, (dataset, analyst), with analyst '' for the dataset itself: limits never change,
               sums are changed by guarded updates only
    promises   append-only: for whom a dataset's charges hold: its privacy unit, and how each table belongs to it
    keys       API keys by hash (access decides what they may do)
    jobs       training jobs: what was asked, and how far it is; each belongs to one charge

The journal alone determines every other row but ``keys`` and ``jobs``; ``verify`` derives them again and compares.
Amounts are 64-bit integers: ε and Rényi losses in 1e-12 nat, δ in 1e-18.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

DATASET: Final = ""
"""As ``analyst``: the dataset's own account."""

GROUP: Final = "@"
"""As the first character of ``analyst``: a group's account, shared by its members. No analyst's name begins so."""

OPEN, FROZEN, CLOSED = "open", "frozen", "closed"

APPOINTED: Final = "owner"
"""As an account's ``policy_digest``: the owner opened it; no policy names it."""

metadata = sa.MetaData()


def _sequence() -> sa.Column[int]:
    """The number of the row's journal entry, as its primary key: on SQLite the row itself is found by it, no index."""
    return sa.Column(
        "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    )


journal = sa.Table(
    "journal",
    metadata,
    _sequence(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.CheckConstraint("sequence >= 1", name="journal_sequence"),
)

charges = sa.Table(
    "charges",
    metadata,
    sa.Column("charge_id", sa.Text, nullable=False, unique=True),
    _sequence(),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("analyst", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=True),
    sa.Column("body_digest", sa.Text, nullable=False),
    sa.Column("free_for_dataset", sa.Boolean, nullable=False),
    sa.UniqueConstraint("analyst", "idempotency_key", name="charges_key"),
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("charge_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    _sequence(),
    sa.UniqueConstraint("charge_id", "kind", name="outcomes_once"),
    sa.CheckConstraint("kind IN ('fail', 'void', 'settle')", name="outcomes_kind"),
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("release_id", sa.Text, nullable=False, unique=True),
    sa.Column("charge_id", sa.Text, nullable=False, unique=True),
    _sequence(),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("analyst", sa.Text, nullable=False),
    sa.Column("canonical", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Index("releases_canonical", "dataset", "canonical", "analyst", "sequence"),
    sa.Index("releases_account", "dataset", "analyst", "sequence"),
)

LIMIT_COLUMNS: Final = (
    "epsilon_max",
    "delta_max",
    "p_delta_max",
    "r_order",
    "r_rdp_max",
    "r_conversion_delta",
    "r_delta_max",
)
"""Fixed at creation; a trigger refuses to change them."""

SPENT_COLUMNS: Final = ("p_epsilon", "p_delta", "r_rdp", "r_delta")


def _amount(name: str, **options: object) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"), **options)  # type: ignore[arg-type]


accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("analyst", sa.Text, primary_key=True),
    *(_amount(name) for name in LIMIT_COLUMNS),
    _amount("epsilon_withheld"),
    _amount("epsilon_moved"),
    sa.Column("state", sa.Text, nullable=False, server_default=OPEN),
    sa.Column("policy_digest", sa.Text, nullable=False, server_default=""),
    sa.Column("member_of", sa.Text, nullable=False, server_default=""),
    *(_amount(name) for name in SPENT_COLUMNS),
    _amount("charges"),
    sa.Column("pace_period", sa.Text, nullable=False, server_default=""),
    _amount("pace_epsilon_max"),
    sa.Column("pace_window", sa.Text, nullable=False, server_default=""),
    _amount("pace_epsilon"),
    sa.Column("policy_pace_period", sa.Text, nullable=False, server_default=""),
    _amount("policy_pace_epsilon_max"),
    sa.CheckConstraint(
        "p_epsilon >= 0 AND p_delta >= 0 AND r_rdp >= 0 AND r_delta >= 0 AND charges >= 0", name="accounts_not_negative"
    ),
    sa.CheckConstraint(
        "(p_epsilon <= epsilon_max AND p_delta <= p_delta_max) OR (r_rdp <= r_rdp_max AND r_delta <= r_delta_max)",
        name="accounts_within_a_lane",
    ),
    sa.CheckConstraint("p_delta_max + r_conversion_delta + r_delta_max <= delta_max", name="accounts_delta_is_dealt"),
    sa.CheckConstraint(
        "epsilon_withheld >= 0 AND epsilon_withheld + epsilon_moved >= 0", name="accounts_under_ceiling"
    ),
    sa.CheckConstraint("state IN ('open', 'frozen', 'closed')", name="accounts_state"),
    sa.CheckConstraint("pace_period IN ('', 'day', 'month')", name="accounts_pace"),
)

promises = sa.Table(
    "promises",
    metadata,
    _sequence(),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("promises_dataset", "dataset", "sequence"),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("datasets", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=True),
    sa.Column("revoked_at", sa.Text, nullable=True),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("charge_id", sa.Text, nullable=False, unique=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("analyst", sa.Text, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=True),
    sa.Column("finished_at", sa.Text, nullable=True),
    _amount("steps"),
    _amount("steps_begun"),
    _amount("steps_done"),
    _amount("attempts"),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("claim", sa.Text, nullable=False, server_default=""),
    _amount("lease_until_ms"),
    sa.CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="jobs_status"),
    sa.CheckConstraint("steps_done <= steps_begun AND steps_begun <= steps", name="jobs_steps"),
    sa.Index("jobs_owner", "analyst", "dataset", "created_at"),
    sa.Index("jobs_open", "status", "created_at"),
)

APPEND_ONLY: Final = ("journal", "charges", "outcomes", "releases", "promises")
