"""Messages: facts that a host must hear, as they are sent.

Owns: the types, the record of a message, and its body. Does not own: which facts become messages (the acts of those facts),
storage (store/outbox), delivery (domain/delivery). The schemas are in docs/messages.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput

ID_BYTES = 16
_ID = re.compile(r"msg_[a-z2-7]{26}")


class MessageType(StrEnum):
    """What a message tells."""

    PAYMENT_FAILED = "invoice.payment_failed"
    PAYMENT_SUCCEEDED = "invoice.payment_succeeded"
    TERMINATED = "subscription.terminated"
    RECONCILED = "reconciliation.completed"
    FLIPPED = "flip.completed"
    TEST = "endpoint.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told of a fact, before it has a number."""

    type: MessageType
    external_subscription_id: str | None
    """None where it is about no single subscription."""
    occurred_at: datetime
    data: Mapping[str, Any]
    """The full current state: JSON without floats; amounts as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it is kept and sent: the body never changes, whatever is sent again."""

    message_id: str
    service: str
    type: MessageType
    external_subscription_id: str | None
    sequence: int
    """Rises with each message about the same subscription, or about none."""
    occurred_at: datetime
    recorded_at: datetime
    body: str


def message(service: str, news: News, *, message_id: str, sequence: int, recorded_at: datetime) -> Message:
    """The message of news; raises `InvalidInput` for an id that is none of ours."""
    if not _ID.fullmatch(message_id):
        raise InvalidInput(f"{message_id!r} is no id of a message, which is like msg_ and 26 letters and digits")
    return Message(
        message_id=message_id,
        service=service,
        type=news.type,
        external_subscription_id=news.external_subscription_id,
        sequence=sequence,
        occurred_at=news.occurred_at,
        recorded_at=recorded_at,
        body=_body(service, news, message_id, sequence),
    )


def id_of(random: bytes) -> str:
    """The id that 16 random bytes make; no dot in it, because what is signed is joined with dots."""
    if len(random) != ID_BYTES:
        raise InvalidInput(f"an id is made of {ID_BYTES} random bytes")
    return f"msg_{base64.b32encode(random).decode().rstrip('=').lower()}"


def _body(service: str, news: News, message_id: str, sequence: int) -> str:
    told = {
        "type": news.type.value,
        "id": message_id,
        "timestamp": news.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sequence": sequence,
        "data": {"service": service, "external_subscription_id": news.external_subscription_id, **news.data},
    }
    return json.dumps(told, default=_exact, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _exact(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"a message holds no {type(value).__name__}")
