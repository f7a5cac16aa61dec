"""Signatures of messages, as Standard Webhooks 1.0 has them: how one is made and how one is checked.

Owns: secrets, the three headers, the signed content and the tolerance of clocks. Pure but for `Secret.fresh`, and the
standard library alone, so that the sending side and the receiving side share it. Does not own: HTTP, storage, what a
message means.

The signed content is `id.timestamp.body`. It can be read in one way only, because an id has no full stop and a timestamp
has digits alone: the first full stop ends the id and the second ends the timestamp. An id with a full stop is therefore
neither signed nor accepted: with it, `a` + `1` + `2.x` and `a.1` + `2` + `x` would carry the same signature. The timestamp is
signed as the text that was sent, so that `017` never passes for `17`.
"""

import base64
import hmac
import re
import secrets as chance
from collections.abc import Sequence
from dataclasses import dataclass

from fcb_host.errors import InvalidSettings

PREFIX = "whsec_"
LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 16
MOST_SIGNATURE_CHARACTERS = 2048
"""Room for sixteen signatures of any version that is known today; a header is never read further than this."""
VERSION = "v1"

# fullmatch and explicit ranges: `\d` takes the digits of every script, and `$` a line feed at the end.
_ID = re.compile(r"[!-\-/-~]{1,255}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that both sides hold: 24 to 64 bytes, shown nowhere. Raises InvalidSettings."""

    _key: bytes

    def __post_init__(self) -> None:
        if not LEAST_SECRET_BYTES <= len(self._key) <= MOST_SECRET_BYTES:
            raise InvalidSettings(
                f"a webhook secret is {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes, this one {len(self._key)}: "
                "copy it anew from where it was shown, or have a new one made"
            )

    def __repr__(self) -> str:
        return "Secret(…)"

    @classmethod
    def parse(cls, text: str) -> "Secret":
        """The secret that `whsec_<base64>` writes. Raises InvalidSettings, which shows nothing of it."""
        if not text.startswith(PREFIX):
            raise InvalidSettings(f"a webhook secret begins with {PREFIX}: copy it whole, as it was shown when it was made")
        try:
            return cls(base64.b64decode(text[len(PREFIX) :], validate=True))
        except ValueError:
            # `from None`: the first error would carry the text along.
            raise InvalidSettings(
                f"what follows {PREFIX} in a webhook secret is base64: copy it whole, with the = at its end"
            ) from None

    @classmethod
    def fresh(cls) -> "Secret":
        """A new one of 32 random bytes."""
        return cls(chance.token_bytes(32))

    def revealed(self) -> str:
        """The secret as `whsec_<base64>`, to be shown once or kept encrypted."""
        return PREFIX + base64.b64encode(self._key).decode()

    def digest(self, content: bytes) -> bytes:
        """HMAC-SHA256 of the content under this secret."""
        return hmac.digest(self._key, content, "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One of the secrets signed exactly this, within the tolerance."""

    message_id: str
    sent_at: int
    """Seconds since 1970, by the clock of the sender."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """Not to be believed. The reason is for the log of the receiver, never for the answer."""

    reason: str


def sign(secret: Secret, *, message_id: str, sent_at: int, body: bytes) -> str:
    """The signature `v1,<base64>` of the exact bytes sent; `sent_at` is in seconds since 1970.

    Raises ValueError for an id that is not 1 to 255 visible ASCII characters without a full stop, and for a moment that has
    more than 12 digits or is before 1970.
    """
    if not _ID.fullmatch(message_id):
        raise ValueError("a message id is 1 to 255 visible ASCII characters, none of them a full stop")
    timestamp = str(int(sent_at))
    if not _TIMESTAMP.fullmatch(timestamp):
        raise ValueError("the moment of sending is in seconds since 1970, with at most 12 digits")
    return _signature(secret, _content(message_id, timestamp, body)).decode()


def headers(secrets: Sequence[Secret], *, message_id: str, sent_at: int, body: bytes) -> dict[str, str]:
    """The three headers of a request; during a rotation with a signature by each secret, newest first.

    Raises ValueError as `sign` does, and for no secret or more than 16.
    """
    if not 1 <= len(secrets) <= MOST_SIGNATURES:
        raise ValueError(f"a message is signed by 1 to {MOST_SIGNATURES} secrets")
    signatures = [sign(secret, message_id=message_id, sent_at=sent_at, body=body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at)),
        "webhook-signature": " ".join(signatures),
    }


def verify(
    secrets: Sequence[Secret],
    *,
    message_id: str | None,
    timestamp: str | None,
    signature: str | None,
    body: bytes,
    now: int,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> Verified | Unverified:
    """Whether one of the secrets signed the body as it came, no longer ago and no further ahead than the tolerance.

    Headers are handed in as they came, None where there is none; whatever they hold, the answer is a value. Signatures of
    other versions (v1a, v2) are skipped. The clock is looked at last, so that a reason that names it can be believed.
    """
    if message_id is None or not _ID.fullmatch(message_id):
        return Unverified("webhook-id is missing or malformed")
    if timestamp is None or not _TIMESTAMP.fullmatch(timestamp):
        return Unverified("webhook-timestamp is missing or malformed")
    claimed = _claimed(signature)
    if isinstance(claimed, Unverified):
        return claimed
    content = _content(message_id, timestamp, body)
    if not _is_signed([_signature(secret, content) for secret in secrets], claimed):
        return Unverified("no signature is by a secret of ours")
    if abs(now - int(timestamp)) > tolerance_seconds:
        return Unverified(f"signed {int(timestamp) - now:+d} seconds from now: more than {tolerance_seconds} are not accepted")
    return Verified(message_id=message_id, sent_at=int(timestamp))


def _content(message_id: str, timestamp: str, body: bytes) -> bytes:
    return b".".join((message_id.encode(), timestamp.encode(), body))


def _signature(secret: Secret, content: bytes) -> bytes:
    return VERSION.encode() + b"," + base64.b64encode(secret.digest(content))


def _claimed(header: str | None) -> list[bytes] | Unverified:
    """The signatures of our version that the header holds, as they came."""
    if header is None or not header.isascii() or len(header) > MOST_SIGNATURE_CHARACTERS:
        return Unverified("webhook-signature is missing or malformed")
    claimed = header.split(" ")
    if len(claimed) > MOST_SIGNATURES:
        return Unverified(f"webhook-signature holds more than {MOST_SIGNATURES} signatures")
    return [each.encode() for each in claimed if each.startswith(f"{VERSION},")]


def _is_signed(expected: Sequence[bytes], claimed: Sequence[bytes]) -> bool:
    """Whether any matches any. All are compared, in constant time and as the text that was sent: base64 has spellings."""
    found = False
    for one in expected:
        for other in claimed:
            found |= hmac.compare_digest(one, other)
    return found
