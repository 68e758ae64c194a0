"""The ledger: journal, charges, outcomes, releases, accounts, keys; append-only by trigger.

Columns are spelled out here and never import ``schema``: what has shipped does not change with the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("journal", "charges", "outcomes", "releases")
LIMITS = ("epsilon_max", "delta_max", "p_delta_max", "r_order", "r_rdp_max", "r_conversion_delta", "r_delta_max")


def upgrade() -> None:
    """Create the tables, then the triggers that keep them honest."""
    _journal()
    _charges()
    _releases()
    _accounts()
    _keys()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _text(name: str, *, null: bool = False, key: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, primary_key=key, server_default=default)


def _sequence() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("sequence", kind, primary_key=True, autoincrement=False)


def _number(name: str, *, default: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0") if default else None)


def _journal() -> None:
    op.create_table(
        "journal",
        _sequence(),
        _text("kind"),
        _text("body"),
        _text("previous"),
        _text("hash"),
        sa.CheckConstraint("sequence >= 1", name="journal_sequence"),
    )


def _charges() -> None:
    op.create_table(
        "charges",
        _text("charge_id"),
        _sequence(),
        _text("dataset"),
        _text("analyst"),
        _text("idempotency_key", null=True),
        _text("body_digest"),
        sa.Column("free_for_dataset", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("charge_id"),
        sa.UniqueConstraint("analyst", "idempotency_key", name="charges_key"),
    )
    op.create_table(
        "outcomes",
        _text("charge_id"),
        _text("kind"),
        _sequence(),
        sa.UniqueConstraint("charge_id", "kind", name="outcomes_once"),
        sa.CheckConstraint("kind IN ('fail', 'void', 'settle')", name="outcomes_kind"),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        _text("release_id"),
        _text("charge_id"),
        _sequence(),
        _text("dataset"),
        _text("analyst"),
        _text("canonical"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _text("created_at"),
        sa.UniqueConstraint("release_id"),
        sa.UniqueConstraint("charge_id"),
    )
    op.create_index("releases_canonical", "releases", ["dataset", "canonical", "analyst", "sequence"])
    op.create_index("releases_account", "releases", ["dataset", "analyst", "sequence"])


def _accounts() -> None:
    op.create_table(
        "accounts",
        _text("dataset", key=True),
        _text("analyst", key=True),
        *(_number(name, default=True) for name in LIMITS),
        _number("epsilon_withheld", default=True),
        _number("epsilon_moved", default=True),
        _text("state", default="open"),
        _text("policy_digest", default=""),
        *(_number(name, default=True) for name in ("p_epsilon", "p_delta", "r_rdp", "r_delta", "charges")),
        _text("pace_period", default=""),
        _number("pace_epsilon_max", default=True),
        _text("pace_window", default=""),
        _number("pace_epsilon", default=True),
        sa.CheckConstraint(
            "p_epsilon >= 0 AND p_delta >= 0 AND r_rdp >= 0 AND r_delta >= 0 AND charges >= 0",
            name="accounts_not_negative",
        ),
        sa.CheckConstraint(
            "(p_epsilon <= epsilon_max AND p_delta <= p_delta_max) OR (r_rdp <= r_rdp_max AND r_delta <= r_delta_max)",
            name="accounts_within_a_lane",
        ),
        sa.CheckConstraint(
            "p_delta_max + r_conversion_delta + r_delta_max <= delta_max", name="accounts_delta_is_dealt"
        ),
        sa.CheckConstraint(
            "epsilon_withheld >= 0 AND epsilon_withheld + epsilon_moved >= 0", name="accounts_under_ceiling"
        ),
        sa.CheckConstraint("state IN ('open', 'frozen', 'closed')", name="accounts_state"),
        sa.CheckConstraint("pace_period IN ('', 'day', 'month')", name="accounts_pace"),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        _text("key_id", key=True),
        _text("key_hash"),
        _text("principal"),
        _text("role"),
        _text("datasets"),
        _text("created_at"),
        _text("expires_at", null=True),
        _text("revoked_at", null=True),
        sa.UniqueConstraint("key_hash"),
    )


def _sqlite_triggers() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        "CREATE TRIGGER accounts_no_delete BEFORE DELETE ON accounts "
        "BEGIN SELECT RAISE(ABORT, 'an account is never deleted'); END"
    )
    op.execute(
        f"CREATE TRIGGER accounts_fixed_limits BEFORE UPDATE OF dataset, analyst, {', '.join(LIMITS)} ON accounts "
        "BEGIN SELECT RAISE(ABORT, 'the limits of an account are fixed'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION tacit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% on % is refused: the ledger is append-only', TG_OP, TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tacit_refuse()"
        )
    op.execute(
        "CREATE TRIGGER accounts_no_delete BEFORE DELETE OR TRUNCATE ON accounts "
        "FOR EACH STATEMENT EXECUTE FUNCTION tacit_refuse()"
    )
    op.execute(
        f"CREATE TRIGGER accounts_fixed_limits BEFORE UPDATE OF dataset, analyst, {', '.join(LIMITS)} ON accounts "
        "FOR EACH STATEMENT EXECUTE FUNCTION tacit_refuse()"
    )
