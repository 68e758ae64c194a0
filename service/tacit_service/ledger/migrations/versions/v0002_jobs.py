"""Training jobs: one row a job, beside the charge that it was reserved with.

Columns are spelled out here and never import ``schema``: what has shipped does not change with the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text(), primary_key=True, nullable=False),
        _text("charge_id"),
        _text("dataset"),
        _text("analyst"),
        _text("spec"),
        _text("status"),
        _text("code", null=True),
        _text("created_at"),
        _text("started_at", null=True),
        _text("finished_at", null=True),
        _number("steps"),
        _number("steps_begun"),
        _number("steps_done"),
        _number("attempts"),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("claim", sa.Text(), nullable=False, server_default=""),
        _number("lease_until_ms"),
        sa.UniqueConstraint("charge_id"),
        sa.CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="jobs_status"),
        sa.CheckConstraint("steps_done <= steps_begun AND steps_begun <= steps", name="jobs_steps"),
    )
    op.create_index("jobs_owner", "jobs", ["analyst", "dataset", "created_at"])
    op.create_index("jobs_open", "jobs", ["status", "created_at"])


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))
