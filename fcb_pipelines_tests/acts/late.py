"""Usage that a host pushes for a month, and takes back, also when the month is closed."""

from datetime import UTC, datetime
from decimal import Decimal

from fcb_pipelines.acts.intake import Delivery, Fact, Intake
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.usage import PUSHED, UsageEvent, Void
from fcb_pipelines.store.database import connect
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST
from fcb_pipelines_tests.store.closed import closed

CORE_HOURS = 3600


def with_march_closed(april: Month) -> Month:
    """The same host pushing its usage: nothing in April; March is closed with 10,000 core-hours, 75.00."""
    found = april.of("2026-04", billed_feed=PUSHED)
    found.used(3_601_000)
    found.snapshot()
    push(found, event(found, "march", 10_000 * CORE_HOURS, "2026-03-20T10:00Z"))
    push(found, event(found, "april", 0, "2026-04-10T10:00Z"))
    with found.chain.db.transaction() as conn:
        closed(conn, found.chain.service.code, "2026-03", feed=PUSHED)
    return found


def event(month: Month, key: str, quantity: int, at: str) -> UsageEvent:
    return UsageEvent(
        service=month.chain.service.code,
        feed=PUSHED,
        external_subscription_id=FIRST,
        metric="cpu_seconds",
        idempotency_key=key,
        quantity=Decimal(quantity),
        started_at=datetime.fromisoformat(at).astimezone(UTC),
    )


def take_back(month: Month, key: str) -> None:
    names = {"service": month.chain.service.code, "feed": PUSHED, "external_subscription_id": FIRST, "metric": "cpu_seconds"}
    push(month, Void(**names, idempotency_key=f"not {key}", voids=key))


def push(month: Month, *facts: Fact) -> None:
    with connect(month.chain.db.url, autocommit=True) as conn:
        (results,) = Intake(conn).take([Delivery(service=month.chain.service, facts=facts, may_backfill=True)], NOW)
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
