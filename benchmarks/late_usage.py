"""How long 10,000 late events of 1,000 subscriptions take until the next bill adjusts them.

Measured is all that follows from them: stored as a host pushes them, a thousand at once, then metered, rated with the old
rating beside the new one, rounded and taxed, beside the open month's own usage of the same subscriptions.
"""

import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from fcb_pipelines.acts.adjustments import adjusted
from fcb_pipelines.acts.closing import close_period
from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.domain.usage import PUSHED, UsageEvent
from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres, ensure_database
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Database, connect
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.source.small_host import SmallHost

NOW = datetime(2026, 5, 2, 16, tzinfo=UTC)
MARCH, APRIL = datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
SUBSCRIPTIONS = 1_000
EVENTS = 10_000
BATCH = 1_000
MANY = f"""
    INSERT INTO subscriptions
    SELECT lpad(to_hex(number), 32, '0')::uuid, NULL, 1, 's', 'monthly', 'active', '2026-01-01 05:00Z', NULL, NULL, NULL
      FROM generate_series(100, {99 + SUBSCRIPTIONS}) AS number
"""


def seconds() -> float:
    """From the first late event sent to the last adjusted line taxed."""
    state = Path(tempfile.mkdtemp(prefix="fcb-bench-"))
    server = EmbeddedPostgres(state, durable=True)
    try:
        return _measured(server.start(), state)
    finally:
        server.stop()
        remove(state)
        shutil.rmtree(state)


def _measured(admin: str, state: Path) -> float:
    mapping = state / "mapping"
    mapping.mkdir()
    host = SmallHost(ensure_database(admin, "host"), mapping)
    host.run(MANY, "DELETE FROM usage")
    db = Database(ensure_database(admin, "fcb"))
    migrate(db.url)
    service = host.service(billed_feed=PUSHED, terms_assumed_from="2026-01-01", place_of_supply="CA-ON")
    take_snapshot(db, service, NOW, lambda _: None)
    ids = [
        str(row[0]) for row in host.rows("SELECT external_subscription_id FROM subscriptions WHERE started_at < '2026-01-02'")
    ]
    march, april = (_work(db, service, key) for key in ("2026-03", "2026-04"))
    _push(db, service, [_event(service, one, f"of {at}", at) for one in ids for at in (MARCH, APRIL)])
    _billed(march)
    close_period(march, closed_by="benchmark")
    late = [
        _event(service, ids[number % SUBSCRIPTIONS], f"late {number}", MARCH + timedelta(seconds=number))
        for number in range(EVENTS)
    ]
    started = time.perf_counter()
    _push(db, service, late)
    usage_totals(april)
    rate_period(april)
    expect_period(april)
    took = time.perf_counter() - started
    found = adjusted(april)
    if not found.is_proved or len(found.adjustments) != SUBSCRIPTIONS:
        raise AssertionError(f"{len(found.adjustments)} adjustments, proved: {found.is_proved}")
    return took


def _work(db: Database, service: Service, key: str) -> PeriodWork:
    return PeriodWork(
        db=db, service=service, period=service.period(key), taxes=TaxTable(rates=()), settings_hash="benchmark", now=NOW
    )


def _billed(work: PeriodWork) -> None:
    usage_totals(work)
    rate_period(work)
    expect_period(work)
    actual_period(work)
    reconcile_period(work)


def _push(db: Database, service: Service, events: list[UsageEvent]) -> None:
    with connect(db.url, autocommit=True) as conn:
        intake = Intake(conn)
        for first in range(0, len(events), BATCH):
            intake.take([Delivery(service=service, facts=events[first : first + BATCH], may_backfill=True)], NOW)


def _event(service: Service, subscription: str, key: str, at: datetime) -> UsageEvent:
    return UsageEvent(
        service=service.code,
        feed=PUSHED,
        external_subscription_id=subscription,
        metric="cpu_seconds",
        idempotency_key=key,
        quantity=Decimal("3600.25"),
        started_at=at,
    )
