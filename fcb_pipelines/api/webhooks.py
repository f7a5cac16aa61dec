"""`/webhooks`: messages to endpoints as pages, for a key or for whoever opened a one-time link to them.

Owns: the routes' parameters. Does not own: the pages (report/webhooks), when a link opens something (acts/report_links), who
may call with a key (calls), the headers of a page (reports).
"""

import re
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fcb_pipelines.acts import messages
from fcb_pipelines.acts.messages import Wanted
from fcb_pipelines.acts.report_links import visitor
from fcb_pipelines.api.calls import Call, KeyedRoute, Readers, unavailable
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.report_visits import COOKIE
from fcb_pipelines.api.reports import HEADERS, HTML, page, standing_for
from fcb_pipelines.domain.access import ApiKey, Scope
from fcb_pipelines.domain.errors import InvalidInput, RemoteError
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.domain.report_links import WEBHOOKS
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.report import webhooks as pages
from fcb_pipelines.report.webhooks import MOST_MESSAGES, PLACE, Around
from fcb_pipelines.store.database import Connection, Database

BOARD, MESSAGE = PLACE, f"{PLACE}/messages/{{message_id}}"
PARAMETERS = ("standing", "type", "subscription", "page")
NO_PAGE = "page must be a number from 1 to 9999."
NO_STANDING = f"standing must be one of {', '.join(Standing)}."
NO_TYPE = f"type must be one of {', '.join(MessageType)}."
NO_SUBSCRIPTION = "subscription must be text without the character NUL."
NO_MESSAGE = "There is no such message."
_PAGE = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


async def read_board(call: Call) -> Response:
    """Endpoints, and the latest messages."""
    asked = call.request.query_params
    number, wanted = asked.get("page") or "1", _wanted(call.request)
    if not _PAGE.fullmatch(number):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, NO_PAGE)
    part = int(number)

    def shown(conn: Connection, around: Around) -> str:
        code = call.service.code
        found = messages.listed(conn, code, wanted, limit=MOST_MESSAGES + 1, skipped=(part - 1) * MOST_MESSAGES)
        return pages.overview(around, messages.board(conn, code), wanted, found, part)

    return await _answered(call, shown)


async def read_message(call: Call) -> Response:
    """A message with every attempt."""
    message_id = call.request.path_params["message_id"]

    def shown(conn: Connection, around: Around) -> str:
        try:
            return pages.message(around, messages.shown(conn, call.service.code, message_id))
        except InvalidInput:
            raise Problem(HTTPStatus.NOT_FOUND, NO_MESSAGE) from None

    return await _answered(call, shown)


def key_of_visit(db: Database, request: Request, now: datetime) -> ApiKey | None:
    """What stands for a key where a link to these pages was opened."""
    cookie = request.cookies.get(COOKIE)
    link = visitor(db, cookie, now) if cookie else None
    return standing_for(link) if link is not None and link.period == WEBHOOKS else None


def told(problem: Problem, request: Request) -> Response:
    """A refusal: as a page to a browser, else as any other route tells it."""
    if HTML not in request.headers.get("accept", ""):
        return problem.response()
    title, text = HTTPStatus(problem.status).phrase, problem.detail
    if problem.status == HTTPStatus.UNAUTHORIZED:
        title = "These pages need a link"
        text = "Its link was opened elsewhere or its time is over. Ask for a new one:  fcb messages link"
    answer = problem.response()
    return page(title, text, problem.status, {name: value for name, value in answer.headers.items() if name == "retry-after"})


def _wanted(request: Request) -> Wanted:
    """Which messages a query asks for; what a form leaves empty narrows nothing."""
    asked = request.query_params
    standing, kind, subscription = asked.get("standing"), asked.get("type"), asked.get("subscription")
    for value, one_of, refusal in ((standing, {*Standing}, NO_STANDING), (kind, {*MessageType}, NO_TYPE)):
        if value and value not in one_of:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, refusal)
    if subscription and "\0" in subscription:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, NO_SUBSCRIPTION)
    return Wanted(
        standing=Standing(standing) if standing else None,
        type=MessageType(kind) if kind else None,
        subscription=subscription or None,
    )


async def _answered(call: Call, shown: Callable[[Connection, Around], str]) -> Response:
    around = Around(service=call.service, is_on=call.desk.settings.webhooks.is_on)

    def read() -> str:
        with call.desk.db.transaction() as conn:
            return shown(conn, around)

    try:
        content = await run_in_threadpool(read)
    except RemoteError:
        raise unavailable() from None
    return Response(content, headers=HEADERS, media_type=HTML)


READERS = Readers(visitor=key_of_visit, refused=told)
WEBHOOK_PAGES = (
    KeyedRoute("GET", BOARD, Scope.WEBHOOKS_READ, read_board, PARAMETERS, readers=READERS),
    KeyedRoute("GET", MESSAGE, Scope.WEBHOOKS_READ, read_message, readers=READERS),
)
