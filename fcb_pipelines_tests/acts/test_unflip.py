"""An unflip on each Odoo: Odoo is as it was but for what must remain, and the source bills again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.flip import FlipRefused
from fcb_pipelines.acts.stop import Stopped, stop
from fcb_pipelines.domain import pictures
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import BACK, STEPS, Entry, Part, Phase, State, Step, course, faults
from fcb_pipelines.domain.pictures import OF_FLIP, differences
from fcb_pipelines.odoo.pictures import picture
from fcb_pipelines.store import claims, flips, journal
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import BILLING, FLIP_ID, NOW, STOPPED, Cohort, a_token
from fcb_pipelines_tests.flips import done

ALL = ("s1", "s2", "s3")


@pytest.fixture
def cohort(chain: Chain) -> Iterator[Cohort]:
    cohort = Cohort.made(chain)
    yield cohort
    cohort.remove()


def seen(cohort: Cohort) -> dict[str, object]:
    """Everything of the cohort in Odoo."""
    plans = cohort.flip.plan.subscriptions
    orders, partners = [one.order_id for one in plans], [one.partner_id for one in plans]
    return dict(picture(cohort.odoo, [each for each in orders if each], [each for each in partners if each]))


def test_before_the_first_invoice_everything_is_as_it_was(cohort: Cohort) -> None:
    before = seen(cohort)
    undone = cohort.live().back()
    assert set(undone.stands.states.values()) == {State.SHADOW}
    assert undone.plan.stake.amounts == {}
    left = {
        (each["kind"], each["field"])
        for one in ALL
        for each in course(cohort.journal(one)).done[Step.UNDONE].data["differences"]
    }
    assert left <= {("orders", "date_order"), ("orders", "message_partner_ids")}
    after = seen(cohort)
    assert {name for name in before if before[name] != after[name]} <= {"orders"}
    for one in ALL:
        assert cohort.words(one) == done((*STEPS[Part.FLIP], *BACK))
        assert faults(cohort.journal(one)) == ()
    with cohort.chain.db.transaction() as conn:
        assert claims.held(conn, cohort.chain.service.code) == ()
        assert flips.subscriptions_in_odoo(conn, cohort.chain.service.code) == {}
        kept = flips.flip(conn, cohort.chain.service.code, FLIP_ID)
    assert kept is not None
    assert kept.ended_at == NOW
    assert [one.broken for one in verify_logs(cohort.chain.db)] == [None, None]


def test_what_was_posted_is_credited_once_and_drafts_go(cohort: Cohort) -> None:
    cohort.live()
    posted, of_a_month = cohort.invoice("s1"), cohort.live_invoice("s3", is_posted=True)
    draft, open_month = cohort.invoice("s2", is_posted=False), cohort.live_invoice("s2")
    shown = {one.external_subscription_id: one for one in cohort.shown().undone}
    assert [each.move_id for each in shown["s1"].credits] == [posted]
    assert [each.move_id for each in shown["s3"].credits] == [of_a_month]
    assert list(shown["s2"].drafts) == [open_month]
    total = sum(Decimal(str(cohort.move(each, "amount_total")["amount_total"])) for each in (posted, of_a_month))
    assert cohort.shown().stake.amounts == {"CAD": total}
    undone = cohort.back()
    assert set(undone.stands.states.values()) == {State.SHADOW}, undone.stands.open()
    for move in (posted, of_a_month):
        (note,) = cohort.credit_notes(move)
        wanted = {"state": "posted", "move_type": "out_refund", **cohort.move(move, "amount_total")}
        assert {name: note[name] for name in wanted} == wanted
        assert cohort.move(move, "state", "payment_state") == {"state": "posted", "payment_state": "reversed"}
    assert cohort.move(draft, "state") == {"state": "cancel"}
    assert cohort.move(open_month, "state") == {}
    assert [cohort.order(one).state for one in ALL] == ["draft"] * 3
    before = cohort.journal()
    assert set(cohort.unflip().stands.states.values()) == {State.SHADOW}
    assert cohort.journal() == before


def test_it_is_armed_by_what_it_credits_and_not_by_what_it_credited_then(cohort: Cohort) -> None:
    cohort.live()
    with pytest.raises(RuleViolation, match="nobody armed the unflip"):
        cohort.unflip()
    stake = cohort.shown().stake
    cohort.arm(Part.UNFLIP, planned=stake)
    cohort.invoice("s1")
    with pytest.raises(RuleViolation, match=r"armed 3 subscriptions, and now it would be 3 subscriptions and 22\.59 CAD"):
        cohort.unflip()
    assert cohort.order().state == "sale"
    assert set(cohort.back().stands.states.values()) == {State.SHADOW}


def test_it_waits_until_the_source_bills_again_by_its_own_word_or_by_a_persons(cohort: Cohort) -> None:
    cohort.live()
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    cohort.billing = {"s1": STOPPED, "s2": BILLING, "s3": BILLING}
    said = Attestation(
        attestation_id="T-2",
        statement=Statement.SOURCE_RESUMED,
        subject="s1",
        value=None,
        text="switched on by hand",
        author="grace",
        made_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(days=9),
    )
    cohort.attested = {(Statement.SOURCE_RESUMED, "s1"): said}
    stands = cohort.unflip().stands
    assert stands.states == {"s1": State.UNFLIPPING, "s2": State.SHADOW, "s3": State.SHADOW}
    assert "fcb attest source_resumed s1" in stands.open()["s1"]
    assert cohort.order().state == "draft"
    cohort.attested = {}
    cohort.billing["s1"] = BILLING
    cohort.taken_at = NOW - timedelta(hours=1)
    assert cohort.unflip().stands.states["s1"] is State.UNFLIPPING
    cohort.taken_at = NOW
    assert cohort.unflip().stands.states["s1"] is State.SHADOW
    assert faults(cohort.journal()) == ()


def test_a_difference_that_must_not_be_is_an_error_that_names_it_until_it_is_gone(cohort: Cohort) -> None:
    cohort.live()
    name = cohort.order().name
    cohort.odoo.write("sale.order", [cohort.order().odoo_id], {"client_order_ref": "PO 7"})
    stands = cohort.back().stands
    assert stands.states["s1"] is State.UNFLIPPING
    assert f"orders {name} client_order_ref: s1 before, PO 7 now" in stands.open()["s1"]
    cohort.odoo.write("sale.order", [cohort.order().odoo_id], {"client_order_ref": "s1"})
    assert cohort.unflip().stands.states["s1"] is State.SHADOW


def test_what_an_import_changed_of_a_partner_meanwhile_is_shown_and_is_no_error(cohort: Cohort) -> None:
    cohort.live()
    cohort.odoo.write("res.partner", [cohort.order().partner_id], {"city": "Guelph"})
    assert set(cohort.back().stands.states.values()) == {State.SHADOW}
    (one,) = [each for each in course(cohort.journal()).done[Step.UNDONE].data["differences"] if each["kind"] == "partners"]
    assert (one["field"], one["after"], one["why"]) == ("city", "Guelph", "no flip writes it: it was changed meanwhile")


def draft(cohort: Cohort, name: str) -> int:
    """A draft of ours of the first customer, under an external id."""
    values = {"move_type": "out_invoice", "partner_id": cohort.order().partner_id}
    lines = [(0, 0, {"name": name, "quantity": 1.0, "price_unit": 19.99})]
    move = int(cohort.odoo.call("account.move", "create", {**values, "invoice_line_ids": lines}))
    xid = {"module": "fcb", "name": f"{cohort.chain.service.code}_{name}", "model": "account.move", "res_id": move}
    cohort.odoo.call("ir.model.data", "create", xid)
    return move


def test_drafts_that_the_runs_of_a_month_write_and_take_away_keep_nobody_on_the_way_back(cohort: Cohort) -> None:
    """June's was there at the flip and went when the month was Odoo's; July's came while the source was waited for."""
    june = draft(cohort, "invoice_s1=2f2026-06")
    cohort.live()
    cohort.odoo.unlink("account.move", [june])
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    assert set(cohort.unflip().stands.states.values()) == {State.UNFLIPPING}
    july, told = draft(cohort, "invoice_s1=2f2026-07"), draft(cohort, "source_invoice_in=5f1")
    of_another = draft(cohort, "live_invoice_s9=2f2026-07")
    stands = cohort.back().stands
    assert set(stands.states.values()) == {State.SHADOW}, stands.open()
    found = course(cohort.journal()).done[Step.UNDONE].data["differences"]
    shown = {(each["record"], each["why"]) for each in found if each["kind"] == "moves"}
    assert shown == {(str(each), "no flip writes it: it was changed meanwhile") for each in (june, july, told, of_another)}


