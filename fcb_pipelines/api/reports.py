"""`/reports/{period}`: the report of a month as pages, for a key or for whoever opened a one-time link.

Owns: the routes' parameters, the cookie of a visit, the headers of a page, how a browser is told that it may not. Does not own:
the pages (report/pages), when a link opens something (acts/report_links), who may call with a key (calls).
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fcb_pipelines.acts import report as acts
from fcb_pipelines.acts.flip_board import board
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.report_links import visitor
from fcb_pipelines.api.calls import Call, KeyedRoute, Readers, unavailable
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.reconciliation import never
from fcb_pipelines.api.report_visits import COOKIE, signing
from fcb_pipelines.domain.access import ApiKey, Scope
from fcb_pipelines.domain.errors import InvalidInput, RemoteError
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.report_links import ReportLink
from fcb_pipelines.report import pages, pictures
from fcb_pipelines.report.links import Served
from fcb_pipelines.report.selections import ALL
from fcb_pipelines.report.view import View
from fcb_pipelines.store.database import Connection, Database

REPORT = "/reports/{period}"
QUEUE, ROWS, ROW = f"{REPORT}/queue", f"{REPORT}/rows", f"{REPORT}/rows/{{row_id}}"
FLIP = f"{REPORT}/flip"
PICTURE = f"{REPORT}/pictures/{{picture}}"
HTML, CSS = "text/html", "text/css"
NO_PERIOD = "Name a month in the path, such as /reports/2026-05."
NO_LIST = "The report has no such list of rows."
NO_PAGE = "page must be a number from 1 to 9999."
NO_ROW = "The report has no such row."
NO_PICTURE = "The report has no such picture."
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
"""Nothing is loaded from anywhere else, nothing runs, forms are sent to us alone, and nobody else is told from where a link was
followed. We are: without that a browser does not say which site a form comes from."""

_PAGE = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_MAKE_LINK = "fcb report --period {period} --link"


async def read_report(call: Call) -> Response:
    """The first screen."""
    return await answered(call, lambda _conn, found, links: pages.first(found, links))


async def read_queue(call: Call) -> Response:
    """What waits for a decision."""
    return await answered(call, lambda _conn, found, links: pages.queue(found, links, signing(call)))


async def read_rows(call: Call) -> Response:
    """A part of the rows behind a number."""
    asked = call.request.query_params
    key, page = asked.get("of", ALL), asked.get("page", "1")
    if not _PAGE.fullmatch(page):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, NO_PAGE)

    def shown(_conn: Connection, found: View, links: Served) -> str:
        selection = found.shape.selections.get(key)
        if selection is None or int(page) > pages.parts(selection):
            raise Problem(HTTPStatus.NOT_FOUND, NO_LIST)
        return pages.rows(found, links, selection, int(page))

    return await answered(call, shown)


async def read_row(call: Call) -> Response:
    """A row's own page."""
    row_id = call.request.path_params["row_id"]

    def shown(conn: Connection, found: View, links: Served) -> str:
        row = found.shape.rows.get(row_id)
        if row is None:
            raise Problem(HTTPStatus.NOT_FOUND, NO_ROW)
        return pages.row(found, links, row, acts.row_history(conn, found.shape.base, row_id), signing(call))

    return await answered(call, shown)


async def read_picture(call: Call) -> Response:
    """A picture of the first screen."""
    name = call.request.path_params["picture"]

    def shown(_conn: Connection, found: View, _links: Served) -> bytes:
        drawn = call.desk.reports.picture(found, name)
        if drawn is None:
            raise Problem(HTTPStatus.NOT_FOUND, NO_PICTURE)
        return drawn

    return await answered(call, shown, pictures.MEDIA_TYPE)


async def read_flip(call: Call) -> Response:
    """The gate, flips and their journal."""
    return await answered(call, lambda conn, found, links: pages.flips(found, links, board(conn, call.service.code)))


