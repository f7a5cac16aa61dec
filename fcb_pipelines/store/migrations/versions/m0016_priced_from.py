"""What an amount of usage was priced from, and how it was rounded (the statements are in `0016_priced_from.sql`)."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns; what was rated before was priced by its unit price and rounded half up."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0016_priced_from.sql").read_text(encoding="utf-8"))
