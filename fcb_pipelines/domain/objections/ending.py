"""Ending: the subscription has ended, or ends before Odoo's first range is over, so that Odoo would bill too much."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.boundaries import ENDED
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown, SourceSubscription

_RUNS = frozenset({"active", "trialing", "trial", "past_due", "unpaid"})
_ENDED = frozenset({"cancelled", "canceled", "ended", "expired", "incomplete_expired", "terminated", "deleted", "closed"})
_DO = "leave it with the source until it ends: plan the cohort without it"


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in facts.planned:
        key = one.external_subscription_id
        seen = facts.subscriptions.get(key)
        if seen is None:
            yield _objection(key, "it is not in the newest snapshot of the source")
            continue
        if words := _proven(one, seen):
            yield _objection(key, words)
        elif facts.attested(Statement.NOT_ENDING, key) is None:
            yield from _untold(facts, key, seen)


def _proven(one: SubscriptionPlan, seen: SourceSubscription) -> str:
    """Why it is known to end too early; empty where it is not."""
    limit = max(charge.first_to for charge in one.charges) if one.charges else None
    cancel_at = None if isinstance(seen.billing, NotKnown) else seen.billing.cancel_at
    for what, moment in (("it ended or ends", seen.ended_at), ("it is cancelled as", cancel_at)):
        if moment is not None and (limit is None or moment <= limit):
            return f"{what} of {moment:%Y-%m-%d}, before Odoo's first range is over"
    for note in (note for charge in one.charges for note in charge.notes if note.startswith(ENDED)):
        return note.partition(": ")[2]
    return f"the source says that it is {seen.status}" if seen.status in _ENDED else ""


def _untold(facts: GateFacts, key: str, seen: SourceSubscription) -> Iterator[Objection]:
    do = to_attest(facts, Statement.NOT_ENDING, key)
    said = lapsed(facts, Statement.NOT_ENDING, key)
    if isinstance(seen.billing, NotKnown):
        yield undecidable(KIND.id, key, seen.billing, "whether it was cancelled for later", do)
    elif seen.status not in _RUNS:
        lacking = NotKnown(f"what {seen.status!r} means of a subscription, or a signature{said}")
        yield undecidable(KIND.id, key, lacking, "whether it goes on", do)


def _objection(subscription: str, words: str) -> Objection:
    return Objection(id=KIND.id, scope=subscription, klass=Class.PROVEN, words=words, what_to_do=_DO)


KIND = Kind(
    id="ending",
    asks="whether a subscription has ended, or ends by the end of Odoo's first range",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="planning without it; where the source cannot say, NOT_ENDING of the subscription",
    find=_find,
    needs_plan=True,
)
