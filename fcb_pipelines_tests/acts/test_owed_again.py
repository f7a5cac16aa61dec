"""An invoice that is owed again after it was cancelled or paid: what failed before that no longer counts; on each Odoo."""

from collections.abc import Callable
from typing import Any

import pytest

from fcb_pipelines.domain.payments import Fact
from fcb_pipelines_tests.acts.live_month import LIVE, LiveMonth
from fcb_pipelines_tests.acts.test_after_the_flip import charge_failed, followed, live, paid
from fcb_pipelines_tests.webhooks.told import told

__all__ = ["live"]
Undo = Callable[[], None]


def cancelled(live: LiveMonth, move: dict[str, Any]) -> Undo:
    call = live.april.chain.odoo.call
    for method in ("button_draft", "button_cancel"):
        call("account.move", method, [move["id"]])

    def undo() -> None:
        for method in ("button_draft", "action_post"):
            call("account.move", method, [move["id"]])

    return undo


def settled(live: LiveMonth, move: dict[str, Any]) -> Undo:
    payment = paid(live, move)
    return lambda: live.april.chain.odoo.call("account.payment", "action_cancel", [payment])


def fails(live: LiveMonth, move: dict[str, Any], reference: str) -> None:
    charge_failed(live, move, reference=f"{live.code} {reference}")


@pytest.mark.parametrize("settle", [cancelled, settled])
def test_attempts_count_since_nothing_was_owed(live: LiveMonth, settle: Callable[[LiveMonth, dict[str, Any]], Undo]) -> None:
    live.live()
    move, last = live.april.moves()[LIVE], live.april.chain.service.dunning.final_attempts
    for each in range(last):
        fails(live, move, str(each))
    assert [one.fact for one in followed(live).new] == [Fact.PAYMENT_FAILED] * last
    undo = settle(live, move)
    assert len(followed(live).new) == 1
    undo()
    assert [one.fact for one in followed(live).new] == [Fact.PAYMENT_TAKEN_BACK]
    fails(live, move, "again")
    assert [one.fact for one in followed(live).new] == [Fact.PAYMENT_FAILED]
    said = [(one["data"].get("reason"), one["data"].get("attempt"), one["data"].get("final")) for one in told_of(live)]
    assert said[last - 1 :] == [
        ("charge_failed", last, True),
        (None, None, None),
        ("payment_taken_back", 0, False),
        ("charge_failed", 1, False),
    ]


def told_of(live: LiveMonth) -> list[dict[str, Any]]:
    return told(live.april.chain.db, live.code)
