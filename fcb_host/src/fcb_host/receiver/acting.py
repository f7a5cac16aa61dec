"""Acting: what waits in the inbox is decided on and done, one message and one transaction at a time.

Owns: the host's side of it (`Actions`), the caps, what becomes of a message whose act fails, and the worker. Does not own: the
rules (effects), the rows (inbox, deployments), when it runs.

What is guaranteed: the act, the message's standing and the deployment's state are committed together. An act that writes into
the same database, over the connection that it is handed, happens exactly once. An act elsewhere happens at least once, with the
same key each time, because a crash between the act and the commit repeats it: let it do nothing the second time. That an act
is begun is committed before: where a later message makes it needless, its opposite is done, as it may have happened.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from fcb_host.backoff import Backoff, Chance, full_jitter
from fcb_host.receiver import deployments, inbox, messages
from fcb_host.receiver.effects import Act, Decision, Deployment, Outcome, carried_through, decide, let_go
from fcb_host.receiver.inbox import Entry, Standing
from fcb_host.receiver.messages import Message, Type
from fcb_host.receiver.placing import Place, place
from fcb_host.receiver.storage import Storage, Transaction

_LOG = logging.getLogger("fcb_host")
_MOST_WORDS = 500

FAILING = Backoff(first_seconds=5.0, most_seconds=3600.0, least_seconds=1.0)
"""Between two attempts at an act that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One act that the host is asked for."""

    deployment_id: str
    message_id: str
    """The idempotency key: the same for each attempt at this act, and never used for another act on the deployment.

    It is that of the message by which the act was begun; for a restore after a withdrawal, that of the termination.
    """
    reason: str
    """For people: a log, a mail, a page."""
    connection: Any
    """The open connection of the receiver's storage (psycopg's or sqlite3's). Write over it, and do not commit: what is written
    is there exactly if the act counts as done."""


class Actions(Protocol):
    """What a host does with its deployments. Whatever is raised, the message waits and is tried again later.

    The deployment and its message are locked meanwhile (in SQLite the whole file): an act that takes long had better be a row
    in a table of jobs, written over `call.connection`.
    """

    def suspend(self, call: Call) -> None:
        """Stop serving it, and keep everything."""

    def restore(self, call: Call) -> None:
        """Serve it again, as before."""

    def deprovision(self, call: Call) -> None:
        """Remove it, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What bounds the worker."""

    most_suspensions: int = 10
    most_deprovisions: int = 5
    """So many within `window`, by all workers together; what is beyond is held until an operator releases it. One
    that was begun counts too: what raised may have happened."""
    window: timedelta = timedelta(hours=1)
    """The run that a cap is for. Not one call of `act`: a worker that is called every second would make every run small."""
    grace: timedelta = timedelta(days=14)
    """How long a deployment is kept after its subscription was terminated, before a person can confirm."""
    backoff: Backoff = FAILING


class What(str, Enum):
    """What became of one message that was claimed."""

    BEGUN = "begun"

    SUSPENDED = "suspended"
    RESTORED = "restored"
    DEPROVISIONED = "deprovisioned"
    NOTED = "noted"
    """Nothing was to be done for it."""
    PENDING = "pending"
    STALE = "stale"
    REFUSED = "refused"
    HELD = "held"
    FAILED = "failed"


_DONE: Mapping[Act, What] = {
    Act.SUSPEND: What.SUSPENDED,
    Act.RESTORE: What.RESTORED,
    Act.DEPROVISION: What.DEPROVISIONED,
}
_OVER = frozenset({What.RESTORED, What.NOTED})
_STANDS = {Outcome.DONE: Standing.DONE, Outcome.PENDING: Standing.PENDING, Outcome.REFUSED: Standing.REFUSED}
_SAID = {Outcome.DONE: What.NOTED, Outcome.PENDING: What.PENDING, Outcome.REFUSED: What.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Acts on what waits; any number of them may run at once, none acts on a message that another has."""

    storage: Storage
    actions: Actions
    terms: Terms = field(default_factory=Terms)
    chance: Chance = full_jitter
    service: str = ""
    """The one of the receiver: its messages alone are acted on. Empty: everybody's."""

    def run(self, now: datetime, *, most: int = 1000) -> list[What]:
        """Act on what is due, at most so many messages; what became of each. Raises StorageUnavailable.

        A message is tried once: what fails or is held is not due again in the same run.
        """
        with self.storage.transaction() as tx:
            inbox.let_go(tx, now=now)
        done: list[What] = []
        while len(done) < most:
            with self.storage.transaction() as tx:
                what = self._next(tx, now)
            if what is None:
                break
            if what is not What.BEGUN:
                done.append(what)
        return done

    def _next(self, tx: Transaction, now: datetime) -> What | None:
        entry = inbox.claim(tx, now=now)
        if entry is None:
            return None
        message = messages.read(entry.message_id, entry.body, service=self.service)
        # It was read when it was stored: by this version or another one, perhaps with other settings.
        if not isinstance(message, Message):
            inbox.stand(tx, entry.number, Standing.PARKED, f"not to be acted on any more: {message.why}", now=now)
            return What.REFUSED
        inbox.take_turn(tx, entry.source, message.subscription)
        there = place(entry.deployment, message, deployments.holding(tx, message))
        if not self._is_the_end(tx, there, message, now) and inbox.is_stale(tx, entry.source, message):
            return self._stale(tx, entry, message, now)
        if there.lets_go is not None:
            held = deployments.locked(tx, there.lets_go, now=now)
            deployments.save(tx, let_go(held, message), now=now)
            return What.BEGUN
        if not there.deployment:
            inbox.stand(tx, entry.number, Standing.PARKED, inbox.NO_DEPLOYMENT, now=now)
            return What.REFUSED
        return self._at(tx, entry, message, there.deployment, now)

    def _is_the_end(self, tx: Transaction, there: Place, message: Message, now: datetime) -> bool:
        """Whether it is the termination that a deployment's end waits for, which a later word on that does not replace."""
        if message.type is not Type.TERMINATED or not there.deployment:
            return False
        end = deployments.locked(tx, there.deployment, now=now).end
        return end is not None and end.message_id == message.message_id

    def _stale(self, tx: Transaction, entry: Entry, message: Message, now: datetime) -> What:
        """A stale message changes nothing; a restore that was begun where it stands is brought to its end all the same.

        The later one may be decided on elsewhere, and no other message may ever come there.
        """
        before = deployments.known(tx, entry.deployment)
        decision = before and carried_through(before, message)
        if before and decision:
            return self._decided(tx, entry, before, decision, now)
        inbox.stand(tx, entry.number, Standing.STALE, "a later message on the same thing is known", now=now)
        return What.STALE

    def _at(self, tx: Transaction, entry: Entry, message: Message, deployment_id: str, now: datetime) -> What:
        """Decide on a message on one deployment; one by which nothing is owed any more then goes on to the next."""
        if deployment_id != entry.deployment:
            inbox.place(tx, entry.number, deployment_id)
        before = deployments.locked(tx, deployment_id, now=now)
        decision = decide(before, message, now=now, grace=self.terms.grace)
        if deployment_id != message.deployment:
            told = f"{decision.why} (told of {message.deployment or 'no deployment'}, held against {deployment_id})"
            decision = replace(decision, why=told)
        what = self._decided(tx, entry, before, decision, now)
        if what in _OVER and not message.is_open:
            for each in deployments.holding(tx, message)[:1]:
                inbox.place(tx, entry.number, each.deployment)
                inbox.stand(tx, entry.number, Standing.WAITING, f"{what.value} on {deployment_id}; goes on", now=now)
        return what

    def _decided(self, tx: Transaction, entry: Entry, before: Deployment, decision: Decision, now: datetime) -> What:
        if decision.act is None:
            deployments.save(tx, decision.deployment, now=now)
            inbox.stand(tx, entry.number, _STANDS[decision.outcome], decision.why, now=now)
            return _SAID[decision.outcome]
        owing = replace(before, unpaid=decision.deployment.unpaid)
        if _waits_for_a_release(tx, entry, decision):
            deployments.save(tx, owing, now=now)
            inbox.stand(tx, entry.number, Standing.DONE, f"noted; its suspension is held: {decision.why}", now=now)
            return What.NOTED
        if not entry.released_by and self._is_capped(tx, decision.act, before.deployment_id, now):
            why = f"held: {decision.act.value} beyond the cap; look at it, then release it. {decision.why}"
            deployments.save(tx, owing, now=now)
            inbox.stand(tx, entry.number, Standing.HELD, why, now=now)
            return What.HELD
        if before.begun is not decision.act:
            deployments.save(tx, replace(owing, begun=decision.act), now=now)
            deployments.began(tx, decision.act, before.deployment_id, entry.message_id, who=entry.released_by, now=now)
            return What.BEGUN
        return self._do(tx, entry, decision, decision.act, now)

    def _is_capped(self, tx: Transaction, act: Act, deployment_id: str, now: datetime) -> bool:
        caps = {Act.SUSPEND: self.terms.most_suspensions, Act.DEPROVISION: self.terms.most_deprovisions}
        return act in caps and deployments.done_since(tx, act, now - self.terms.window, besides=deployment_id) >= caps[act]

    def _do(self, tx: Transaction, entry: Entry, decision: Decision, act: Act, now: datetime) -> What:
        deployment_id = decision.deployment.deployment_id
        key = deployments.begun_by(tx, act, deployment_id)
        call = Call(deployment_id=deployment_id, message_id=key, reason=decision.why, connection=tx.connection)
        try:
            with tx.part():
                self._call(act, call)
        except Exception as fault:  # whatever the host's code raises, other messages must not wait for it
            self._failed(tx, entry, act, fault, now)
            return What.FAILED
        deployments.save(tx, decision.deployment, now=now)
        who = entry.released_by
        deployments.did(tx, act.value, deployment_id, message_id=entry.message_id, why=decision.why, who=who, now=now)
        inbox.stand(tx, entry.number, Standing.DONE, f"{_DONE[act].value}: {decision.why}", now=now)
        return _DONE[act]

    def _call(self, act: Act, call: Call) -> None:
        if act is Act.SUSPEND:
            self.actions.suspend(call)
        elif act is Act.RESTORE:
            self.actions.restore(call)
        else:
            self.actions.deprovision(call)

    def _failed(self, tx: Transaction, entry: Entry, act: Act, fault: Exception, now: datetime) -> None:
        said = " ".join(str(fault).split())
        words = f"{act.value} failed: {type(fault).__name__}{': ' if said else ''}{said}"[:_MOST_WORDS]
        again_at = now + timedelta(seconds=self.terms.backoff.wait(entry.attempts + 1, self.chance))
        inbox.failed(tx, entry.number, words.replace("\0", ""), again_at=again_at)
        _LOG.error("message %s: %s; it is tried again after %s", entry.message_id, words, f"{again_at:%Y-%m-%d %H:%M:%S}")


def _waits_for_a_release(tx: Transaction, entry: Entry, decision: Decision) -> bool:
    """Whether a suspension is for what was held before, and not for what the message tells."""
    if decision.act is not Act.SUSPEND or entry.released_by:
        return False
    is_own = any(each.is_due and each.subject == entry.subject for each in decision.deployment.unpaid)
    return not is_own and inbox.is_any_held(tx, decision.deployment.deployment_id, besides=entry.number)
