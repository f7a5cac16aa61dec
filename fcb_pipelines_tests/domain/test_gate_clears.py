"""What clears an objection: exactly what was attested, of exactly that subject, while it holds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fcb_pipelines.domain.acceptances import State
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.flip_plans import Proof
from fcb_pipelines.domain.gate import Class, objections
from fcb_pipelines.domain.gate_facts import GateFacts, OdooSetting, OpenDispute
from fcb_pipelines.domain.gate_rows import as_signed
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import Remedy, Row, Verdict
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.domain.flip_alone import (
    ALONE,
    Change,
    before,
    odd,
    with_charge,
    with_facts,
    with_odoo,
    with_planned,
    with_source,
    without,
)
from fcb_pipelines_tests.domain.flip_facts import MONTHS, NOW, UNKNOWN, a_balance, a_bill, attested, base, explained, signed
from fcb_pipelines_tests.signed import a_row, accepted, an_instance, decided

SENDING = OdooSetting(
    name="sending",
    is_fit=UNKNOWN,
    words="it sends",
    what_to_do="switch it off",
    statement=Statement.AUTO_SEND,
    may_be_meant=True,
)
CLOSING = replace(SENDING, name="auto-close", statement=Statement.AUTO_CLOSE, may_be_meant=False)
ROW = f"shop/{MONTHS[0]}/subscription/s1"

CLEARED: dict[str, tuple[str, Change, Attestation]] = {
    "never_compared": ("never_compared", without("flat"), attested(Statement.PREVIEW, "s1/flat", "19.99 CAD")),
    "never_compared usage": (
        "never_compared",
        without("cpu_seconds"),
        attested(Statement.PREVIEW, "s1/cpu_seconds", "0.00 CAD"),
    ),
    "last bill": ("preview_differs", ALONE["preview_differs"], attested(Statement.PREVIEW, "s1/flat", "19.99 CAD")),
    "in total": (
        "unexplained",
        odd(Verdict.EXPLAINED, explained("consolidated_invoice", Remedy.NONE, is_in_total=True)),
        attested(Statement.PREVIEW, "s1/flat", "19.99 CAD"),
    ),
    "fix_source": ("fix_source", ALONE["fix_source"], attested(Statement.FIXED_IN_SOURCE, ROW)),
    "balance": (
        "balance_unequal",
        with_facts(balances=(a_balance(None, "0"),)),
        attested(Statement.BALANCE, "u1/CAD", "0.00 CAD"),
    ),
    "dispute": ("open_dispute", ALONE["open_dispute"], attested(Statement.NO_DISPUTE, "u1")),
    "disputes unknown": ("open_dispute", with_facts(disputes=UNKNOWN), attested(Statement.NO_DISPUTE, "u1")),
    "past_due": ("past_due", ALONE["past_due"], attested(Statement.NO_DISPUTE, "u1")),
    "unpaid unknown": ("past_due", with_facts(unpaid=UNKNOWN), attested(Statement.NO_DISPUTE, "u1")),
    "status": ("ending", with_source(status="hibernating"), attested(Statement.NOT_ENDING, "s1")),
    "source_not_stopped": ("source_not_stopped", ALONE["source_not_stopped"], attested(Statement.SOURCE_STOPPED, "s1")),
    "feed of the service": ("feed_silent", ALONE["feed_silent"], attested(Statement.FEED_ALIVE)),
    "feed of each": ("feed_silent", ALONE["feed_silent"], attested(Statement.FEED_ALIVE, "s1")),
    "no usage": ("feed_silent", with_facts(usage_seen_at=None), attested(Statement.FEED_ALIVE)),
    "token": ("token_missing", ALONE["token_missing"], attested(Statement.NO_TOKEN, "u1")),
    "sending": ("odoo_setting", with_odoo(settings=(SENDING,)), attested(Statement.AUTO_SEND)),
    "sending meant": ("odoo_setting", with_odoo(settings=(replace(SENDING, is_fit=False),)), attested(Statement.AUTO_SEND)),
    "auto-close": ("odoo_setting", with_odoo(settings=(CLOSING,)), attested(Statement.AUTO_CLOSE)),
    "receiver": ("receiver", ALONE["receiver"], attested(Statement.RECEIVER)),
    "rehearsed": ("not_rehearsed", ALONE["not_rehearsed"], attested(Statement.REHEARSED, value="1.0")),
    "boundary": (
        "boundary_unproved",
        with_charge(proof=Proof.SIGNED, reference="T-paid_through/s1/flat"),
        attested(Statement.PAID_THROUGH, "s1/flat", "2026-07-01"),
    ),
}
"""What an attestation clears: the kind, the facts in which it is true, and who says what."""


def said(facts: GateFacts) -> set[str]:
    return {one.id for one in objections(facts)}


@pytest.mark.parametrize("name", sorted(CLEARED))
def test_it_is_cleared_by_what_was_attested(name: str) -> None:
    kind, change, one = CLEARED[name]
    facts = change(before(kind))
    assert said(facts) == {kind}
    assert said(signed(facts, one)) == set()


WRONG: dict[str, dict[str, object]] = {
    "expired": {"expires_at": NOW},
    "taken back": {"withdrawn_at": NOW},
    "not made yet": {"made_at": NOW + timedelta(minutes=1)},
    "of another": {"subject": "s2"},
    "another statement": {"statement": Statement.SOURCE_RESUMED},
}


@pytest.mark.parametrize("wrong", sorted(WRONG))
@pytest.mark.parametrize("name", sorted(CLEARED))
def test_nothing_else_clears_it(name: str, wrong: str) -> None:
    kind, change, one = CLEARED[name]
    facts = signed(change(before(kind)), replace(one, **WRONG[wrong]))  # type: ignore[arg-type]
    assert said(facts) == {kind}


@pytest.mark.parametrize("name", sorted(name for name, (_, _, one) in CLEARED.items() if one.value and name != "boundary"))
@pytest.mark.parametrize("value", ["20.00 CAD", "19.99 USD", "1.1", None])
def test_another_value_clears_nothing(name: str, value: str | None) -> None:
    kind, change, one = CLEARED[name]
    assert said(signed(change(before(kind)), replace(one, value=value))) == {kind}


@pytest.mark.parametrize("name", ["never_compared", "balance", "receiver", "rehearsed", "token", "feed of the service"])
def test_what_expired_is_told_with_who_said_it(name: str) -> None:
    kind, change, one = CLEARED[name]
    (found,) = objections(signed(change(before(kind)), replace(one, expires_at=NOW)))
    assert found.klass is Class.ATTESTED
    assert f"{one.attestation_id} of ada said so and is over since 2026-07-02" in found.words


def test_what_was_taken_back_is_told_as_that() -> None:
    one = attested(Statement.RECEIVER, withdrawn_at=NOW)
    (found,) = objections(signed(ALONE["receiver"](base()), one))
    assert f"{one.attestation_id} of ada said so and is taken back" in found.words


@pytest.mark.parametrize(
    ("kind", "change", "one"),
    [
        ("ending", with_source(ended_at=day("2026-07-20")), attested(Statement.NOT_ENDING, "s1")),
        ("balance_unequal", with_facts(balances=(a_balance("12.00", "0"),)), attested(Statement.BALANCE, "u1/CAD", "0.00 CAD")),
        ("odoo_setting", with_odoo(settings=(replace(CLOSING, is_fit=False),)), attested(Statement.AUTO_CLOSE)),
        (
            "boundary_unproved",
            with_charge(proof=Proof.UNPROVED, reference=""),
            attested(Statement.PAID_THROUGH, "s1/flat", "2026-07-01"),
        ),
        ("unexplained", ALONE["unexplained"], attested(Statement.FIXED_IN_SOURCE, ROW)),
    ],
)
def test_a_signature_stands_for_missing_data_and_not_against_data(kind: str, change: Change, one: Attestation) -> None:
    assert said(signed(change(base()), one)) == {kind}


@pytest.mark.parametrize("since", [NOW - timedelta(hours=2), NOW])
def test_what_began_after_somebody_spoke_is_not_what_they_spoke_of(since: object) -> None:
    facts = with_facts(disputes=(OpenDispute(external_user_id="u1", reference="dp_2", since=since),))(base())  # type: ignore[arg-type]
    assert said(signed(facts, attested(Statement.NO_DISPUTE, "u1"))) == {"open_dispute"}


def test_a_dispute_of_somebody_else_is_not_theirs() -> None:
    assert said(with_facts(disputes=(OpenDispute(external_user_id="u2", reference="dp_2", since=NOW),))(base())) == set()


def test_nobody_signs_for_a_price_that_nobody_knows() -> None:
    facts = with_charge(first_net=None, first_tax=None)(without("flat")(base()))
    assert said(facts) == {"term_changes_unknown", "never_compared"}
    assert said(signed(facts, attested(Statement.PREVIEW, "s1/flat", "0.00 CAD"))) == {"term_changes_unknown", "never_compared"}


def test_a_rehearsal_of_long_ago_counts_no_more() -> None:
    one = attested(Statement.REHEARSED, value="1.0", made_at=NOW - timedelta(days=31))
    (found,) = objections(signed(ALONE["not_rehearsed"](base()), one))
    assert (found.id, found.since) == ("not_rehearsed", one.made_at)


def test_a_feed_is_alive_only_if_it_is_for_every_metered_subscription() -> None:
    facts = ALONE["feed_silent"](base())
    assert facts.plan is not None
    (one,) = facts.plan.subscriptions
    both = replace(facts.plan, subscriptions=(one, replace(one, external_subscription_id="s2")))
    silent = signed(replace(facts, plan=both, replanned=both), attested(Statement.FEED_ALIVE, "s1"))
    assert "feed_silent" in said(silent)
    assert "feed_silent" not in said(signed(silent, attested(Statement.FEED_ALIVE, "s2")))


UNEXPLAINED = a_row(an_instance(period=MONTHS[0]), period=MONTHS[0])


def with_row(row: Row) -> GateFacts:
    facts = base()
    first, *others = facts.periods
    return replace(facts, periods=(replace(first, rows=(row,)), *others))


def test_a_difference_is_open_again_as_soon_as_its_acceptance_is_not_in_force() -> None:
    one = accepted(UNEXPLAINED)
    ((row,), _) = decided([UNEXPLAINED], [one])
    assert row.instances[0].verdict is Verdict.ACCEPTED
    assert said(with_row(as_signed(row, {one.acceptance_id: State.IN_FORCE}))) == set()
    for how in set(State) - {State.IN_FORCE}:
        (found,) = objections(with_row(as_signed(row, {one.acceptance_id: how})))
        assert found.id == "unexplained"
        assert f"accepted by A-1, which is {how.value.replace('_', ' ')}" in found.words
    assert said(with_row(as_signed(row, {}))) == {"unexplained"}


def test_what_an_acceptance_settled_is_asked_for_again() -> None:
    change = odd(Verdict.EXPLAINED, explained("copied_twice", Remedy.FIX_SOURCE))
    row = change(base()).periods[0].rows[0]
    asks = replace(row, instances=row.instances[2:])
    one = accepted(asks)
    ((settled,), _) = decided([asks], [one])
    assert settled.instances[0].explanation.settled_by == "A-1"
    assert said(with_row(as_signed(settled, {"A-1": State.IN_FORCE}))) == set()
    assert said(with_row(as_signed(settled, {"A-1": State.EXPIRED}))) == {"fix_source"}


def test_a_row_that_nobody_signed_is_handed_back_as_it_is() -> None:
    row = a_row(an_instance(verdict=Verdict.MATCH, billed=money("50.00 CAD")))
    assert as_signed(row, {}) == row


def test_a_preview_is_of_what_odoo_bills_and_not_of_what_the_source_billed() -> None:
    facts = with_charge(last_bill=a_bill("25.00"))(base())
    assert said(signed(facts, attested(Statement.PREVIEW, "s1/flat", "25.00 CAD"))) == {"preview_differs"}


def test_who_has_a_token_and_is_said_to_pay_without_is_not_charged_before_one_of_both_is_gone() -> None:
    facts = signed(before("token_missing"), attested(Statement.NO_TOKEN, "u1"))
    (found,) = objections(facts)
    assert (found.id, found.klass, found.evidence) == ("token_missing", Class.ATTESTED, ("T-no_token/u1",))
    assert "fcb attest --withdraw T-no_token/u1" in found.what_to_do
    assert said(with_planned(lambda one: replace(one, token_id=None))(facts)) == set()
    assert said(before("token_missing")) == set()
