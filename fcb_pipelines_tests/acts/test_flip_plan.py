"""Planning a flip from a snapshot: nobody is billed twice or never, and what cannot be told is said and not guessed."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from fcb_pipelines.acts.flip_plan import keep
from fcb_pipelines.acts.flip_planner import OdooSeen
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip_plans import Proof
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.acts import planted_source as source
from fcb_pipelines_tests.acts.planning import JUNE, ORDER, PARTNER, an_order, flat, link, plan, the_one
from fcb_pipelines_tests.acts.planted_source import billing_row, history_row, invoice_row, subscription_row, user_row
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import a_month, actual, day, expected
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.revisions import add_revision


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    """A store that all tests here share; each leaves nothing in it."""
    return rolled_back


@pytest.fixture(scope="module")
def service() -> Service:
    return a_service("shop", first_period="2026-01")


def test_a_month_that_is_billed_is_followed_by_the_next(conn: Connection, service: Service) -> None:
    source.keep(conn, service.code, invoices=[JUNE])
    found = plan(conn, service)
    one, charge = the_one(found), flat(found)
    assert (one.partner_id, one.order_id, one.order_name, one.customer, one.plan_name) == (
        PARTNER,
        ORDER,
        "S00021",
        "Ada",
        "Basic",
    )
    assert (charge.boundary, charge.first_to, charge.proof, charge.reference) == (
        day("2026-07-01"),
        day("2026-08-01"),
        Proof.INVOICE_LINE,
        "i-6/1",
    )
    assert (charge.first_net, charge.first_tax, one.next_invoice_on) == (money("50 CAD"), money("6.50 CAD"), date(2026, 7, 1))
    assert charge.last_bill is not None
    assert (charge.last_bill.net, charge.last_bill.line_key) == (money("50 CAD"), "i-6/1")
    assert (found.totals, one.notes, charge.notes) == ({"CAD": money("50 CAD")}, (), ())


def test_a_year_that_is_paid_is_not_billed_again(conn: Connection, service: Service) -> None:
    """600 paid on 2026-01-10; with a default date it would be billed again in July."""
    row = subscription_row(billing_interval="yearly", started_at="2026-01-10T15:00:00+00:00")
    source.keep(conn, service.code, subscriptions=[row], invoices=[invoice_row("i-1", "600", "2026-01-10", "2027-01-10")])
    found = plan(conn, service)
    one, charge = the_one(found), flat(found)
    assert (charge.boundary, one.next_invoice_on, one.months) == (day("2027-01-10"), date(2027, 1, 10), 12)
    assert (charge.first_net, charge.proof, charge.notes) == (money("600 CAD"), Proof.INVOICE_LINE, ())


@pytest.mark.parametrize(
    ("final", "boundary", "final_from"),
    [(Biller.SOURCE, "2026-07-01", "2026-06-01"), (Biller.ODOO, "2026-06-01", None)],
)
def test_junes_overage_has_one_biller(
    conn: Connection, service: Service, final: Biller, boundary: str, final_from: str | None
) -> None:
    overage = {"kind": "overage", "charge": CPU_SECONDS}
    may = invoice_row("i-5", "3.76", "2026-05-01", "2026-06-01", line=overage)
    source.keep(conn, service.code, invoices=[JUNE, may])
    _, usage = the_one(plan(conn, service, final=final)).charges
    assert (usage.charge, usage.boundary, usage.final_biller) == (CPU_SECONDS, day(boundary), final)
    assert usage.final_from == (None if final_from is None else day(final_from))
    assert (usage.reference, usage.first_net) == ("i-5/1", None)


@pytest.mark.parametrize(
    ("since", "owner", "notes"),
    [("2026-06-20", "u-2", []), ("2026-07-20", "u-1", ["owner_changes"]), ("2026-05-01", "u-2", [])],
)
def test_a_deployment_that_moves_takes_its_boundary_along(
    conn: Connection, service: Service, since: str, owner: str, notes: list[str]
) -> None:
    """The boundary is the subscription's; who is billed is who owns it when Odoo's range begins."""
    moved = subscription_row(external_user_id="u-2" if since < "2026-06" else "u-1")
    users = [user_row(), user_row(external_user_id="u-2", name="Bob", email="bob@example.org")]
    history = [history_row("user", "u-1", "2026-01-01"), history_row("user", "u-2", since)]
    source.keep(conn, service.code, users=users, subscriptions=[moved], invoices=[JUNE], history=history)
    link(conn, service, u_2=12)
    found = the_one(plan(conn, service, seen=OdooSeen(orders={"s-1": an_order(12 if owner == "u-2" else PARTNER)})))
    assert (found.external_user_id, found.partner_id) == (owner, 12 if owner == "u-2" else PARTNER)
    assert [note.partition(":")[0] for note in found.notes] == notes
    assert (found.charges[0].boundary, found.charges[0].reference) == (day("2026-07-01"), "i-6/1")


def test_a_plan_whose_owner_changed_since_is_another_plan(conn: Connection, service: Service) -> None:
    users = [user_row(), user_row(external_user_id="u-2", name="Bob", email="bob@example.org")]
    source.keep(conn, service.code, users=users, invoices=[JUNE])
    before = plan(conn, service)
    source.keep(conn, service.code, users=users, invoices=[JUNE], subscriptions=[subscription_row(external_user_id="u-2")])
    link(conn, service, u_2=12)
    after = plan(conn, service)
    assert after.content_hash != before.content_hash
    assert [note.partition(":")[0] for note in the_one(after).notes] == ["other_partner"]


def test_the_same_again_is_the_same_plan(conn: Connection, service: Service) -> None:
    first = source.keep(conn, service.code, invoices=[JUNE])
    before = plan(conn, service)
    second = source.keep(conn, service.code, invoices=[JUNE])
    again = plan(conn, service, now=NOW + timedelta(hours=3))
    assert (before.snapshot_id, again.snapshot_id) == (first, second)
    assert before.made_at != again.made_at
    assert before.content_hash == again.content_hash
    flip_id = keep(conn, before, "ada", NOW)
    assert keep(conn, again, "bob", NOW) == flip_id == before.flip_id()
    (kept,) = flips.flips(conn, service.code)
    assert (kept.plan, kept.planned_by) == (before, "ada")
    (entry,) = [one for one in _noted(conn) if one[0] == flip_id]
    assert entry[1:] == ("flip_planned", "ada")
    flips.end(conn, flip_id, NOW)
    assert keep(conn, again, "bob", NOW) == again.flip_id(1)


def _noted(conn: Connection) -> list[tuple[str, str, str]]:
    return [(row[0], row[1], row[2]) for row in conn.execute("SELECT subject, act, actor FROM audit_log")]


def test_terms_that_end_come_with_the_first_bill_after_them(conn: Connection, service: Service) -> None:
    plans = [source.plan_row(), source.plan_row(external_plan_id="p-2", price_monthly="80")]
    trial = source.evidence_row(
        kind="trial", subject_id="s-1", valid_from=None, valid_to="2026-08-15T04:00:00+00:00", data={}, reference="trial/1"
    )
    history = [history_row("plan", "p-1", "2026-01-01"), history_row("plan", "p-2", "2026-10-01")]
    source.keep(
        conn,
        service.code,
        plans=plans,
        invoices=[JUNE],
        evidence=[trial],
        history=history,
        billing_state=[billing_row(cancel_at="2026-12-01T05:00:00+00:00")],
    )
    found = plan(conn, service)
    assert flat(found).first_net == money("0 CAD")
    ends = [(one.kind, one.ends_at.date().isoformat(), one.net_after) for one in the_one(found).terms_ending]
    assert ends == [
        ("trial", "2026-08-15", money("50 CAD")),
        ("scheduled_change", "2026-10-01", money("80 CAD")),
        ("pending_cancellation", "2026-12-01", None),
    ]


def test_customers_who_share_an_invoice_or_a_partner_go_together(conn: Connection, service: Service) -> None:
    users = [user_row(external_user_id=each, email=f"{each}@example.org") for each in ("u-1", "u-2", "u-3", "u-4")]
    subscriptions = [subscription_row(f"s-{number}", external_user_id=f"u-{number}") for number in range(1, 5)]
    shared = invoice_row("i-9", "100", "2026-06-01", "2026-07-01", external_subscription_id=None)
    reference = source.evidence_row(
        kind="line_reference", subject_kind="invoice", subject_id="i-9", data={"line": 1, "subscriptions": ["s-1", "s-2"]}
    )
    source.keep(conn, service.code, users=users, subscriptions=subscriptions, invoices=[shared], evidence=[reference])
    link(conn, service, u_2=12, u_3=12)
    found = plan(conn, service)
    assert [one.external_subscription_id for one in found.subscriptions] == ["s-1", "s-2", "s-3"]
    assert found.drawn_in == {
        "s-2": "customer u-2 shares invoice i-9 with customer u-1",
        "s-3": "customer u-3 is partner 12 in Odoo with customer u-2",
    }
    assert "consolidated: line i-9/1 bills several" in found.subscriptions[0].charges[0].notes


def reconciled(
    conn: Connection, service: Service, *, made_at: datetime, overage: str = "0", began: str = "2026-01-01T05:00:00+00:00"
) -> None:
    """May as it was reconciled: 100 for two subscriptions, 60 of it for s-1, and as much overage, which nobody billed."""
    both = [
        expected(net, external_subscription_id=key, external_user_id="u-1", line_key=key, **MAY)
        for key, net in (("s-1", "60"), ("s-2", "40"))
    ]
    usage = expected(overage, external_subscription_id="s-1", external_user_id="u-1", line_key="u", charge=CPU_SECONDS, **MAY)
    line = actual("100", external_invoice_id="i-5", external_user_id="u-1", external_subscription_id=None, **MAY)
    told = {"i-5/1": PaysFor(subscriptions=("s-1", "s-2"), references=("desk/1",))}
    owners = [RowOwner(external_subscription_id=key, external_user_id="u-1", currency="CAD") for key in ("s-1", "s-2")]
    rows = reconcile("shop/2026-05", owners, [*both, usage], [line], a_month(), pays_for=told)
    origin = Origin(snapshot_id=_snapshot(conn, service, began), settings_hash="h", rule_version="3")
    add_revision(conn, service=service.code, period="2026-05", origin=origin, made_at=made_at, rows=rows)


MAY: dict[str, Any] = {"service_from": day("2026-05-01"), "service_to": day("2026-06-01")}


def _snapshot(conn: Connection, service: Service, began: str) -> int:
    """May, billed for two by one line that a record tells of."""
    shared = invoice_row("i-5", "100", "2026-05-01", "2026-06-01", external_subscription_id=None)
    data = {"line": 1, "subscriptions": ["s-1", "s-2"]}
    reference = source.evidence_row(kind="line_reference", subject_kind="invoice", subject_id="i-5", data=data)
    both = [subscription_row(started_at=began), subscription_row("s-2")]
    return source.keep(conn, service.code, subscriptions=both, invoices=[shared], evidence=[reference])


def test_a_reconciled_month_tells_the_share_of_a_line_and_up_to_where_nothing_is_due(
    conn: Connection, service: Service
) -> None:
    reconciled(conn, service, made_at=NOW, began="2026-05-01T04:00:00+00:00")
    price, usage = plan(conn, service, not_before="2026-06").subscriptions[0].charges
    assert price.last_bill is not None
    assert (price.last_bill.net, price.notes) == (money("60 CAD"), ())
    assert (usage.boundary, usage.final_from, usage.proof) == (day("2026-06-01"), None, Proof.NOTHING_DUE)
    assert usage.reference == "shop/2026-05/subscription/s-1"


@pytest.mark.parametrize(
    ("made_at", "overage"),
    [(day("2026-05-20"), "0"), (NOW, "5"), (NOW, "0")],
    ids=["before it closed", "not billed", "the months before were never looked at"],
)
def test_what_is_due_or_may_become_due_settles_nothing(
    conn: Connection, service: Service, made_at: datetime, overage: str
) -> None:
    reconciled(conn, service, made_at=made_at, overage=overage)
    _, usage = plan(conn, service, not_before="2026-06").subscriptions[0].charges
    assert (usage.final_from, usage.proof) == (day("2026-01-01"), Proof.BEGINNING)


def test_what_nothing_is_billed_for_is_left_out(conn: Connection, service: Service) -> None:
    free = source.plan_row(external_plan_id="p-0", price_monthly="0", unit_price="0")
    free_but_metered = source.plan_row(external_plan_id="p-3", price_monthly="0")
    subscriptions = [
        subscription_row(),
        subscription_row("s-2", external_plan_id="p-0"),
        subscription_row("s-3", external_plan_id="p-3"),
        subscription_row("s-4"),
    ]
    states = [billing_row("s-4", cancel_at="2026-06-30T04:00:00+00:00")]
    plans = [source.plan_row(), free, free_but_metered]
    source.keep(conn, service.code, plans=plans, subscriptions=subscriptions, billing_state=states)
    found = plan(conn, service, "u-1")
    assert [one.external_subscription_id for one in found.subscriptions] == ["s-1", "s-3"]
    assert found.left_out == {
        "s-2": "its plan costs nothing, whatever is used",
        "s-4": "it ends on 2026-06-30, before Odoo would bill it",
    }
