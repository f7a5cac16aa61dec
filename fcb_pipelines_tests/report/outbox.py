"""A store in which messages stand in every way that there is, as pages and people meet them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from fcb_pipelines.acts.delivered import settle
from fcb_pipelines.acts.endpoints import By, disable
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.delivery import SCHEDULE, Attempt, Notice, NoticeKind, verdict
from fcb_pipelines.domain.messages import MessageType, News
from fcb_pipelines.store import deliveries, endpoints, notices
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.deliveries import Made
from fcb_pipelines_tests.webhooks.outgoing import an_endpoint

SERVICE = "nexacloud"
NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
BY = By(service=SERVICE, actor="ada", now=NOW)
HEARD = ("invoice.payment_failed", "invoice.payment_succeeded", "subscription.terminated")
HOSTILE = b"<script>alert(1)</script>\x1b[31m\x00 \xff <b>no</b> " + b"x" * 3000
STATE: dict[str, Any] = {
    "external_deployment_id": "d-1042",
    "partner": {"id": 71, "name": "Müller & Söhne <b>GmbH</b>"},
    "invoice": {"number": "INV/2026/00017", "total": "49.90", "currency": "CAD", "due_on": "2026-04-18"},
    "attempts": 2,
}


def told(conn: Connection, subscription: str | None, type_: MessageType = MessageType.PAYMENT_FAILED) -> str:
    """A message; its id."""
    news = News(type=type_, external_subscription_id=subscription, occurred_at=NOW - timedelta(minutes=3), data=STATE)
    (made,) = put(conn, SERVICE, [news], NOW)
    return made.message_id


def answered(conn: Connection, status: int | None, answer: bytes = b"thanks", *, last: bool = False, **changes: Any) -> None:
    """One attempt of everything that is due."""
    taken = deliveries.take(conn, service=SERVICE, busy=(), each=100, most=100, lasting=timedelta(seconds=60))
    attempt = Attempt(
        started_at=NOW,
        milliseconds=143,
        status=status,
        failure=None if status else "connect timeout: 192.0.2.7 did not connect in time",
        retry_after=None,
        answer=answer if status else b"",
        address="192.0.2.7",
    )
    attempt = replace(attempt, **changes)
    made = [replace(one, number=len(SCHEDULE)) if last else one for one in taken]
    settle(conn, [Made(taken=one, attempt=attempt, verdict=verdict(attempt, one.number, Fraction(0))) for one in made], NOW)


def filled(db: Database) -> dict[str, str]:
    """Messages by how they stand; two endpoints, one of them disabled, and one that was removed."""
    found = {}
    with db.transaction() as conn:
        found["nowhere"] = told(conn, "s-0")
        panel, _ = an_endpoint(
            conn, "https://panel.example.com/hooks/T0KEN", description="the panel in Toronto", by=BY, types=HEARD
        )
        found["delivered"] = told(conn, "1042")
        answered(conn, None)
        conn.execute("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'")
        answered(conn, 200)
        found["dead"] = told(conn, "1043/eu <b>", MessageType.TERMINATED)
        answered(conn, 503, b"busy", retry_after="120")
        conn.execute("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'")
        answered(conn, 500, HOSTILE, last=True)
        found["waiting"] = told(conn, "1044", MessageType.PAYMENT_SUCCEEDED)
        answered(conn, 302, b"")
        other, _ = an_endpoint(conn, "https://other.example.com:8443/", description="", by=BY, types=("flip.completed",))
        disable(conn, BY, other.endpoint_id, "it moves to another <i>address</i>")
        found["held"] = told(conn, None, MessageType.FLIPPED)
        gone, _ = an_endpoint(conn, "https://gone.example.com/", by=BY, types=("reconciliation.completed",))
        found["dropped"] = told(conn, None, MessageType.RECONCILED)
        endpoints.remove(conn, gone.endpoint_id, NOW)
        notices.add(conn, SERVICE, [Notice(kind=NoticeKind.DEAD, subject="x", words="x")], NOW)
        found["panel"] = panel.endpoint_id
    return found
