"""What differs between successive snapshots (the statements are in `0019_changed_terms.sql`)."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the table, and fill it from the snapshots that are there."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0019_changed_terms.sql").read_text(encoding="utf-8"))
