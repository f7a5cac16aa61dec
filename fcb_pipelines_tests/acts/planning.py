"""Planning as tests do it: whom, from when on, and what Odoo said of them."""

from datetime import datetime

from fcb_pipelines.acts.flip_plan import Wanted, planned
from fcb_pipelines.acts.flip_planner import OdooSeen
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, SubscriptionPlan
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.odoo.order_now import OrderNow
from fcb_pipelines.services import Service
from fcb_pipelines.store import partners
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.acts.chain import TAXES
from fcb_pipelines_tests.acts.planted_source import invoice_row
from fcb_pipelines_tests.conftest import NOW

PARTNER, ORDER = 11, 21
JUNE = invoice_row("i-6", "50", "2026-06-01", "2026-07-01")


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
