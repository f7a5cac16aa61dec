"""Guards over both systems: billed once is quiet; twice, never and by nobody is found, each once. W are worked examples."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.guards import (
    INVOICING,
    DueInstance,
    Finding,
    GuardFacts,
    Kind,
    OdooBilled,
    SourceBilled,
    findings,
    instance_of,
)
from fcb_pipelines.domain.money import money
from fcb_pipelines_tests.builders import day

LAG = timedelta(days=5)
JUNE, JULY, AUGUST = (day(f"2026-{month}-01") for month in ("06", "07", "08"))
LATER = JULY + LAG + INVOICING


def due(start: datetime = JULY, end: datetime = AUGUST, charge: str = "flat", **changes: object) -> DueInstance:
    decides = (start if charge == "flat" else end) + LAG
    one = DueInstance(
        external_subscription_id="s1",
        charge=charge,
        service_from=start,
        service_to=end,
        decides_at=decides,
        net=money("50 CAD"),
        is_due=True,
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def billed(start: datetime = JULY, end: datetime = AUGUST, net: str = "50", charge: str = "flat") -> SourceBilled:
    return SourceBilled(
        line_key=f"in_{start:%m}/1",
        external_subscription_id="s1",
        external_user_id="u1",
        charge=charge,
        service_from=start,
        service_to=end,
        net=money(f"{net} CAD"),
    )


def claim(biller: Biller, start: datetime = JULY, end: datetime = AUGUST, charge: str = "flat", who: str = "F-1") -> Claim:
    return Claim(external_subscription_id="s1", charge=charge, service_from=start, service_to=end, biller=biller, reference=who)


def invoiced(
    start: datetime = JULY, end: datetime = AUGUST, *, on: str = "INV/1", is_posted: bool = True, charge: str = "flat"
) -> OdooBilled:
    return OdooBilled(
        reference=on,
        external_subscription_id="s1",
        charge=charge,
        service_from=start,
        service_to=end,
        is_posted=is_posted,
    )


def facts(now: datetime = LATER, **values: object) -> GuardFacts:
    """One subscription that is live with its price and its usage from July on."""
    given = {"as_of": now, "now": now, "boundaries": {"s1": {"flat": JULY, "cpu_seconds": JULY}}, "lag": LAG, **values}
    return GuardFacts(**given)  # type: ignore[arg-type]


def kinds(found: Iterable[Finding]) -> list[Kind]:
    return [one.kind for one in found]


ODOO, SOURCE = claim(Biller.ODOO), claim(Biller.SOURCE)


@pytest.mark.parametrize(
    ("source", "odoo", "claims", "found"),
    [
        ([], [invoiced()], [ODOO], []),
        ([billed()], [], [SOURCE], []),
        ([billed()], [], [], []),
        ([billed()], [], [ODOO], [Kind.BILLED_TWICE]),
        ([billed()], [invoiced()], [], [Kind.BILLED_TWICE]),
        ([billed()], [invoiced(is_posted=False)], [ODOO], [Kind.BILLED_TWICE]),
        ([billed(), billed(net="-50")], [invoiced()], [ODOO], []),
        ([billed(), billed(net="-49.99")], [invoiced()], [ODOO], [Kind.BILLED_TWICE]),
        ([], [invoiced(), invoiced(on="INV/2")], [ODOO], [Kind.INVOICED_TWICE]),
        ([], [invoiced(), invoiced(on="INV/2", is_posted=False)], [ODOO], [Kind.INVOICED_TWICE]),
        ([], [], [ODOO], [Kind.NEVER_BILLED]),
        ([], [invoiced(is_posted=False)], [ODOO], [Kind.NEVER_BILLED]),
        ([], [], [], [Kind.CLAIM_MISSING]),
        ([], [], [claim(Biller.ODOO, JULY, JULY + timedelta(days=3))], [Kind.CLAIM_MISSING]),
    ],
)
def test_what_both_systems_say_of_one_instance(
    source: list[SourceBilled], odoo: list[OdooBilled], claims: list[Claim], found: list[Kind]
) -> None:
    assert kinds(findings(facts(due=[due()], source=source, odoo=odoo, claims=claims))) == found


@pytest.mark.parametrize(
    ("one", "now"),
    [
        (due(), LATER - timedelta(seconds=1)),
        (due(JUNE, JULY), LATER),
        (due(is_due=False), LATER),
        (due(external_subscription_id="not live"), LATER),
    ],
)
def test_what_nobody_has_to_have_billed_yet(one: DueInstance, now: datetime) -> None:
    """Before its lag and the day of invoicing are over, before the boundary, where nothing is due, or who is not live."""
    assert findings(facts(now=now, due=[one])) == ()


def test_w_a_prepaid_year_that_is_billed_again_is_found() -> None:
    """600 paid on 10 January for a year; Odoo's first range begins in July with a default date."""
    year = billed(day("2026-01-10"), day("2027-01-10"), "600")
    found = findings(facts(source=[year], claims=[ODOO]))
    assert kinds(found) == [Kind.BILLED_TWICE]
    assert found[0].words == "the source bills 600.00 CAD for it (in_01/1), and so does Odoo (claim F-1)"


