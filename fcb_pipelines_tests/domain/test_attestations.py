"""Attesting: of what a statement is said, with which value, and for how long it holds."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.attestations import FORMS, About, Statement, Value, about, checked_value
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import MINOR_UNITS, Money, round_half_up
from fcb_pipelines_tests.domain.flip_facts import NOW, attested

VERSION = "1.2"


def test_every_statement_has_a_form() -> None:
    assert set(FORMS) == set(Statement)


@pytest.mark.parametrize(
    ("statement", "subject", "found"),
    [
        (Statement.RECEIVER, "", About.SERVICE),
        (Statement.FEED_ALIVE, "", About.SERVICE),
        (Statement.FEED_ALIVE, "s1", About.SUBSCRIPTION),
        (Statement.SOURCE_STOPPED, "s1", About.SUBSCRIPTION),
        (Statement.NO_TOKEN, "u1", About.CUSTOMER),
        (Statement.PREVIEW, "s1/flat", About.CHARGE),
        (Statement.PREVIEW, "a/b/flat", About.CHARGE),
        (Statement.BALANCE, "u1/CAD", About.CURRENCY),
        (Statement.FIXED_IN_SOURCE, "shop/2026-04/line/i7/1", About.ROW),
    ],
)
def test_of_what_a_statement_is_said(statement: Statement, subject: str, found: About) -> None:
    assert about(statement, subject) is found


@pytest.mark.parametrize(
    ("statement", "subject", "words"),
    [
        (Statement.SOURCE_STOPPED, "", "is said of a subscription: name it"),
        (Statement.PREVIEW, "", "is said of a subscription/charge: name it"),
        (Statement.RECEIVER, "s1", "of the service as a whole: name no subject"),
        (Statement.PREVIEW, "s1", "write it with a / between"),
        (Statement.PREVIEW, "s1/", "write it with a / between"),
        (Statement.PREVIEW, "/flat", "write it with a / between"),
        (Statement.BALANCE, "u1/XXX", "currency 'XXX' is not known"),
    ],
)
def test_a_subject_that_cannot_be_is_refused(statement: Statement, subject: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        about(statement, subject)


@pytest.mark.parametrize(
    ("statement", "subject", "value", "found"),
    [
        (Statement.SOURCE_STOPPED, "s1", None, None),
        (Statement.PREVIEW, "s1/flat", "16.67 CAD", "16.67 CAD"),
        (Statement.PREVIEW, "s1/flat", " 16.670   CAD ", "16.67 CAD"),
        (Statement.PREVIEW, "s1/flat", "0 CAD", "0.00 CAD"),
        (Statement.PREVIEW, "s1/flat", "100 JPY", "100 JPY"),
        (Statement.BALANCE, "u1/CAD", "-5 CAD", "-5.00 CAD"),
        (Statement.PAID_THROUGH, "s1/flat", "2026-07-01", "2026-07-01"),
        (Statement.REHEARSED, "", VERSION, VERSION),
    ],
)
def test_a_value_has_one_form(statement: Statement, subject: str, value: str | None, found: str | None) -> None:
    assert checked_value(statement, subject, value, VERSION) == found


@pytest.mark.parametrize(
    ("statement", "subject", "value", "words"),
    [
        (Statement.SOURCE_STOPPED, "s1", "yes", "has no value: leave --value 'yes' out"),
        (Statement.PREVIEW, "s1/flat", None, "needs --value: an amount with its currency"),
        (Statement.PREVIEW, "s1/flat", "  ", "needs --value"),
        (Statement.PREVIEW, "s1/flat", "16.67", "is no amount"),
        (Statement.PREVIEW, "s1/flat", "16,67 CAD", "is no amount"),
        (Statement.PREVIEW, "s1/flat", "16.67 cad", "is no amount"),
        (Statement.PREVIEW, "s1/flat", "16.675 CAD", "more decimals than CAD has"),
        (Statement.BALANCE, "u1/CAD", "5.00 USD", "is not in CAD"),
        (Statement.PAID_THROUGH, "s1/flat", "July", "is no day: give the first day that the source has not billed"),
        (Statement.PAID_THROUGH, "s1/flat", "2026-02-30", "is no day"),
        (Statement.REHEARSED, "", "1.1", "is not this version, which is 1.2"),
    ],
)
def test_a_value_that_cannot_be_is_refused(statement: Statement, subject: str, value: str | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked_value(statement, subject, value, VERSION)


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(sorted(MINOR_UNITS)))
def test_what_the_gate_would_show_is_what_may_be_signed(amount: Any, currency: str) -> None:
    shown = str(Money(round_half_up(amount, MINOR_UNITS[currency]), currency))
    assert checked_value(Statement.PREVIEW, "s1/flat", shown, VERSION) == shown


@given(
    st.timedeltas(timedelta(days=-40), timedelta(days=40)),
    st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=40))),
)
def test_it_holds_from_when_it_was_made_until_it_expires_or_is_taken_back(
    after: timedelta, taken_back: timedelta | None
) -> None:
    withdrawn_at = None if taken_back is None else NOW + taken_back
    one = attested(Statement.RECEIVER, made_at=NOW, expires_at=NOW + timedelta(days=30), withdrawn_at=withdrawn_at)
    moment = NOW + after
    over = min(one.expires_at, withdrawn_at) if withdrawn_at is not None else one.expires_at
    assert one.holds_at(moment) is (NOW <= moment < over)
    assert one.ended_at == over


def test_only_what_says_an_amount_a_day_or_a_version_has_a_value() -> None:
    with_value = {statement for statement, form in FORMS.items() if form.value is not Value.NONE}
    assert with_value == {Statement.PAID_THROUGH, Statement.PREVIEW, Statement.BALANCE, Statement.REHEARSED}
