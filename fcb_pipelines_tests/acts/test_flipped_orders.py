"""What a flip took live is Odoo's: imports leave it alone, the proof of inertness does not ask about it, until it is back."""

from decimal import Decimal

import pytest

from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.domain.flip import BACK, STEPS, Part, Step
from fcb_pipelines.store import flips, journal
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.acts.chain import Chain, counts, reasons
from fcb_pipelines_tests.acts.source_records import records
from fcb_pipelines_tests.builders import a_subscription
from fcb_pipelines_tests.flips import FLIP_ID, NOW, a_plan, done, written
from fcb_pipelines_tests.flips import a_subscription as a_planned_one

CHEAPER = records(subscriptions=(a_subscription(contract_price=Decimal(1)),))
UNTIL_CONFIRMED = STEPS[Part.FLIP][: STEPS[Part.FLIP].index(Step.CONFIRMED) + 1]


def went(chain: Chain, *steps: Step) -> None:
    with chain.db.transaction() as conn:
        plan = a_plan(a_planned_one("s1"), service=chain.service.code)
        flip = StoredFlip(
            flip_id=FLIP_ID, service=chain.service.code, plan=plan, plan_hash="h", planned_at=NOW, planned_by="ada"
        )
        flips.add(conn, flip)
        journal.append(conn, chain.service.code, *written(*done(steps)))


def confirm(chain: Chain) -> int:
    order = chain.ids("sale.order")[chain.xid("subscription_s1")]
    chain.odoo.call("sale.order", "action_confirm", [order])
    return order


@pytest.mark.parametrize("steps", [UNTIL_CONFIRMED, STEPS[Part.FLIP]], ids=["on its way", "live"])
def test_an_import_leaves_alone_what_a_flip_confirmed(chain: Chain, steps: tuple[Step, ...]) -> None:
    chain.all(records())
    confirm(chain)
    went(chain, *steps)
    imported = chain.subscriptions(CHEAPER)
    assert counts(imported) == (0, 0, 0, 1, 0)
    assert f"by {FLIP_ID}" in reasons(imported)["s1"]
    assert chain.line()["price_unit"] == 19.99
    assert shadow_inert(chain.odoo, chain.db, chain.service) == ()


def test_what_no_flip_confirmed_is_still_not_inert(chain: Chain) -> None:
    chain.all(records())
    went(chain, Step.SOURCE_STOPPED, Step.CLAIMED)
    confirm(chain)
    (found,) = shadow_inert(chain.odoo, chain.db, chain.service)
    assert found.record == chain.xid("subscription_s1")


def test_what_was_taken_back_is_imported_again(chain: Chain) -> None:
    chain.all(records())
    went(chain, *STEPS[Part.FLIP], *BACK)
    assert counts(chain.subscriptions(CHEAPER)) == (0, 1, 0, 0, 0)
    assert chain.line()["price_unit"] == 1
    confirm(chain)
    assert len(shadow_inert(chain.odoo, chain.db, chain.service)) == 1
