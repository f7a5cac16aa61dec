"""Live subscriptions where Odoo itself invoices (the sandbox of Enterprise): usage of a closed month, before its own run."""

import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from fcb_pipelines.acts.draft_invoices import draft_invoices_complete
from fcb_pipelines.acts.live_invoices import LiveDone
from fcb_pipelines.acts.stop import Stopped, resume, stop
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.arming import Arming, Stake
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import Part, Step
from fcb_pipelines.store import flips
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.gone_live import flip_plan, go_live
from fcb_pipelines_tests.acts.live_month import APRIL, MAY, LiveMonth, imported_and_rated
from fcb_pipelines_tests.acts.month import a_month
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.acts.usage_month import USAGE, lines, order_of
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.odoo.editions import as_user, sandbox_of
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

ADA = Signature(person="ada", at=NOW, text="looked at it")
BOUNDARIES = {"flat": MAY, "cpu_seconds": APRIL}


@pytest.fixture(scope="module")
def enterprise(postgres_url: str) -> Iterator[str]:
    """The address of a sandbox of 19 Enterprise."""
    with sandbox_of(postgres_url, "enterprise-19", "live_orders") as url:
        yield url


@pytest.fixture
def shadow(enterprise: str, store_database: str, fresh_database: str, tmp_path: Path) -> LiveMonth:
    """Imported with its orders and rated; nobody is live yet."""
    chain = Chain(
        db=KeptStore(store_database),
        odoo=as_user(enterprise, "live_orders"),
        service=a_service(f"t{secrets.token_hex(5)}"),
    )
    return imported_and_rated(a_month(chain, SmallHost(fresh_database, tmp_path)))


def run_as_subscription(live: LiveMonth, next_invoice_on: date) -> None:
    """Confirm the order, as a flip does."""
    odoo, order = live.april.chain.odoo, order_of(live.april)
    (plan,) = odoo.search_read("sale.subscription.plan", [("name", "=", "Monthly")], ["id"])
    dates = {"start_date": "2026-05-01", "next_invoice_date": next_invoice_on.isoformat()}
    odoo.write("sale.order", [order], {"plan_id": plan["id"], **dates})
    odoo.call("sale.order", "action_confirm", [order])


def live_now(shadow: LiveMonth, *, until: Step = Step.PREVIEWED, next_invoice_on: date = date(2026, 6, 5)) -> LiveMonth:
    go_live(shadow.april.chain.db, shadow.code, FIRST, BOUNDARIES, until=until)
    run_as_subscription(shadow, next_invoice_on)
    return shadow


def quantity(live: LiveMonth) -> float | None:
    found = lines(live.april)
    return found[USAGE]["product_uom_qty"] if USAGE in found else None


def objections(done: LiveDone) -> list[tuple[str, str]]:
    return [(one.id, one.scope) for one in done.objections]


def test_usage_of_a_closed_month_is_claimed_and_put_on_the_order_once(shadow: LiveMonth) -> None:
    live = live_now(shadow)
    with pytest.raises(RuleViolation, match="2026-04 is not closed"):
        live.live()
    live.close()
    done = live.live()
    assert (quantity(live), done.drafted.created, objections(done), done.posted) == (100.33, 1, [], ())
    assert live.claims() == [("cpu_seconds", APRIL, "odoo", "F-1"), ("flat", MAY, "odoo", "F-1")]
    assert (live.live().drafted.unchanged, live.april.moves()) == (1, {})
    assert draft_invoices_complete(live.april.work).missing == {}
    assert all(one.holds for one in draft_invoices_complete(live.april.work).equations)


