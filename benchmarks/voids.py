"""How long it takes to take back a thousand events of one busy subscription, beside storing a thousand.

The subscription has a month of usage told every two minutes, so whoever looked an event up by its key alone, or counted the
month again for each void, would be hundreds of times slower.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks.metering_server import postgres
from fcb_pipelines.acts.intake import Delivery, Fact, Intake
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.usage import PUSHED, UsageEvent, Void
from fcb_pipelines.local.postgres import ensure_database
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Database, connect
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

NOW = datetime(2026, 4, 30, 16, tzinfo=UTC)
BATCH = 1_000
BATCHES = 20
EVERY = timedelta(minutes=2)


def beside_storing() -> float:
    """The median time of a batch of voids, as a multiple of that of a batch of events."""
    with postgres() as admin, tempfile.TemporaryDirectory(prefix="fcb-bench-") as folder:
        host = SmallHost(ensure_database(admin, "host"), Path(folder))
        db = Database(ensure_database(admin, "fcb"))
        migrate(db.url)
        service = host.service(billed_feed=PUSHED)
        take_snapshot(db, service, NOW, lambda _: None)
        with connect(db.url, autocommit=True) as conn:
            intake = Intake(conn)
            keys = [[f"{batch}-{number}" for number in range(BATCH)] for batch in range(BATCHES)]
            stored = [_seconds(intake, service, [_event(service, key) for key in batch]) for batch in keys]
            taken_back = [_seconds(intake, service, [_void(service, key) for key in batch]) for batch in keys]
    return statistics.median(taken_back) / statistics.median(stored)


def _seconds(intake: Intake, service: Service, facts: Sequence[Fact]) -> float:
    started = time.perf_counter()
    (results,) = intake.take([Delivery(service=service, facts=facts)], NOW)
    took = time.perf_counter() - started
    if {result.outcome for result in results} != {Outcome.ACCEPTED}:
        raise AssertionError("something was not stored")
    return took


def _event(service: Service, key: str) -> UsageEvent:
    batch, number = map(int, key.split("-"))
    return UsageEvent(
        service=service.code,
        feed=PUSHED,
        external_subscription_id=FIRST,
        metric="cpu_seconds",
        idempotency_key=key,
        quantity=Decimal("120.25"),
        started_at=NOW - EVERY * (batch * BATCH + number),
    )


def _void(service: Service, key: str) -> Void:
    return Void(
        service=service.code,
        feed=PUSHED,
        external_subscription_id=FIRST,
        metric="cpu_seconds",
        idempotency_key=f"void of {key}",
        voids=key,
    )
