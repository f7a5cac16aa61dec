"""A subscription that is live in our store, as a flip leaves it: its plan, the journal up to the preview, Odoo's claims."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip import STEPS, Entry, Part, Phase, Step
from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, Proof, SubscriptionPlan
from fcb_pipelines.store import flips, journal
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.flips import StoredFlip

FLIPPED_AT = datetime(2026, 4, 30, 12, 0, tzinfo=UTC)


def charge_plan(charge: str, boundary: datetime) -> ChargePlan:
    """A charge that the source billed up to its boundary."""
    return ChargePlan(
        charge=charge,
        boundary=boundary,
        proof=Proof.INVOICE_LINE,
        reference="in_1/1",
        final_from=None,
        final_biller=Biller.SOURCE,
        first_to=boundary + timedelta(days=31),
        first_due=boundary,
        first_net=None,
        first_tax=None,
        last_bill=None,
    )


def flip_plan(service: str, subscription: str, boundaries: Mapping[str, datetime], user: str = "1") -> FlipPlan:
    """The plan of one subscription."""
    return FlipPlan(
        service=service,
        not_before="2026-05",
        asked_for=(subscription,),
        drawn_in={},
        subscriptions=(
            SubscriptionPlan(
                external_subscription_id=subscription,
                external_user_id=user,
                customer="Ada",
                plan_name="Small",
                months=1,
                partner_id=None,
                order_id=None,
                order_name="",
                next_invoice_on=date(2026, 5, 1),
                charges=tuple(charge_plan(charge, boundary) for charge, boundary in boundaries.items()),
            ),
        ),
        snapshot_id=1,
        settings_hash="rules",
        rule_version="3",
        made_at=FLIPPED_AT,
    )


def go_live(
    db: Database,
    service: str,
    subscription: str,
    boundaries: Mapping[str, datetime],
    *,
    flip_id: str = "F-1",
    until: Step = Step.PREVIEWED,
    at: datetime = FLIPPED_AT,
) -> None:
    """Note every step of a flip up to one as done."""
    steps = STEPS[Part.FLIP]
    plan = flip_plan(service, subscription, boundaries)
    stored = StoredFlip(flip_id=flip_id, service=service, plan=plan, plan_hash=flip_id, planned_at=at, planned_by="ada")
    with db.transaction() as conn:
        flips.add(conn, stored)
        journal.append(conn, service, *_entries(flip_id, subscription, steps[: steps.index(until) + 1], at))


def go_back(db: Database, service: str, subscription: str, *, flip_id: str = "F-1") -> None:
    """Note every step of an unflip as done."""
    note(db, service, subscription, *STEPS[Part.UNFLIP], flip_id=flip_id)


def note(db: Database, service: str, subscription: str, *steps: Step, flip_id: str = "F-1") -> None:
    """Note steps as done."""
    with db.transaction() as conn:
        journal.append(conn, service, *_entries(flip_id, subscription, steps, FLIPPED_AT))


def _entries(flip_id: str, subscription: str, steps: tuple[Step, ...], at: datetime) -> list[Entry]:
    return [
        Entry(flip_id=flip_id, external_subscription_id=subscription, step=step, phase=phase, at=at, actor="ada", data={})
        for step in steps
        for phase in (Phase.BEFORE, Phase.AFTER)
    ]
