"""Telling an operator: the mail server, what a mail says, how long to wait after a failure.

Owns: the form of FCB_SMTP_URL, subject and text of a mail, the pause. Does not own: why there is a notice (delivery), sending
(webhooks/mail), storage (store/notices).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

from fcb_pipelines.domain.errors import InvalidInput

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
LONGEST_SUBJECT = 120
EXAMPLE = "smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com:465"
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in; never without TLS."""

    host: str
    port: int
    is_tls_at_once: bool
    """TLS from the first byte (RFC 8314); else STARTTLS (RFC 3207), without which nothing is sent."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that an operator is told."""

    service: str
    kind: str
    words: str
    raised_at: datetime


def mail_server(url: str) -> MailServer:
    """The mail server that an address names; raises `InvalidInput`, which shows nothing of it."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise InvalidInput(f"it is not an address such as {EXAMPLE}") from None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidInput(f"it is not an address such as {EXAMPLE}")
    if (parts.username is None) != (parts.password is None):
        raise InvalidInput("it has a user or a password alone: give both, or none")
    if not url.isascii() or not unquote(url).isascii():
        raise InvalidInput("it has a letter beyond ASCII, which mail servers do not take in a user or a password")
    return MailServer(
        host=host,
        port=port or _PORTS[parts.scheme],
        is_tls_at_once=parts.scheme == "smtps",
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def pause(attempts: int) -> timedelta:
    """How long nobody is told after so many failures before this one: a minute, doubled each time, at most an hour."""
    return min(FIRST_PAUSE * (1 << min(attempts, 10)), LONGEST_PAUSE)


def subject(told: Sequence[Told]) -> str:
    """The subject of a mail, on one line whatever is told; of several things how many there are."""
    services = ", ".join(dict.fromkeys(one.service for one in told))
    said = told[0].words if len(told) == 1 else f"{len(told)} notices"
    line = one_line(f"fcb {services}: {said}")
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"


def text(told: Sequence[Told]) -> str:
    """The text of a mail: a line for each thing, the oldest first."""
    lines = (f"{one.raised_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC  {one.service}  {one_line(one.words)}" for one in told)
    return "\n\n".join([*lines, "Sent by fcb. How each message stands: fcb messages list; everything else: fcb doctor"]) + "\n"


def one_line(words: str) -> str:
    """Words without line breaks and without what a mail program or a terminal could take for an order."""
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())
