"""Usage as it was billed when its month was closed (the statements are in `0010_billed_usage.sql`)."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0010_billed_usage.sql").read_text(encoding="utf-8"))