def test_a_picture_that_does_not_tell_of_whom_a_draft_is_is_compared_too(cohort: Cohort) -> None:
    """As earlier versions took it."""
    june = draft(cohort, "invoice_s1=2f2026-06")
    plan = cohort.flip.plan.subscriptions[0]
    assert plan.order_id is not None
    assert plan.partner_id is not None
    taken = picture(cohort.odoo, [plan.order_id], [plan.partner_id])
    untold = {**taken, "moves": {key: {k: v for k, v in each.items() if k != OF_FLIP} for key, each in taken["moves"].items()}}
    cohort.odoo.unlink("account.move", [june])
    draft(cohort, "invoice_s1=2f2026-07")
    found = differences(untold, picture(cohort.odoo, [plan.order_id], [plan.partner_id]))
    assert {each.kind for each in found} == {"moves", "move_lines"}
    assert pictures.faults(found) == ()


def test_a_live_draft_of_its_own_that_was_left_is_a_fault(cohort: Cohort) -> None:
    cohort.live()
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    cohort.unflip()
    left = cohort.live_invoice("s1")
    stands = cohort.back().stands
    assert stands.states == {"s1": State.UNFLIPPING, "s2": State.SHADOW, "s3": State.SHADOW}
    assert f"moves {left} " in stands.open()["s1"]
    cohort.odoo.unlink("account.move", [left])
    assert cohort.unflip().stands.states["s1"] is State.SHADOW


