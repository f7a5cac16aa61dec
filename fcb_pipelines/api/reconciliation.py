"""`GET /v1/periods/{period}/reconciliation`: how a month was reconciled, row by row.

Owns: its parameters, and what is answered. Does not own: the published form of a row (domain/revisions), who may ask (calls).
"""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fcb_pipelines.acts.revisions import RowsPage, published_page
from fcb_pipelines.api import strict_json
from fcb_pipelines.api.answers import JSON
from fcb_pipelines.api.calls import Call, unavailable
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.domain.errors import InvalidInput, RemoteError
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.rows import Status
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.reconciliation import CurrencyTotal

RECONCILED = "/v1/periods/{period}/reconciliation"
MOST_ROWS, USUAL_ROWS = 1000, 100
NO_PERIOD = "Name a month in the path, such as /v1/periods/2026-05/reconciliation."
NO_LIMIT = f"limit must be a number from 1 to {MOST_ROWS}."

_LIMIT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


async def read_reconciliation(call: Call) -> Response:
    """The newest revision of a month, and a part of its rows."""
    period = _period(call)
    after, most = _after(call, period), _limit(call)
    try:
        page = await run_in_threadpool(_page, call.desk.db, call.service, period.key, after, most)
    except RemoteError:
        raise unavailable() from None
    if page is None:
        raise never(call.service.code, period.key)
    return Response(json.dumps(_answer(page, call.service.zone)), media_type=JSON)


def never(service: str, period: str) -> Problem:
    """What is told of a month that was never reconciled."""
    return Problem(404, f"{service} {period} was never reconciled.")


def _page(db: Database, service: Service, period: str, after: str, most: int) -> RowsPage | None:
    with db.transaction() as conn:
        return published_page(conn, service, period, after=after, most=most)


def _period(call: Call) -> Period:
    try:
        return Period(call.request.path_params["period"], call.service.zone)
    except InvalidInput:
        raise Problem(422, NO_PERIOD) from None


def _limit(call: Call) -> int:
    """How many rows the part has at most."""
    limit = call.request.query_params.get("limit", str(USUAL_ROWS))
    if not (_LIMIT.fullmatch(limit) and int(limit) <= MOST_ROWS):
        raise Problem(422, NO_LIMIT)
    return int(limit)


def _after(call: Call, period: Period) -> str:
    """The row after which the part begins; nothing for the first. Past a row of another month an end would seem to be there."""
    after = call.request.query_params.get("after")
    if after is None:
        return ""
    rows = f"{call.service.code}/{period.key}/"
    if not (after.startswith(rows) and after != rows and strict_json.is_clean(after)):
        raise no_row(rows)
    return after


def no_row(rows: str) -> Problem:
    """What is told of an `after` that is no row of the month."""
    return Problem(422, f"after must be what next said before, such as {rows}subscription/SUB-1001.")


def _answer(page: RowsPage, zone: ZoneInfo) -> dict[str, Any]:
    revision = page.revision
    return {
        "service": revision.service,
        "period": revision.period,
        "revision": revision.revision,
        "made_at": revision.made_at.astimezone(zone).isoformat(),
        "coverage": revision.coverage,
        "counts": {str(status): page.counts.get(status, 0) for status in Status},
        "totals": {each.currency: _total(each) for each in page.totals},
        "rows": page.rows,
        "next": page.next,
    }


def _total(total: CurrencyTotal) -> dict[str, str]:
    return {name: amount_text(getattr(total, name), total.currency) for name in ("expected_net", "actual_net", "difference")}
