"""The pace that the policy last declared for an account, beside the one in force, which an owner may have set since.

Columns are spelled out here and never import ``schema``: what has shipped does not change with the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("accounts", sa.Column("policy_pace_period", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "accounts", sa.Column("policy_pace_epsilon_max", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )
