"""A small host whose April is closed and whose May adjusts it, with usage that was pushed, taken back and late: rows to trace.

Owns: the story, told once for all tests that only look. Does not own: any expectation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.trace import Asked, trace
from fcb_pipelines.adopted_terms import TermSetting
from fcb_pipelines.domain.trace import Found, Kind, Step, walked
from fcb_pipelines.domain.usage import PUSHED, UsageEvent
from fcb_pipelines.services import MetricSetting, Service
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.acts.desk import Desk
from fcb_pipelines_tests.acts.two_feeds import pushed
from fcb_pipelines_tests.source.small_host import FIRST

APRIL, MAY = "2026-04", "2026-05"
EVENTS = 30
EACH = 100_000
LATE = 250_000
ROW = f"small/{APRIL}/subscription/{FIRST}"
FEE = f"small/{APRIL}/line/in_2/2"
CONTRACT = TermSetting(
    kind="contract_price",
    subject_kind="subscription",
    subject=FIRST,
    valid_from=date(2026, 5, 1),
    data={"price": "8.00"},
    reference="contract 1",
    adopted_by="ada",
    adopted_on=date(2026, 6, 2),
    row=f"small/{MAY}/subscription/{FIRST}",
)
BILLED = (
    "DELETE FROM usage",
    f"UPDATE invoices SET external_subscription_id = '{FIRST}'",
    """INSERT INTO invoices VALUES
       ('in_2', 1, '', '2026-04-01 12:00Z', 'paid', 'CAD', 14.14, 1.84, 15.98, 'in_2', 'stripe',
        '[{"description": "Small × 1", "amount": "9.14", "service_from": "2026-04-01T00:00:00-04:00",
           "service_to": "2026-05-01T00:00:00-04:00", "external_subscription_id": "00000000-0000-0000-0000-000000000001"},
          {"description": "Fee for moving in", "amount": "5.00"}]'),
       ('in_3', 1, '00000000-0000-0000-0000-000000000001', '2026-05-01 12:00Z', 'paid', 'CAD', 8.00, 1.04, 9.04, 'in_3', 'sync',
        '[{"description": "Small × 1", "amount": "8.00", "service_from": "2026-05-01T00:00:00-04:00",
           "service_to": "2026-06-01T00:00:00-04:00"}]')""",
    f"""INSERT INTO evidence VALUES
        ('contract_price', 'subscription', '{FIRST}', '2026-05-01 04:00Z', NULL, '{{"price": "8.00"}}', 'contract 1'),
        ('account_credit', 'user', '1', NULL, NULL, '{{"amount": "3.00", "invoice": "in_2"}}', 'credit 9'),
        ('line_reference', 'invoice', 'in_2', NULL, NULL, '{{"line": 1, "subscriptions": ["{FIRST}"]}}', 'paid 2/1')""",
)


@dataclass(frozen=True, kw_only=True)
class Traced(Desk):
    """The host, its store, and what a trace of a row says."""

    feed: str = PUSHED
    terms: tuple[TermSetting, ...] = ()

    @property
    def service(self) -> Service:
        rules = ({"pattern": "^Small", "kind": "plan"}, {"pattern": "^Fee", "kind": "one_off"})
        metrics = {"cpu_seconds": MetricSetting(), "requests": MetricSetting()}
        attested = date(2026, 1, 1)
        return self.host.service(
            line_rules=rules, terms_assumed_from=attested, billed_feed=self.feed, metrics=metrics, terms=self.terms
        )

    def told(self) -> None:
        """What happened: April used, taken back, billed and closed; then more of April, and May."""
        self.host.run(*BILLED)
        self.snapshot()
        self.push(*(self.event(f"e{n:02}", EACH, f"2026-04-{n:02}T10:00") for n in range(1, EVENTS + 1)))
        self.take_back("e07")
        self.push(self.event("march", 1, "2026-03-20T10:00"))
        self.close("2026-03", APRIL)
        self.push(self.event("late", LATE, "2026-04-30T10:00"), self.event("may", 5, "2026-05-10T10:00"))
        self.dual_run(MAY)

    def event(self, key: str, quantity: int, at: str) -> UsageEvent:
        return pushed(key, str(quantity), at=at)

    @contextmanager
    def looked_at(self, row_id: str, *damage: str, **asked: Any) -> Iterator["Looked"]:
        """What a trace says, once something was done to the store behind its back, which is taken back."""
        with self.db.transaction() as conn:
            for statement in damage:
                conn.execute(statement.encode())
            yield Looked.at(conn, self.work(row_id.split("/")[1]), Asked(row_id=row_id, **asked))
            conn.rollback()


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A trace that was walked to its end."""

    steps: tuple[Step, ...]
    found: Found

    @classmethod
    def at(cls, conn: Connection, work: PeriodWork, asked: Asked) -> "Looked":
        """Walk it."""
        found = Found()
        return cls(steps=tuple(step for step, _ in walked(trace(conn, work, asked), found)), found=found)

    def of(self, kind: Kind) -> list[Step]:
        """The steps of a kind."""
        return [step for step in self.steps if step.kind is kind]

    def says(self, kind: Kind) -> list[str]:
        """What they say."""
        return [step.says for step in self.of(kind)]
