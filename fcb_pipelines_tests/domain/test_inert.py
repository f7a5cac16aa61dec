"""Inert: every sign of life of a shadow is named, and a draft alone has none."""

from collections.abc import Mapping

import pytest

from fcb_pipelines.domain.inert import InertFacts, NotInert, OrderSeen, not_inert


def an_order(*, state: str = "draft", invoices: int = 0, live: Mapping[str, str] | None = None) -> OrderSeen:
    return OrderSeen(external_id="fcb.n_subscription_1", name="S1", state=state, invoices=invoices, live=live or {})


def facts(order: OrderSeen | None = None, tokens: Mapping[str, int] | None = None, posted: tuple[str, ...] = ()) -> InertFacts:
    return InertFacts(orders=(order or an_order(),), tokens=tokens or {}, posted=posted)


def test_a_draft_without_anything_is_inert() -> None:
    assert not_inert(facts(tokens={"fcb.n_user_1": 0})) == ()


@pytest.mark.parametrize(
    ("seen", "record", "reason"),
    [
        (facts(an_order(state="sale")), "fcb.n_subscription_1", "is not a draft but 'sale'"),
        (facts(an_order(state="sent")), "fcb.n_subscription_1", "is not a draft but 'sent'"),
        (facts(an_order(state="cancel")), "fcb.n_subscription_1", "is not a draft but 'cancel'"),
        (facts(an_order(invoices=2)), "fcb.n_subscription_1", "has 2 invoices"),
        (facts(an_order(live={"plan_id": "Monthly"})), "fcb.n_subscription_1", "has plan_id 'Monthly'"),
        (facts(tokens={"fcb.n_user_1": 1}), "fcb.n_user_1", "has 1 payment tokens"),
        (facts(posted=("INV/1",)), "INV/1", "posted"),
    ],
)
def test_each_sign_of_life_is_named(seen: InertFacts, record: str, reason: str) -> None:
    (found,) = not_inert(seen)
    assert found.record == record
    assert reason in found.reason


def test_all_signs_are_named_at_once() -> None:
    found = not_inert(facts(an_order(state="sale", invoices=1), tokens={"fcb.n_user_1": 1}, posted=("INV/1",)))
    assert [type(each) for each in found] == [NotInert] * 4
