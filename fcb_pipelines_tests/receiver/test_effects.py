"""The rules: when a deployment is suspended, restored and removed, and that the order of messages does not matter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_host.receiver.effects import Act, Decision, Deployment, Outcome, State, decide
from fcb_host.receiver.messages import Message
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, NOW, PAID, heard, invoice

GRACE = timedelta(days=14)
NEW = Deployment(deployment_id="dep-1")
SOON: dict[str, Any] = {"final": False, "grace_ends_on": "2026-06-02"}
"""Not final, and its grace ends today."""


def decided(before: Deployment, message: Message, days: float = 0.0) -> Decision:
    return decide(before, message, now=NOW + timedelta(days=days), grace=GRACE)


def after(*messages: Message, begin: Deployment = NEW) -> Deployment:
    for message in messages:
        begin = decided(begin, message).deployment
    return begin


def confirmed(ended: Deployment) -> Deployment:
    assert ended.end is not None
    return replace(ended, end=replace(ended.end, confirmed_by="Ada"))


@pytest.mark.parametrize(
    ("data", "days", "act"),
    [
        ({"final": True}, 0, Act.SUSPEND),
        ({"final": True, "invoice": None}, 0, Act.SUSPEND),
        ({"final": True, "grace_ends_on": None}, 0, Act.SUSPEND),
        ({"final": False, "grace_ends_on": None}, 4000, None),
        ({"final": False, "invoice": None, "grace_ends_on": None}, 4000, None),
        # 2 June is over in the last zone at noon of 3 June in UTC.
        (SOON, 0.83, None),
        (SOON, 0.84, Act.SUSPEND),
        ({"final": True, "invoice": invoice(payment_state="paid")}, 0, None),
        ({"final": True, "invoice": invoice(state="draft")}, 0, None),
        (SOON | {"invoice": invoice(state="cancel")}, 90, None),
    ],
)
def test_a_failure_suspends_what_is_owed_and_final_or_past_its_grace(
    data: dict[str, Any], days: float, act: Act | None
) -> None:
    decision = decided(NEW, heard(**data), days)
    assert decision.act is act
    assert decision.deployment.state is (State.SUSPENDED if act else State.ACTIVE)


def test_a_payment_restores_and_says_why() -> None:
    suspended = decided(NEW, heard())
    assert suspended.why == "unpaid: INV/77 (49.00 CAD)"
    restored = decided(suspended.deployment, heard(type_=PAID, sequence=2))
    assert (restored.act, restored.deployment) == (Act.RESTORE, NEW)


def test_paying_one_of_two_restores_nothing() -> None:
    both = after(heard(), heard(sequence=2, invoice=invoice(78)))
    one = decided(both, heard(type_=PAID, sequence=3))
    assert (one.act, one.deployment.state, one.why) == (
        None,
        State.SUSPENDED,
        "noted; suspended already, unpaid: INV/78 (49.00 CAD)",
    )
    assert decided(one.deployment, heard(type_=PAID, sequence=4, invoice=invoice(78, paid=True))).act is Act.RESTORE


def test_the_same_invoice_of_another_subscription_is_another() -> None:
    both = after(heard(), heard(external_subscription_id="sub-2"))
    assert decided(both, heard(type_=PAID, sequence=2)).act is None


def test_what_is_unpaid_and_not_due_keeps_nobody_suspended() -> None:
    both = after(heard(), heard(sequence=2, invoice=invoice(78), **SOON))
    assert decided(both, heard(type_=PAID, sequence=3)).act is Act.RESTORE


def test_a_failure_without_an_invoice_ends_with_the_next_payment_of_the_subscription() -> None:
    suspended = after(heard(invoice=None))
    assert decided(suspended, heard(type_=PAID, sequence=2, invoice=invoice(99, paid=True))).act is Act.RESTORE
    assert decided(suspended, heard(sequence=2, invoice=invoice(99), final=False)).act is None
    # One that was sent before the failure ends nothing.
    assert decided(after(heard(invoice=None, sequence=5)), heard(type_=PAID, sequence=4)).act is None


@pytest.mark.parametrize("settled_by", ["credit_note", "cancellation"])
def test_what_is_given_back_ends_its_own_invoice_and_no_charge_that_failed(settled_by: str) -> None:
    given_back = heard(type_=PAID, sequence=2, settled_by=settled_by)
    assert decided(after(heard()), given_back).act is Act.RESTORE
    assert decided(after(heard(invoice=None)), given_back).act is None


def test_a_failure_that_says_that_nothing_is_owed_any_more_restores() -> None:
    assert decided(after(heard()), heard(sequence=2, invoice=invoice(payment_state="reversed"))).act is Act.RESTORE


def test_an_end_is_kept_confirmed_and_carried_out_and_that_is_final() -> None:
    ended = decided(NEW, heard("end", ENDED))
    assert (ended.act, ended.outcome, ended.deployment.state) == (None, Outcome.PENDING, State.ENDED)
    assert ended.why == "kept until 2026-06-16 16:00 UTC, and then until a person confirms"
    for early in (
        decided(ended.deployment, heard("end", ENDED), 99),
        decided(confirmed(ended.deployment), heard("end", ENDED), 13.9),
    ):
        assert (early.act, early.outcome) == (None, Outcome.PENDING)
    gone = decided(confirmed(ended.deployment), heard("end", ENDED), 14)
    assert (gone.act, gone.deployment.state) == (Act.DEPROVISION, State.DEPROVISIONED)
    refused = decided(gone.deployment, heard(type_=PAID, sequence=2))
    assert (refused.act, refused.outcome, refused.deployment.state) == (None, Outcome.REFUSED, State.DEPROVISIONED)
    assert refused.why.startswith("INV/77 (49.00 CAD) was paid, but the deployment is deprovisioned")
    for other in (heard(), heard("end", ENDED), heard("other", ENDED)):
        assert (decided(gone.deployment, other).act, decided(gone.deployment, other).deployment.state) == (
            None,
            State.DEPROVISIONED,
        )


def test_the_grace_period_begins_with_the_end_and_never_ends_earlier_for_another_word_on_it() -> None:
    ended = after(heard("end", ENDED, ended_at="2026-06-10T16:00:00Z"))
    assert ended.end is not None
    assert ended.end.until == NOW + timedelta(days=22)
    for said, days in (("2026-06-05T16:00:00Z", 22), ("2026-06-12T12:00:00-04:00", 24)):
        again = after(heard("corrected", ENDED, sequence=2, ended_at=said), begin=ended)
        assert again.end is not None
        assert (again.end.until, again.end.message_id) == (NOW + timedelta(days=days), "end")


@pytest.mark.parametrize("before", [NEW, after(heard())])
def test_between_its_end_and_its_removal_nothing_is_suspended_or_restored(before: Deployment) -> None:
    ended = after(heard("end", ENDED), begin=before)
    assert ended.end is not None
    assert ended.end.returns_to is before.state
    for message in (heard(sequence=2, invoice=invoice(78)), heard(type_=PAID, sequence=2)):
        assert (decided(ended, message).act, decided(ended, message).deployment.state) == (None, State.ENDED)
    assert decided(ended, heard("another", ENDED)).why == "noted; the deployment has ended already"


def test_what_was_begun_and_is_not_known_to_be_done_is_done_again_or_undone() -> None:
    begun = replace(NEW, begun=Act.SUSPEND)
    assert decided(begun, heard()).act is Act.SUSPEND
    assert decided(begun, heard(type_=PAID)).act is Act.RESTORE
    restoring = replace(after(heard()), begun=Act.RESTORE)
    assert decided(restoring, heard(sequence=2, invoice=invoice(78))).act is Act.SUSPEND
    assert decided(begun, heard()).deployment.begun is None


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """What the central side might say, in its order: each subscription has its sequence, each invoice its ups and downs."""
    steps = st.tuples(
        st.sampled_from([FAILED, PAID]), st.sampled_from(["sub-1", "sub-2"]), st.sampled_from([None, 1, 2]), st.booleans()
    )
    said = []
    for number, (type_, subscription, which, is_final) in enumerate(draw(st.lists(steps, max_size=8)), start=1):
        about = None if which is None else invoice(which, paid=type_ == PAID)
        more: dict[str, Any] = {"final": is_final} if type_ == FAILED else {}
        said.append(heard(f"m{number}", type_, sequence=number, external_subscription_id=subscription, invoice=about, **more))
    return said


def delivered(messages: Sequence[Message]) -> Deployment:
    """What is left when messages come so, stale ones left out as the inbox does."""
    known: dict[tuple[str, str], int] = {}
    deployment = NEW
    for message in messages:
        is_stale = all(known.get((message.subscription, each), -1) > message.sequence for each in message.settles)
        for subject in message.settles:
            about = message.subscription, subject
            known[about] = max(known.get(about, -1), message.sequence)
        if not is_stale:
            deployment = decided(deployment, message).deployment
    return deployment


@given(said=histories(), data=st.data())
def test_in_whatever_order_and_however_often_messages_come_the_end_is_the_same(
    said: list[Message], data: st.DataObject
) -> None:
    in_order = delivered(said)
    again = data.draw(st.lists(st.sampled_from(said), max_size=4)) if said else []
    shuffled = data.draw(st.permutations([*said, *again]))
    assert delivered(shuffled) == in_order


@given(said=histories())
def test_a_deployment_is_suspended_exactly_while_something_is_due(said: list[Message]) -> None:
    end = delivered(said)
    assert (end.state is State.SUSPENDED) == any(each.is_due for each in end.unpaid)
    for message in said[-1:]:
        assert decided(end, message).deployment == end
        assert decided(end, message).act is None
