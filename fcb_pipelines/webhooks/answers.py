"""What became of one HTTP POST, and the limits that it kept.

Owns: the record that a sender keeps, the kinds of failure, the numbers. Does not own: whether to try again (domain).
"""

from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.webhooks.names import LOOK_UP_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much; times in seconds by the wall clock, sizes in bytes."""

    look_up_seconds: float = LOOK_UP_SECONDS
    connect_seconds: float = 5.0
    """To connect and to agree on TLS, over all addresses that are tried."""
    total_seconds: float = 15.0
    """From the start to the last byte that is read, waiting for a connection included."""
    answer_bytes: int = 64_000
    """Read of one answer at most, its headers and framing included."""
    connections: int = 8
    """To one endpoint (scheme, host, port) at once."""
    idle_connections: int = 256
    """Kept for the next message, over all endpoints."""
    idle_seconds: float = 15.0
    addresses: int = 3
    """Of one name, tried one after the other until one connects."""


class Kind(StrEnum):
    """Where a POST failed."""

    DENIED = "denied"
    DNS = "dns"
    BUSY = "busy"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect timeout"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no whole answer, for an operator; never holds text of the other side."""

    kind: Kind
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One POST and what came back."""

    status: int | None
    """As soon as it came, also where the rest of the answer failed."""
    content: bytes
    """The first bytes of the body, as they came: nothing is unpacked."""
    is_cut: bool
    """Whether the answer went on beyond what is read."""
    retry_after: str | None
    """The header's text as it came, at most 64 characters."""
    address: str | None
    """Where we were connected to, or last tried to."""
    failure: Failure | None
    seconds: float

    @property
    def is_taken(self) -> bool:
        """Whether the receiver took the message: 2xx, with an answer that is whole or was only too long."""
        return self.failure is None and self.status is not None and 200 <= self.status <= 299  # noqa: PLR2004 (RFC 9110, 15.3)
