"""Successors of carried items (the statements are in `0014_successors.sql`)."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table, to which rows are only ever added."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0014_successors.sql").read_text(encoding="utf-8"))
