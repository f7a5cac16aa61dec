"""People who sign on the pages of the report (the statements are in `0017_signers.sql`)."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the tables, and the column that says who made the secret of a decision's author."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0017_signers.sql").read_text(encoding="utf-8"))
