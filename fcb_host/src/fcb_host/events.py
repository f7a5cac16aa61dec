"""Usage events: what a host records, checked against the contract where it is made.

Owns: the identity of an event, its content and how both are written. Does not own: the spool, the answers.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal

from fcb_host.errors import InvalidEvent
from fcb_host.quantities import decimal, plain

MOST_CHARACTERS = {"external_subscription_id": 255, "metric": 64, "idempotency_key": 255, "value": 255, "voids": 255}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One fact of use. Identity is (subscription, metric, idempotency key), for ever.

    Exactly one of `quantity` (units of the metric), `value` (for metrics that count distinct values) and `voids` (the key of an
    earlier event of the same subscription and metric that this one takes back; then without times) is given. Times need a zone.
    Raises InvalidEvent.
    """

    external_subscription_id: str
    metric: str
    idempotency_key: str
    quantity: Decimal | int | str | None = None
    started_at: datetime | None = None
    """Decides the period that the event belongs to."""
    ended_at: datetime | None = None
    value: str | None = None
    voids: str | None = None

    def __post_init__(self) -> None:
        for field, most in MOST_CHARACTERS.items():
            _check_text(field, getattr(self, field), most, is_needed=field in _IDENTITY)
        if sum(given is not None for given in (self.quantity, self.value, self.voids)) != 1:
            raise InvalidEvent("an event has exactly one of quantity, value and voids")
        if self.voids == self.idempotency_key:
            raise InvalidEvent("an event cannot take itself back: voids is the key of an earlier one")
        if self.quantity is not None:
            plain(decimal(self.quantity))
        _check_times(self)

    @property
    def identity(self) -> bytes:
        """Twenty bytes that name the event."""
        return identity_of(self.external_subscription_id, self.metric, self.idempotency_key)

    @property
    def body(self) -> str:
        """The event as JSON, one way for one content: exact text quantities, UTC, fields in order, none that is not given."""
        fields = {
            "external_subscription_id": self.external_subscription_id,
            "metric": self.metric,
            "idempotency_key": self.idempotency_key,
            "quantity": None if self.quantity is None else plain(decimal(self.quantity)),
            "value": self.value,
            "voids": self.voids,
            "started_at": _moment(self.started_at),
            "ended_at": _moment(self.ended_at),
        }
        return json.dumps({name: text for name, text in fields.items() if text is not None}, ensure_ascii=False)


def identity_of(external_subscription_id: str, metric: str, idempotency_key: str) -> bytes:
    """Twenty bytes that name an event; no text of an event holds a NUL, so two identities are never written alike."""
    named = f"{external_subscription_id}\0{metric}\0{idempotency_key}"
    return hashlib.blake2b(named.encode(), digest_size=20).digest()


_IDENTITY = ("external_subscription_id", "metric", "idempotency_key")


def _check_text(field: str, text: object, most: int, *, is_needed: bool) -> None:
    if text is None and not is_needed:
        return
    if not isinstance(text, str) or not 1 <= len(text) <= most:
        raise InvalidEvent(f"{field} is a text of 1 to {most} characters")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidEvent(f"{field} holds a character that cannot be stored")


def _check_times(event: UsageEvent) -> None:
    if event.voids is not None:
        if event.started_at is not None or event.ended_at is not None:
            raise InvalidEvent("an event that takes another back has no times of its own")
        return
    if event.started_at is None:
        raise InvalidEvent("started_at is missing")
    for field in ("started_at", "ended_at"):
        moment = getattr(event, field)
        if moment is not None and (not isinstance(moment, datetime) or moment.utcoffset() is None):
            raise InvalidEvent(f"{field} is a datetime with a timezone")
    if event.ended_at is not None and event.ended_at < event.started_at:
        raise InvalidEvent("ended_at is before started_at")


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(timezone.utc).isoformat()
