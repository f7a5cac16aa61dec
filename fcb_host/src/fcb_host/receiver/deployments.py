"""Deployments as the receiver knows them, and what was done with each.

Owns: their tables, one row of a deployment being what a decision on it locks. Functions take a transaction; the caller owns it.
Does not own: the rules (effects), who asks them (acting, operating).
"""

from datetime import datetime
from typing import Any

from fcb_host.receiver.effects import Act, Deployment, End, State, Unpaid
from fcb_host.receiver.messages import Message
from fcb_host.receiver.placing import Holder
from fcb_host.receiver.storage import Transaction, milliseconds, moment

_MEET = """
    INSERT INTO fcb_receiver_deployment (deployment, state, since) VALUES (:deployment, 'active', :now) ON CONFLICT DO NOTHING
"""
_READ = """
    SELECT deployment, state, end_message, end_until, end_returns_to, confirmed_by, begun FROM fcb_receiver_deployment
     WHERE deployment = :deployment FOR UPDATE
"""
_READ_ALL = """
    SELECT deployment, state, end_message, end_until, end_returns_to, confirmed_by, begun FROM fcb_receiver_deployment
     ORDER BY deployment
"""
_UNPAID = "SELECT subscription, subject, sequence, words, is_due FROM fcb_receiver_unpaid WHERE deployment = :deployment"
_WRITE = """
    UPDATE fcb_receiver_deployment
       SET since = CASE WHEN state = :state THEN since ELSE :now END, state = :state, end_message = :end_message,
           end_until = :end_until, end_returns_to = :end_returns_to, confirmed_by = :confirmed_by,
           begun = :begun
     WHERE deployment = :deployment
"""
_OWES = """
    INSERT INTO fcb_receiver_unpaid (deployment, subscription, subject, sequence, words, is_due)
    VALUES (:deployment, :subscription, :subject, :sequence, :words, :is_due)
"""
_HOLDING = """
    SELECT owed.deployment, max(CASE WHEN owed.is_due = 1 AND (at.state <> 'active' OR at.begun IS NOT NULL) THEN 1 ELSE 0 END)
      FROM fcb_receiver_unpaid AS owed JOIN fcb_receiver_deployment AS at ON at.deployment = owed.deployment
     WHERE owed.subscription = :subscription AND owed.subject IN (:subject, :also) AND owed.sequence <= :sequence
       AND at.state <> 'deprovisioned'
     GROUP BY owed.deployment ORDER BY owed.deployment
"""
_DID = """
    INSERT INTO fcb_receiver_act (at, what, deployment, message_id, who, why)
    VALUES (:now, :what, :deployment, :message_id, :who, :why)
"""
_BEGUN_BY = """
    SELECT message_id FROM fcb_receiver_act WHERE what = :begin AND deployment = :deployment ORDER BY number DESC LIMIT 1
"""
_DONE_SINCE = """
    SELECT (SELECT count(*) FROM fcb_receiver_act WHERE what = :what AND who = '' AND at > :since)
         + (SELECT count(*) FROM fcb_receiver_deployment AS at_work
             WHERE at_work.begun = :what AND at_work.deployment <> :besides
               AND EXISTS (SELECT 1 FROM fcb_receiver_act AS act
                            WHERE act.what = :begin AND act.who = '' AND act.at > :since
                              AND act.deployment = at_work.deployment))
"""


def locked(tx: Transaction, deployment_id: str, *, now: datetime) -> Deployment:
    """A deployment, which nobody else decides on until the transaction ends; active where nothing was ever said of it."""
    tx.change(_MEET, deployment=deployment_id, now=milliseconds(now))
    return _deployment(tx, tx.rows(_READ, deployment=deployment_id)[0])


def known(tx: Transaction, deployment_id: str) -> Deployment | None:
    """A deployment that something was said of, locked as above."""
    found = tx.rows(_READ, deployment=deployment_id)
    return _deployment(tx, found[0]) if found else None


def listed(tx: Transaction) -> list[Deployment]:
    """All that something was said of."""
    return [_deployment(tx, row) for row in tx.rows(_READ_ALL)]


def holding(tx: Transaction, message: Message) -> list[Holder]:
    """The deployments against which something is held that a message has a word on; not those that are gone."""
    about = {"subscription": message.subscription, "sequence": message.sequence}
    found = tx.rows(_HOLDING, subject=message.settles[0], also=message.settles[-1], **about)
    return [Holder(deployment=name, is_suspended=bool(is_suspended)) for name, is_suspended in found]


def save(tx: Transaction, after: Deployment, *, now: datetime) -> None:
    """Write down where a locked deployment stands now."""
    end = after.end
    tx.change(
        _WRITE,
        deployment=after.deployment_id,
        now=milliseconds(now),
        state=after.state.value,
        end_message=end and end.message_id,
        end_until=end and milliseconds(end.until),
        end_returns_to=end and end.returns_to.value,
        confirmed_by=end and end.confirmed_by,
        begun=after.begun and after.begun.value,
    )
    tx.change("DELETE FROM fcb_receiver_unpaid WHERE deployment = :deployment", deployment=after.deployment_id)
    for each in after.unpaid:
        owed = {"subscription": each.subscription, "subject": each.subject, "sequence": each.sequence}
        tx.change(_OWES, deployment=after.deployment_id, words=each.words, is_due=int(each.is_due), **owed)


def did(tx: Transaction, what: str, deployment_id: str, *, message_id: str, why: str, who: str = "", now: datetime) -> None:
    """Write down what was done, by the receiver or by a person."""
    tx.change(_DID, now=milliseconds(now), what=what, deployment=deployment_id, message_id=message_id, who=who, why=why)


def began(tx: Transaction, act: Act, deployment_id: str, message_id: str, *, who: str, now: datetime) -> None:
    """Write down that the receiver begins with it, and so may have done it whatever comes of it."""
    did(tx, f"begin {act.value}", deployment_id, message_id=message_id, who=who, why="", now=now)


def begun_by(tx: Transaction, act: Act, deployment_id: str) -> str:
    """The id of the message that the receiver began it by the last time: every attempt at it has this key, whoever makes it."""
    ((message_id,),) = tx.rows(_BEGUN_BY, begin=f"begin {act.value}", deployment=deployment_id)
    return str(message_id)


def done_since(tx: Transaction, act: Act, since: datetime, *, besides: str) -> int:
    """How often the receiver did it since then without anybody's word, or began with it and may have done it.

    What was begun on one deployment, which is to be decided on, is left out. Nobody else counts until the transaction ends.
    """
    tx.rows("SELECT brake FROM fcb_receiver_brake FOR UPDATE")
    about = {"what": act.value, "begin": f"begin {act.value}", "since": milliseconds(since)}
    ((count,),) = tx.rows(_DONE_SINCE, besides=besides, **about)
    return int(count)


def _deployment(tx: Transaction, row: tuple[Any, ...]) -> Deployment:
    name, state, message_id, until, returns_to, confirmed_by, begun = row
    return Deployment(
        deployment_id=name,
        state=State(state),
        unpaid=_unpaid(tx, name),
        end=message_id
        and End(message_id=message_id, until=moment(until), returns_to=State(returns_to), confirmed_by=confirmed_by),
        begun=begun and Act(begun),
    )


def _unpaid(tx: Transaction, deployment_id: str) -> frozenset[Unpaid]:
    return frozenset(
        Unpaid(subscription=subscription, subject=subject, sequence=sequence, words=words, is_due=bool(is_due))
        for subscription, subject, sequence, words, is_due in tx.rows(_UNPAID, deployment=deployment_id)
    )
