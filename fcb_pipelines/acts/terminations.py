"""Terminating: a host says that a subscription has ended, and that stands until an operator corrects it.

Owns: the acts `terminate`, `correct` and `withdraw`, and between which times an end may lie. They change nothing in Odoo. An
end and its correction become messages. That one was withdrawn does not: a host that looks at the type alone would take it for
another end, so its operator withdraws it there too. Usage from before and after the end is still accepted, because it may come
late; none is invented. Does not own: who may say so (api, cli).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fcb_pipelines.acts.deployments import deployments
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.canonical import moment
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.intake import MOST_AHEAD
from fcb_pipelines.domain.news import EndedBy, termination_news
from fcb_pipelines.store import audit
from fcb_pipelines.store import terminations as store
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.terminations import Termination
from fcb_pipelines.store.usage import known_subscriptions

CORRECTIONS = (Act.TERMINATION_CORRECTED, Act.TERMINATION_WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a host says of a subscription."""

    service: str
    external_subscription_id: str
    ended_at: datetime | None
    """None where it ended just now, or whenever it was said before."""
    reason: str | None
    key_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeStart:
    """An end that cannot be: the source tells that the subscription began later."""

    ended_at: datetime
    started_at: datetime


def terminate(conn: Connection, said: Said) -> Termination | BeforeStart | None:
    """Keep that a subscription has ended and note it in the audit log; what stands, which is what was said first.

    None for a subscription that the service does not have. The caller owns the transaction and ends it soon.
    """
    if not known_subscriptions(conn, said.service, [said.external_subscription_id]):
        return None
    if (standing := store.find(conn, said.service, said.external_subscription_id)) is not None:
        return standing
    termination = Termination(
        service=said.service,
        external_subscription_id=said.external_subscription_id,
        ended_at=said.ended_at or said.at,
        reason=said.reason,
        key_id=said.key_id,
        recorded_at=said.at,
    )
    if (too_early := _before_start(conn, termination, termination.ended_at)) is not None:
        return too_early
    if not store.keep(conn, termination):
        return store.find(conn, said.service, said.external_subscription_id)
    _tell(conn, termination, EndedBy.HOST, said.reason, said.at)
    _note(conn, termination, Act.SUBSCRIPTION_TERMINATED, actor=said.key_id, at=said.at, data={"reason": said.reason})
    return termination


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Who puts a termination right, and why."""

    service: str
    external_subscription_id: str
    reason: str
    actor: str
    """The login name of whoever does it."""
    at: datetime


def correct(conn: Connection, correction: Correction, ended_at: datetime) -> Termination:
    """Put another end in place of the one that stands, and note both in the audit log; what stood before.

    Raises `InvalidInput` where nothing stands, for no reason, and for an end that cannot be or is there already.
    """
    standing = _standing(conn, correction)
    if ended_at == standing.ended_at:
        raise InvalidInput(f"{standing.external_subscription_id} ended at that time already: nothing is changed")
    if ended_at > correction.at + MOST_AHEAD:
        raise InvalidInput(
            f"{ended_at.isoformat()} lies ahead: tell it when the subscription has ended, or withdraw what stands"
        )
    if (too_early := _before_start(conn, standing, ended_at)) is not None:
        began = too_early.started_at.isoformat()
        raise InvalidInput(f"{ended_at.isoformat()} is before the subscription began, at {began} as the last snapshot has it")
    _require(is_done=store.change(conn, standing, ended_at))
    _tell(conn, replace(standing, ended_at=ended_at), EndedBy.OPERATOR, standing.reason, correction.at)
    before = {"ended_at": _text(ended_at), "ended_at_before": _text(standing.ended_at), "reason": correction.reason}
    _note(conn, standing, Act.TERMINATION_CORRECTED, actor=correction.actor, at=correction.at, data=before)
    return standing


def withdraw(conn: Connection, correction: Correction) -> Termination:
    """Take back that a subscription has ended, and note what stood in the audit log; the host may say it anew.

    Raises `InvalidInput` where nothing stands, and for no reason.
    """
    standing = _standing(conn, correction)
    _require(is_done=store.remove(conn, standing))
    said = {"key_id": standing.key_id, "recorded_at": _text(standing.recorded_at), "reason_before": standing.reason}
    data = {**said, "reason": correction.reason}
    _note(conn, standing, Act.TERMINATION_WITHDRAWN, actor=correction.actor, at=correction.at, data=data)
    return standing


def corrections(conn: Connection, service: str) -> tuple[AuditEntry, ...]:
    """What was corrected and taken back, by whom and why; the first first."""
    return audit.noted(conn, service, CORRECTIONS)


def _standing(conn: Connection, correction: Correction) -> Termination:
    if not correction.reason.strip():
        raise InvalidInput("say why with --reason: it is kept in the audit log")
    found = store.find(conn, correction.service, correction.external_subscription_id)
    if found is None:
        raise InvalidInput(
            f"nobody said that {correction.external_subscription_id} of {correction.service} has ended: "
            "fcb terminations list  shows which have"
        )
    return found


def _require(*, is_done: bool) -> None:
    if not is_done:
        raise RuleViolation("somebody else corrected it just now: look at  fcb terminations list  and try again")


def _before_start(conn: Connection, termination: Termination, ended_at: datetime) -> BeforeStart | None:
    """What is wrong with an end, as far as the last snapshot tells when the subscription began."""
    told = store.told_start(conn, termination.service, termination.external_subscription_id)
    try:
        started_at = None if told is None else moment("started_at", told)
    except (InvalidInput, ValueError):
        return None  # That row is in the snapshot's list of what could not be used; it bounds nothing.
    if started_at is None or started_at.tzinfo is None or ended_at >= started_at:
        return None
    return BeforeStart(ended_at=ended_at, started_at=started_at)


def _tell(conn: Connection, one: Termination, by: EndedBy, reason: str | None, at: datetime) -> None:
    """Have every endpoint hear of an end."""
    subscription = one.external_subscription_id
    where = deployments(conn, one.service, [subscription]).get(subscription)
    told = termination_news(subscription, deployment_id=where, ended_at=one.ended_at, ended_by=by, reason=reason, now=at)
    put(conn, one.service, [told], at)


def _note(conn: Connection, termination: Termination, act: Act, *, actor: str, at: datetime, data: Mapping[str, Any]) -> None:
    """Note an act in the audit log, with the end that it is about."""
    entry = AuditEntry(
        at=at,
        actor=actor,
        act=act,
        service=termination.service,
        subject=termination.external_subscription_id,
        data={"ended_at": _text(termination.ended_at), **data},
    )
    audit.append_audit(conn, entry)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
