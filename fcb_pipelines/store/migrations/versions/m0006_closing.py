"""Closings, late usage and adjustments (the statements are in `0006_closing.sql`)."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0006_closing.sql").read_text(encoding="utf-8"))
