"""A small host whose usage of one feed is billed, and the acts that bill, close and adjust its months."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.acts.adjustments import adjusted
from fcb_pipelines.acts.closing import close_period
from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import RatedPeriod, expect_period, rate_period
from fcb_pipelines.acts.reconciliation import Reconciled, reconcile_period
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.usage import PULLED, PUSHED, UsageEvent, Void
from fcb_pipelines.services import MetricSetting, Service
from fcb_pipelines.store import rating
from fcb_pipelines.store.database import Database, connect
from fcb_pipelines_tests.acts.test_dual_run import ONTARIO, RULES
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

ONLY_PULLED = pytest.mark.parametrize("desk", [PULLED], indirect=True)
"""Where an earlier snapshot matters: pushed usage is of none."""
ONLY_PUSHED = pytest.mark.parametrize("desk", [PUSHED], indirect=True)
"""Where usage is taken back: pulled usage never is."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A small host whose usage of one feed is billed."""

    host: SmallHost
    db: Database
    feed: str

    @property
    def service(self) -> Service:
        metrics = {"cpu_seconds": MetricSetting(), "requests": MetricSetting()}
        return self.host.service(**RULES, billed_feed=self.feed, metrics=metrics)

    def work(self, key: str, **changes: Any) -> PeriodWork:
        given = {"db": self.db, "service": self.service, "taxes": ONTARIO, "settings_hash": "settings", "now": NOW}
        return PeriodWork(**{**given, "period": self.service.period(key), **changes})

    def snapshot(self, now: datetime = NOW) -> int:
        return take_snapshot(self.db, self.service, now, lambda _: None).snapshot_id

    def use(self, at: str, quantity: str, *, key: str, subscription: str = FIRST, metric: str = "cpu_seconds") -> None:
        """Let a subscription have used something, and us be told by the billed feed."""
        if self.feed == PULLED:
            self.host.run(f"INSERT INTO usage VALUES ('{subscription}', '{metric}', {quantity}, '{at}', NULL, '{key}')")
            self.snapshot()
            return
        event = UsageEvent(
            service="small",
            feed=PUSHED,
            external_subscription_id=subscription,
            metric=metric,
            idempotency_key=key,
            quantity=Decimal(quantity),
            started_at=datetime.fromisoformat(at),
        )
        self.push(event)

    def push(self, *facts: UsageEvent | Void) -> None:
        with connect(self.db.url, autocommit=True) as conn:
            delivery = Delivery(service=self.service, facts=facts, may_backfill=True)
            (results,) = Intake(conn).take([delivery], NOW)
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}

    def take_back(self, voids: str) -> None:
        names = {"service": "small", "feed": PUSHED, "external_subscription_id": FIRST, "metric": "cpu_seconds"}
        self.push(Void(**names, idempotency_key=f"not {voids}", voids=voids))

    def rated(self, key: str) -> RatedPeriod:
        usage_totals(self.work(key))
        return rate_period(self.work(key))

    def dual_run(self, key: str) -> Reconciled:
        self.rated(key)
        expect_period(self.work(key))
        actual_period(self.work(key))
        return reconcile_period(self.work(key))

    def close(self, *keys: str) -> None:
        for key in keys:
            self.dual_run(key)
            close_period(self.work(key), closed_by="ada")

    def expected(self, key: str) -> dict[str, ExpectedLine]:
        with self.db.transaction() as conn:
            return {line.line_key.removeprefix(f"{FIRST}/"): line for line in rating.expected(conn, "small", key)}

    def adjustments(self, key: str) -> list[tuple[str, str, str, Decimal | None, Decimal | None]]:
        found = adjusted(self.work(key))
        assert found.is_proved
        return [
            (one.of_period, plain(one.old_quantity), plain(one.new_quantity), one.old_net, one.new_net)
            for one in found.adjustments
        ]

    def audited(self) -> list[tuple[Any, ...]]:
        with self.db.transaction() as conn:
            return conn.execute("SELECT actor, act, service, subject FROM audit_log ORDER BY position").fetchall()
