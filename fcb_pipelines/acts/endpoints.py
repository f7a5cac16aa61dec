"""Endpoints: adding, rotating, disabling, enabling, testing and removing them; each act in the audit log, no secret in it.

Owns: the acts on endpoints and on what waits for them. Does not own: where we may connect (webhooks/egress), sending
(delivery).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fcb_host.signing import Secret
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.endpoints import ID_BYTES, OVERLAP, Endpoint, id_of, types_of
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.messages import Message, MessageType, News
from fcb_pipelines.store import deliveries
from fcb_pipelines.store import endpoints as store
from fcb_pipelines.store.audit import append_audit
from fcb_pipelines.store.database import Connection
from fcb_pipelines.webhooks.sealing import Sealing


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who does it, of which service and when."""

    service: str
    actor: str
    """The login name."""
    now: datetime


def add(
    conn: Connection, by: By, sealing: Sealing, *, url: str, description: str, types: Sequence[str]
) -> tuple[Endpoint, Secret]:
    """Add an endpoint, with a secret that is shown once; it hears of what happens from now on.

    Raises `InvalidInput` for a type that is not there, a description that cannot be read, and an address that the service has.
    """
    if any(one.url == url for one in store.of_service(conn, by.service)):
        raise InvalidInput(f"{by.service} has an endpoint at this address already: fcb endpoints list")
    endpoint = Endpoint(
        endpoint_id=id_of(secrets.token_bytes(ID_BYTES)),
        service=by.service,
        url=url,
        description=description,
        types=types_of(types),
        created_at=by.now,
        created_by=by.actor,
    )
    secret = Secret.fresh()
    store.add(conn, endpoint)
    store.add_secret(conn, endpoint.endpoint_id, sealing.seal(secret), by.now, others_until=by.now)
    _note(conn, by, endpoint, Act.ENDPOINT_ADDED, {"url": url, "types": [one.value for one in endpoint.types]})
    return endpoint, secret


def rotate(conn: Connection, by: By, sealing: Sealing, endpoint_id: str, *, is_at_once: bool = False) -> Secret:
    """Give an endpoint another secret, shown once; the old one signs too for 24 hours, or not any more at once."""
    endpoint = found(conn, by.service, endpoint_id)
    secret = Secret.fresh()
    until = by.now if is_at_once else by.now + OVERLAP
    store.add_secret(conn, endpoint_id, sealing.seal(secret), by.now, others_until=until)
    _note(conn, by, endpoint, Act.ENDPOINT_SECRET_ROTATED, {"old_until": until.isoformat()})
    return secret


def disable(conn: Connection, by: By, endpoint_id: str, because: str) -> bool:
    """Send nothing to an endpoint and hold what waits for it; whether it was enabled."""
    if not because.strip():
        raise InvalidInput("say why with --because: it is shown wherever the endpoint is")
    endpoint = found(conn, by.service, endpoint_id)
    is_done = store.disable(conn, endpoint_id, because=f"{by.actor}: {because.strip()}", at=by.now)
    if is_done:
        _note(conn, by, endpoint, Act.ENDPOINT_DISABLED, {"because": because.strip()})
    return is_done


def enable(conn: Connection, by: By, endpoint_id: str) -> bool:
    """Send to an endpoint again, what was held first; whether it was disabled."""
    endpoint = found(conn, by.service, endpoint_id)
    is_done = store.enable(conn, endpoint_id)
    if is_done:
        _note(conn, by, endpoint, Act.ENDPOINT_ENABLED, {"was_disabled_because": endpoint.disabled_because})
    return is_done


def remove(conn: Connection, by: By, endpoint_id: str) -> None:
    """Send nothing to an endpoint ever again; what it was sent stays to be seen."""
    endpoint = found(conn, by.service, endpoint_id)
    store.remove(conn, endpoint_id, by.now)
    _note(conn, by, endpoint, Act.ENDPOINT_REMOVED, {"url": endpoint.url})


def test(conn: Connection, by: By, endpoint_id: str) -> Message:
    """Send an endpoint, and no other, a message that asks for nothing."""
    endpoint = found(conn, by.service, endpoint_id)
    news = News(
        type=MessageType.TEST,
        external_subscription_id=None,
        occurred_at=by.now,
        data={"endpoint_id": endpoint_id, "description": endpoint.description, "asked_by": by.actor},
    )
    (message,) = put(conn, by.service, [news], by.now, only_to=endpoint_id)
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What is to be sent again; what is left out does not narrow it."""

    message_id: str | None = None
    endpoint_id: str | None = None
    since: datetime | None = None
    """Messages recorded at this moment or later; to an endpoint those too that never went to it."""
    is_dead_only: bool = False


def replay(conn: Connection, by: By, wanted: Replay) -> int:
    """Send again, with the ids that they had; how many deliveries. Raises `InvalidInput` for nothing to go by."""
    if wanted.message_id is None and wanted.since is None and not wanted.is_dead_only:
        raise InvalidInput("say what to send again: a message, --dead, or --since a moment")
    if wanted.endpoint_id is not None:
        found(conn, by.service, wanted.endpoint_id)
    count = deliveries.replay(
        conn,
        by.service,
        message_id=wanted.message_id,
        endpoint_id=wanted.endpoint_id,
        since=wanted.since,
        dead_only=wanted.is_dead_only,
    )
    if wanted.endpoint_id is not None and wanted.since is not None and not wanted.is_dead_only:
        count += deliveries.address_since(conn, wanted.endpoint_id, wanted.since)
    data = {
        "message": wanted.message_id,
        "endpoint": wanted.endpoint_id,
        "since": None if wanted.since is None else wanted.since.isoformat(),
        "dead_only": wanted.is_dead_only,
        "count": count,
    }
    _append(conn, by, wanted.message_id or wanted.endpoint_id or "messages", Act.MESSAGES_REPLAYED, data)
    return count


def found(conn: Connection, service: str, endpoint_id: str) -> Endpoint:
    """An endpoint of a service, held until the transaction ends; raises `InvalidInput` for one that is not there."""
    endpoint = store.named(conn, [endpoint_id], is_held=True).get(endpoint_id)
    if endpoint is None or endpoint.service != service or endpoint.removed_at is not None:
        raise InvalidInput(f"{service} has no endpoint {endpoint_id!r}:  fcb endpoints list  shows them")
    return endpoint


def _note(conn: Connection, by: By, endpoint: Endpoint, act: Act, data: Mapping[str, Any]) -> None:
    _append(conn, by, endpoint.endpoint_id, act, data)


def _append(conn: Connection, by: By, subject: str, act: Act, data: Mapping[str, Any]) -> None:
    append_audit(conn, AuditEntry(at=by.now, actor=by.actor, act=act, service=by.service, subject=subject, data=data))
