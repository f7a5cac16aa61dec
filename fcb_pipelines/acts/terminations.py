"""Terminating: a host says that a subscription has ended, and that stands.

Owns: the act `terminate`. Nothing is sent and nothing is changed in Odoo by it: the fact is kept for those who act on it. Usage
from before and after the end is still accepted, because it may come late; none is invented. Does not own: who may say so (api).
"""

from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.store import audit
from fcb_pipelines.store import terminations as store
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.terminations import Termination
from fcb_pipelines.store.usage import known_subscriptions


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


def terminate(conn: Connection, said: Said) -> Termination | None:
    """Keep that a subscription has ended and note it in the audit log; what stands, which is what was said first.

    None for a subscription that the service does not have. The caller owns the transaction and ends it soon.
    """
    if not known_subscriptions(conn, said.service, [said.external_subscription_id]):
        return None
    termination = Termination(
        service=said.service,
        external_subscription_id=said.external_subscription_id,
        ended_at=said.ended_at or said.at,
        reason=said.reason,
        key_id=said.key_id,
        recorded_at=said.at,
    )
    if not store.keep(conn, termination):
        return store.find(conn, said.service, said.external_subscription_id)
    audit.append_audit(conn, _entry(termination))
    return termination


def _entry(termination: Termination) -> AuditEntry:
    return AuditEntry(
        at=termination.recorded_at,
        actor=termination.key_id,
        act=Act.SUBSCRIPTION_TERMINATED,
        service=termination.service,
        subject=termination.external_subscription_id,
        data={"ended_at": termination.ended_at.isoformat(), "reason": termination.reason},
    )
