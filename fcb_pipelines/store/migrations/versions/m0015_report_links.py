"""One-time links to a report (the statements are in `0015_report_links.sql`)."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0015_report_links.sql").read_text(encoding="utf-8"))
