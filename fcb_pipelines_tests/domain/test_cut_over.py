"""Over any cut-over the claims of the source and of Odoo cover each due instance exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.claims import Biller, Claim, overlapping
from fcb_pipelines.domain.conventions import Conventions, Months
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import ChargeInstance, flat_instances, usage_instance
from fcb_pipelines.domain.live_months import Side, claims_for, is_on_invoice, side
from fcb_pipelines.domain.period import Period, periods
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines_tests.builders import TORONTO, a_subscription, day, expected

FIRST, LAST = Period("2025-01", TORONTO), Period("2026-12", TORONTO)
MONTHS = tuple(periods(FIRST, LAST))
ANCHORED = Conventions(months=Months.ANCHORED)


def line(one: ChargeInstance) -> ExpectedLine:
    return expected(
        "10",
        line_key=one.line_key,
        charge=one.charge,
        service_from=one.service_from,
        service_to=one.service_to,
        due_at=one.due_at,
    )


def claim(one: ExpectedLine, biller: Biller, reference: str) -> Claim:
    return Claim(
        external_subscription_id="s1",
        charge=one.charge,
        service_from=one.service_from,
        service_to=one.service_to,
        biller=biller,
        reference=reference,
    )


@dataclass(frozen=True, kw_only=True)
class Life:
    """A subscription and where it is cut over; days are of January 2025 and October 2026."""

    interval: Interval
    is_anchored: bool
    started: int
    ended: int | None
    cut: int
    usage_lag: int

    def charges(self) -> list[tuple[Period, ExpectedLine]]:
        """Every instance with the month that it is of."""
        subscription = a_subscription(
            external_subscription_id="s1",
            interval=self.interval,
            started_at=day(f"2025-01-{self.started:02}"),
            ended_at=None if self.ended is None else day(f"2026-10-{self.ended:02}"),
        )
        found = []
        for month in MONTHS:
            metered = usage_instance(subscription, "cpu_seconds", month)
            flat = flat_instances(subscription, month, ANCHORED if self.is_anchored else Conventions())
            found += [(month, line(one)) for one in (*flat, *([metered] if metered else []))]
        return found

    def boundaries(self, every: Sequence[ExpectedLine]) -> dict[str, datetime]:
        """The end of the last range of each charge that began before the cut; of usage so many ranges earlier."""
        found = {}
        for charge, lag in (("flat", 0), ("cpu_seconds", self.usage_lag)):
            before = (one for one in every if one.charge == charge and one.service_from < MONTHS[self.cut].start)
            if ends := sorted(one.service_to for one in before):
                found[charge] = ends[max(0, len(ends) - 1 - lag)]
        return found


DAYS = st.integers(1, 28)
LIVES = st.builds(
    Life,
    interval=st.sampled_from(Interval),
    is_anchored=st.booleans(),
    started=DAYS,
    ended=st.none() | DAYS,
    cut=st.integers(2, 22),
    usage_lag=st.integers(0, 2),
)


@settings(max_examples=60)
@given(life=LIVES, order=st.randoms(use_true_random=False))
def test_each_due_instance_is_claimed_once_and_by_one_biller(life: Life, order: Random) -> None:
    """The source billed up to some instance of each charge; Odoo's months run in any order, and again."""
    charges = life.charges()
    boundaries = life.boundaries([one for _, one in charges])
    live = {"s1": boundaries}
    held = [claim(one, Biller.SOURCE, "in_1/1") for _, one in charges if side(one, live) is Side.SHADOW]
    on = {one.line_key: [month for month in MONTHS if is_on_invoice(one, of, month)] for of, one in charges}
    runs = [*MONTHS, *MONTHS]
    order.shuffle(runs)
    for month in runs:
        for _, one in charges:
            if month in on[one.line_key] and side(one, live) is Side.LIVE:
                held += claims_for(one, held, "F-1")
    assert not list(overlapping(held))
    for _, one in charges:
        assert len(on[one.line_key]) <= 1, "no instance is on two invoices"
        billers = [each.biller for each in held if each.overlaps(claim(one, Biller.ODOO, "F-1"))]
        is_later = not on[one.line_key]
        whose = Biller.ODOO if side(one, live) is Side.LIVE else Biller.SOURCE
        assert set(billers) == {whose} or (whose is Biller.ODOO and is_later)
        assert (whose is Biller.ODOO) is (one.service_from >= boundaries.get(one.charge, LAST.end))
