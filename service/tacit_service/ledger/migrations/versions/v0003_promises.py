"""For whom charges hold (``promises``), and groups of analysts that share an account (``accounts.member_of``).

Columns are spelled out here and never import ``schema``: what has shipped does not change with the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, append-only as the others, and add the column."""
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "promises",
        sa.Column("sequence", kind, primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("promises_dataset", "promises", ["dataset", "sequence"])
    op.add_column("accounts", sa.Column("member_of", sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER promises_no_{verb.lower()} BEFORE {verb} ON promises "
                "BEGIN SELECT RAISE(ABORT, 'promises is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER promises_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promises "
            "FOR EACH STATEMENT EXECUTE FUNCTION tacit_refuse()"
        )
