"""Arming a part of a flip: a named person types its count and amounts; above the limit a second one types the same.

Owns: the acts `arm` and `approve`, each in the audit log, and `require_armed` for the acts that follow. Does not own: what must
be typed and who may approve (domain/arming), what stands against the flip (gate): that is asked when it is done, not now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.acceptances import Signature, person
from fcb_pipelines.domain.arming import Arming, Stake, over_limit, require_as_planned, why_not_approve
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip import Part, course
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.records_json import as_json
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit, journal
from fcb_pipelines.store import flips as store
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody typed to arm a part of a flip, or to stand behind it."""

    flip_id: str
    part: Part
    person: str
    count: int
    amounts: Mapping[str, Decimal]
    secret_made_by: str | None = None
    """Who made the secret that it is signed with; None where a login name is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """What was armed."""

    arming: Arming
    over: tuple[str, ...]
    """Why a second person must approve it; empty where nobody must."""


def stake(plan: FlipPlan) -> Stake:
    """What a plan takes live, or charges: its subscriptions, and by currency what Odoo's first invoices come to, net."""
    amounts = {code: amount.amount for code, amount in plan.totals.items()}
    is_all_known = all(one.first_net is not None for one in plan.subscriptions)
    return Stake(count=len(plan.subscriptions), amounts=amounts, is_all_known=is_all_known)


def arm(conn: Connection, service: Service, typed: Typed, now: datetime, *, planned: Stake | None = None) -> Armed:
    """Arm a part of a flip; it holds for the hours of fcb.toml. `planned` is what an unflip would credit, else it is the plan.

    Raises `InvalidInput` where what was typed is not what is planned; `RuleViolation` where the flip is at its end or being
    taken back, or one of its subscriptions is in another flip that is armed or under way, or took it live. Nothing of that
    stands against the way back.
    """
    if not person(typed.person):
        raise InvalidInput("an arming needs the name of who makes it")
    store.lock(conn, service.code)
    there = held(conn, service, typed.flip_id)
    if typed.part is not Part.UNFLIP:
        _require_forth(conn, there, now)
    meant = stake(there.plan) if planned is None else planned
    require_as_planned(Stake(count=typed.count, amounts=typed.amounts), meant)
    over = over_limit(meant, service.flip.limit)
    made = store.arm(conn, _drafted(service, typed, meant, now, needs_approval=bool(over)))
    data = {"count": meant.count, "amounts": as_json(meant.amounts), "over_limit": list(over)}
    more = {"secret_made_by": typed.secret_made_by, "expires_at": made.expires_at.astimezone(UTC).isoformat()}
    _note(conn, (there, made), Signature(person=typed.person, at=now), Act.FLIP_ARMED, {**data, **more})
    return Armed(arming=made, over=over)


def approve(conn: Connection, service: Service, typed: Typed, now: datetime) -> Arming:
    """Stand behind what somebody else armed last of a part; the approver types what they mean, as the first person did.

    Raises `InvalidInput` where nothing of that part waits for it or another thing was armed, `RuleViolation` where the approver
    may not.
    """
    store.lock(conn, service.code)
    there = held(conn, service, typed.flip_id)
    arming = next((one for one in reversed(store.armings(conn, typed.flip_id)) if one.part is typed.part), None)
    if arming is None or arming.is_approved or not arming.armed_at <= now < arming.expires_at:
        what = f"the {typed.part} of {typed.flip_id}"
        raise InvalidInput(f"{what} waits for nobody's approval:  fcb journal {typed.flip_id}  shows what was armed")
    require_as_planned(Stake(count=typed.count, amounts=typed.amounts), arming.stake)
    if why_not := why_not_approve(arming, typed.person, typed.secret_made_by):
        raise RuleViolation(why_not)
    approval = Signature(person=typed.person, at=now)
    store.approve(conn, arming.arming_id, approval)
    _note(conn, (there, arming), approval, Act.FLIP_APPROVED, {"armed_by": arming.person})
    return replace(arming, approval=approval)


def require_armed(conn: Connection, flip: StoredFlip, part: Part, now: datetime, *, planned: Stake | None = None) -> Arming:
    """The arming that a part of a flip is done under; raises `RuleViolation` where none holds, or another thing was armed."""
    meant = stake(flip.plan) if planned is None else planned
    found = [one for one in store.armings(conn, flip.flip_id) if one.part is part]
    how = f"fcb arm {flip.flip_id} --act {part} --count N --amount …"
    if not found:
        raise RuleViolation(f"nobody armed the {part} of {flip.flip_id}:  {how}")
    last = found[-1]
    if why_not := last.why_not(now):
        raise RuleViolation(f"the {part} of {flip.flip_id} is not armed: {why_not}")
    if (last.stake.count, last.stake.amounts) != (meant.count, meant.amounts):
        raise RuleViolation(f"{last.person} armed {last.stake}, and now it would be {meant}: look at it again, then  {how}")
    return last


def held(conn: Connection, service: Service, flip_id: str) -> StoredFlip:
    """A flip, kept from others until the transaction ends; raises `InvalidInput` where there is none."""
    there = store.flip(conn, service.code, flip_id, is_held=True)
    if there is None:
        raise InvalidInput(f"{service.code} has no flip {flip_id!r}:  fcb flip --list  shows them")
    return there


def require_free(conn: Connection, flip: StoredFlip, now: datetime) -> None:
    """Raise `RuleViolation` where a subscription is in another flip that is armed or under way."""
    if others := store.elsewhere(conn, flip.service, flip.flip_id, flip.subscriptions, now):
        said = ", ".join(f"{subscription} in {other}" for subscription, other in others)
        raise RuleViolation(f"a subscription is in one flip at a time: {said}. Complete that or  fcb unflip  it first")


def _require_forth(conn: Connection, flip: StoredFlip, now: datetime) -> None:
    """Raise `RuleViolation` unless a flip can go on; whether its subscriptions may is asked by the gate when they are to."""
    if flip.ended_at is not None:
        raise RuleViolation(f"{flip.flip_id} is at its end: plan anew with  fcb flip --cohort …")
    if any(course(entries).is_going_back for entries in journal.of_flip(conn, flip.flip_id).values()):
        raise RuleViolation(f"{flip.flip_id} is being taken back: end its unflip, then plan anew with  fcb flip --cohort …")
    require_free(conn, flip, now)
    live = store.live_subscriptions(conn, flip.service)
    if others := [one for one in flip.subscriptions if one in live and live[one].flip_id != flip.flip_id]:
        said = ", ".join(f"{one} by {live[one].flip_id}" for one in others)
        raise RuleViolation(f"another flip took it live already: {said}. Plan without it, or  fcb unflip  that one first")


def _drafted(service: Service, typed: Typed, meant: Stake, now: datetime, *, needs_approval: bool) -> Arming:
    return Arming(
        arming_id=0,
        flip_id=typed.flip_id,
        part=typed.part,
        person=typed.person,
        secret_made_by=typed.secret_made_by,
        stake=meant,
        armed_at=now,
        expires_at=now + timedelta(hours=service.flip.arm_hours),
        needs_approval=needs_approval,
    )


def _note(conn: Connection, signed: tuple[StoredFlip, Arming], signature: Signature, act: Act, data: Mapping[str, Any]) -> None:
    flip, arming = signed
    entry = AuditEntry(
        at=signature.at.astimezone(UTC),
        actor=signature.person,
        act=act,
        service=flip.service,
        subject=flip.flip_id,
        data={"arming": arming.arming_id, "part": arming.part.value, **data},
    )
    audit.append_audit(conn, entry)
