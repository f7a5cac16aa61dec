"""Planning a flip from a snapshot: nobody is billed twice or never, and what cannot be told is said and not guessed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fcb_pipelines.acts.flip_plan import Wanted, keep, odoo_seen, planned
from fcb_pipelines.acts.flip_planner import OdooSeen
from fcb_pipelines.acts.source import load
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, Proof, SubscriptionPlan
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.odoo.order_now import OrderNow, Token
from fcb_pipelines.services import Service
from fcb_pipelines.store import attestations, flips, partners
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts import planted_source as source
from fcb_pipelines_tests.acts.chain import TAXES, Chain
from fcb_pipelines_tests.acts.planted_source import billing_row, history_row, invoice_row, subscription_row, user_row
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.conftest import NOW, database

PARTNER, ORDER = 11, 21
JUNE = invoice_row("i-6", "50", "2026-06-01", "2026-07-01")


@pytest.fixture(scope="module")
def store_url(postgres_url: str, store_template: str) -> Iterator[str]:
    """A store that all tests here share; each leaves nothing in it."""
    with database(postgres_url, template=store_template) as url:
        yield url


@pytest.fixture
def conn(store_url: str) -> Iterator[Connection]:
    with Database(store_url).transaction() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def service() -> Service:
    return a_service("shop", first_period="2026-01")


def an_order(partner_id: int = PARTNER, order_id: int = ORDER) -> OrderNow:
    nothing = money("0 CAD")
    return OrderNow(
        odoo_id=order_id,
        name=f"S000{order_id}",
        state="draft",
        is_locked=False,
        invoices=(),
        partner_id=partner_id,
        currency="CAD",
        net=nothing,
        tax=nothing,
        gross=nothing,
    )


SEEN = OdooSeen(orders={"s-1": an_order(), "s-2": an_order(order_id=22)})


def link(conn: Connection, service: Service, **users: int) -> None:
    found = [
        AccountLink(external_user_id=user.replace("_", "-"), state=LinkState.LINKED, odoo_id=partner, reason="said")
        for user, partner in users.items()
    ]
    partners.put_links(conn, service.code, found, NOW)


def plan(
    conn: Connection,
    service: Service,
    *asked_for: str,
    not_before: str = "2026-07",
    final: Biller = Biller.SOURCE,
    seen: OdooSeen = SEEN,
    now: datetime = NOW,
) -> FlipPlan:
    link(conn, service, u_1=PARTNER)
    wanted = Wanted(asked_for=asked_for or ("s-1",), not_before=not_before, final_usage=final)
    return planned(conn, service, wanted, seen, taxes=TAXES, settings_hash="h", now=now)


def the_one(found: FlipPlan) -> SubscriptionPlan:
    (one,) = found.subscriptions
    return one


def flat(found: FlipPlan) -> ChargePlan:
    return the_one(found).charges[0]


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
    moved = subscription_row(external_user_id="u-2" if since < "2026-07" else "u-1")
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


def test_what_a_person_attests_is_where_it_is_billed_up_to(conn: Connection, service: Service) -> None:
    lump = invoice_row("i-6", "50", None, None)
    source.keep(conn, service.code, invoices=[lump])
    assert flat(plan(conn, service)).proof is Proof.UNPROVED
    for statement_id, value, expires in (("T-1", "2026-08-01", 40), ("T-2", "2026-07-01", 9), ("T-3", "July", 9)):
        _attest(conn, service, statement_id, value, expires)
    charge = flat(plan(conn, service))
    assert (charge.boundary, charge.proof, charge.reference) == (day("2026-07-01"), Proof.SIGNED, "T-2")
    later = flat(plan(conn, service, now=NOW + timedelta(days=10)))
    assert (later.boundary, later.reference) == (day("2026-08-01"), "T-1")
    assert flat(plan(conn, service, now=NOW + timedelta(days=41))).proof is Proof.UNPROVED


def _attest(conn: Connection, service: Service, statement_id: str, value: str, days: int) -> None:
    made_at = NOW - timedelta(minutes=10 - int(statement_id[2:]))
    one = Attestation(
        attestation_id=statement_id,
        statement=Statement.PAID_THROUGH,
        subject="s-1/flat",
        value=value,
        text="as the desk has it",
        author="ada",
        made_at=made_at,
        expires_at=made_at + timedelta(days=days),
    )
    attestations.add(conn, service.code, one)


@pytest.mark.parametrize(
    ("changes", "note", "has_charges"),
    [
        ({"plans": [source.plan_row(price_monthly=None)]}, "unplanned: plan p-1 (Basic) has no monthly price", False),
        ({"plans": []}, "unplanned: its plan is missing from the snapshot, or bad there", False),
        ({"plans": [source.plan_row(valid_from=None)]}, "term_unknown_at", True),
        ({"users": [user_row(state="BC")]}, "tax_undecided", True),
    ],
)
def test_what_cannot_be_planned_says_why_and_guesses_no_amount(
    conn: Connection, service: Service, changes: dict[str, Any], note: str, has_charges: bool
) -> None:
    source.keep(conn, service.code, invoices=[JUNE], **changes)
    found = the_one(plan(conn, service))
    assert bool(found.charges) is has_charges
    said = (*found.notes, *(each for charge in found.charges for each in charge.notes))
    assert any(each.startswith(note) for each in said), said
    assert all(None in {charge.first_net, charge.first_tax} for charge in found.charges)


@pytest.mark.parametrize(
    ("seen", "note"),
    [
        (OdooSeen(), "no_order"),
        (OdooSeen(orders={"s-1": an_order(99)}), "other_partner: order S00021 is of partner 99 in Odoo, and should be of 11"),
        (
            OdooSeen(
                orders=SEEN.orders,
                can_charge=True,
                tokens={PARTNER: (Token(odoo_id=5, label="a"), Token(odoo_id=4, label="b"))},
            ),
            "several_tokens",
        ),
    ],
)
def test_what_odoo_lacks_is_noted(conn: Connection, service: Service, seen: OdooSeen, note: str) -> None:
    source.keep(conn, service.code, invoices=[JUNE])
    found = the_one(plan(conn, service, seen=seen))
    assert [each for each in found.notes if each.startswith(note)]
    assert found.token_id is None


@pytest.mark.parametrize(("can_charge", "token"), [(True, 5), (False, None)])
def test_a_single_token_is_taken_where_orders_can_have_one(
    conn: Connection, service: Service, can_charge: bool, token: int | None
) -> None:
    source.keep(conn, service.code, invoices=[JUNE])
    seen = OdooSeen(orders=SEEN.orders, can_charge=can_charge, tokens={PARTNER: (Token(odoo_id=5, label="a"),)})
    assert the_one(plan(conn, service, seen=seen)).token_id == token


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


def test_an_internal_account_needs_no_flip(conn: Connection, service: Service) -> None:
    source.keep(conn, service.code, users=[user_row(is_internal=True)])
    with pytest.raises(InvalidInput, match="s-1 needs no flip: its customer is an internal account"):
        plan(conn, service)


@pytest.mark.parametrize(
    ("error", "given", "said"),
    [
        (InvalidInput, {"not_before": "2025-12"}, "before 2026-01, the first in scope"),
        (InvalidInput, {"not_before": "July"}, "is not a period"),
    ],
)
def test_a_month_out_of_scope_is_refused(
    conn: Connection, service: Service, error: type[Exception], given: dict[str, Any], said: str
) -> None:
    source.keep(conn, service.code)
    with pytest.raises(error, match=said):
        plan(conn, service, **given)


def test_without_a_snapshot_nothing_is_planned(conn: Connection, service: Service) -> None:
    with pytest.raises(RuleViolation, match="there is no snapshot of shop yet"):
        plan(conn, service)


def test_odoo_is_asked_for_the_orders_of_the_cohort_alone(chain: Chain) -> None:
    """Against each Odoo: an order is ours by its external id, wherever our store remembers it to be."""
    code = chain.service.code
    mail = {"external_user_id": "u-2", "email": f"u-2@{code}.example"}
    with chain.db.transaction() as conn:
        conn.execute("DELETE FROM source_snapshot")
        snapshot_id = source.keep(
            conn,
            code,
            users=[user_row(email=f"u-1@{code}.example"), user_row(**mail)],
            subscriptions=[subscription_row(), subscription_row("s-2"), subscription_row("s-3", external_user_id="u-2")],
        )
        records = load(conn, snapshot_id, chain.service)
    chain.all(records)
    wanted = Wanted(asked_for=("s-1",), not_before="2026-07")
    seen = odoo_seen(chain.db, chain.odoo, chain.service, wanted, NOW)
    assert sorted(seen.orders) == ["s-1", "s-2"]
    assert {order.state for order in seen.orders.values()} == {"draft"}
    gone = seen.orders["s-2"].odoo_id
    with chain.db.transaction() as conn:
        conn.execute("UPDATE odoo_record SET odoo_id = %s WHERE source_id = 's-1' AND entity = 'subscription'", [gone])
    assert list(odoo_seen(chain.db, chain.odoo, chain.service, wanted, datetime.now(UTC)).orders) == ["s-2"]
