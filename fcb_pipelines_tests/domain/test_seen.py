"""What held at a moment of a term that changed between two snapshots: by what was seen, by history, or not at all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.case import NO_RECORDS, Records
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import RatedLine, rated_lines
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.instances import TERM_ATTESTED, TERM_UNKNOWN
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.quotas import NOTHING_USED, cpu
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.domain.seen import Seen, changes, plan_as_of, subscription_as_of
from fcb_pipelines.domain.terms import terms_at
from fcb_pipelines_tests.builders import TORONTO, a_plan, a_subscription, actual, day, the_terms
from fcb_pipelines_tests.domain.explained import World

OLD, NEW = Decimal(50), Decimal(60)
LAST, FIRST = "2026-03-10", "2026-04-10"
"""When the old price was last seen, and the new one first."""


def costs(price: Decimal, **changed: Any) -> Plan:
    return a_plan(flat_prices={Interval.MONTHLY: price}, **changed)


def seen(*versions: tuple[str, Plan | None]) -> Seen:
    return Seen(plans={"p1": [*changes([(day(at), plan) for at, plan in versions])]})


TWICE = seen((LAST, costs(OLD)), (FIRST, costs(NEW)))


def said(value: str | None, since: str, at: str | None = None, **changed: str) -> HistoryEntry:
    """History of the plan's price; `at` is when it was first on record."""
    values = {"subject_kind": "plan", "subject_id": "p1", "field": "price_monthly", **changed}
    return HistoryEntry(value=value, valid_from=day(since), said_at=None if at is None else day(at), **values)


def flat(month: str, found: Seen = TWICE, plan: Plan | None = None, **changed: Any) -> RatedLine:
    """The flat price of a month, whose range begins with it."""
    terms = the_terms(plan=plan or costs(NEW), plans={"p1": plan or costs(NEW)}, seen=found, **changed)
    return next(line for line in rated_lines(terms, Period(month, TORONTO), NOTHING_USED) if line.charge == "flat")


MENDED = said("60", "2026-01-01", at="2026-04-12")


@pytest.mark.parametrize(
    ("history", "prices"),
    [
        ([], {"2026-02": OLD, "2026-03": OLD, "2026-04": None, "2026-05": NEW}),
        ([said("60", "2026-03-20")], {"2026-03": OLD, "2026-04": NEW, "2026-05": NEW}),
        ([said("60", "2026-04-05")], {"2026-03": OLD, "2026-04": OLD, "2026-05": NEW}),
        ([said("60.00", "2026-04-01")], {"2026-03": OLD, "2026-04": NEW}),
        ([MENDED], {"2026-02": NEW, "2026-03": NEW, "2026-04": NEW, "2026-05": NEW}),
        ([said("60", "2026-03-01", at="2026-04-12")], {"2026-02": OLD, "2026-03": NEW, "2026-04": NEW}),
        ([said("60", "2026-01-01")], {"2026-03": OLD, "2026-04": None, "2026-05": NEW}),
        ([said("60", "2026-01-01", at="2026-03-09")], {"2026-03": OLD, "2026-04": None}),
        ([said("70", "2026-03-20")], {"2026-03": OLD, "2026-04": None, "2026-05": NEW}),
        ([said("55", "2026-03-15"), said("60", "2026-04-05")], {"2026-03": OLD, "2026-04": Decimal(55), "2026-05": NEW}),
        ([said("40", "2026-01-01"), said("50", "2026-03-01")], {"2026-02": Decimal(40), "2026-03": OLD, "2026-04": None}),
    ],
    ids=[
        "seen alone",
        "told between",
        "told later between",
        "told to the day",
        "mended",
        "mended from a day on",
        "said before it was seen otherwise",
        "said before the old one was last seen",
        "told something else",
        "several between",
        "older history",
    ],
)
def test_a_price_that_changed_holds_as_far_as_it_was_seen_or_told(
    history: Sequence[HistoryEntry], prices: dict[str, Decimal | None]
) -> None:
    assert {month: flat(month, adopted=Records((), history)).exact for month in prices} == prices


def test_what_nobody_knows_is_said_and_is_due_all_the_same() -> None:
    line = flat("2026-04")
    why = "its price monthly was 50 on 2026-03-10 and 60 on 2026-04-10, and no record says since when"
    assert (line.exact, line.is_due, line.notes) == (None, True, (f"{TERM_UNKNOWN}: {why}",))
    assert flat("2026-03").notes == (TERM_ATTESTED,)


@pytest.mark.parametrize(
    ("before", "after", "prices"),
    [
        (None, "2026-03-20", {"2026-03": OLD, "2026-04": NEW}),
        (None, "2026-05-01", {"2026-03": OLD, "2026-04": OLD, "2026-05": NEW}),
        ("2026-01-01", "2026-02-01", {"2026-01": OLD, "2026-02": NEW, "2026-03": NEW}),
        ("2026-01-01", "2026-01-01", {"2026-03": OLD, "2026-04": None, "2026-05": NEW}),
        ("2026-01-01", None, {"2026-03": OLD, "2026-04": None, "2026-05": NEW}),
    ],
    ids=["a day", "a day to come", "an earlier day, which mends", "the same day, which says nothing", "none any more"],
)
def test_a_plan_that_dates_its_terms_anew_says_since_when(
    before: str | None, after: str | None, prices: dict[str, Decimal | None]
) -> None:
    was, became = (costs(price, valid_from=None if at is None else day(at)) for price, at in ((OLD, before), (NEW, after)))
    found = seen((LAST, was), (FIRST, became))
    assert {month: flat(month, found, became).exact for month in prices} == prices


