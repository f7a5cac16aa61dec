"""What a subscription owes for a month: exact lines, then rounded and taxed ones."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import (
    PLACE_ATTESTED,
    TAX_UNDECIDED,
    UNRATED,
    ExpectedLine,
    RatedLine,
    expected_line,
    rated_lines,
    unrated_line,
)
from fcb_pipelines.domain.instances import IN_TRIAL, TERM_UNKNOWN
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.quotas import cpu
from fcb_pipelines.domain.tax import TaxRate, TaxRounding, TaxTable
from fcb_pipelines.domain.terms import USAGE_OUTSIDE_LIFE
from fcb_pipelines_tests.builders import APRIL, TORONTO, a_plan, a_subscription, a_user, day, evidence, the_terms

ONTARIO = TaxTable(rates=(TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1)),))


def priced(line: RatedLine, user: User | None = None, default_place: str | None = None) -> ExpectedLine:
    return expected_line(
        line, "u1", user, default_place=default_place, on=date(2026, 4, 1), taxes=ONTARIO, rounding=TaxRounding.LINE
    )


def by_charge(used: str, **changes: object) -> dict[str, Fraction | None]:
    return {line.charge: line.exact for line in rated_lines(the_terms(**changes), APRIL, cpu(Decimal(used)))}


@pytest.mark.parametrize(
    ("used", "overage"),
    [
        ("0", 0),
        ("3600", 0),
        ("3600.0001", Fraction(75, 3600 * 10**8)),
        ("7200", Fraction("0.0075")),
        ("4800", Fraction("0.0025")),
    ],
)
def test_flat_price_and_what_is_used_above_the_quota(used: str, overage: Fraction) -> None:
    assert by_charge(used) == {"flat": 50, "cpu_seconds": overage}


@pytest.mark.parametrize(
    ("convention", "life", "share"),
    [
        (Proration.NONE, {"started_at": day("2026-04-14")}, Fraction(1)),
        (Proration.CALENDAR_DAYS, {"started_at": day("2026-04-14")}, Fraction(17, 30)),
        (Proration.CALENDAR_DAYS, {"ended_at": day("2026-04-11")}, Fraction(10, 30)),
        (Proration.CALENDAR_DAYS, {"started_at": day("2026-04-05"), "ended_at": day("2026-04-11")}, Fraction(6, 30)),
    ],
)
def test_a_part_of_a_month_costs_its_share_by_the_declared_convention(
    convention: Proration, life: dict[str, object], share: Fraction
) -> None:
    assert by_charge("0", subscription=a_subscription(**life), proration=convention)["flat"] == 50 * share


def test_a_yearly_subscription_has_its_monthly_quota_and_no_flat_price_between_renewals() -> None:
    terms = {"subscription": a_subscription(interval=Interval.YEARLY, started_at=day("2026-02-10"))}
    assert by_charge("7200", **terms) == {"cpu_seconds": Fraction("0.0075")}


def test_a_contract_price_and_a_discount_of_the_record_replace_the_list_price() -> None:
    subscription = a_subscription(contract_price=Decimal("40"), discount_percent=Decimal("12.5"))
    assert by_charge("0", subscription=subscription)["flat"] == 35


def test_a_missing_price_is_not_nothing() -> None:
    terms = the_terms(plan=a_plan(flat_prices={Interval.YEARLY: Decimal(600)}))
    with pytest.raises(InvalidInput, match="has no monthly price"):
        list(rated_lines(terms, APRIL, cpu(Decimal(0))))


def test_prorated_price_is_exact_until_it_is_rounded() -> None:
    plan = a_plan(flat_prices={Interval.MONTHLY: Decimal("200")})
    terms = the_terms(plan=plan, subscription=a_subscription(started_at=day("2026-03-15")), proration=Proration.CALENDAR_DAYS)
    flat, _ = rated_lines(terms, Period("2026-03", TORONTO), cpu(Decimal(0)))
    assert flat.exact == Fraction(200) * 17 / 31
    assert priced(flat, a_user()).net == money("109.68 CAD")


def test_in_a_trial_nothing_is_due_and_the_line_says_why() -> None:
    trial = evidence("trial", "s1", valid_from=day("2026-03-20"), valid_to=day("2026-04-20"))
    lines = list(rated_lines(the_terms(evidence=(trial,)), APRIL, cpu(Decimal(0))))
    assert [(line.exact, line.is_due, IN_TRIAL in line.notes) for line in lines] == [(Fraction(0), False, True)] * 2


def test_use_outside_the_life_of_a_subscription_is_priced_and_marked() -> None:
    gone = a_subscription(ended_at=day("2026-02-01"))
    (line,) = rated_lines(the_terms(subscription=gone), APRIL, cpu(Decimal(7200)))
    assert (line.exact, line.notes[0]) == (Fraction("0.0075"), USAGE_OUTSIDE_LIFE)
    assert list(rated_lines(the_terms(subscription=gone), APRIL, cpu(Decimal(0)))) == []


def test_terms_that_no_record_vouches_for_give_no_amount() -> None:
    lines = list(rated_lines(the_terms(terms_from=None), APRIL, cpu(Decimal(0))))
    assert [(line.exact, line.is_due, TERM_UNKNOWN in line.notes) for line in lines] == [(None, True, True)] * 2
    assert priced(lines[0], a_user()).net is None


def test_a_line_is_rounded_once_and_taxed_by_component() -> None:
    flat, _ = rated_lines(the_terms(plan=a_plan(flat_prices={Interval.MONTHLY: Decimal("16.665")})), APRIL, cpu(Decimal(0)))
    line = priced(flat, a_user())
    assert (line.net, line.tax, line.gross) == (money("16.67 CAD"), money("2.17 CAD"), money("18.84 CAD"))
    assert [(one.component, one.percent) for one in line.tax_components] == [("HST", Decimal(13))]


@pytest.mark.parametrize(
    ("user", "default_place", "place", "note"),
    [
        (a_user(country="ca", state="on"), None, "CA-ON", None),
        (a_user(country=None, state=None), "CA-ON", "CA-ON", PLACE_ATTESTED),
        (a_user(country=None, state=None), None, None, TAX_UNDECIDED),
        (a_user(state=None), "CA-ON", None, TAX_UNDECIDED),
        (a_user(state="BC"), "CA-ON", "CA-BC", TAX_UNDECIDED),
        (None, "CA-ON", None, TAX_UNDECIDED),
    ],
)
def test_tax_follows_the_place_on_record_or_the_attested_one_or_stays_undecided(
    user: User | None, default_place: str | None, place: str | None, note: str | None
) -> None:
    flat, _ = rated_lines(the_terms(), APRIL, cpu(Decimal(0)))
    line = priced(flat, user, default_place)
    assert line.place_of_supply == place
    assert (line.tax is None) == (note == TAX_UNDECIDED)
    assert note is None or any(one.startswith(note) for one in line.notes)


def test_a_subscription_that_cannot_be_priced_gets_a_line_without_an_amount() -> None:
    line = priced(unrated_line("s1", APRIL, "CAD", "unknown billing cycle 'weekly'"), a_user())
    assert (line.net, line.tax, line.is_due) == (None, None, True)
    assert line.notes[0] == f"{UNRATED}: unknown billing cycle 'weekly'"


def test_what_rounds_to_nothing_is_not_due() -> None:
    _, usage = rated_lines(the_terms(), APRIL, cpu(Decimal(4600)))
    assert usage.exact is not None
    assert usage.exact > 0
    line = priced(usage, a_user())
    assert (line.net, line.is_due) == (money("0.00 CAD"), False)
