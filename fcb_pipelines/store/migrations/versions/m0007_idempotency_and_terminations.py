"""Answers that are given again, and terminations (the statements are in `0007_idempotency_and_terminations.sql`)."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0007_idempotency_and_terminations.sql").read_text(encoding="utf-8"))
