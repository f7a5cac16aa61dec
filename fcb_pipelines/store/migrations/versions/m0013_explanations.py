"""Why an instance is as it is, beside it (the statements are in `0013_explanations.sql`)."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns; what was reconciled before has no explanation."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0013_explanations.sql").read_text(encoding="utf-8"))
