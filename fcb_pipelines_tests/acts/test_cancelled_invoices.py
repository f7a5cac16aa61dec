"""An invoice that is cancelled in Odoo after it was told not paid: nobody stays suspended for it; on each Odoo."""

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


def cancel(live: LiveMonth) -> None:
    for method in ("button_draft", "button_cancel"):
        live.april.chain.odoo.call("account.move", method, [live.april.moves()[LIVE]["id"]])


def test_what_was_told_not_paid_is_told_not_owed_any_more(live: LiveMonth) -> None:
    assert [one.fact for one in followed(live, days=99).new] == [Fact.INVOICE_OVERDUE]
    cancel(live)
    assert [one.fact for one in followed(live, days=99).new] == [Fact.INVOICE_REVERSED]
    assert followed(live, days=99).new == ()
    (_, gone) = told(live.april.chain.db, live.code)
    said = (gone["type"], gone["data"]["settled_by"], gone["data"]["invoice"]["state"])
    assert said == ("invoice.payment_succeeded", "cancellation", "cancel")


def test_of_one_of_which_nothing_was_told_nothing_is_told(live: LiveMonth) -> None:
    cancel(live)
    assert followed(live, days=99).new == ()
    assert told(live.april.chain.db, live.code) == []
