"""Facts and the messages that tell them, in one transaction: ends, flips and the way back, on each Odoo."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from fcb_pipelines.acts.order_ends import follow_ends
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.domain.flip import Part, State
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import FLIP_ID, NOW, Cohort
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.webhooks.told import told


@pytest.fixture
def cohort(chain: Chain) -> Iterator[Cohort]:
    cohort = Cohort.made(chain)
    yield cohort
    cohort.remove()


def heard(cohort: Cohort, type_: MessageType) -> list[dict[str, Any]]:
    return [one["data"] for one in told(cohort.chain.db, cohort.chain.service.code, types=[type_])]


def ends(cohort: Cohort) -> tuple[str, ...]:
    return follow_ends(cohort.chain.db, cohort.odoo, cohort.chain.service, NOW)


def test_a_flip_is_told_once_it_is_complete_and_once_it_was_taken_back(cohort: Cohort) -> None:
    cohort.live()
    cohort.arm(Part.CHARGE)
    cohort.charge()
    assert heard(cohort, MessageType.FLIPPED) == []
    cohort.billed_to = {"cpu_seconds": (day("2026-07-01"), "i9/2")}
    cohort.complete()
    cohort.complete()
    (done,) = heard(cohort, MessageType.FLIPPED)
    assert (done["flip_id"], done["direction"], done["subscriptions"]) == (FLIP_ID, "to_odoo", 3)
    assert done["first_invoices"] == {code: str(one.amount) for code, one in cohort.flip.plan.totals.items()}
    cohort.back()
    assert [one["direction"] for one in heard(cohort, MessageType.FLIPPED)] == ["to_odoo", "to_source"]


def test_each_revision_of_a_month_is_told(month: Month) -> None:
    month.imported()
    month.rated()
    made = [reconcile_period(month.work) for _ in range(2)]
    heard = told(month.chain.db, month.chain.service.code)
    assert [(one["type"], one["sequence"], one["data"]["revision"]) for one in heard] == [
        (MessageType.RECONCILED, number, one.revision) for number, one in enumerate(made, start=1)
    ]
    assert heard[0]["data"]["coverage"] == asdict(made[0].coverage)
    assert heard[0]["data"]["content_hash"] == heard[1]["data"]["content_hash"]


def test_an_unflip_ends_nobody(cohort: Cohort) -> None:
    """It cancels orders in Odoo; whoever took that for an end would have deployments removed whose customers stay."""
    undone = cohort.live().back()
    assert set(undone.stands.states.values()) == {State.SHADOW}
    assert (ends(cohort), heard(cohort, MessageType.TERMINATED)) == ((), [])


class SlowReader:
    """Odoo, between whose answer and what is made of it something else happens."""

    def __init__(self, odoo: Any, then: Callable[[], object]) -> None:
        self._odoo, self._then = odoo, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def search_read(self, *args: Any, **named: Any) -> Any:
        found = self._odoo.search_read(*args, **named)
        self._then()
        return found


def test_an_order_that_an_unflip_begins_to_cancel_meanwhile_ends_nobody(cohort: Cohort) -> None:
    """What Odoo showed may have been the unflip's own doing; the journal says whether one was begun."""
    cohort.live()
    cancel(cohort, "s1")
    found = follow_ends(cohort.chain.db, SlowReader(cohort.odoo, cohort.back), cohort.chain.service, NOW)
    assert (found, heard(cohort, MessageType.TERMINATED)) == ((), [])


def cancel(cohort: Cohort, subscription: str) -> None:
    """Cancel an order as a person does in Odoo."""
    order = cohort.order(subscription)
    if order.is_locked:
        cohort.odoo.call("sale.order", "action_unlock", [order.odoo_id])
    cohort.odoo.call("sale.order", "action_cancel", [order.odoo_id])


def test_an_order_that_somebody_cancels_ends_its_subscription_once(cohort: Cohort) -> None:
    assert ends(cohort) == (), "nobody is live"
    cohort.live()
    assert ends(cohort) == ()
    cancel(cohort, "s2")
    assert (ends(cohort), ends(cohort)) == (("s2",), ())
    (one,) = told(cohort.chain.db, cohort.chain.service.code, types=[MessageType.TERMINATED])
    assert (one["data"]["external_subscription_id"], one["data"]["ended_by"], one["sequence"]) == ("s2", "odoo_cancelled", 1)
