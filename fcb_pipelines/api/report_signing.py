"""Signing on the report's pages: accepting rows, approving a decision, taking it back, and what was signed.

Owns: the routes, what a form must say, which status a refusal has. Does not own: the acts (acts/signing), reading a form
(report_forms), the pages (report/pages), what else the report has (reports).

Whoever may read the report of the month may look. To sign takes a signer's own secret, sent with each form.
"""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fcb_pipelines.acts import acceptances, report, signing
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.signed_rows import ShownOtherwise
from fcb_pipelines.acts.signers import TooManyWrong, WrongSecret
from fcb_pipelines.acts.signing import Signed, UsedForm
from fcb_pipelines.api import report_forms as forms
from fcb_pipelines.api.calls import Call, KeyedRoute, unavailable
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.report_forms import Given
from fcb_pipelines.api.report_visits import signing as signing_of
from fcb_pipelines.api.reports import HTML, READERS, REPORT, answered, page, work_of
from fcb_pipelines.domain.acceptances import LONGEST_TEXT, Bearer, Kind, Reason, person
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.domain.errors import InvalidInput, RemoteError, RuleViolation
from fcb_pipelines.report import pages
from fcb_pipelines.report.links import Served
from fcb_pipelines.report.signing import Changed, Decided, Failed, Typed
from fcb_pipelines.report.view import View
from fcb_pipelines.store.database import Connection

ACCEPTANCES = f"{REPORT}/acceptances"
DECISION = f"{ACCEPTANCES}/{{decision}}"
APPROVAL, WITHDRAWAL = f"{DECISION}/approval", f"{DECISION}/withdrawal"
NO_DECISION = "The report has no such decision."
SIGNED = "Signed"
FIELDS = ("revision", "kind", "reason", "bears", "text", "expires")
_MOST_COMPARED = 50
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


async def read_acceptances(call: Call) -> Response:
    """What was signed that concerns the month."""
    return await answered(call, lambda _conn, found, links: pages.acceptances(found, links, signing_of(call)))


async def read_decision(call: Call) -> Response:
    """What was signed at once, and what it still needs."""
    return await _decision_page(call, None)


async def sign(call: Call) -> Response:
    """Accept rows."""
    given = await forms.given(call, FIELDS, has_rows=True)
    work, sheet = work_of(call), given.sheet(call)

    def act() -> Signed:
        return signing.accept(work.db, sheet, _wanted(call, given), call.at)

    async def again(failed: Failed, status: int, headers: dict[str, str]) -> Response:
        return await _sign_again(call, given, failed, status, headers)

    return await _carried_out(call, given, act, again)


async def approve(call: Call) -> Response:
    """Approve a decision."""
    given = await forms.given(call, ())
    work, sheet, named, shown = work_of(call), given.sheet(call), _named(call), given.single["shown"].split()

    def act() -> Signed:
        _require_there(call)
        return signing.approve(work.db, sheet, named, shown, call.at)

    return await _carried_out(call, given, act, lambda *failed: _decision_page(call, *failed))


async def withdraw(call: Call) -> Response:
    """Take back a decision."""
    given = await forms.given(call, ("text",))
    work, sheet, named, shown = work_of(call), given.sheet(call), _named(call), given.single["shown"].split()

    def act() -> Signed:
        _require_there(call)
        return signing.withdraw(work.db, sheet, named, shown=shown, text=_text(given), now=call.at)

    return await _carried_out(call, given, act, lambda *failed: _decision_page(call, *failed))


Again = Callable[[Failed, int, dict[str, str]], Awaitable[Response]]


async def _carried_out(call: Call, given: Given, act: Callable[[], Signed], again: Again) -> Response:
    """Carry a form out; a refusal shows it again with what was typed, never the secret."""
    try:
        _require_secret(given)
        done = await run_in_threadpool(act)
    except RemoteError:
        raise unavailable() from None
    except (InvalidInput, RuleViolation) as error:
        problem = _problem(error)
        if HTML not in call.request.headers.get("accept", ""):
            raise problem from None
        decision = error.decision if isinstance(error, UsedForm) else None
        headers = {name: value for name, value in problem.response().headers.items() if name == "retry-after"}
        return await again(Failed(message=str(error), typed=_typed(given), decision=decision), problem.status, headers)
    place = f"{ACCEPTANCES.format(period=work_of(call).period.key)}/{done.decision}"
    said = f"{done.decision} is signed: see {place}"
    return page(SIGNED, said, HTTPStatus.SEE_OTHER, {"Location": place})


