"""API keys and the two logs (the statements are in `0005_access.sql`)."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0005_access.sql").read_text(encoding="utf-8"))
