"""A store in which periods of a service were reconciled, so that there are rows to sign for."""

from pathlib import Path

from fcb_pipelines.acceptance_limits import AcceptanceLimits
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.services import Service
from fcb_pipelines.settings import load
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.revisions import add_revision
from fcb_pipelines_tests.signed import NOW, RULES


def a_service(folder: Path, *, longest_days: int = 366, **limits: str) -> Service:
    """The service `shop`; one person may accept 100 CAD, and nothing else, unless limits are given."""
    service = load({}, folder=write_project(folder)).services["shop"]
    acceptance = AcceptanceLimits.model_validate({"limit": limits or {"CAD": "100.00"}, "longest_days": longest_days})
    return service.model_copy(update={"acceptance": acceptance})


def reconcile(db: Database, *rows: Row, rules: str = RULES) -> int:
    """Add a revision with these rows to their period; its number."""
    period = rows[0].row_id.split("/")[1]
    with db.transaction() as conn:
        snapshot = snapshots.open_snapshot(conn, "shop", NOW)
        return add_revision(
            conn,
            service="shop",
            period=period,
            origin=Origin(snapshot_id=snapshot, settings_hash="h", rule_version=rules),
            made_at=NOW,
            rows=rows,
        )
