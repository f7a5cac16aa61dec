"""A visit to the report's pages: the cookie of whoever opened a link, and the tokens of the forms that a visit is shown.

Owns: the cookie's name, what makes a form one of this visit. Does not own: when a link opens something (acts/report_links), how
a form is read (report_forms).
"""

import hashlib
import hmac
import secrets

from starlette.requests import Request

from fcb_pipelines.api.calls import Call
from fcb_pipelines.report.signing import Signing, Stamp

COOKIE = "fcb_report"
_RANDOM_BYTES = 16


def signing(call: Call) -> Signing:
    """What the pages of a visit need to show forms."""
    visit = visit_of(call.request)
    today = call.at.astimezone(call.service.zone).date()
    return Signing(today=today, stamp=lambda: stamp(visit, secrets.token_urlsafe(_RANDOM_BYTES)))


def stamp(visit: str, form: str) -> Stamp:
    """A form's number, and the token that only whoever knows the visit's secret can tell."""
    token = hmac.new(visit.encode("utf-8", "replace"), b"form\n" + form.encode(), hashlib.sha256)
    return Stamp(form=form, token=token.hexdigest())


def visit_of(request: Request) -> str:
    """The secret of a visit: the key that came with it, else its cookie."""
    return request.headers.get("authorization") or request.cookies.get(COOKIE, "")