def test_an_open_month_of_a_live_order_has_no_usage_on_it_whoever_drafts(shadow: LiveMonth) -> None:
    """What stood there for comparison would be billed for real: it goes."""
    shadow.april.drafted()
    assert quantity(shadow) == 100.33
    live = live_now(shadow)
    assert len(live.april.drafted().removed) == 1
    assert (quantity(live), live.claims()) == (0, [])
    live.close()
    db, service = live.april.chain.db, live.april.chain.service
    with db.transaction() as conn:
        stop(conn, service, ADA)
    with pytest.raises(Stopped):
        live.april.drafted()
    assert (live.april.drafted(dry_run=True).changed, quantity(live), live.claims()) == (1, 0, [])
    with db.transaction() as conn:
        resume(conn, service, ADA)
    assert (live.april.drafted().changed, quantity(live)) == (1, 100.33)
    assert [one[0] for one in live.claims()] == ["cpu_seconds"]


def test_usage_from_before_the_boundary_never_goes_onto_a_live_order(shadow: LiveMonth) -> None:
    shadow.close()
    go_live(shadow.april.chain.db, shadow.code, FIRST, {"flat": MAY, "cpu_seconds": MAY})
    run_as_subscription(shadow, date(2026, 6, 5))
    assert (shadow.live().drafted.created, quantity(shadow)) == (0, None)
    assert [one[0] for one in shadow.claims()] == ["flat"]


def test_an_order_on_its_way_is_left_without_usage(shadow: LiveMonth) -> None:
    shadow.april.drafted()
    live = live_now(shadow, until=Step.CONFIRMED)
    live.close()
    assert (len(live.april.drafted().removed), quantity(live), live.claims()) == (1, 0, [])


def test_an_order_that_is_armed_to_go_live_is_left_without_usage(shadow: LiveMonth) -> None:
    shadow.april.drafted()
    now, plan = shadow.april.work.now, flip_plan(shadow.code, FIRST, BOUNDARIES)
    stored = StoredFlip(flip_id="F-1", service=shadow.code, plan=plan, plan_hash="h", planned_at=now, planned_by="ada")
    with shadow.april.chain.db.transaction() as conn:
        flips.add(conn, stored)
        flips.arm(conn, an_arming(now - timedelta(hours=24)))
    assert shadow.april.drafted().removed == (), "that arming is over"
    with shadow.april.chain.db.transaction() as conn:
        flips.arm(conn, an_arming(now))
    assert len(shadow.april.drafted().removed) == 1
    assert quantity(shadow) is None


def an_arming(at: datetime) -> Arming:
    return Arming(
        arming_id=0,
        flip_id="F-1",
        part=Part.FLIP,
        person="ada",
        secret_made_by=None,
        stake=Stake(count=1, amounts={}),
        armed_at=at,
        expires_at=at + timedelta(hours=24),
        needs_approval=False,
    )


def test_usage_that_comes_after_odoos_run_is_told(shadow: LiveMonth) -> None:
    live = live_now(shadow, next_invoice_on=date(2026, 6, 2))
    live.close()
    assert objections(live.live()) == [("usage_after_run", FIRST)]
    assert objections(live.live()) == [], "it is there now, for the next run"


def test_what_the_source_claims_is_not_put_onto_the_order_and_the_rest_of_it_is_told(shadow: LiveMonth) -> None:
    live = live_now(shadow)
    live.close()
    live.claim("cpu_seconds", APRIL, MAY, Biller.SOURCE)
    done = live.live()
    assert (quantity(live), objections(done)) == (None, [("not_claimed", FIRST)])
    assert "the claim of source" in done.objections[0].words
    assert "the claim of source" in next(iter(done.drafted.failed.values()))


def test_what_the_newest_snapshot_says_the_source_billed_is_told_before_odoos_run(shadow: LiveMonth) -> None:
    """Odoo invoices the price by itself: it is not claimed, and somebody has to stop it."""
    live = live_now(shadow)
    live.close()
    live.bill_by_both()
    done = live.live()
    assert objections(done) == [("not_claimed", FIRST)]
    assert "its flat from 2026-05-01 is billed by the source: 9.14 CAD (in_5/1)" in done.objections[0].words
    assert [one[0] for one in live.claims()] == ["cpu_seconds"], "what the source did not bill goes onto the order"