def test_w_overage_in_arrears_that_nobody_bills_is_found() -> None:
    """June's overage was left to the source, whose final bill never came; Odoo begins with July."""
    june = due(JUNE, JULY, "cpu_seconds")
    left = claim(Biller.SOURCE, JUNE, JULY, "cpu_seconds")
    for now, found in ((JULY + LAG - timedelta(seconds=1), []), (JULY + LAG, [Kind.FINAL_BILL_MISSING])):
        assert kinds(findings(facts(now=now, due=[june], claims=[left]))) == found
    bill = billed(JUNE, JULY, "12", "cpu_seconds")
    assert findings(facts(due=[june], claims=[left], source=[bill])) == ()
    assert findings(facts(due=[replace(june, is_due=False)], claims=[left])) == (), "nothing used needs no bill"


def test_a_final_bill_is_missed_by_the_source_as_it_was_last_seen() -> None:
    left = claim(Biller.SOURCE, JUNE, JULY)
    told = facts(now=LATER + timedelta(days=30), due=[due(JUNE, JULY)], claims=[left])
    assert findings(replace(told, as_of=JULY)) == (), "what came since that snapshot is not known"
    assert kinds(findings(told)) == [Kind.FINAL_BILL_MISSING]


def test_w_a_deployment_that_moved_to_another_customer_is_one_subscription_still() -> None:
    moved = replace(billed(), external_user_id="u2")
    assert kinds(findings(facts(due=[due()], source=[moved], odoo=[invoiced()], claims=[ODOO]))) == [Kind.BILLED_TWICE]


def test_a_line_outside_the_model_that_both_bill() -> None:
    fee = replace(billed(net="5"), line_key="in_9/2", charge=None, service_from=None, service_to=None)
    (found,) = findings(facts(source=[fee], carried={"in_9/2": "invoice x"}))
    assert (found.kind, found.subject) == (Kind.CARRIED_TWICE, "in_9/2")
    assert findings(facts(source=[replace(fee, net=money("-5 CAD"))], carried={"in_9/2": "invoice x"})) == ()


def test_every_kind_says_what_to_do_and_the_gravest_comes_first() -> None:
    august = due(AUGUST, day("2026-09-01"))
    told = facts(now=day("2026-10-01"), due=[due(), august], source=[billed()], claims=[ODOO])
    found = findings(told)
    assert kinds(found) == [Kind.BILLED_TWICE, Kind.CLAIM_MISSING]
    assert all(one.what_to_do for one in found)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("flat/2026-07-01", ("flat", JULY.date())),
        ("cpu_seconds/2026-07-01/adjusted-in-2026-08", None),
        ("unrated/2026-07", None),
        ("/2026-07-01", None),
        ("", None),
    ],
)
def test_which_instance_a_line_says_that_it_bills(key: str, told: object) -> None:
    assert instance_of(key) == told


MONTHS = [day(f"2026-{month:02}-01") for month in range(1, 13)]


@given(
    cut=st.integers(1, 9),
    twice=st.sets(st.integers(1, 9), max_size=3),
    never=st.sets(st.integers(1, 9), max_size=3),
)
def test_over_any_cut_over_each_due_instance_is_billed_once_by_who_claims_it_or_an_alarm_says_so(
    cut: int, twice: set[int], never: set[int]
) -> None:
    """The source bills up to the boundary and Odoo from it on; some the other bills (too), some not who has to."""
    ranges = [(number, MONTHS[number], MONTHS[number + 1]) for number in range(1, 10)]
    boundary = MONTHS[cut]
    told = facts(
        now=MONTHS[11],
        boundaries={"s1": {"flat": boundary}},
        due=[due(start, end) for _, start, end in ranges],
        source=[billed(s, e) for n, s, e in ranges if (n < cut and n not in never) or (n >= cut and n in twice)],
        odoo=[invoiced(s, e) for n, s, e in ranges if (n >= cut and n not in never) or (n < cut and n in twice)],
        claims=[claim(Biller.SOURCE if n < cut else Biller.ODOO, s, e) for n, s, e in ranges],
    )
    wrong = {one.subject for one in findings(told)}
    assert wrong == {f"s1/flat/{start:%Y-%m-%d}" for number, start, _ in ranges if number in twice | never}


def test_a_charge_that_came_after_the_flip_is_watched_from_the_boundary_that_its_bills_follow() -> None:
    """W: the plan got egress in August; it follows the usage, and where there is none the price."""
    egress = [due(*month, charge="egress") for month in ((JUNE, JULY), (JULY, AUGUST))]
    for boundaries in ({"flat": JUNE, "cpu_seconds": JULY}, {"flat": JULY}):
        found = findings(facts(AUGUST + LAG + INVOICING, due=egress, boundaries={"s1": boundaries}))
        assert [(one.kind, one.subject) for one in found] == [(Kind.CLAIM_MISSING, "s1/egress/2026-07-01")]