def work_of(call: Call) -> PeriodWork:
    """The month that a path names; raises `Problem` for none."""
    service, settings = call.service, call.desk.settings
    try:
        period = Period(call.request.path_params["period"], service.zone)
    except InvalidInput:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, NO_PERIOD) from None
    return PeriodWork(
        db=call.desk.db,
        service=service,
        period=period,
        taxes=settings.tax_table,
        settings_hash=settings.rules_hash(service),
        now=call.at,
    )


Shown = Callable[[Connection, View, Served], str | bytes]


async def answered(
    call: Call,
    shown: Shown,
    media_type: str = HTML,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A part of the report; raises `Problem` for a month that was never reconciled."""
    work, has_key = work_of(call), bool(call.request.headers.get("authorization"))

    def read() -> str | bytes:
        with work.db.transaction() as conn:
            found = call.desk.reports.view(conn, work)
            if found is None:
                raise never(work.service.code, work.period.key)
            return shown(conn, found, Served(period=work.period.key, opens_others=has_key))

    try:
        content = await run_in_threadpool(read)
    except RemoteError:
        raise unavailable() from None
    return Response(content, status_code=status, headers={**HEADERS, **(headers or {})}, media_type=media_type)


def key_of_visit(db: Database, request: Request, now: datetime) -> ApiKey | None:
    """What stands for a key where a link was opened: it reads the report of its period, and nothing else."""
    cookie = request.cookies.get(COOKIE)
    link = visitor(db, cookie, now) if cookie else None
    return None if link is None or link.period != request.path_params.get("period") else standing_for(link)


def standing_for(link: ReportLink) -> ApiKey:
    """A link as the access log and the limits know it."""
    return ApiKey(
        key_id=link.link_id,
        service=link.service,
        name=f"report {link.period}",
        digest=b"",
        last_four="",
        scopes=frozenset({Scope.RECONCILIATION_READ}),
        created_at=link.made_at,
        expires_at=link.visit_ends_at or link.expires_at,
    )


def told(problem: Problem, request: Request) -> Response:
    """A refusal: as a page to a browser, else as any other route tells it."""
    if HTML not in request.headers.get("accept", ""):
        return problem.response()
    title, text = HTTPStatus(problem.status).phrase, problem.detail
    if problem.status == HTTPStatus.UNAUTHORIZED:
        # Nothing of the address is repeated: it may be anything.
        title = "This report needs a link"
        text = f"Its link was opened elsewhere or its time is over. Ask for a new one:  {_MAKE_LINK.format(period='YYYY-MM')}"
    answer = problem.response()
    return page(title, text, problem.status, {name: value for name, value in answer.headers.items() if name == "retry-after"})


def page(title: str, text: str, status: int, headers: dict[str, str] | None = None, onward: str | None = None) -> Response:
    """A page that says one thing."""
    # The address of a link that was opened is told to nobody, us included.
    sent = {**HEADERS, "Referrer-Policy": "no-referrer", **(headers or {})}
    return Response(pages.note(title, text, onward), status_code=status, headers=sent, media_type=HTML)


READERS = Readers(visitor=key_of_visit, refused=told)
REPORTS = (
    KeyedRoute("GET", REPORT, Scope.RECONCILIATION_READ, read_report, readers=READERS),
    KeyedRoute("GET", QUEUE, Scope.RECONCILIATION_READ, read_queue, readers=READERS),
    KeyedRoute("GET", ROWS, Scope.RECONCILIATION_READ, read_rows, ("of", "page"), readers=READERS),
    KeyedRoute("GET", ROW, Scope.RECONCILIATION_READ, read_row, readers=READERS),
    KeyedRoute("GET", FLIP, Scope.RECONCILIATION_READ, read_flip, readers=READERS),
    KeyedRoute("GET", PICTURE, Scope.RECONCILIATION_READ, read_picture, readers=READERS),
)
