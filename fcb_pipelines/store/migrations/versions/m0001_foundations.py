"""The first tables (the statements are in `0001_foundations.sql`)."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0001_foundations.sql").read_text(encoding="utf-8"))
