"""`GET /v1/periods/{period}/reconciliation`: how a month was reconciled, row by row.

Owns: its parameters, and what is answered. Does not own: the published form of a row (domain/revisions), who may ask (calls).
"""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fcb_pipelines.acts.reconciliation import RowsPage, published_page
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
NO_PERIOD = "Name a month in the path, such as /v1/periods/2026-04/reconciliation."
NO_PART = f"Give at most one limit of 1 to {MOST_ROWS}, one after (the next of the answer before), nothing else."

_LIMIT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


async def read_reconciliation(call: Call) -> Response:
    """The newest revision of a month, and a part of its rows."""
    period, (after, most) = _period(call), _part(call)
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


def _part(call: Call) -> tuple[str, int]:
    """After which row the part begins, and how many rows it has at most."""
    items = call.request.query_params.multi_items()
    given = dict(items)
    limit, after = given.get("limit", str(USUAL_ROWS)), given.get("after", "")
    is_known = len(given) == len(items) and given.keys() <= {"limit", "after"}
    if not (is_known and _LIMIT.fullmatch(limit) and int(limit) <= MOST_ROWS and strict_json.is_clean(after)):
        raise Problem(
            422, f"Give at most one limit of 1 to {MOST_ROWS}, one after (the next of the answer before), nothing else."
        )
    return after, int(limit)


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
