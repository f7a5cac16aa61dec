"""Operating: what a person sees of the receiver and decides.

Owns: confirming and withdrawing an end, releasing what a cap held, dismissing what was looked at, forgetting, the status.
Functions take a transaction; the caller owns it. Does not own: acting on it (acting), the command line (command).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fcb_host.errors import NotPossible
from fcb_host.receiver import deployments, inbox
from fcb_host.receiver.effects import Act, Deployment, End, State
from fcb_host.receiver.inbox import FOR_A_PERSON, Standing
from fcb_host.receiver.storage import Transaction, milliseconds, moment

LEAST_KEPT = timedelta(days=90)
"""An id is remembered at least so long: attempts go on for 75 hours, and what failed may be sent again weeks later."""

_OF_END = "UPDATE fcb_receiver_message SET standing = :standing, why = :why, due_at = :now, ended_at = :ended_at"
_BY_ID = " WHERE message_id = :message_id AND deployment = :deployment"
_LAST_PAYMENT = """
    UPDATE fcb_receiver_message SET standing = 'waiting', due_at = :now, ended_at = NULL
     WHERE number = (SELECT max(number) FROM fcb_receiver_message
                      WHERE deployment = :deployment AND subject <> 'end' AND standing = 'done'
                        AND NOT EXISTS (SELECT 1 FROM fcb_receiver_heard AS heard
                                         WHERE heard.source = fcb_receiver_message.source
                                           AND heard.subscription = fcb_receiver_message.subscription
                                           AND heard.subject = fcb_receiver_message.subject
                                           AND heard.sequence > fcb_receiver_message.sequence))
"""
_LAST_WORD = """
    UPDATE fcb_receiver_message SET standing = 'waiting', due_at = :now, ended_at = NULL
     WHERE number = (SELECT max(number) FROM fcb_receiver_message
                      WHERE deployment = :deployment AND subject <> 'end' AND standing IN ('done', 'stale'))
"""
_RELEASE = "UPDATE fcb_receiver_message SET standing = 'waiting', due_at = :now, released_by = :who WHERE number = :number"
_DISMISS = """
    UPDATE fcb_receiver_message SET standing = 'done', why = :why, ended_at = :now
     WHERE number = :number AND standing IN ('parked', 'unreadable', 'refused')
"""
_CONFLICT_SEEN = """
    UPDATE fcb_receiver_repetition SET body = NULL
     WHERE body IS NOT NULL
       AND (source, message_id) IN (SELECT source, message_id FROM fcb_receiver_message WHERE number = :number)
"""
_CONFLICTS = """
    SELECT message.number FROM fcb_receiver_repetition AS again JOIN fcb_receiver_message AS message
        ON message.source = again.source AND message.message_id = again.message_id
     WHERE again.body IS NOT NULL ORDER BY 1
"""
_FORGET = """
    DELETE FROM fcb_receiver_message
     WHERE standing NOT IN ('waiting', 'held', 'pending') AND received_at < :before AND coalesce(ended_at, 0) < :before
       AND NOT EXISTS (SELECT 1 FROM fcb_receiver_repetition AS again
                        WHERE again.source = fcb_receiver_message.source
                          AND again.message_id = fcb_receiver_message.message_id AND again.last_at >= :before)
       AND number NOT IN (
           SELECT max(word.number)
             FROM fcb_receiver_message AS word JOIN fcb_receiver_deployment AS at ON at.deployment = word.deployment
            WHERE at.state IN ('suspended', 'ended') AND word.subject <> 'end' AND word.standing IN ('done', 'stale')
            GROUP BY word.deployment)
