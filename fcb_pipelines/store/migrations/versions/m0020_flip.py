"""Everything of the flip (the statements are in `0020_flip.sql`)."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the tables; nothing is claimed yet."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0020_flip.sql").read_text(encoding="utf-8"))
