"""One-time links: a report of one period for somebody who has no key.

Owns: the form of a token, how long links and visits last, when a link is refused. Does not own: where they are kept
(store/report_links), cookies (api/reports).
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput

RANDOM_BYTES = 32
WEBHOOKS = "webhooks"
"""Stands in place of a period for a link to the pages of messages."""
USUAL_HOURS = 24
LONGEST_HOURS = 24 * 30
VISIT = timedelta(hours=8)
"""How long the browser that opened a link may read on: a working day."""

_FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A secret in the clear: of a link, shown once to whoever makes it, or of a visit, in a cookie. It is in no repr."""

    text: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What is kept of it; 256 random bits need no more than a plain hash."""
        return hashlib.sha256(self.text.encode("ascii")).digest()


def new_token(random: bytes) -> Token:
    """The token of 32 random bytes."""
    if len(random) != RANDOM_BYTES:
        raise InvalidInput(f"a token is made of {RANDOM_BYTES} random bytes, not {len(random)}")
    return Token(base64.urlsafe_b64encode(random).decode("ascii").rstrip("="))


def read_token(text: str) -> Token | None:
    """The token that a text is; None where it cannot be one, which needs no look at the database."""
    return Token(text) if _FORM.fullmatch(text) else None


class Spent(StrEnum):
    """Why a link opens nothing any more."""

    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLink:
    """What is kept of a link."""

    link_id: str
    """Public and short, such as `l_3f9a61c20b7e`; the access log names its visits by it."""
    service: str
    period: str
    """Of the report that it opens, or `WEBHOOKS`."""
    made_at: datetime
    made_by: str
    expires_at: datetime
    """The first moment at which it opens nothing."""
    opened_at: datetime | None = None
    visit_ends_at: datetime | None = None


def spent(link: ReportLink, now: datetime) -> Spent | None:
    """Why a link may not be opened now; None if it may."""
    if link.opened_at is not None:
        return Spent.USED
    return Spent.EXPIRED if now >= link.expires_at else None


def is_visiting(link: ReportLink, now: datetime) -> bool:
    """Whether whoever opened it may still read."""
    return link.visit_ends_at is not None and now < link.visit_ends_at


def lasting(hours: int) -> timedelta:
    """For how long a link may be opened; raises `InvalidInput` beyond 1 to 720 hours."""
    if not 1 <= hours <= LONGEST_HOURS:
        raise InvalidInput(f"a link may be opened for 1 to {LONGEST_HOURS} hours, not {hours}")
    return timedelta(hours=hours)
