"""What cannot be planned of a flip is said and not guessed, and what only a person or Odoo knows is asked of them."""

from datetime import timedelta
from typing import Any

import pytest

from fcb_pipelines.acts.flip_plan import Wanted, odoo_seen
from fcb_pipelines.acts.flip_planner import OdooSeen
from fcb_pipelines.acts.source import load
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip_plans import Proof
from fcb_pipelines.odoo.order_now import Token
from fcb_pipelines.services import Service
from fcb_pipelines.store import attestations
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.acts import planted_source as source
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.planning import JUNE, PARTNER, SEEN, an_order, flat, plan, the_one
from fcb_pipelines_tests.acts.planted_source import invoice_row, subscription_row, user_row
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.conftest import NOW


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    """A store that all tests here share; each leaves nothing in it."""
    return rolled_back


@pytest.fixture(scope="module")
def service() -> Service:
    return a_service("shop", first_period="2026-01")


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
    first = seen.orders["s-1"].odoo_id
    with chain.db.transaction() as conn:
        conn.execute("UPDATE odoo_record SET odoo_id = %s WHERE source_id = 's-2' AND entity = 'subscription'", [first])
    assert list(odoo_seen(chain.db, chain.odoo, chain.service, wanted, NOW).orders) == ["s-1"]
