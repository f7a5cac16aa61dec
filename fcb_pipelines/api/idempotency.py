"""`Idempotency-Key`: the same request, sent again, has no second effect and is told the same.

Owns: the header, which requests are the same, for how long an answer is given again, and which are under way in this process.
Does not own: how answers are stored (store/idempotency), that they are stored with the effect (writer).

A request is remembered with its answer once it was carried out. One that was refused before that (its key, its form, a limit,
our database away) did nothing, and is judged anew.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus

from fcb_pipelines.api.problems import Problem
from fcb_pipelines.store.idempotency import Pairing

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LONGEST_KEY = 255
RETRY_AFTER_SECONDS = 1

BARE, QUOTED = r"[!#-~]", r'(?:[ !#-\[\]-~]|\\["\\])'
"""A character of a key; quoted as in a String of RFC 8941, section 3.3.3, which the IETF's draft asks for."""
KEY = rf'(?:{BARE}{{1,{LONGEST_KEY}}}|"{QUOTED}{{1,{LONGEST_KEY}}}")'
FORM = f"Send one {HEADER} of 1 to {LONGEST_KEY} printable ASCII characters, bare or in double quotes."


def key_of(headers: Sequence[str]) -> str | None:
    """The key of a request, the same bare or quoted; None where it has none. Raises `Problem` for what is no key."""
    if not headers:
        return None
    text = headers[0].strip(" \t")
    if len(headers) > 1 or not re.fullmatch(KEY, text):
        raise Problem(HTTPStatus.BAD_REQUEST, FORM)
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def pairing(service: str, key: str, path: str, body: bytes) -> Pairing:
    """What ties a request to its answer; the path tells which subscription is meant."""
    fingerprint = hashlib.sha256(path.encode("utf-8", "surrogatepass") + b"\0" + body).digest()
    return Pairing(service=service, idempotency_key=key, fingerprint=fingerprint)


def other_request() -> Problem:
    """The refusal of a key that another request had."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"This {HEADER} was sent with another request: take a new one.")


def under_way() -> Problem:
    """The refusal of a request that is the same as one that is not answered yet."""
    detail = f"A request with this {HEADER} is under way: send the same again in a moment."
    return Problem(HTTPStatus.CONFLICT, detail, retry_after_seconds=RETRY_AFTER_SECONDS)


class Running:
    """Requests under way in this process; on the event loop alone. It ends with the process, so nothing runs for ever."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._fingerprints: dict[tuple[str, str], bytes] = {}

    def begin(self, each: Pairing) -> None:
        """Keep others from a key; raises `Problem` where one of them is at it."""
        there = self._fingerprints.get(each.place)
        if there is None:
            self._fingerprints[each.place] = each.fingerprint
        elif there == each.fingerprint:
            raise under_way()
        else:
            raise other_request()

    def end(self, each: Pairing) -> None:
        """Let others in again."""
        del self._fingerprints[each.place]
