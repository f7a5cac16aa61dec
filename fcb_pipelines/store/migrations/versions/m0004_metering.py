"""Usage in partitions, with an identity for ever and running totals (the statements are in `0004_metering*.sql`)."""

from collections.abc import Mapping
from pathlib import Path

from alembic import context, op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables, and move the events stored so far into them.

    Raises `LookupError` for a service of which events are stored and nobody says in which zone its months begin.
    """
    here = Path(__file__)
    op.get_bind().exec_driver_sql(here.with_name("0004_metering.sql").read_text(encoding="utf-8"))
    _give_zones(context.config.attributes["zones"])
    op.get_bind().exec_driver_sql(here.with_name("0004_metering_moved.sql").read_text(encoding="utf-8"))


def _give_zones(zones: Mapping[str, str]) -> None:
    bind = op.get_bind()
    stored = {row.service for row in bind.execute(text("SELECT DISTINCT service FROM usage_event_before"))}
    if missing := ", ".join(sorted(stored - zones.keys())):
        raise LookupError(missing)
    bind.exec_driver_sql("CREATE TEMPORARY TABLE service_zone (service text, zone text) ON COMMIT DROP")
    for code, zone in zones.items():
        bind.execute(text("INSERT INTO service_zone VALUES (:code, :zone)"), {"code": code, "zone": zone})