def _problem(error: InvalidInput | RuleViolation) -> Problem:
    """Why a form was refused, with its status."""
    if isinstance(error, TooManyWrong):
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), retry_after_seconds=error.seconds)
    if isinstance(error, WrongSecret):
        return Problem(HTTPStatus.FORBIDDEN, str(error))
    is_conflict = isinstance(error, RuleViolation | ShownOtherwise)
    return Problem(HTTPStatus.CONFLICT if is_conflict else HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


def _wanted(call: Call, given: Given) -> Wanted:
    """What a form asks to accept; raises `InvalidInput` for what it may not say."""
    prefix = f"{call.service.code}/{work_of(call).period.key}/"
    fields, expires, today = given.single, forms.day(given.single["expires"]), call.at.astimezone(call.service.zone).date()
    if not all(row_id.startswith(prefix) for row_id in given.rows):
        raise InvalidInput("These rows are of another month: open the page again.")
    for name, one_of in (("reason", Reason), ("bears", Bearer), ("kind", Kind)):
        if fields[name] not in {each.value for each in one_of}:
            raise InvalidInput({"reason": "Choose a reason.", "bears": "Choose who bears it."}.get(name, forms.NOT_WHOLE))
    longest = call.service.acceptance.longest_days
    if expires is None or not 0 < (expires - today).days <= longest:
        raise InvalidInput(f"Give the day on which it expires: after {today}, and at most {longest} days ahead.")
    if not _NUMBER.fullmatch(fields["revision"]):
        raise InvalidInput(forms.NOT_WHOLE)
    return Wanted(
        row_ids=given.rows,
        kind=Kind(fields["kind"]),
        reason=Reason(fields["reason"]),
        text=_text(given),
        bearer=Bearer(fields["bears"]),
        expires_on=expires,
        author="",
        revision=int(fields["revision"]),
        shown=fields["shown"],
    )


def _text(given: Given) -> str:
    text = given.single["text"].strip()
    if not person(text):
        raise InvalidInput("Say why, in your own words: it is kept, and an auditor reads it.")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"The text has {len(text)} characters; at most {LONGEST_TEXT} are kept.")
    return text


def _require_secret(given: Given) -> None:
    if not given.secret.strip():
        raise InvalidInput("Give your signing secret: it says who signs.")


def _typed(given: Given) -> Typed:
    return Typed(**{name: given.single.get(name, "") for name in ("reason", "text", "bears", "expires", "kind")})


async def _sign_again(call: Call, given: Given, failed: Failed, status: int, headers: dict[str, str]) -> Response:
    def shown(conn: Connection, found: View, links: Served) -> str:
        changed = _changed(conn, found, given) if status == HTTPStatus.CONFLICT else ()
        return pages.sign_again(found, links, signing_of(call), given.rows, failed=failed, changed=changed)

    return await answered(call, shown, status=status, headers=headers)


def _changed(conn: Connection, found: View, given: Given) -> tuple[Changed, ...]:
    """The rows of a form as they were shown and as they are; those that differ first."""
    was = given.single["revision"]
    newest = found.shape.base.revision.revision
    compared = []
    for row_id in given.rows[:_MOST_COMPARED]:
        history = {one.revision: one for one in report.row_history(conn, found.shape.base, row_id)}
        shown = history.get(int(was)) if _NUMBER.fullmatch(was) else None
        compared.append(Changed(row_id=row_id, was=shown, now=history.get(newest)))
    return tuple(sorted(compared, key=lambda one: not one.differs))


async def _decision_page(
    call: Call, failed: Failed | None, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    def shown(conn: Connection, found: View, links: Served) -> str:
        of_month = {one.acceptance.decision.decision_id for one in found.material.signed}
        if _named(call) not in of_month:
            raise Problem(HTTPStatus.NOT_FOUND, NO_DECISION)
        listed = acceptances.decision(conn, call.service, _named(call), call.at)
        one = Decided(decision=listed[0].acceptance.decision, listed=listed)
        return pages.decision(found, links, signing_of(call), one, failed)

    return await answered(call, shown, status=status, headers=headers)


def _require_there(call: Call) -> None:
    """Raise `Problem` for a decision that the month's report does not have."""
    work = work_of(call)
    with work.db.transaction() as conn:
        signed = acceptances.listed(conn, work.service, call.at, work.period.key)
    if _named(call) not in {one.acceptance.decision.decision_id for one in signed}:
        raise Problem(HTTPStatus.NOT_FOUND, NO_DECISION)


def _named(call: Call) -> str:
    named: str = call.request.path_params["decision"]
    return named


SIGNING = (
    KeyedRoute("GET", ACCEPTANCES, Scope.RECONCILIATION_READ, read_acceptances, readers=READERS),
    KeyedRoute("POST", ACCEPTANCES, Scope.RECONCILIATION_READ, sign, readers=READERS),
    KeyedRoute("GET", DECISION, Scope.RECONCILIATION_READ, read_decision, readers=READERS),
    KeyedRoute("POST", APPROVAL, Scope.RECONCILIATION_READ, approve, readers=READERS),
    KeyedRoute("POST", WITHDRAWAL, Scope.RECONCILIATION_READ, withdraw, readers=READERS),
)
