"""Messages as the central side writes and signs them, so that a test names only what it is about."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fcb_host.receiver.messages import Message, read
from fcb_host.signing import Secret, headers

NOW = datetime(2026, 6, 2, 16, 0, tzinfo=UTC)
SECRET = Secret(b"the key of the tests, 30 bytes")
OTHER = Secret(b"another key of the tests, also enough")
FAILED, PAID, ENDED = "invoice.payment_failed", "invoice.payment_succeeded", "subscription.terminated"


def body(message_id: str = "msg_1", type_: str = FAILED, *, sequence: int = 1, **data: Any) -> bytes:
    """A body; `data` changes what it says, and what is given as `...` is left out."""
    told = about(type_) | data
    whole = {
        "type": type_,
        "id": message_id,
        "timestamp": "2026-06-02T15:59:58.000Z",
        "sequence": sequence,
        "data": {name: value for name, value in told.items() if value is not ...},
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def about(type_: str) -> dict[str, Any]:
    """What the data of a message says unless a test says otherwise: an invoice that failed for good."""
    told: dict[str, Any] = {"service": "nexacloud", "external_subscription_id": "sub-1", "deployment_id": "dep-1"}
    if type_ in {FAILED, PAID}:
        told |= {"partner": {"id": 7}, "invoice": invoice(paid=type_ == PAID), "amount": "49.00", "currency": "CAD"}
    if type_ == FAILED:
        told |= {"attempt": 4, "final": True, "next_retry": None, "grace_ends_on": "2026-06-15"}
    return told


def invoice(id_: int = 77, *, paid: bool = False, **others: Any) -> dict[str, Any]:
    """An invoice as Odoo has it."""
    state = {"state": "posted", "payment_state": "paid" if paid else "not_paid"}
    return {"id": id_, "number": f"INV/{id_}", "total": "49.00", "due_on": "2026-06-01", **state, **others}


def heard(message_id: str = "msg_1", type_: str = FAILED, *, sequence: int = 1, **data: Any) -> Message:
    """The same, read."""
    found = read(message_id, body(message_id, type_, sequence=sequence, **data))
    assert isinstance(found, Message), found
    return found


@dataclass(frozen=True, kw_only=True)
class Request:
    """A signed request."""

    headers: dict[str, str]
    body: bytes


def request(message_id: str = "msg_1", type_: str = FAILED, *, sequence: int = 1, at: datetime = NOW, **data: Any) -> Request:
    """A message, signed at a moment."""
    return signed(message_id, body(message_id, type_, sequence=sequence, **data), at=at)


def signed(message_id: str, content: bytes, *, at: datetime = NOW) -> Request:
    """Any bytes, signed."""
    return Request(headers=headers([SECRET], message_id=message_id, sent_at=int(at.timestamp()), body=content), body=content)


@dataclass(kw_only=True)
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, **by: float) -> datetime:
        """Move it."""
        self.now += timedelta(**by)
        return self.now


@dataclass(kw_only=True)
class Told:
    """A host that does nothing but remember what it was asked, or fails as often as it is told to."""

    acts: list[tuple[str, str, str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def suspend(self, call: Any) -> None:
        self._asked("suspend", call)

    def restore(self, call: Any) -> None:
        self._asked("restore", call)

    def deprovision(self, call: Any) -> None:
        self._asked("deprovision", call)

    def _asked(self, what: str, call: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.acts.append((what, call.deployment_id, call.message_id))
