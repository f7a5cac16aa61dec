"""One subscription's April, explained: the real walk from terms to rows, on records that a test names."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.case import Case, OtherUsage, Records
from fcb_pipelines.domain.conventions import Conventions, Families, Family
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.expected import ExpectedLine, expected_line, rated_lines
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import CPU_SECONDS, Plan
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.rows import Instance, Row
from fcb_pipelines.domain.seen import NOTHING_SEEN
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.domain.tax import TaxRate, TaxRounding, TaxTable
from fcb_pipelines.domain.terms import Terms, cases
from fcb_pipelines_tests.builders import APRIL, a_month, a_plan, a_subscription, a_user, day

ONTARIO = TaxTable(rates=(TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1)),))


class World:
    """What is on record about some subscriptions of one customer, and what was billed to it."""

    def __init__(
        self,
        *subscriptions: Subscription,
        plans: Sequence[Plan] = (),
        evidence: Sequence[Evidence] = (),
        adopted: Sequence[Evidence] = (),
        history: Sequence[HistoryEntry] = (),
        used: str = "0",
        usage: Sequence[OtherUsage] = (),
        proration: Proration = Proration.NONE,
        period: Period = APRIL,
    ) -> None:
        self.subscriptions = subscriptions or (a_subscription(),)
        self.plans = {plan.external_plan_id: plan for plan in (plans or (a_plan(),))}
        self.records = Records([*evidence, *adopted], history)
        self.adopted = Records(adopted, history)
        self.evidence, self.used, self.usage = evidence, Decimal(used), tuple(usage)
        self.families = Families(service=Family(conventions=Conventions(proration=proration)))
        self.period = period
        self.seen = NOTHING_SEEN

    def terms(self, subscription: Subscription) -> Terms:
        return Terms(
            subscription=subscription,
            plan=self.plans[subscription.external_plan_id],
            user=a_user(),
            evidence=[one for one in self.evidence if one.subject_id == subscription.external_subscription_id],
            terms_from=day("2026-01-01"),
            families=self.families,
            plans=self.plans,
            adopted=self.adopted,
            seen=self.seen,
        )

    def used_by(self) -> Used:
        return Used(of_month={CPU_SECONDS: self.used})

    def expected(self) -> list[ExpectedLine]:
        return [
            expected_line(
                line,
                "u1",
                a_user(),
                default_place="CA-ON",
                on=date(2026, 4, 1),
                taxes=ONTARIO,
                rounding=TaxRounding.LINE,
            )
            for one in self.subscriptions
            for line in rated_lines(self.terms(one), self.period, self.used_by())
        ]

    def case_of(self, line: ExpectedLine) -> Case | None:
        for one in self.subscriptions:
            for instance, case in cases(self.terms(one), self.period, self.used_by()):
                if instance.line_key == line.line_key:
                    return replace(case, records=self.records, usage=self.usage if line.charge == CPU_SECONDS else ())
        return None

    def rows(self, *lines: ActualLine, pays_for: dict[str, PaysFor] | None = None, **month: Any) -> tuple[Row, ...]:
        """The rows of its month."""
        owners = [
            RowOwner(external_subscription_id=one.external_subscription_id, external_user_id="u1", currency="CAD")
            for one in self.subscriptions
        ]
        told = a_month(records=self.records, alive=frozenset(one.external_subscription_id for one in owners), **month)
        return reconcile("demo/2026-04", owners, self.expected(), lines, told, case_of=self.case_of, pays_for=pays_for)

    def instance(self, *lines: ActualLine, charge: str = "flat", **beside: Any) -> Instance:
        """The first instance of a charge in the row of the first subscription."""
        subscription = self.subscriptions[0].external_subscription_id
        (row,) = (row for row in self.rows(*lines, **beside) if row.external_subscription_id == subscription)
        return next(one for one in row.instances if one.charge == charge)


def causes(instance: Instance) -> list[str]:
    return [finding.cause for finding in instance.explanation.findings]