@pytest.mark.parametrize(
    ("was", "month", "exact"),
    [
        ({"contract_price": Decimal(40)}, "2026-03", Decimal(40)),
        ({"contract_price": Decimal(40)}, "2026-04", None),
        ({"discount_percent": Decimal(10)}, "2026-03", Decimal(45)),
        ({"discount_percent": Decimal(10)}, "2026-04", None),
        ({"external_plan_id": "p2"}, "2026-03", Decimal(80)),
        ({"external_plan_id": "p2"}, "2026-04", None),
        ({"interval": Interval.YEARLY}, "2026-04", None),
        ({"status": "paused", "ended_at": day("2027-01-01")}, "2026-04", Decimal(50)),
    ],
)
def test_a_term_of_the_subscription_holds_as_far_as_it_was_seen(was: dict[str, Any], month: str, exact: Decimal | None) -> None:
    one = a_subscription()
    found = Seen(subscriptions={"s1": [*changes([(day(LAST), replace(one, **was)), (day(FIRST), one)])]})
    plans = {"p1": a_plan(), "p2": a_plan(external_plan_id="p2", flat_prices={Interval.MONTHLY: Decimal(80)})}
    terms = the_terms(seen=found, plans=plans)
    line = next(line for line in rated_lines(terms, Period(month, TORONTO), NOTHING_USED) if line.charge == "flat")
    assert line.exact == exact


def test_a_year_that_is_billed_by_the_month_since_then_was_due_once() -> None:
    one = a_subscription(started_at=day("2026-02-01"))
    found = Seen(subscriptions={"s1": [*changes([(day(LAST), replace(one, interval=Interval.YEARLY)), (day(FIRST), one)])]})
    due = {
        month: [
            line.exact for line in rated_lines(the_terms(subscription=one, seen=found), Period(month, TORONTO), cpu(Decimal(0)))
        ]
        for month in ("2026-02", "2026-03", "2026-05")
    }
    assert due == {"2026-02": [Decimal(600), 0], "2026-03": [0], "2026-05": [Decimal(50), 0]}


@pytest.mark.parametrize(
    ("changed", "exact"),
    [({"included_quantity": Decimal(0)}, None), ({"unit_price": Decimal(1)}, None), ({"flat_prices": {}}, Decimal("0.0075"))],
)
def test_usage_asks_for_the_terms_of_usage_alone(changed: dict[str, Any], exact: Decimal | None) -> None:
    found = seen((LAST, a_plan(**changed)), (FIRST, a_plan()))
    assert of_usage(seen=found) == [exact]


def of_usage(**changes: Any) -> list[Any]:
    lines = rated_lines(the_terms(plan=a_plan(), **changes), Period("2026-04", TORONTO), cpu(Decimal(7200)))
    return [line.exact for line in lines if line.charge == "cpu_seconds"]


def test_a_contract_stands_in_place_of_a_price_that_nobody_knows() -> None:
    assert flat("2026-04", subscription=a_subscription(contract_price=Decimal(33))).exact == Decimal(33)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("price_monthly", "a lot", "a lot"),
        ("billing_interval", "fortnightly", "unknown billing cycle"),
        ("charges", "no json", "not JSON"),
    ],
)
def test_history_that_cannot_be_read_is_refused_with_its_day(field: str, value: str | None, why: str) -> None:
    kind, key = ("subscription", "s1") if field == "billing_interval" else ("plan", "p1")
    records = Records((), [said(value, "2026-01-01", subject_kind=kind, subject_id=key, field=field)])
    with pytest.raises(InvalidInput, match=f"its history from 2026-01-01 on.*{why}"):
        terms_at(the_terms(adopted=records), day("2026-03-01"))


@pytest.mark.parametrize("found", [TWICE, Seen()], ids=["seen", "never seen to change"])
def test_of_two_values_from_the_same_day_on_the_one_said_last_holds_and_without_one_nobody_knows(found: Seen) -> None:
    told = [said("7", "2026-04-01", at="2026-04-12"), said("60", "2026-04-01", at="2026-04-13")]
    for history in (told, told[::-1], [replace(told[0], said_at=None), told[1]]):
        assert flat("2026-05", found, adopted=Records((), history)).exact == NEW
    alike = [replace(entry, said_at=None) for entry in told]
    with pytest.raises(InvalidInput, match="both 60 and 7 of its price_monthly from 2026-04-01 on"):
        flat("2026-05", found, adopted=Records((), alike))
    assert flat("2026-05", found, adopted=Records((), [alike[1], replace(alike[1], value="60.00")])).exact == NEW


