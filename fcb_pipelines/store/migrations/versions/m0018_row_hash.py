"""The hash of a row beside it (the statements are in `0018_row_hash.sql`)."""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column; a row of before has none."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0018_row_hash.sql").read_text(encoding="utf-8"))
