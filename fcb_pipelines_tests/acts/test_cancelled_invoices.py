"""An invoice cancelled, made a draft or deleted in Odoo after it was told not paid: nobody stays suspended; on each Odoo."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from fcb_pipelines.acts.payments import Followed, follow
from fcb_pipelines.domain.payments import Fact
from fcb_pipelines_tests.acts.live_month import LIVE, LiveMonth, a_live_month
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.webhooks.told import told


@pytest.fixture
def live(month: Month) -> LiveMonth:
    """April closed, May drafted for real and posted."""
    found = a_live_month(month)
    found.close()
    found.live(may_post=False)
    found.live()
    return found


def followed(live: LiveMonth, *, days: int = 0) -> Followed:
    chain = live.april.chain
    return follow(chain.db, chain.odoo, chain.service, None, NOW + timedelta(days=days))


def cancelled(live: LiveMonth) -> None:
    draft_again(live)
    live.april.chain.odoo.call("account.move", "button_cancel", [live.april.moves()[LIVE]["id"]])


def draft_again(live: LiveMonth) -> None:
    live.april.chain.odoo.call("account.move", "button_draft", [live.april.moves()[LIVE]["id"]])


def deleted(live: LiveMonth) -> None:
    draft_again(live)
    live.april.chain.odoo.unlink("account.move", [live.april.moves()[LIVE]["id"]])


WAYS = [cancelled, draft_again, deleted]


@pytest.mark.parametrize("end", WAYS)
def test_what_was_told_not_paid_is_told_not_owed_any_more(live: LiveMonth, end: Callable[[LiveMonth], None]) -> None:
    first = followed(live, days=99)
    assert [one.fact for one in first.new] == [Fact.INVOICE_OVERDUE]
    end(live)
    chain = live.april.chain
    long_after = NOW + timedelta(days=99)
    (gone,) = follow(chain.db, chain.odoo, chain.service, long_after, long_after).new
    assert (gone.fact, gone.amount, gone.seen_at) == (Fact.INVOICE_REVERSED, first.new[0].amount, None)
    assert followed(live, days=99).new == ()
    (late, said) = told(chain.db, live.code)
    data = said["data"]
    assert (said["type"], data["settled_by"], data["invoice"]["state"]) == (
        "invoice.payment_succeeded",
        "cancellation",
        "cancel",
    )
    assert all(data["invoice"][name] == late["data"]["invoice"][name] for name in ("id", "external_id", "currency", "total"))


def test_a_draft_that_is_posted_again_is_owed_again(live: LiveMonth) -> None:
    followed(live, days=99)
    draft_again(live)
    followed(live, days=99)
    live.april.chain.odoo.call("account.move", "action_post", [live.april.moves()[LIVE]["id"]])
    assert [one.fact for one in followed(live, days=99).new] == [Fact.PAYMENT_TAKEN_BACK, Fact.INVOICE_OVERDUE]
    deleted(live)
    assert [one.fact for one in followed(live, days=99).new] == [Fact.INVOICE_REVERSED], "another time, and told again"


@pytest.mark.parametrize("end", WAYS)
def test_of_one_of_which_nothing_was_told_nothing_is_told(live: LiveMonth, end: Callable[[LiveMonth], None]) -> None:
    end(live)
    assert followed(live, days=99).new == ()
    assert told(live.april.chain.db, live.code) == []
