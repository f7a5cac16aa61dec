"""Messages, where they go, and every attempt to deliver them (the statements are in `0021_outbox.sql`)."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the tables; no endpoint is there yet, and nothing that happened before becomes a message."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0021_outbox.sql").read_text(encoding="utf-8"))
