"""A form of the report's pages as a browser sends it: ours, of this visit, and whole.

Owns: that it was sent by one of our own pages (by the browser's word and by a token of the visit), its fields and their bounds.
Does not own: what it asks for (report_signing), whose secret it has (acts/signers).

A browser sends the cookie of a visit to our own pages alone (SameSite=Strict). Beyond that a form is taken only if the browser
says that the page which sent it is of this site, and if it has the token that this visit was given for this very form.
"""

import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from fcb_pipelines.acts.signing import Sheet
from fcb_pipelines.api import bodies
from fcb_pipelines.api.calls import Call
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.report_visits import stamp, visit_of
from fcb_pipelines.report.signing import MOST_ROWS

SECRET = "secret"  # noqa: S105 - the name of a field
MOST_FIELDS = MOST_ROWS + 20
NOT_OURS = "This form was not sent by a page of this site, so nothing was signed: open the report, and sign there."
NOT_THIS_VISIT = "This form is of another visit, so nothing was signed: open the page again, and sign there."
NOT_WHOLE = "This form is not as our page has it, so nothing was signed: open the page again, and sign there."
_FORM = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The fields of a form; the secret is apart, and in no repr."""

    single: dict[str, str]
    rows: tuple[str, ...]
    content: bytes
    """All that it says, the secret and what makes it ours apart: the same for the same."""
    secret: str = field(repr=False)

    def sheet(self, call: Call) -> Sheet:
        """What it is signed with."""
        client = call.request.client
        return Sheet(
            service=call.service,
            form=self.single["form"],
            content=call.request.url.path.encode("utf-8", "surrogatepass") + b"\n" + self.content,
            reader=call.key_id,
            address=client.host if client else "",
            secret=self.secret,
        )


async def given(call: Call, names: Sequence[str], *, has_rows: bool = False) -> Given:
    """The form that a request brings, with these fields beside its own; raises `Problem` for one that is not taken."""
    request = call.request
    _require_same_site(request)
    found = _fields(await bodies.form(request, call.desk.body_seconds), {*names, "form", "token", "shown", SECRET}, has_rows)
    expected = stamp(visit_of(request), found.single["form"]).token
    if not hmac.compare_digest(expected.encode(), found.single.pop("token").encode("utf-8", "replace")):
        raise Problem(HTTPStatus.FORBIDDEN, NOT_THIS_VISIT)
    return found


def day(text: str) -> date | None:
    """A day as a date field sends it."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        return None


def _require_same_site(request: Request) -> None:
    """Raise `Problem` unless the browser says that one of our own pages sends it.

    `Sec-Fetch-Site` is the word of every browser over TLS and on this machine, and no page can set it. Where it is not sent,
    the page's origin must be the host that was asked.
    """
    fetched, origin = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
    is_ours = fetched == ["same-origin"] if fetched else _hosts(origin) == [request.headers.get("host", "").lower()]
    if not is_ours:
        raise Problem(HTTPStatus.FORBIDDEN, NOT_OURS)


def _hosts(origins: Sequence[str]) -> list[str]:
    try:
        return [urlsplit(each).netloc.lower() or "none" for each in origins]
    except ValueError:
        return []


def _fields(content: bytes, names: Collection[str], has_rows: bool) -> Given:
    try:
        pairs = parse_qsl(
            content.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise _not_whole() from None
    single = [(name, value.replace("\r\n", "\n")) for name, value in pairs if name != "row"]
    rows = tuple(value for name, value in pairs if name == "row")
    found = dict(single)
    is_whole = found.keys() == names and len(single) == len(names) and bool(rows) is has_rows
    if not is_whole or not _FORM.fullmatch(found["form"]) or any("\0" in value for _, value in pairs):
        raise _not_whole()
    secret = found.pop(SECRET)
    said = sorted((name, value) for name, value in found.items() if name not in ("form", "token"))
    return Given(single=found, rows=rows, content=repr([said, rows]).encode(), secret=secret)


def _not_whole() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, NOT_WHOLE)
