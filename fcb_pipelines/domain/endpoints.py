"""Endpoints: where messages of a service go, and which of them.

Owns: the record of an endpoint, how long a secret that was replaced still signs. Does not own: where we may connect
(webhooks/egress), the form of a secret (fcb_host.signing), delivery (delivery), storage (store/endpoints).
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.messages import MessageType

OVERLAP = timedelta(hours=24)
"""How long messages are signed with the old secret too once there is a new one."""
LONGEST_DESCRIPTION = 100
ID_BYTES = 10
FACTS = tuple(one for one in MessageType if one is not MessageType.TEST)
"""What an endpoint hears unless it is told less; a test goes only where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address that hears of facts; it is never forgotten, only removed."""

    endpoint_id: str
    service: str
    url: str
    description: str
    types: tuple[MessageType, ...]
    """What it hears of."""
    created_at: datetime
    created_by: str
    failing_since: datetime | None = None
    """The first failure since the last success."""
    disabled_at: datetime | None = None
    disabled_because: str | None = None
    removed_at: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.description) > LONGEST_DESCRIPTION or not self.description.isprintable():
            raise InvalidInput(f"a description is at most {LONGEST_DESCRIPTION} characters that can be printed")
        if not self.types or MessageType.TEST in self.types:
            raise InvalidInput(f"an endpoint hears of at least one of {', '.join(FACTS)}")

    @property
    def words(self) -> str:
        """The endpoint in words; of its address no more than where it is, for the rest may hold what is secret."""
        return f"{self.endpoint_id} ({self.description})" if self.description else self.endpoint_id


def id_of(random: bytes) -> str:
    """The id that 10 random bytes make."""
    if len(random) != ID_BYTES:
        raise InvalidInput(f"an id is made of {ID_BYTES} random bytes")
    return f"ep_{base64.b32encode(random).decode().lower()}"


def types_of(names: Sequence[str]) -> tuple[MessageType, ...]:
    """The types of these names, all of them where none is given; raises `InvalidInput` for one that is not there."""
    known = {one.value: one for one in FACTS}
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(f"{unknown[0]!r} is no type of message; there are {', '.join(known)}")
    return tuple(one for one in FACTS if not names or one.value in names)