def test_a_card_that_was_brought_in_while_it_was_live_stays(cohort: Cohort) -> None:
    """As the runbook has it before charging."""
    cohort.live()
    token = a_token(cohort.odoo, cohort.order().partner_id)
    cohort.arm(Part.CHARGE)
    cohort.charge()
    stands = cohort.back().stands
    assert set(stands.states.values()) == {State.SHADOW}, stands.open()
    assert cohort.order().token_id is None
    (one,) = [each for each in course(cohort.journal()).done[Step.UNDONE].data["differences"] if each["kind"] == "tokens"]
    assert (one["record"], one["why"]) == (str(token), "no flip writes it: it was changed meanwhile")


def test_what_somebody_credited_in_part_is_refused_and_leaves_no_other_live(cohort: Cohort) -> None:
    cohort.live()
    move = cohort.invoice("s1")
    note = cohort.chain.odoo.call(
        "account.move",
        "create",
        {"move_type": "out_refund", "partner_id": cohort.order().partner_id, "reversed_entry_id": move},
    )
    stands = cohort.back().stands
    assert "has a credit note already that is not ours" in stands.open()["s1"]
    assert [cohort.order(one).state for one in ALL] == ["draft"] * 3
    assert stands.states["s3"] is State.SHADOW
    assert cohort.words()[-1] == (Step.CREDITED, Phase.REFUSED)
    cohort.odoo.unlink("account.move", [note])
    assert set(cohort.unflip().stands.states.values()) == {State.SHADOW}
    assert faults(cohort.journal()) == ()


def test_it_goes_on_although_stopped_only_where_somebody_says_so_and_of_that_stop(cohort: Cohort) -> None:
    cohort.live()
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    with cohort.chain.db.transaction() as conn:
        stop(conn, cohort.chain.service, Signature(person="grace", at=NOW, text="odd bills"))
    with pytest.raises(Stopped, match=f"fcb unflip {FLIP_ID} --go --although-stopped"):
        cohort.unflip()
    assert cohort.order().state == "sale"
    cohort.billing = dict.fromkeys(ALL, BILLING)
    assert set(cohort.unflip(although_stopped=True).stands.states.values()) == {State.SHADOW}
    assert cohort.journal()[-1].data["differences"] is not None
    begun = [entry.data for entry in cohort.journal() if (entry.step, entry.phase) == (Step.BACK_TO_DRAFT, Phase.BEFORE)]
    assert "although_stopped" in begun[0]


def test_a_flip_that_came_to_nothing_in_odoo_is_taken_back_without_it(cohort: Cohort) -> None:
    cohort.billing["s2"] = BILLING
    cohort.arm()
    cohort.go()
    before = cohort.order()
    assert [one.external_subscription_id for one in cohort.shown().undone] == ["s1", "s3"]
    assert set(cohort.back().stands.states.values()) == {State.SHADOW}
    assert cohort.order() == before
    assert cohort.journal("s2")[-1].phase is Phase.WAITING


