"""Months whose events are no longer kept (the statements are in `0008_retention.sql`)."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0008_retention.sql").read_text(encoding="utf-8"))
