"""Whatever the anchor, the interval and the last bill: the ranges of the source and of Odoo tile the time."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.boundaries import (
    Known,
    boundary,
    first_range,
)
from fcb_pipelines.domain.claims import Biller, Claim, overlapping
from fcb_pipelines.domain.conventions import Conventions, Families, Family, Months
from fcb_pipelines.domain.expected import RatedLine
from fcb_pipelines.domain.instances import FLAT, ChargeInstance, flat_instances
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.period import midnight, period_of, periods
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval
from fcb_pipelines.domain.source_bills import BilledRange, ChargeBills
from fcb_pipelines.domain.terms import Terms
from fcb_pipelines_tests.builders import TORONTO, a_plan, a_subscription, day, the_terms
from fcb_pipelines_tests.domain.boundary_cases import JULY, PRICES, known, ranges_of

SHAPES = st.sampled_from(
    [(Interval.MONTHLY, 1), (Interval.QUARTERLY, 1), (Interval.QUARTERLY, 3), (Interval.YEARLY, 1), (Interval.YEARLY, 4)]
)
DAYS = st.dates(date(2024, 1, 1), date(2026, 6, 30))


def living(shape: tuple[Interval, int], started: date, anchor: date | None, months: Months) -> Terms:
    one = a_subscription(
        interval=shape[0],
        instalments=shape[1],
        started_at=midnight(started, TORONTO) + timedelta(hours=9, minutes=30),
        billing_anchor=None if anchor is None else midnight(anchor, TORONTO),
    )
    families = Families(service=Family(conventions=Conventions(months=months)))
    return the_terms(subscription=one, plan=a_plan(flat_prices=PRICES), families=families, terms_from=day("2023-01-01"))


@given(shape=SHAPES, started=DAYS, anchor=st.none() | DAYS, months=st.sampled_from(list(Months)), last=st.integers(0, 5))
def test_the_ranges_of_source_and_odoo_tile_the_time(
    shape: tuple[Interval, int], started: date, anchor: date | None, months: Months, last: int
) -> None:
    """Against the instances of rating itself: what the source billed ends where Odoo begins, whatever the anchor."""
    terms, began = living(shape, started, anchor, months), midnight(started, TORONTO)
    every = list(islice(_instances(terms, months), last + 3))
    source, rest = every[: last + 1], every[last + 1 :]
    bills = ChargeBills(ranges=tuple(_billed_as(line) for line in source))
    found = boundary(known(FLAT, terms, bills=bills), period_of(rest[0].service_from, TORONTO), Biller.SOURCE)
    assert (found.at, found.notes) == (source[-1].service_to, ())
    assert found.first is not None
    assert (found.first.service_from, found.first.service_to) == (rest[0].service_from, rest[0].service_to)
    assert every[0].service_from == began
    assert all(one.service_to == following.service_from for one, following in pairwise(every))
    claims = [_claim(one, Biller.SOURCE) for one in source] + [_claim(one, Biller.ODOO) for one in rest]
    assert not list(overlapping(claims))


def _instances(terms: Terms, months: Months) -> Iterator[ChargeInstance]:
    month = period_of(terms.subscription.started_at, TORONTO)
    while True:
        yield from flat_instances(terms.subscription, month, Conventions(months=months))
        month = month.next()


@given(shape=SHAPES, started=DAYS, anchor=st.none() | DAYS, months=st.sampled_from(list(Months)), days=st.integers(0, 1200))
def test_the_first_range_is_the_one_of_rating_that_holds_the_moment(
    shape: tuple[Interval, int], started: date, anchor: date | None, months: Months, days: int
) -> None:
    ranges = ranges_of(living(shape, started, anchor, months), FLAT)
    at = midnight(started + timedelta(days=days), TORONTO)
    found = first_range(ranges, at, TORONTO)
    assert found is not None
    assert found.service_from <= at < found.service_to
    assert found in ranges(period_of(found.service_from, TORONTO))


@given(started=DAYS, lived=st.integers(1, 300), final=st.sampled_from(list(Biller)), billed_months=st.integers(0, 5))
def test_the_usage_of_a_life_is_billed_once(started: date, lived: int, final: Biller, billed_months: int) -> None:
    """Source's last bill, what is left to it, and Odoo's first range follow one another."""
    began = midnight(started, TORONTO)
    one = a_subscription(started_at=began, ended_at=began + timedelta(days=lived, hours=5))
    ranges = ranges_of(the_terms(subscription=one, terms_from=day("2023-01-01")), CPU_SECONDS)
    through = periods(period_of(began, TORONTO), period_of(one.ended_at or began, TORONTO))
    every = [line for month in through for line in ranges(month)]
    source = every[:billed_months]
    bills = ChargeBills(ranges=tuple(_billed_as(line) for line in source))
    found = boundary(
        Known(began=began, in_scope_from=day("2024-01-01"), ranges=ranges, is_in_arrears=True, bills=bills), JULY, final
    )
    billed_to = source[-1].service_to if source else began
    assert found.at >= billed_to
    assert (found.final_from or found.at) == billed_to
    if found.first is not None:
        assert found.first.service_from == found.at
        assert final is Biller.ODOO or found.at >= JULY.start
    else:
        assert all(line.service_to <= found.at for line in every)


def _billed_as(line: RatedLine | ChargeInstance) -> BilledRange:
    return BilledRange(
        service_from=line.service_from,
        service_to=line.service_to,
        line_key="i1/1",
        issued_at=line.due_at,
        net=money("1 CAD"),
        is_shared=False,
    )


def _claim(line: ChargeInstance, biller: Biller) -> Claim:
    return Claim(
        external_subscription_id="s1",
        charge=line.charge,
        service_from=line.service_from,
        service_to=line.service_to,
        biller=biller,
        reference=line.line_key,
    )
