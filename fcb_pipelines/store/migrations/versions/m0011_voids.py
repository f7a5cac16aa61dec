"""When an identity's event began, by which it is found (the statements are in `0011_voids.sql`)."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column, and fill it for the events that are there."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0011_voids.sql").read_text(encoding="utf-8"))
