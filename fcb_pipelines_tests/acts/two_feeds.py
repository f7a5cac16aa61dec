"""A small host whose usage is pulled and pushed, of metrics of every aggregation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fcb_pipelines.acts.intake import Delivery, Fact, Intake
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.domain.usage import PUSHED, UsageEvent, Void
from fcb_pipelines.services import MetricSetting, Service
from fcb_pipelines.store.closings import Closing, close
from fcb_pipelines.store.database import Connection, Database, connect
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import FIRST, TORONTO, SmallHost

NOW = datetime(2026, 5, 2, 16, tzinfo=UTC)
METRICS = {
    "cpu_seconds": Aggregation.SUM,
    "peak": Aggregation.MAX,
    "level": Aggregation.LAST,
    "users": Aggregation.UNIQUE_COUNT,
}


def pushed(
    key: str, quantity: str = "1", *, metric: str = "cpu_seconds", at: str = "2026-04-10T00:00", subscription: str = FIRST
) -> UsageEvent:
    """An event that the host pushes; where values are counted its quantity is the value."""
    is_value = METRICS[metric] is Aggregation.UNIQUE_COUNT
    return UsageEvent(
        service="small",
        feed=PUSHED,
        external_subscription_id=subscription,
        metric=metric,
        idempotency_key=key,
        quantity=Decimal(1) if is_value else Decimal(quantity),
        value=quantity if is_value else None,
        started_at=datetime.fromisoformat(at).replace(tzinfo=UTC),
    )


def void(key: str, voids: str, *, metric: str = "cpu_seconds", subscription: str = FIRST) -> Void:
    """What takes a pushed event back."""
    return Void(
        service="small", feed=PUSHED, external_subscription_id=subscription, metric=metric, idempotency_key=key, voids=voids
    )


@dataclass(kw_only=True)
class TwoFeeds:
    """The host, our store, and the way in for what is pushed."""

    db: Database
    host: SmallHost
    conn: Connection
    """In autocommit."""
    intake: Intake
    changes: dict[str, Any] = field(default_factory=lambda: {"billed_feed": PUSHED})

    @property
    def service(self) -> Service:
        metrics = {name: MetricSetting(aggregation=each) for name, each in METRICS.items()}
        return self.host.service(metrics=metrics, **self.changes)

    def work(self, key: str = "2026-04", now: datetime = NOW) -> PeriodWork:
        """What acts on a month are given."""
        return PeriodWork(
            db=self.db, service=self.service, period=Period(key, TORONTO), taxes=TaxTable(rates=()), settings_hash="h", now=now
        )

    def snapshot(self, now: datetime = NOW) -> int:
        """Read the source."""
        return take_snapshot(self.db, self.service, now, lambda _: None).snapshot_id

    def push(self, *facts: Fact, now: datetime = NOW) -> list[Outcome]:
        """What becomes of these."""
        (results,) = self.intake.take([Delivery(service=self.service, facts=facts, may_backfill=True)], now)
        return [result.outcome for result in results]

    def close(self, key: str) -> None:
        """Close a month without looking at it."""
        with self.db.transaction() as conn:
            close(
                conn,
                Closing(
                    service="small",
                    period=key,
                    closed_at=NOW,
                    closed_by="ada",
                    snapshot_id=self.last(),
                    usage_hash="",
                    billed_feed=self.service.billed_feed,
                ),
            )

    def last(self) -> int:
        """The number of the last snapshot."""
        row = self.conn.execute("SELECT max(snapshot_id) FROM source_snapshot").fetchone()
        assert row is not None
        return int(row[0])

    def run(self, statement: str) -> int:
        """Change what is stored behind our back; how many rows."""
        return self.conn.execute(statement.encode()).rowcount


@contextmanager
def two_feeds(source_url: str, store_url: str, folder: Path) -> Iterator[TwoFeeds]:
    """The host before anything was read or pushed."""
    with connect(store_url, autocommit=True) as conn:
        yield TwoFeeds(db=KeptStore(store_url), host=SmallHost(source_url, folder), conn=conn, intake=Intake(conn))
