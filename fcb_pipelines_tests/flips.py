"""Plans of a flip and entries of its journal with defaults: a test names only what it is about."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip import Entry, Phase, Step
from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, LastBill, Proof, SubscriptionPlan, TermEnd
from fcb_pipelines.domain.money import money
from fcb_pipelines.store import flips
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.builders import day

NOW = datetime(2026, 7, 1, 14, tzinfo=UTC)
FLIP_ID = "F-0123456789ab"


def a_charge(**changes: Any) -> ChargePlan:
    """The flat price, billed by the source until July."""
    values: dict[str, Any] = {
        "charge": "flat",
        "boundary": day("2026-07-01"),
        "proof": Proof.INVOICE_LINE,
        "reference": "i9/1",
        "final_from": None,
        "final_biller": Biller.SOURCE,
        "first_to": day("2026-08-01"),
        "first_due": day("2026-07-01"),
        "first_net": money("19.99 CAD"),
        "first_tax": money("2.60 CAD"),
        "last_bill": LastBill(
            line_key="i9/1", service_from=day("2026-06-01"), service_to=day("2026-07-01"), net=money("19.99 CAD")
        ),
    }
    return ChargePlan(**values | changes)


def a_term() -> TermEnd:
    return TermEnd(kind="coupon", ends_at=day("2026-09-01"), reference="coupon/1", net_after=money("19.99 CAD"))


def a_subscription(subscription_id: str = "s1", **changes: Any) -> SubscriptionPlan:
    values: dict[str, Any] = {
        "external_subscription_id": subscription_id,
        "external_user_id": "u1",
        "customer": "Ada Lovelace",
        "plan_name": "Basic",
        "months": 1,
        "partner_id": 11,
        "order_id": 21,
        "order_name": "S00021",
        "next_invoice_on": date(2026, 7, 1),
        "charges": (a_charge(),),
    }
    return SubscriptionPlan(**values | changes)


def a_plan(*subscriptions: SubscriptionPlan, **changes: Any) -> FlipPlan:
    values: dict[str, Any] = {
        "service": "shop",
        "not_before": "2026-07",
        "asked_for": ("u1",),
        "drawn_in": {},
        "subscriptions": subscriptions or (a_subscription(),),
        "snapshot_id": 1,
        "settings_hash": "0" * 64,
        "rule_version": "1",
        "made_at": NOW,
    }
    return FlipPlan(**values | changes)


def an_entry(step: Step, phase: Phase, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "flip_id": FLIP_ID,
        "external_subscription_id": "s1",
        "step": step,
        "phase": phase,
        "at": NOW,
        "actor": "ada",
        "data": {},
    }
    return Entry(**values | changes)


def written(*words: tuple[Step, Phase], **changes: Any) -> tuple[Entry, ...]:
    """Entries a second apart."""
    return tuple(an_entry(step, phase, at=NOW + timedelta(seconds=n), **changes) for n, (step, phase) in enumerate(words))


def done(steps: Iterable[Step]) -> list[tuple[Step, Phase]]:
    """Each step from its beginning to its end."""
    return [(step, phase) for step in steps for phase in (Phase.BEFORE, Phase.AFTER)]


def keep(conn: Connection, plan: FlipPlan, flip_id: str = FLIP_ID) -> StoredFlip:
    """Store a plan under an id, as somebody planned it."""
    flip = StoredFlip(flip_id=flip_id, service=plan.service, plan=plan, plan_hash="h", planned_at=NOW, planned_by="ada")
    assert flips.add(conn, flip)
    return flip
