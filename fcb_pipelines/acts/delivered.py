"""What follows from attempts to deliver: kept, and held against the endpoint; an operator is told where it is time.

An endpoint that is disabled by its answers is in the audit log, as one that a person disables.

Owns: the act `settle`. Does not own: the rules (domain/delivery), making the attempts (delivery).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.delivery import notices, why_disabled
from fcb_pipelines.domain.endpoints import Endpoint
from fcb_pipelines.store import deliveries, endpoints
from fcb_pipelines.store import notices as stored_notices
from fcb_pipelines.store.audit import append_audit
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.deliveries import Made

DELIVERY = "delivery"
"""The actor in the audit log of what follows from answers: nobody does it."""


def settle(conn: Connection, made: Sequence[Made], now: datetime) -> tuple[Made, ...]:
    """Keep attempts in one transaction with all that follows from them; those that changed something."""
    held = deliveries.record(conn, made)
    failed = {one.taken.endpoint_id for one in held if not one.attempt.is_success}
    endpoints.note_well(conn, {one.taken.endpoint_id for one in held} - failed)
    # Held, so that two senders do not disable it or tell of it twice; those that only succeed wait for nobody.
    disabled: dict[Endpoint, str] = {}
    for endpoint_id, endpoint in endpoints.named(conn, failed, is_held=True).items():
        why = _follow(conn, endpoint, [one for one in held if one.taken.endpoint_id == endpoint_id], now)
        if why is not None:
            disabled[endpoint] = why
    # Last, because whoever appends to the log holds it until the transaction ends.
    for endpoint, why in disabled.items():
        append_audit(conn, _entry(endpoint, why, now))
    return held


def _entry(endpoint: Endpoint, because: str, now: datetime) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=DELIVERY,
        act=Act.ENDPOINT_DISABLED,
        service=endpoint.service,
        subject=endpoint.endpoint_id,
        data={"because": because},
    )


def _follow(conn: Connection, endpoint: Endpoint, made: Iterable[Made], now: datetime) -> str | None:
    """What attempts at one endpoint, in the order in which they ended, make of it; why it is disabled where it is, just now."""
    since, is_disabled, disabled = endpoint.failing_since, endpoint.disabled_at is not None, None
    for one in sorted(made, key=lambda each: each.attempt.ended_at):
        attempt = one.attempt
        since = None if attempt.is_success else since or attempt.ended_at
        why = None if is_disabled else why_disabled(attempt, since)
        if why is not None:
            is_disabled, disabled = endpoints.disable(conn, endpoint.endpoint_id, because=why, at=now), why
        told = notices(
            attempt,
            one.taken.number,
            message_id=one.taken.message_id,
            endpoint=endpoint.words,
            disabled=why,
            was_refused=one.was_refused,
        )
        stored_notices.add(conn, endpoint.service, told, now)
    if since is None:
        endpoints.note_well(conn, [endpoint.endpoint_id])
    elif since != endpoint.failing_since:
        endpoints.note_failing(conn, endpoint.endpoint_id, since)
    return disabled


def outcomes(made: Sequence[Made], held: Sequence[Made]) -> Mapping[str, int]:
    """How many attempts ended how; `late` are those that changed nothing."""
    counts: dict[str, int] = {}
    for one in held:
        counts[one.verdict.state.value] = counts.get(one.verdict.state.value, 0) + 1
    return {**counts, "late": len(made) - len(held)} if len(held) < len(made) else counts