@pytest.mark.parametrize(("at", "price"), [("2026-02-28", None), ("2026-03-01", Decimal(40)), ("2026-05-01", None)])
def test_history_holds_where_nothing_changed_while_we_looked(at: str, price: Decimal | None) -> None:
    told = {"subject_kind": "subscription", "subject_id": "s1", "field": "contract_price"}
    history = [said(None, "2026-01-01", **told), said("40", "2026-03-01", **told), said("", "2026-05-01", **told)]
    held = subscription_as_of(a_subscription(contract_price=Decimal(9)), day(at), Seen(), Records((), history))
    assert held.record.contract_price == price


def test_siblings_are_rated_alike_and_one_billed_at_the_price_of_today_is_no_match() -> None:
    both = [a_subscription(external_subscription_id=key) for key in ("s1", "s2")]
    world = World(*both, plans=[costs(NEW)])
    world.seen = seen(("2026-04-02", costs(OLD)), ("2026-05-20", costs(NEW)))
    lines = [actual(net, external_subscription_id=key, external_invoice_id=key) for key, net in (("s1", "50"), ("s2", "60"))]
    found = {row.external_subscription_id: row.verdict for row in world.rows(*lines)}
    assert found == {"s1": Verdict.MATCH, "s2": Verdict.UNEXPLAINED}


def test_what_would_close_a_gap_is_named_with_its_days() -> None:
    world = World(plans=[costs(NEW)])
    world.seen = TWICE
    why = "its price monthly was 50 on 2026-03-10 and 60 on 2026-04-10, and no record says since when"
    for billed in ([], [actual("50")]):
        (row,) = world.rows(*billed)
        (said,) = next(one.explanation.missing for one in row.instances if one.charge == "flat")
        assert said.startswith(f"{why}: the source's history would tell")


def test_a_plan_that_it_went_over_to_costs_what_it_cost_then() -> None:
    second = a_plan(external_plan_id="p2", flat_prices={Interval.MONTHLY: Decimal(90)})
    before = replace(second, flat_prices={Interval.MONTHLY: Decimal(80)})
    history = [
        said(plan, since, subject_kind="subscription", subject_id="s1", field="plan")
        for plan, since in (("p1", "2026-01-01"), ("p2", "2026-04-16"))
    ]
    exact = []
    for last in ("2026-04-20", "2026-04-10"):
        found = Seen(plans={"p2": [*changes([(day(last), before), (day("2026-05-20"), second)])]})
        given_now = {"subscription": a_subscription(external_plan_id="p2"), "plans": {"p1": a_plan(), "p2": second}}
        exact.append(_prorated(found, Records((), history), second, given_now))
    assert exact == [Decimal(65), None], "half of 50 and half of 80; and where nobody knows what it cost then"


def _prorated(found: Seen, adopted: Records, plan: Plan, given_now: dict[str, Any]) -> Any:
    terms = the_terms(plan=plan, seen=found, adopted=adopted, proration=Proration.CALENDAR_DAYS, **given_now)
    line = next(line for line in rated_lines(terms, Period("2026-04", TORONTO), NOTHING_USED) if line.charge == "flat")
    return line.exact


DAYS = st.integers(0, 120).map(lambda number: day("2026-01-01") + timedelta(days=number))
PRICES = st.sampled_from([OLD, NEW, Decimal(70)])


def price_at(versions: Sequence[tuple[datetime, Plan]], at: datetime) -> Decimal | None:
    """What the newest of some versions is held to have cost; None where nobody knows."""
    newest = max(versions, key=lambda version: version[0])[1]
    held = plan_as_of(newest, at, Seen(plans={"p1": [*changes(versions)]}), NO_RECORDS)
    return None if held.unknown else held.record.flat_prices[Interval.MONTHLY]


@given(st.dictionaries(DAYS, PRICES, min_size=1, max_size=6), DAYS, st.data())
def test_neither_the_order_of_snapshots_nor_unchanged_ones_between_change_a_term(
    prices: dict[datetime, Decimal], at: datetime, data: st.DataObject
) -> None:
    versions = [(seen_at, costs(price)) for seen_at, price in prices.items()]
    known = price_at(versions, at)
    assert known == prices.get(at, known), "what was seen at that time"
    assert price_at(data.draw(st.permutations(versions)), at) == known
    again = data.draw(st.sampled_from(sorted(prices)))
    later = sorted(each for each in prices if each > again)
    upto = later[0] if later and prices[later[0]] == prices[again] else again
    between = again + (upto - again) / 2
    assert price_at([*versions, (between, costs(prices[again]))], at) == known


def test_what_is_gone_for_a_while_is_unknown_between() -> None:
    versions: list[tuple[str, Plan | None]] = [("2026-02-10", costs(OLD)), ("2026-03-10", None), (FIRST, costs(NEW))]
    found = seen(*versions)
    assert [flat(month, found).exact for month in ("2026-02", "2026-03", "2026-04", "2026-05")] == [OLD, None, None, NEW]
