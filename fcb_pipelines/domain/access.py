"""API keys: their form, what they may do, and when one is refused.

Owns: the text of a key and its checksum, scopes, the reasons of a refusal and what each says to the outside, what is noted of
each call. Does not own: where keys are kept (store/access), reading a request's header (acts/access), the logs' chain (audit).
"""

import base64
import hashlib
import re
import string
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput

RANDOM_BYTES = 32
CHECKSUM_LENGTH = 6
LONGEST_NAME = 100

_PREFIX = "fcb_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(rf"[A-Za-z0-9_-]{{43}}[0-9A-Za-z]{{{CHECKSUM_LENGTH}}}")


class Scope(StrEnum):
    """What a key may do; a key has none unless it was given some."""

    USAGE_WRITE = "usage:write"
    USAGE_READ = "usage:read"
    USAGE_BACKFILL = "usage:backfill"
    SUBSCRIPTIONS_TERMINATE = "subscriptions:terminate"
    RECONCILIATION_READ = "reconciliation:read"
    METRICS_READ = "metrics:read"
    WEBHOOKS_READ = "webhooks:read"

    @property
    def sentence(self) -> str:
        """What it allows, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    Scope.USAGE_WRITE: "Push usage events of the service's subscriptions.",
    Scope.USAGE_READ: "Read back the usage of a subscription and period.",
    Scope.USAGE_BACKFILL: "Push usage events that are older than the window.",
    Scope.SUBSCRIPTIONS_TERMINATE: "Say that a subscription has ended.",
    Scope.RECONCILIATION_READ: "Read how a period was reconciled.",
    Scope.METRICS_READ: "Read the server's own figures.",
    Scope.WEBHOOKS_READ: "Read messages to endpoints and what became of them.",
}


class Reason(StrEnum):
    """Why a call was not let in; the log has it, the outside is told less (`Refusal.detail`)."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    WRONG_SCOPE = "wrong_scope"

    @property
    def status(self) -> int:
        """The HTTP status: 403 for a good key that may not do this, otherwise 401."""
        return 403 if self is Reason.WRONG_SCOPE else 401


ALLOWED = "allowed"
"""The outcome of a call that was let in."""


@dataclass(frozen=True, slots=True)
class PlainKey:
    """A key in the clear, shown once to whom it is made for; it is in no repr, and nothing of ours keeps it."""

    text: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What is kept of it. A plain SHA-256 is enough: 256 random bits cannot be guessed, however fast one tries."""
        return hashlib.sha256(self.text.encode("ascii")).digest()

    @property
    def last_four(self) -> str:
        """What people recognize it by; it is of the checksum, so it tells nothing of the random part beyond that."""
        return self.text[-4:]


def new_key(random: bytes, prefix: str = _PREFIX) -> PlainKey:
    """The key of 32 random bytes; its prefix says what it is for."""
    if len(random) != RANDOM_BYTES:
        raise InvalidInput(f"a key is made of {RANDOM_BYTES} random bytes, not {len(random)}")
    body = prefix + base64.urlsafe_b64encode(random).decode("ascii").rstrip("=")
    return PlainKey(body + _checksum(body))


def parsed(text: str, prefix: str = _PREFIX) -> PlainKey | None:
    """The key that a text is; None where it is mistyped, cut off or no such key at all, which needs no look at the database.

    Every change of a single character is told: CRC-32 finds any error that lies within 32 bits.
    """
    if not text.startswith(prefix) or not _FORM.fullmatch(text.removeprefix(prefix)):
        return None
    return PlainKey(text) if _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:] else None


def _checksum(body: str) -> str:
    """CRC-32 in base 62; 62^6 is more than 2^32, so six characters always do."""
    rest, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What we keep of a key."""

    key_id: str
    """Public and short, such as `k_3f9a61c20b7e`."""
    service: str
    name: str
    """Who uses it, as its service calls it; at most two live keys share one, while they are rotated."""
    digest: bytes = field(repr=False)
    last_four: str
    scopes: frozenset[Scope] = frozenset()
    created_at: datetime
    expires_at: datetime | None = None
    """The first moment at which it is refused."""
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """When it was last let in, to the minute."""
    rotated_from: str | None = None
    """The id of the key that it takes the place of."""

    def is_live(self, now: datetime) -> bool:
        """Whether anybody is let in with it."""
        return refusal(self, now) is None


def refusal(key: ApiKey, now: datetime, scope: Scope | None = None) -> Reason | None:
    """Why a key may not be used for a scope now; None if it may. Without a scope only whether it is a good key.

    A revoked key is refused whatever its time of revocation says, because clocks of two machines differ.
    """
    if key.revoked_at is not None:
        return Reason.REVOKED
    if key.expires_at is not None and now >= key.expires_at:
        return Reason.EXPIRED
    if scope is not None and scope not in key.scopes:
        return Reason.WRONG_SCOPE
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """Who calls, with a key that may do what was asked."""

    key: ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nobody is let in; `key` is whose it would have been, for our log alone."""

    reason: Reason
    key: ApiKey | None = None
    scope: Scope | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self.reason.status

    @property
    def detail(self) -> str:
        """What the outside is told: of an unknown, a revoked and an expired key the same, or answers would sort found keys."""
        if self.reason is Reason.MISSING:
            return "Send the API key as  Authorization: Bearer fcb_…"
        if self.reason is Reason.MALFORMED:
            return "The Authorization header holds no API key, or one that is mistyped or cut off."
        if self.reason is Reason.WRONG_SCOPE:
            return f"The API key lacks the scope {self.scope}."
        return "The API key is not valid."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """One call, let in or not, as the access log has it."""

    at: datetime
    key_id: str | None
    service: str | None
    address: str
    """The caller's address; empty where there is none."""
    method: str
    route: str
    """The template, such as `/v1/subscriptions/{external_id}/usage`: a raw path can hold what is nobody's business."""
    scope: Scope | None
    """What was asked for; None for a route that needs no more than a good key."""
    reason: Reason | None
    """Why it was not let in; None if it was."""
    status: int
    """The HTTP status of the answer."""

    @property
    def outcome(self) -> str:
        """`allowed`, or the reason."""
        return ALLOWED if self.reason is None else self.reason.value


def access_entry(
    answer: Authenticated | Refusal,
    *,
    at: datetime,
    address: str,
    method: str,
    route: str,
    scope: Scope | None,
    status: int,
) -> AccessEntry:
    """What the access log says of a call that was answered so."""
    return AccessEntry(
        at=at,
        key_id=answer.key.key_id if answer.key else None,
        service=answer.key.service if answer.key else None,
        address=address,
        method=method,
        route=route,
        scope=scope,
        reason=answer.reason if isinstance(answer, Refusal) else None,
        status=status,
    )


def checked_name(name: str) -> str:
    """The name of a key without blanks around it; raises `InvalidInput` for one that people could not read."""
    stripped = name.strip()
    if not stripped or len(stripped) > LONGEST_NAME or not stripped.isprintable():
        raise InvalidInput(f"a key needs a name of 1 to {LONGEST_NAME} printable characters, such as usage-client")
    return stripped
