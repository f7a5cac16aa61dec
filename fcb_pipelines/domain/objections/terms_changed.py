"""Terms changed: planned now, the same cohort would not come out as it was planned, shown and armed."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, SubscriptionPlan
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, of_charge, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_AGAIN = "plan the cohort anew (fcb flip --cohort … --not-before …), and arm that"
_NOT_TERMS = frozenset({"subscriptions", "snapshot_id", "made_at", "asked_for"})
_DRAWN_IN = "drawn_in"

Change = tuple[str, str]
"""Scope, and what changed in words."""


def _find(facts: GateFacts) -> Iterator[Objection]:
    if facts.plan is None or not facts.not_begun:
        return
    if isinstance(facts.replanned, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.replanned, "whether it would be planned alike now", _AGAIN)
        return
    for scope, words in changes(facts.plan, facts.replanned, facts.under_way):
        yield Objection(id=KIND.id, scope=scope, klass=Class.PROVEN, words=words, since=facts.plan.made_at, what_to_do=_AGAIN)


def changes(planned: FlipPlan, again: FlipPlan, under_way: frozenset[str] = frozenset()) -> Iterator[Change]:
    """Where two plans of one cohort differ, but for when and of which snapshot they were made, and for what has begun."""
    names = _NOT_TERMS | {_DRAWN_IN} if under_way else _NOT_TERMS
    yield from ((SERVICE, words) for words in _fields(planned, again, names))
    before, after = ({one.external_subscription_id: one for one in plan.subscriptions} for plan in (planned, again))
    for key in sorted((before.keys() | after.keys()) - under_way):
        if key in before and key in after:
            yield from _of_subscription(before[key], after[key])
        else:
            yield key, "it belongs to the cohort no more" if key in before else "it belongs to the cohort now"


def _of_subscription(before: SubscriptionPlan, after: SubscriptionPlan) -> Iterator[Change]:
    key = before.external_subscription_id
    yield from ((key, words) for words in _fields(before, after, frozenset({"charges"})))
    old, new = ({one.charge: one for one in plan.charges} for plan in (before, after))
    for charge in sorted(old.keys() | new.keys()):
        yield from ((of_charge(key, charge), words) for words in _of_charge(old.get(charge), new.get(charge)))


def _of_charge(before: ChargePlan | None, after: ChargePlan | None) -> Iterator[str]:
    if before is None or after is None:
        yield "there is no such charge any more" if after is None else "there is such a charge now"
    else:
        yield from _fields(before, after, frozenset())


def _fields(before: Any, after: Any, but: frozenset[str]) -> Iterator[str]:
    for name in (field.name for field in fields(before) if field.name not in but):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name.replace('_', ' ')} was {_shown(old)} and is {_shown(new)}"


def _shown(value: object) -> str:
    return "none" if value is None or value == () else str(value)


KIND = Kind(
    id="terms_changed",
    asks="whether the cohort, planned now, comes out as it was planned",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a new plan",
    find=_find,
    needs_plan=True,
)
