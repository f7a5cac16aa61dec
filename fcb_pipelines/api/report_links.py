"""`/report-links/{token}`: opens a report or the messages once, for whoever has the link; and the style sheet of all pages.

Owns: the swap of a link's token for a cookie. Does not own: when a link opens something (acts/report_links), the pages
(reports).

The answer is a page that goes on by itself and no redirection: a cookie that is sent to our own pages alone (SameSite=Strict)
would not be sent along where somebody followed the link from elsewhere.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fcb_pipelines.acts.report_links import Opened, open_link
from fcb_pipelines.api.calls import Call, Desk, unavailable
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.report_visits import COOKIE
from fcb_pipelines.api.reports import CSS, HEADERS, REPORT, page, standing_for, told
from fcb_pipelines.api.webhooks import BOARD
from fcb_pipelines.domain.access import Authenticated, Reason, Refusal, Scope
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.domain.report_links import VISIT, WEBHOOKS, Spent
from fcb_pipelines.report import pages
from fcb_pipelines.report.links import STYLE

LINK, STYLE_SHEET = "/report-links/{token}", f"/{STYLE}"
NO_LINK = "There is no such link. It may have been cut off: copy the whole of it."
_SPENT = {
    Spent.USED: "This link was opened before, and opens nothing a second time.",
    Spent.EXPIRED: "The time of this link is over.",
}
_ASK = "Ask whoever sent it for a new one, which  {command}  makes."


async def read_style(_desk: Desk) -> Response:
    """How every page of a report looks."""
    return Response(pages.style(), headers={**HEADERS, "Cache-Control": "public, max-age=300"}, media_type=CSS)


def opening(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that opens links."""

    async def endpoint(request: Request) -> Response:
        if request.method == "HEAD":
            # Whoever only looks whether it is there must not use it up.
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "A link is opened with GET.", headers={"Allow": "GET"})
        now, address = desk.clock(), request.client.host if request.client else ""
        try:
            found = await run_in_threadpool(open_link, desk.db, request.path_params["token"], now, address=address)
        except RemoteError:
            raise unavailable() from None
        answer = _who(found)
        call = Call(desk=desk, request=request, route=LINK, scope=Scope.RECONCILIATION_READ, at=now, answer=answer)
        response = _opened(found, request) if found and found.visit else told(_refused(found), request)
        await call.log(response.status_code)
        return response

    return endpoint


def gone(why: Spent, period: str) -> Problem:
    """What is told of a link that opens nothing any more."""
    command = "fcb messages link" if period == WEBHOOKS else f"fcb report --period {period} --link"
    return Problem(HTTPStatus.GONE, f"{_SPENT[why]} {_ASK.format(command=command)}")


def no_link() -> Problem:
    """What is told of a link that there never was."""
    return Problem(HTTPStatus.NOT_FOUND, NO_LINK)


def _who(found: Opened | None) -> Authenticated | Refusal:
    if found is None:
        return Refusal(reason=Reason.UNKNOWN)
    key = standing_for(found.link)
    return Authenticated(key=key) if found.visit else Refusal(reason=Reason.EXPIRED, key=key)


def _refused(found: Opened | None) -> Problem:
    return no_link() if found is None or found.why_not is None else gone(found.why_not, found.link.period)


def _opened(found: Opened, request: Request) -> Response:
    period = found.link.period
    is_of_webhooks = period == WEBHOOKS
    place = BOARD if is_of_webhooks else REPORT.format(period=period)
    title = "The messages are open" if is_of_webhooks else f"The report of {period} is open"
    hours = int(VISIT.total_seconds() // 3600)
    text = f"It stays open in this browser for {hours} hours; the link itself opens nothing any more."
    response = page(title, text, HTTPStatus.OK, onward=place)
    response.set_cookie(
        COOKIE,
        "" if found.visit is None else found.visit.text,
        max_age=int(VISIT.total_seconds()),
        path=place,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response