"""
_FORGET_REPETITIONS = """
    DELETE FROM fcb_receiver_repetition
     WHERE NOT EXISTS (SELECT 1 FROM fcb_receiver_message AS message
                        WHERE message.source = fcb_receiver_repetition.source
                          AND message.message_id = fcb_receiver_repetition.message_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A deployment whose subscription was terminated."""

    deployment: str
    until: datetime
    confirmed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the receiver stands. Holds no secret and no body."""

    messages: dict[str, int]
    """By standing."""
    deployments: dict[str, int]
    """By state."""
    failing: int
    """Waiting messages whose act failed at least once."""
    last_problem: str | None
    """What the one of these that failed most often says."""
    conflicts: tuple[int, ...]
    """Numbers of messages whose id came again with another body."""
    oldest_waiting: datetime | None
    """When the message came that is due and not acted on: long ago means that no worker runs."""
    ending: tuple[Ending, ...]

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody should look."""
        asking = (*FOR_A_PERSON, Standing.HELD)
        return bool(self.failing or self.conflicts or any(self.messages.get(each.value) for each in asking))


def confirm(tx: Transaction, deployment_id: str, *, who: str, now: datetime) -> None:
    """Let an ended deployment be deprovisioned by the next run. Raises NotPossible before its grace period is over."""
    before, end = _ended(tx, deployment_id)
    if now < end.until:
        raise NotPossible(f"{deployment_id} is kept until {end.until:%Y-%m-%d %H:%M} UTC: confirm it after that")
    if end.confirmed_by is not None:
        raise NotPossible(f"{deployment_id} was confirmed by {end.confirmed_by} already: the next run deprovisions it")
    deployments.save(tx, replace(before, end=replace(end, confirmed_by=who)), now=now)
    _of_end(tx, before, end, Standing.WAITING, why=f"confirmed by {who}", now=now)
    deployments.did(tx, "confirm", deployment_id, message_id=end.message_id, who=who, why="", now=now)


def withdraw(tx: Transaction, deployment_id: str, *, who: str, now: datetime) -> State:
    """Take a termination back; where the deployment stands again. Raises NotPossible once deprovisioning was begun.

    What was paid or not paid meanwhile is decided on by the next run.
    """
    before, end = _ended(tx, deployment_id)
    if before.begun is Act.DEPROVISION:
        raise NotPossible(f"the deprovisioning of {deployment_id} was begun and may be done: it cannot be taken back any more")
    after = _back(before, end)
    deployments.save(tx, after, now=now)
    _of_end(tx, before, end, Standing.WITHDRAWN, why=f"withdrawn by {who}", now=now)
    if after.begun is not before.begun:
        deployments.began(tx, Act.RESTORE, deployment_id, end.message_id, who=who, now=now)
    is_taken = tx.change(_LAST_PAYMENT, deployment=deployment_id, now=milliseconds(now))
    if after.begun is Act.RESTORE and not is_taken:
        # The payment of what was held against it has gone on to another deployment: a stale message brings it through.
        tx.change(_LAST_WORD, deployment=deployment_id, now=milliseconds(now))
    deployments.did(tx, "withdraw", deployment_id, message_id=end.message_id, who=who, why="", now=now)
    return end.returns_to


def release(tx: Transaction, numbers: Sequence[int] | None, *, who: str, now: datetime) -> int:
    """Let held messages through the cap, these or all; answers how many."""
    held = inbox.listed(tx, [Standing.HELD], most=1_000_000)
    chosen = [each for each in held if numbers is None or each.number in numbers]
    for each in chosen:
        tx.change(_RELEASE, number=each.number, who=who, now=milliseconds(now))
        deployments.did(tx, "release", each.deployment, message_id=each.message_id, who=who, why=each.why, now=now)
    return len(chosen)


def dismiss(tx: Transaction, numbers: Sequence[int], *, who: str, now: datetime) -> int:
    """Show no longer what is parked, unreadable, refused or in conflict; it stays known. Answers how many."""
    count = 0
    for number in numbers:
        why, at = f"dismissed by {who}", milliseconds(now)
        changed = tx.change(_DISMISS, number=number, why=why, now=at) + tx.change(_CONFLICT_SEEN, number=number)
        count += changed > 0
    return count


def forget(tx: Transaction, *, older_than: timedelta, now: datetime) -> int:
    """Remove messages that came, ended and were last repeated longer ago; answers how many. What is open stays.

    So does the last one on a deployment that is suspended or has ended: by it, it is restored when its end is withdrawn.
    Raises NotPossible for less than 90 days: one that is sent again after that would be acted on again.
    """
    if older_than < LEAST_KEPT:
        raise NotPossible(
            f"messages are kept at least {LEAST_KEPT.days} days: they may be sent again, and are known by their id"
        )
    count = tx.change(_FORGET, before=milliseconds(now - older_than))
    tx.change(_FORGET_REPETITIONS)
    return count


def status(tx: Transaction, *, now: datetime) -> Status:
    """The figures."""
    standings = tx.rows("SELECT standing, count(*) FROM fcb_receiver_message GROUP BY standing ORDER BY standing")
    states = tx.rows("SELECT state, count(*) FROM fcb_receiver_deployment GROUP BY state ORDER BY state")
    failing = tx.rows(
        "SELECT why FROM fcb_receiver_message WHERE standing = 'waiting' AND attempts > 0 ORDER BY attempts DESC, number"
    )
    ((oldest,),) = tx.rows(
        "SELECT min(received_at) FROM fcb_receiver_message WHERE standing = 'waiting' AND due_at <= :now", now=milliseconds(now)
    )
    return Status(
        messages={name: int(count) for name, count in standings},
        deployments={name: int(count) for name, count in states},
        failing=len(failing),
        last_problem=failing[0][0] if failing else None,
        conflicts=tuple(int(number) for (number,) in tx.rows(_CONFLICTS)),
        oldest_waiting=None if oldest is None else moment(oldest),
        ending=tuple(
            Ending(deployment=each.deployment_id, until=each.end.until, confirmed_by=each.end.confirmed_by)
            for each in deployments.listed(tx)
            if each.end is not None
        ),
    )


def _ended(tx: Transaction, deployment_id: str) -> tuple[Deployment, End]:
    found = deployments.known(tx, deployment_id)
    if found is None:
        raise NotPossible(f"no message was ever about {deployment_id}: see its name in  python -m fcb_host receiver status")
    if found.end is None:
        raise NotPossible(f"{deployment_id} is {found.state.value}: there is no termination to confirm or withdraw")
    return found, found.end


def _back(before: Deployment, end: End) -> Deployment:
    """Where the deployment stands without its end: with its restore begun where it is, or may be, suspended for nothing."""
    back = replace(before, state=end.returns_to, end=None)
    is_stopped = back.state is State.SUSPENDED or back.begun is not None
    is_due = any(each.is_due for each in back.unpaid)
    return replace(back, begun=Act.RESTORE) if is_stopped and not is_due else back


def _of_end(tx: Transaction, before: Deployment, end: End, standing: Standing, *, why: str, now: datetime) -> None:
    """Say where the termination stands now."""
    at = milliseconds(now)
    ended_at = at if standing is Standing.WITHDRAWN else None
    about = {"message_id": end.message_id, "deployment": before.deployment_id}
    tx.change(_OF_END + _BY_ID, standing=standing.value, why=why, now=at, ended_at=ended_at, **about)
