"""The feed that a closed month was billed by (the statements are in `0009_closed_feed.sql`)."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0009_closed_feed.sql").read_text(encoding="utf-8"))
