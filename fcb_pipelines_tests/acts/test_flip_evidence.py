"""What the steps of a flip are told: who bills by the last snapshot, what people attested, what the source has billed."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts.flip_evidence import evidence
from fcb_pipelines.acts.flip_steps import Evidence
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import Phase, Step
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Status, Verdict
from fcb_pipelines.store import attestations, flips, journal, snapshots
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts.chain import TAXES
from fcb_pipelines_tests.acts.planted_source import billing_row, invoice_row
from fcb_pipelines_tests.acts.planted_source import keep as planted
from fcb_pipelines_tests.builders import TORONTO, day
from fcb_pipelines_tests.conftest import NOW as TAKEN
from fcb_pipelines_tests.flips import FLIP_ID, NOW, a_charge, a_plan, a_subscription, keep, written
from fcb_pipelines_tests.revisions import add_revision
from fcb_pipelines_tests.signed import a_row, an_instance
from fcb_pipelines_tests.signed_store import a_service

USAGE = a_charge(charge="cpu_seconds", final_from=day("2026-06-01"), first_net=None, first_tax=None, last_bill=None)
LEFT_TO_THE_SOURCE = a_subscription("s-1", charges=(a_charge(), USAGE))
"""What it used in June the source is still to bill."""


class NoSubscriptions:
    """An Odoo without the app, of which nothing else is asked."""

    def fields(self, model: str) -> dict[str, Any]:
        return {}


def told(db: Database, folder: Path, days: int = 0) -> Evidence:
    with db.transaction() as conn:
        flip = flips.flip(conn, "shop", FLIP_ID) or keep(conn, a_plan(LEFT_TO_THE_SOURCE))
    odoo: Any = NoSubscriptions()
    return evidence(db, odoo, a_service(folder), flip, taxes=TAXES, now=NOW + timedelta(days=days))


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def attest(db: Database, name: str, days: int, statement: Statement = Statement.SOURCE_STOPPED) -> None:
    one = Attestation(
        attestation_id=name,
        statement=statement,
        subject="s-1",
        value=None,
        text="by hand",
        author="grace",
        made_at=NOW - timedelta(days=9 - days),
        expires_at=NOW + timedelta(days=days),
    )
    with db.transaction() as conn:
        attestations.add(conn, "shop", one)


def test_it_is_of_the_last_snapshot(db: Database, tmp_path: Path) -> None:
    with db.transaction() as conn:
        planted(conn, "shop", billing_state=[billing_row()])
        last = planted(conn, "shop", billing_state=[billing_row(auto_renew=False)])
    found = told(db, tmp_path)
    assert (found.snapshot_id, found.taken_at, found.plans) == (last, TAKEN, {})
    assert not found.billing["s-1"].auto_renew


def test_the_last_attestation_that_holds_counts(db: Database, tmp_path: Path) -> None:
    with db.transaction() as conn:
        planted(conn, "shop")
    attest(db, "T-1", 2)
    attest(db, "T-2", 5)
    attest(db, "T-3", 7, Statement.NO_TOKEN)
    found = told(db, tmp_path, days=1).attested(Statement.SOURCE_STOPPED, "s-1")
    assert found is not None
    assert found.attestation_id == "T-2"


@pytest.mark.parametrize("days", [5, 6])
def test_what_expired_was_never_said(db: Database, tmp_path: Path, days: int) -> None:
    with db.transaction() as conn:
        planted(conn, "shop")
    attest(db, "T-2", 5)
    assert told(db, tmp_path, days).attested(Statement.SOURCE_STOPPED, "s-1") is None


def test_when_the_source_was_resumed_is_the_last_that_was_said_or_seen(db: Database, tmp_path: Path) -> None:
    with db.transaction() as conn:
        planted(conn, "shop")
    found = told(db, tmp_path)
    assert found.resumed == {}
    with db.transaction() as conn:
        entries = written(
            (Step.SOURCE_RESUMED, Phase.BEFORE), (Step.SOURCE_RESUMED, Phase.AFTER), external_subscription_id="s-1"
        )
        journal.append(conn, "shop", *entries)
        flip = flips.flip(conn, "shop", FLIP_ID)
    assert flip is not None
    odoo: Any = NoSubscriptions()
    for days, since in ((8, entries[-1].at), (10, NOW + timedelta(days=1))):
        # It counts although it holds no longer.
        attest(db, f"T-{days}", days, Statement.SOURCE_RESUMED)
        later = NOW + timedelta(days=days)
        again = evidence(db, odoo, a_service(tmp_path), flip, taxes=TAXES, now=later)
        assert again.resumed == {"s-1": since}


JUNES_USAGE = {"kind": "overage", "charge": "cpu_seconds"}


def test_what_was_left_to_the_source_is_billed_up_to_the_end_of_its_line_and_no_further(db: Database, tmp_path: Path) -> None:
    with db.transaction() as conn:
        planted(conn, "shop", invoices=[invoice_row("i-1", "50", "2026-06-01", "2026-07-01")])
    assert told(db, tmp_path).billed_to("s-1") == {"cpu_seconds": (day("2026-06-01"), "")}
    with db.transaction() as conn:
        planted(conn, "shop", invoices=[invoice_row("i-2", "12", "2026-06-01", "2026-07-01", line=JUNES_USAGE)])
    assert told(db, tmp_path).billed_to("s-1") == {"cpu_seconds": (day("2026-07-01"), "i-2/1")}


def test_a_month_without_usage_after_it_is_no_final_bill(db: Database, tmp_path: Path) -> None:
    """12.00 of June were never billed; that nothing is due for July says nothing of them."""
    with db.transaction() as conn:
        last = planted(conn, "shop", invoices=[invoice_row("i-1", "50", "2026-06-01", "2026-07-01")])
        _reconciled(conn, last, "2026-06", Decimal("12.00"))
        _reconciled(conn, last, "2026-07", Decimal(0))
    assert told(db, tmp_path, days=40).billed_to("s-1") == {"cpu_seconds": (day("2026-06-01"), "")}
    with db.transaction() as conn:
        _reconciled(conn, last, "2026-06", Decimal(0))
    assert told(db, tmp_path, days=40).billed_to("s-1") == {"cpu_seconds": (day("2026-08-01"), "shop/2026-07/subscription/s-1")}


def _reconciled(conn: Connection, snapshot: int, month: str, due: Decimal) -> None:
    """A month of usage that nobody billed, and what was due for it."""
    period = Period(month, TORONTO)
    word, verdict = (Status.ONLY_EXPECTED, Verdict.UNEXPLAINED) if due else (Status.NOTHING_DUE, Verdict.NOTHING_DUE)
    one = an_instance(
        str(due),
        None,
        charge="cpu_seconds",
        period=month,
        status=word,
        verdict=verdict,
        service_from=period.start,
        service_to=period.end,
        due_at=period.end,
        is_due=bool(due),
    )
    origin = Origin(snapshot_id=snapshot, settings_hash="x", rule_version="1")
    row = a_row(one, period=month, subscription="s-1")
    add_revision(conn, service="shop", period=month, origin=origin, made_at=NOW + timedelta(days=40), rows=[row])


def test_of_what_the_source_no_longer_has_nothing_is_known(db: Database, tmp_path: Path) -> None:
    with db.transaction() as conn:
        planted(conn, "shop", subscriptions=[])
    assert told(db, tmp_path).billed_to("s-1") == {}


def test_without_a_snapshot_or_with_a_refused_one_there_is_nothing_to_build_on(db: Database, tmp_path: Path) -> None:
    with pytest.raises(RuleViolation, match="no snapshot of shop yet"):
        told(db, tmp_path)
    with db.transaction() as conn:
        snapshots.refuse_snapshot(conn, planted(conn, "shop"), "broken")
        conn.execute("DELETE FROM flip_subscription")
        conn.execute("DELETE FROM flip")
    with pytest.raises(RuleViolation, match="cannot be built on: broken"):
        told(db, tmp_path)
