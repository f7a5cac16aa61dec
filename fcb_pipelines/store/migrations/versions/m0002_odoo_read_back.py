"""What Odoo stored otherwise than it was sent (the statements are in `0002_odoo_read_back.sql`)."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0002_odoo_read_back.sql").read_text(encoding="utf-8"))
