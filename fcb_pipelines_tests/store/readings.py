"""Usage events with defaults, and a whole reading in one call, so that a test names only what it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import UsageEvent
from fcb_pipelines.store import pulled, snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.pulled import UsageHeader

TORONTO = ZoneInfo("America/Toronto")
MARCH, APRIL = Period("2026-03", TORONTO), Period("2026-04", TORONTO)
NOW = datetime(2026, 6, 2, 16, tzinfo=UTC)


def event(
    key: str, quantity: str = "1", *, at: str = "2026-04-10", subscription: str = "s-1", metric: str = "cpu_seconds"
) -> UsageEvent:
    """One event of April in UTC."""
    return UsageEvent(
        service="small",
        feed="pulled",
        external_subscription_id=subscription,
        metric=metric,
        idempotency_key=key,
        quantity=Decimal(quantity),
        started_at=datetime.fromisoformat(at).replace(tzinfo=UTC),
    )


def reading(
    conn: Connection, events: Sequence[UsageEvent], *, period: Period = APRIL, rejected: int = 0, service: str = "small"
) -> UsageHeader:
    """A snapshot that read these events of one period."""
    conn.execute("DROP TABLE IF EXISTS staged_usage")
    snapshot_id = snapshots.open_snapshot(conn, service, NOW)
    opened = pulled.begin_reading(conn, service, {})
    total = pulled.stage(opened, period, events)
    content = (total % 2**256).to_bytes(32)
    return pulled.keep_reading(opened, period, snapshot_id=snapshot_id, read_at=NOW, rejected=rejected, content_hash=content)


def forget_usage(conn: Connection) -> None:
    """As if no usage was ever stored."""
    conn.execute("TRUNCATE usage_event, usage_running, usage_value, usage_identity, usage_series")
