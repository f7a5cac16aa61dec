"""Acceptances: people's signed decisions on differences (the statements are in `0012_acceptances.sql`)."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables, to which rows are only ever added."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0012_acceptances.sql").read_text(encoding="utf-8"))
