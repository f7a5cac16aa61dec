"""A flip on each Odoo: what stands before it, its steps in their order, waiting, refusals, and going on."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.acts.arming import stake
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.claims import take
from fcb_pipelines.acts.flip import FlipRefused, go
from fcb_pipelines.acts.flip_steps import Evidence, claims_of, source_stopped
from fcb_pipelines.acts.stop import Stopped, resume, stop
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip import FORTH, STEPS, Part, Phase, State, Step, course, faults
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.store import claims, flips, gate_asked, journal
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.imports import exclusive_import
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import BILLING, FLIP_ID, NOW, STOPPED, Cohort, a_billing
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.flips import a_subscription, done

ALL = {"s1", "s2", "s3"}
SIGNED = Attestation(
    attestation_id="T-1",
    statement=Statement.SOURCE_STOPPED,
    subject="s1",
    value=None,
    text="switched off by hand",
    author="grace",
    made_at=NOW,
    expires_at=NOW + timedelta(days=9),
)
NAMED = (Statement.SOURCE_STOPPED, "s1")
OBJECTION = Objection(id="never_compared", scope="s1/flat", klass=Class.PROVEN, words="never", what_to_do="sign it")


@pytest.fixture
def cohort(chain: Chain) -> Cohort:
    return Cohort.made(chain)


def test_an_armed_cohort_goes_live_step_by_step_and_is_journalled(cohort: Cohort) -> None:
    cohort.live()
    assert {one: cohort.order(one).state for one in ALL} == dict.fromkeys(ALL, "sale")
    for one in ALL:
        assert cohort.words(one) == done(STEPS[Part.FLIP])
        assert faults(cohort.journal(one)) == ()
    assert {
        entry.data["state"] for entry in cohort.journal() if (entry.step, entry.phase) == (Step.CONFIRMED, Phase.AFTER)
    } == {"sale"}
    with cohort.chain.db.transaction() as conn:
        assert journal.unproved(conn, cohort.chain.service.code, FLIP_ID) == ()
        assert set(flips.live_subscriptions(conn, cohort.chain.service.code)) == ALL
        held = [(one.charge, one.biller, one.reference) for one in claims.held(conn, cohort.chain.service.code, ["s1"])]
    assert held == [("cpu_seconds", "source", FLIP_ID), ("cpu_seconds", "odoo", FLIP_ID), ("flat", "odoo", FLIP_ID)]
    assert [one.broken for one in verify_logs(cohort.chain.db)] == [None, None]


def test_going_again_does_nothing_more(cohort: Cohort) -> None:
    cohort.live()
    before = [cohort.journal(one) for one in sorted(ALL)]
    assert set(cohort.go().states.values()) == {State.LIVE}
    assert [cohort.journal(one) for one in sorted(ALL)] == before


def test_everything_that_stands_against_it_is_said_at_once(cohort: Cohort) -> None:
    cohort.may_confirm = False
    cohort.against = lambda conn, under_way: [OBJECTION]
    with pytest.raises(FlipRefused) as refused:
        cohort.go()
    assert [one.id for one in refused.value.against] == ["switched_off", "not_armed", "never_compared"]
    assert all(one.what_to_do in str(refused.value) for one in refused.value.against)
    with cohort.chain.db.transaction() as conn:
        kept = gate_asked.last(conn, cohort.chain.service.code)[FLIP_ID]
    assert (kept.objections, kept.asked_by) == (refused.value.against, "ada")
    assert cohort.journal() == ()
    assert cohort.order().state == "draft"


@pytest.mark.parametrize("part", [Part.FLIP, Part.CHARGE])
def test_the_gate_alone_refuses_either_part(cohort: Cohort, part: Part) -> None:
    if part is Part.CHARGE:
        cohort.live()
    cohort.arm(part)
    cohort.against = lambda conn, under_way: [OBJECTION]
    with pytest.raises(FlipRefused) as refused:
        cohort.go() if part is Part.FLIP else cohort.charge()
    assert refused.value.against == (OBJECTION,)


def test_each_part_has_a_switch_and_an_arming_of_its_own(cohort: Cohort) -> None:
    cohort.may_charge = False
    cohort.live()
    with pytest.raises(FlipRefused) as refused:
        cohort.charge()
    assert [one.id for one in refused.value.against] == ["switched_off", "not_armed"]
    assert "FCB_ODOO_ATTACH_TOKENS" in str(refused.value)


def test_the_gate_is_told_with_whom_the_flip_began(cohort: Cohort) -> None:
    seen = []

    def asked(conn: Connection, under_way: frozenset[str]) -> list[Objection]:
        seen.append(under_way)
        return []

    cohort.against = asked
    cohort.billing["s3"] = BILLING
    cohort.arm()
    cohort.go()
    cohort.go()
    assert seen == [frozenset(), {"s1", "s2"}]


def test_what_was_only_looked_at_is_asked_like_what_never_began(cohort: Cohort) -> None:
    cohort.billing["s2"] = BILLING
    cohort.arm()
    cohort.go()
    assert {*course(cohort.journal("s1")).done} == {Step.SOURCE_STOPPED}
    seen = []

    def asked(conn: Connection, under_way: frozenset[str]) -> list[Objection]:
        seen.append(under_way)
        return [replace(OBJECTION, id="terms_changed")] if "s1" not in under_way else []

    cohort.against = asked
    cohort.billing["s2"] = STOPPED
    with pytest.raises(FlipRefused, match="terms_changed"):
        cohort.go()
    assert seen == [{"s3"}]
    with cohort.chain.db.transaction() as conn:
        assert flips.under_way(conn, FLIP_ID) == {"s3"}
    assert cohort.order("s1").state == "draft"


def test_what_waits_for_one_customer_stops_no_other_and_its_own_customer_as_a_whole(cohort: Cohort) -> None:
    cohort.billing["s2"] = BILLING
    cohort.arm()
    stands = cohort.go()
    assert stands.states == {"s1": State.FLIPPING, "s2": State.SHADOW, "s3": State.LIVE}
    assert cohort.order("s1").state == "draft"
    assert "the source bills it on" in stands.open()["s2"]
    again = cohort.go()
    assert [one for one in cohort.words("s2") if one[0] is Step.SOURCE_STOPPED] == [(Step.SOURCE_STOPPED, Phase.WAITING)]
    cohort.billing["s2"] = STOPPED
    assert set(cohort.go().states.values()) == {State.LIVE}
    assert again.open().keys() == {"s2"}
    assert faults(cohort.journal("s2")) == ()


@pytest.mark.parametrize(
    ("billing", "hours", "is_signed", "resumed", "why"),
    [
        (BILLING, 1, False, None, "bills it on"),
        (BILLING, 1, True, None, ""),
        (BILLING, 1, True, -1, ""),
        (BILLING, 1, True, 0, "bills it on, and what grace signed is from before it was resumed (T-1)"),
        (STOPPED, 1, True, 0, ""),
        ({"biller": "odoo", "auto_renew": True}, 1, False, None, ""),
        (STOPPED, -1, False, None, "before the flip was armed"),
        (STOPPED, -1, True, None, ""),
        (None, 1, False, None, "does not say"),
    ],
)
def test_the_source_has_stopped_by_its_own_word_since_the_arming_or_by_a_persons(
    billing: dict[str, Any] | None, hours: int, is_signed: bool, resumed: int | None, why: str
) -> None:
    evidence = Evidence(
        snapshot_id=7,
        taken_at=NOW + timedelta(hours=hours),
        billing={} if billing is None else {"s1": a_billing("s1", billing)},
        attested=lambda statement, subject: SIGNED if is_signed and (statement, subject) == NAMED else None,
        resumed={} if resumed is None else {"s1": NOW + timedelta(hours=resumed)},
        billed_to=lambda _: {},
        plans={},
    )
    told = source_stopped(evidence, a_subscription("s1"), NOW)
    assert told.phase is (Phase.WAITING if why else Phase.AFTER)
    assert why in str(told.data.get("why", ""))


def test_what_somebody_else_claims_is_not_taken(cohort: Cohort) -> None:
    with cohort.chain.db.transaction() as conn:
        wanted = replace(
            next(claims_of(cohort.flip.plan.subscriptions[0], "i9/1")),
            service_from=day("2026-06-15"),
            service_to=day("2026-07-15"),
        )
        take(conn, cohort.chain.service, [wanted], NOW)
    cohort.arm()
    stands = cohort.go()
    assert "in the way" in stands.open()["s1"]
    assert cohort.words()[-2:] == [(Step.CLAIMED, Phase.BEFORE), (Step.CLAIMED, Phase.REFUSED)]
    assert cohort.order("s1").state == cohort.order("s2").state == "draft"
    assert stands.states["s3"] is State.LIVE
    assert faults(cohort.journal()) == ()


def test_an_order_that_comes_to_another_amount_is_not_confirmed(cohort: Cohort) -> None:
    line = cohort.chain.ids("sale.order.line")[cohort.chain.xid("subscription_s1_line")]
    cohort.odoo.write("sale.order.line", [line], {"price_unit": 21.0})
    cohort.arm()
    assert "21.00 CAD" in cohort.go().open()["s1"]
    assert cohort.order().state == "draft"
    cohort.odoo.write("sale.order.line", [line], {"price_unit": 19.99})
    assert set(cohort.go().states.values()) == {State.LIVE}
    assert faults(cohort.journal()) == ()


def test_the_kill_switch_stops_it_before_anything_and_between_two_calls(cohort: Cohort) -> None:
    cohort.arm()
    _turn(cohort, is_stopped=True)
    with pytest.raises(Stopped, match=r"stopped by grace at .*: odd bills.*fcb resume"):
        cohort.go()
    assert cohort.journal() == ()
    _turn(cohort, is_stopped=False)
    said = cohort.said
    cohort.said = _Stopping(cohort, said)
    with pytest.raises(Stopped):
        cohort.go()
    assert {cohort.order(one).state for one in ALL} == {"draft"}
    cohort.said = said
    _turn(cohort, is_stopped=False)
    assert set(cohort.go().states.values()) == {State.LIVE}


class _Stopping(list[str]):
    """Throws the switch as soon as the first claim is taken."""

    def __init__(self, cohort: Cohort, said: list[str]) -> None:
        super().__init__(said)
        self._cohort = cohort

    def append(self, line: str) -> None:
        super().append(line)
        if "claimed done" in line:
            _turn(self._cohort, is_stopped=True)


def _turn(cohort: Cohort, *, is_stopped: bool) -> None:
    with cohort.chain.db.transaction() as conn:
        turn = stop if is_stopped else resume
        turn(conn, cohort.chain.service, Signature(person="grace", at=NOW, text="odd bills"))


def test_imports_and_flips_keep_each_other_out(cohort: Cohort) -> None:
    cohort.arm()
    with (
        exclusive_import(cohort.chain.db, cohort.chain.service.code),
        pytest.raises(RuleViolation, match="is running right now"),
    ):
        cohort.go()
    cohort.live()


def test_a_flip_is_complete_once_it_is_said_whether_it_is_charged_and_the_final_bill_is_there(cohort: Cohort) -> None:
    cohort.live()
    assert set(cohort.complete().states.values()) == {State.LIVE}
    cohort.arm(Part.CHARGE)
    stands = cohort.charge()
    assert set(stands.states.values()) == {State.LIVE}
    assert "has not billed cpu_seconds" in stands.open()["s1"]
    assert "fcb attest paid_through s1/cpu_seconds --value 2026-07-01" in stands.open()["s1"]
    cohort.billed_to = {"cpu_seconds": (day("2026-06-30"), "i9/2")}
    assert set(cohort.complete().states.values()) == {State.LIVE}
    cohort.billed_to = {"cpu_seconds": (day("2026-07-01"), "i9/2")}
    assert set(cohort.complete().states.values()) == {State.COMPLETE}
    assert faults(cohort.journal()) == ()
    assert dict(cohort.words()).keys() == set(FORTH)
    with cohort.chain.db.transaction() as conn:
        ended = flips.flip(conn, cohort.chain.service.code, FLIP_ID)
    assert ended is not None
    assert ended.ended_at == NOW
    with pytest.raises(FlipRefused, match="at its end"):
        cohort.go()


def test_a_flip_that_is_not_there_is_refused(cohort: Cohort) -> None:
    with pytest.raises(InvalidInput, match="no flip 'F-1'"):
        go(cohort.going, "F-1")


def test_what_was_armed_is_what_is_done(cohort: Cohort) -> None:
    assert stake(cohort.flip.plan).amounts == {"CAD": Decimal("59.97")}
    cohort.arm()
    cohort.now = NOW + timedelta(hours=24)
    with pytest.raises(FlipRefused, match="held until"):
        cohort.go()