@pytest.mark.parametrize("part", [Part.FLIP, Part.CHARGE])
def test_a_flip_that_is_being_taken_back_takes_nobody_else_live(cohort: Cohort, part: Part) -> None:
    cohort.billing["s3"] = BILLING
    cohort.arm()
    cohort.arm(Part.CHARGE)
    cohort.go()
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    assert cohort.unflip().stands.states == {"s1": State.UNFLIPPING, "s2": State.UNFLIPPING, "s3": State.SHADOW}
    cohort.billing["s3"] = STOPPED
    with pytest.raises(FlipRefused) as refused:
        cohort.go() if part is Part.FLIP else cohort.charge()
    assert [(one.id, one.words) for one in refused.value.against] == [("going_back", "it is being taken back (s1, s2)")]
    with pytest.raises(RuleViolation, match="is being taken back: end its unflip"):
        cohort.arm(part)
    assert cohort.order("s3").state == "draft"
    assert set(cohort.back().stands.states.values()) == {State.SHADOW}
    with pytest.raises(FlipRefused, match="at its end"):
        cohort.go()


def test_of_what_was_never_begun_nothing_is_taken_back(cohort: Cohort) -> None:
    with pytest.raises(RuleViolation, match="no step of F-00000000cafe was begun"):
        cohort.unflip()


def test_after_an_unflip_the_same_cohort_can_be_flipped_again(cohort: Cohort) -> None:
    cohort.live()
    cohort.invoice("s1")
    cohort.back()
    again = cohort.planned_again()
    again.live()
    assert again.shown().stake.amounts == {}, "what was credited with the first one is not credited again"
    with cohort.chain.db.transaction() as conn:
        live = flips.live_subscriptions(conn, cohort.chain.service.code)
    assert {one.flip_id for one in live.values()} == {again.flip.flip_id}
    assert again.flip.flip_id != FLIP_ID
    assert set(again.back().stands.states.values()) == {State.SHADOW}


def test_the_next_flip_needs_the_source_to_be_stopped_once_more(cohort: Cohort) -> None:
    said = Attestation(
        attestation_id="T-1",
        statement=Statement.SOURCE_STOPPED,
        subject="s1",
        value=None,
        text="switched off by hand",
        author="grace",
        made_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
    cohort.billing["s1"] = BILLING
    cohort.attested = {(Statement.SOURCE_STOPPED, "s1"): said}
    cohort.live().back()
    again = cohort.planned_again()
    again.now, again.taken_at = NOW + timedelta(days=2), NOW + timedelta(days=3)
    again.billing["s1"], again.attested = BILLING, cohort.attested
    again.arm()
    stands = again.go()
    assert (stands.states["s1"], stands.states["s3"]) == (State.SHADOW, State.LIVE)
    assert "what grace signed is from before it was resumed (T-1)" in stands.open()["s1"]
    again.attested = {(Statement.SOURCE_STOPPED, "s1"): replace(said, made_at=NOW + timedelta(days=1), attestation_id="T-2")}
    assert set(again.go().states.values()) == {State.LIVE}
    assert course(again.journal()).done[Step.SOURCE_STOPPED].data["attestation"] == "T-2"
    again.back()


class Deadly(list[str]):
    """Ends the work as soon as somebody is told that the last one is back."""

    def append(self, line: str) -> None:
        if line == "s3: undone done":
            raise KeyboardInterrupt
        super().append(line)


def test_an_unflip_that_ended_before_it_was_noted_as_ended_is_ended_by_the_next(cohort: Cohort) -> None:
    cohort.live()
    cohort.said = Deadly()
    with pytest.raises(KeyboardInterrupt):
        cohort.back()
    cohort.said = []
    assert set(cohort.unflip().stands.states.values()) == {State.SHADOW}
    with cohort.chain.db.transaction() as conn:
        kept = flips.flip(conn, cohort.chain.service.code, FLIP_ID)
    assert kept is not None
    assert kept.ended_at == NOW


def test_a_step_that_was_begun_and_never_ended_is_given_up(cohort: Cohort) -> None:
    cohort.arm()
    cohort.said = Confirming()
    with pytest.raises(KeyboardInterrupt):
        cohort.go()
    cohort.said = []
    begun = Entry(
        flip_id=FLIP_ID,
        external_subscription_id="s1",
        step=Step.CONFIRMED,
        phase=Phase.BEFORE,
        at=NOW,
        actor="ada",
        data={},
    )
    with cohort.chain.db.transaction() as conn:
        journal.append(conn, cohort.chain.service.code, begun)
    assert set(cohort.back().stands.states.values()) == {State.SHADOW}
    assert faults(cohort.journal()) == ()
    assert (Step.CONFIRMED, Phase.REFUSED) in cohort.words()


class Confirming(list[str]):
    """Ends the work when the first order has its plan."""

    def append(self, line: str) -> None:
        if line == "s2: plan_set done":
            raise KeyboardInterrupt
        super().append(line)
