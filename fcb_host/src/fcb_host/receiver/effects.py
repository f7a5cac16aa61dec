"""Effects: what a message means for a deployment, as one pure function from where it stands to where it goes.

Owns: the states, the acts, when each is right. Does not own: storage (deployments), calling the host (acting), the clock.

    active <-> suspended        by unpaid invoices
    active, suspended -> ended  by subscription.terminated; back by an operator who withdraws it
    ended -> deprovisioned      after the grace period, once a named person confirmed it; final

What is said of an invoice counts by its latest sequence, and a deployment is suspended exactly while an invoice is due: so the
end is the same in whatever order messages come. A message is stale once a later one of the same subscription on the same
invoice, or on its end, is known; one on another invoice makes it not stale, because none may tell of that invoice again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from fcb_host.receiver.messages import Message, Type


class State(str, Enum):
    """Where a deployment stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"
    """Its subscription was terminated; it is kept until the grace period is over and a person confirms."""
    DEPROVISIONED = "deprovisioned"


class Act(str, Enum):
    """What the host is asked to do."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    DEPROVISION = "deprovision"


class Outcome(str, Enum):
    """What becomes of the message."""

    DONE = "done"
    PENDING = "pending"
    """A termination that waits for its grace period and a person."""
    REFUSED = "refused"
    """It asks for what is not possible any more; shown to people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaid:
    """What was not paid when the last message on it was sent."""

    subscription: str
    subject: str
    """Its invoice, or the charge of what has none."""
    sequence: int
    """Of that message."""
    words: str
    """What people call it."""
    is_due: bool
    """Whether it is a reason to suspend: past its grace, or failed for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a deployment that is not carried out yet."""

    message_id: str
    """Of the termination."""
    until: datetime
    """The end of the grace period: nobody can confirm before."""
    returns_to: State
    """Where the deployment stands again when the termination is withdrawn."""
    confirmed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment as the messages so far have it."""

    deployment_id: str
    state: State = State.ACTIVE
    unpaid: frozenset[Unpaid] = frozenset()
    end: End | None = None
    begun: Act | None = None
    """What the host was to do and may have done, though nobody heard that it was done. It is done again, or its opposite is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where the deployment goes, and what the host has to do for it; nothing where `act` is None."""

    deployment: Deployment
    act: Act | None = None
    outcome: Outcome = Outcome.DONE
    why: str


def decide(before: Deployment, message: Message, *, now: datetime, grace: timedelta) -> Decision:
    """What one message changes; deciding the same again changes nothing. Stale messages do not come here.

    `grace` is how long an ended deployment is kept before a person can confirm.
    """
    if message.type is Type.TERMINATED:
        return _terminated(before, message, now, grace)
    after = replace(before, unpaid=_unpaid(before, message, now))
    if after.state is State.DEPROVISIONED and message.type is Type.PAYMENT_SUCCEEDED:
        paid = f"{message.invoice or message.subscription} ({message.amount})"
        why = f"{paid} was paid, but the deployment is deprovisioned, which is final: see to the customer"
        return Decision(deployment=after, outcome=Outcome.REFUSED, why=why)
    return _settled(after, message)


def carried_through(before: Deployment, message: Message) -> Decision | None:
    """What a stale message still has to do: a restore that was begun and is still wanted. It says nothing new itself.

    None where there is none. A suspension that was begun is not among it: later messages find what is due there, and decide.
    """
    if message.type is Type.TERMINATED or before.begun is not Act.RESTORE:
        return None
    decision = _settled(before, message)
    return decision if decision.act is Act.RESTORE else None


def let_go(before: Deployment, message: Message) -> Deployment:
    """The deployment without what the message has the last word on, which is held against another one from now on."""
    return replace(before, unpaid=_others(before, message))


def _others(before: Deployment, message: Message) -> frozenset[Unpaid]:
    return frozenset(each for each in before.unpaid if not _is_settled(each, message))


def _unpaid(before: Deployment, message: Message, now: datetime) -> frozenset[Unpaid]:
    others = set(_others(before, message))
    if message.is_open:
        is_past = message.grace_until is not None and now >= message.grace_until
        words = f"{message.invoice or message.subscription} ({message.amount})"
        others.add(
            Unpaid(
                subscription=message.subscription,
                subject=message.subject,
                sequence=message.sequence,
                words=words,
                is_due=message.is_final or is_past,
            )
        )
    return frozenset(others)


def _is_settled(one: Unpaid, message: Message) -> bool:
    """Whether the message has the last word on it."""
    is_about = one.subscription == message.subscription and one.subject in message.settles
    return is_about and one.sequence <= message.sequence


def _settled(after: Deployment, message: Message) -> Decision:
    """Suspended exactly while something is due, as long as it has not ended."""
    due = sorted(each.words for each in after.unpaid if each.is_due)
    wanted = State.SUSPENDED if due else State.ACTIVE
    if after.state in {State.ENDED, State.DEPROVISIONED} or (after.state is wanted and after.begun is None):
        return Decision(deployment=after, why=_noted(after, due, message))
    there = replace(after, state=wanted, begun=None)
    if wanted is State.ACTIVE:
        return Decision(deployment=there, act=Act.RESTORE, why="nothing is due any more")
    return Decision(deployment=there, act=Act.SUSPEND, why=f"unpaid: {', '.join(due)}")


def _noted(after: Deployment, due: list[str], message: Message) -> str:
    """Why nothing is to be done."""
    if after.state in {State.ENDED, State.DEPROVISIONED}:
        return f"noted; the deployment is {after.state.value}"
    if due:
        return f"noted; suspended already, unpaid: {', '.join(due)}"
    return "noted; not due yet" if message.is_open else "noted; nothing is due"


def _terminated(before: Deployment, message: Message, now: datetime, grace: timedelta) -> Decision:
    if before.state is State.DEPROVISIONED:
        return Decision(deployment=before, why="noted; the deployment is deprovisioned")
    until = max(now, message.ended_at or now) + grace
    if before.end is None:
        end = End(message_id=message.message_id, until=until, returns_to=before.state)
        ended = replace(before, state=State.ENDED, end=end)
        return Decision(deployment=ended, outcome=Outcome.PENDING, why=_awaited(end))
    if before.end.message_id != message.message_id:
        return _ended_again(before, before.end, until)
    if before.end.confirmed_by is None or now < before.end.until:
        return Decision(deployment=before, outcome=Outcome.PENDING, why=_awaited(before.end))
    gone = replace(before, state=State.DEPROVISIONED, end=None, begun=None)
    return Decision(deployment=gone, act=Act.DEPROVISION, why=f"its subscription ended; confirmed by {before.end.confirmed_by}")


def _ended_again(before: Deployment, end: End, until: datetime) -> Decision:
    """Another word on an end, of another subscription or moment: the deployment is kept longer for it, never shorter."""
    kept = end if end.confirmed_by else replace(end, until=max(end.until, until))
    return Decision(deployment=replace(before, end=kept), why="noted; the deployment has ended already")


def _awaited(end: End) -> str:
    return f"kept until {end.until:%Y-%m-%d %H:%M} UTC, and then until a person confirms"
