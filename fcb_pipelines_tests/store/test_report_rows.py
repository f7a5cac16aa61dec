"""How revisions stand as the database counts it, and what became of a row."""

from decimal import Decimal

from fcb_pipelines.domain.clean import standing
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.rows import Remedy, Row
from fcb_pipelines.store import reconciliation, report_rows
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.report.material import carried, every_kind, explained, matched, row, unexplained
from fcb_pipelines_tests.signed_store import reconcile


def counted(db: Database) -> tuple[int, int, int]:
    with db.transaction() as conn:
        (latest,) = reconciliation.latest_revisions(conn, "shop", "2026-04")
        found = report_rows.counts(conn, [latest.revision_id])[latest.revision_id]
    return found.unexplained, found.no_successor, found.fix_model


def stands(*rows: Row) -> tuple[int, int, int]:
    found = standing(rows, coverage(rows, "CAD"), rule_version="1", settings_hash="h")
    return found.unexplained, found.no_successor, found.fix_model


def test_the_database_counts_what_the_rule_counts(store_database: str) -> None:
    db = Database(store_database)
    settled = explained(settled_by=Remedy.NONE)
    kept = row("s10", carried(successor="ended 2026-05-01"), carried("2.00"), settled, explained(settled_by=Remedy.FIX_MODEL))
    for rows in (every_kind(), (*every_kind(), kept), (row("s1", matched()),)):
        reconcile(db, *rows)
        assert counted(db) == stands(*rows)
    assert counted(db) == (0, 0, 0)


def test_a_row_is_told_as_each_revision_had_it(store_database: str) -> None:
    db = Database(store_database)
    for one in (unexplained("40.00", None), explained("40.00", "31.00"), matched("31.00")):
        reconcile(db, row("s1", one), row("s2", matched()))
    reconcile(db, row("s2", matched()))
    with db.transaction() as conn:
        found = report_rows.history(conn, "shop", "2026-04", "shop/2026-04/subscription/s1")
        every = report_rows.revisions(conn, "shop", "2026-04")
    told = [(one.revision, one.expected_net, one.actual_net, one.difference, one.verdict) for one in found]
    assert told == [
        (3, Decimal("31.00"), Decimal("31.00"), Decimal(0), "match"),
        (2, Decimal("40.00"), Decimal("31.00"), Decimal(9), "explained"),
        (1, Decimal("40.00"), None, Decimal(40), "unexplained"),
    ]
    assert [one.revision for one in every] == [4, 3, 2, 1]
