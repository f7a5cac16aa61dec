"""What drafting invoices into Odoo did (the statement is in `0003_odoo_drafted.sql`)."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0003_odoo_drafted.sql").read_text(encoding="utf-8"))
