"""Receiving: what a request is answered, without any framework.

Owns: the order of the steps (off, size, signature, storage, answer) and the answers. Does not own: HTTP (router), the signature
(signing), the rows (inbox), acting (acting): nothing is acted on here, so that an answer never waits for it.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver import inbox, messages
from fcb_host.receiver.inbox import Put, Standing
from fcb_host.receiver.storage import Storage
from fcb_host.signing import TOLERANCE_SECONDS, Secret, Unverified, verify

MOST_BYTES = 65_536
SOURCE = "central"
SIGNED_BY = ("webhook-id", "webhook-timestamp", "webhook-signature")
_LOG = logging.getLogger("fcb_host")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: a status and a JSON body."""

    status: int
    body: bytes


def _answer(status: int, **told: str) -> Answer:
    return Answer(status, json.dumps(told).encode())


OFF = _answer(404, outcome="not found")
TOO_LARGE = _answer(413, outcome="refused", reason="the body is larger than a message may be")
UNSIGNED = _answer(401, outcome="refused", reason="the signature is missing or wrong")
"""The same whatever is wrong with it: why is in the log of the receiver."""
UNREADABLE = _answer(400, outcome="refused", reason="signed, but not a message; kept for a person to look at")
UNAVAILABLE = _answer(503, outcome="failed", reason="not stored; send it again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Takes messages of one sender and keeps them. Off unless `is_enabled`; safe for any number of threads and processes."""

    storage: Storage
    secrets: Sequence[Secret]
    """Any of these may have signed: two during a rotation."""
    is_enabled: bool = True
    most_bytes: int = MOST_BYTES
    tolerance_seconds: int = TOLERANCE_SECONDS
    """How far the sender's clock may be off, and how old a captured request may be."""
    source: str = SOURCE
    """Who sends: ids are remembered under this name."""
    service: str = ""
    """Whose messages count; those about another service are parked. Empty: everybody's."""

    def take(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        """Answer one request. A 2xx is given only for what is stored, which stays true after any crash.

        A message that is known already is answered as the first was, and has no second effect. One that comes with another
        body than the first is so too, because sending it again would change nothing: the first is kept, the other beside it,
        and the status of the receiver shows it.
        """
        if not self.is_enabled:
            return OFF
        if len(body) > self.most_bytes:
            return TOO_LARGE
        message_id = self._signed_as(headers, body, now)
        if message_id is None:
            return UNSIGNED
        reading = messages.read(message_id, body, service=self.service)
        try:
            with self.storage.transaction() as tx:
                put = inbox.put(tx, self.source, message_id, body, reading, now=now)
        except StorageUnavailable as fault:
            _LOG.error("message %s was not stored: %s", message_id, fault)
            return UNAVAILABLE
        return _answered(message_id, put)

    def _signed_as(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
        """The id under which the body was signed, if it was."""
        lowered = {name.lower(): value for name, value in headers.items()}
        message_id, timestamp, signature = (lowered.get(name) for name in SIGNED_BY)
        checked = verify(
            self.secrets,
            message_id=message_id,
            timestamp=timestamp,
            signature=signature,
            body=body,
            now=int(now.timestamp()),
            tolerance_seconds=self.tolerance_seconds,
        )
        if isinstance(checked, Unverified):
            _LOG.warning("a request was refused: %s", checked.reason)
            return None
        return checked.message_id


def _answered(message_id: str, put: Put) -> Answer:
    if not put.is_same:
        _LOG.error("message %s came again with another body: the first is kept", message_id)
    if put.standing is Standing.UNREADABLE:
        return UNREADABLE
    if not put.is_same:
        return _answer(200, outcome="conflict", reason="the id is known with another body, which is the one that is kept")
    if not put.is_new:
        return _answer(200, outcome="duplicate")
    return _answer(202, outcome="parked" if put.standing is Standing.PARKED else "stored")
