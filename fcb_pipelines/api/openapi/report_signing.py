"""What the routes that sign on the report's pages take and answer, as OpenAPI writes it.

Owns: the operations of the pages of what was signed, and of their forms. Does not own: the forms (api/report_forms), the pages
(report/pages).
"""

from collections.abc import Callable, Mapping
from typing import Any

from fcb_pipelines.acts.signers import TooManyWrong
from fcb_pipelines.acts.signing import UsedForm
from fcb_pipelines.api import bodies, calls, report_forms
from fcb_pipelines.api.openapi.answers import problem
from fcb_pipelines.api.openapi.examples import refused
from fcb_pipelines.api.openapi.reports import page, shown
from fcb_pipelines.api.openapi.schemas import Schema
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.queries import unknown
from fcb_pipelines.api.report_signing import ACCEPTANCES, APPROVAL, DECISION, NO_DECISION, WITHDRAWAL
from fcb_pipelines.api.reports import HTML, NO_PERIOD
from fcb_pipelines.domain.acceptances import LONGEST_TEXT, Bearer, Kind, Reason
from fcb_pipelines.domain.access import Reason as Refused
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.report.signing import MOST_ROWS

_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT, "description": "Why, in one's own words."}
_OURS: Mapping[str, Schema] = {
    "form": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$", "description": "The form's number, as the page has it."},
    "token": {"type": "string", "minLength": 1, "description": "The form's token, as the page has it."},
    "shown": {"type": "string", "description": "What the page showed, as the page has it."},
    "secret": {"type": "string", "minLength": 1, "description": "The signer's own secret (`fcb signers add`)."},
}
_EXAMPLE = {"form": "Zm9yIHRoZSBkb2N1bWVudA", "token": "0" * 64, "shown": "A-1", "secret": "fcbsign_…"}
_SENT = (
    "\n\nSent by a form of the page: it has the form's number and token, and the browser must say that it comes from this site "
    "(`Sec-Fetch-Site: same-origin`, or `Origin`). The same form has one effect. A browser that is refused is shown the form "
    "again, with what was typed but for the secret."
)


def read_acceptances() -> Schema:
    """`GET /reports/{period}/acceptances`."""
    return page("readAcceptances", "Read what was signed that concerns a month; what waits for a second person first.")


def read_decision() -> Schema:
    """`GET /reports/{period}/acceptances/{decision}`."""
    summary = "Read what was signed at once, how it stands, and what it still needs."
    return page("readDecision", summary, [_decision()], (Problem(404, NO_DECISION),))


def sign() -> Schema:
    """`POST /reports/{period}/acceptances`."""
    fields: dict[str, Schema] = {
        "row": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "maxItems": MOST_ROWS,
            "description": "The rows, all of them or none.",
        },
        "revision": {"type": "string", "pattern": "^[0-9]{1,9}$", "description": "The revision that was shown."},
        "reason": {"type": "string", "enum": [each.value for each in Reason]},
        "bears": {"type": "string", "enum": [each.value for each in Bearer], "description": "Who bears it."},
        "kind": {"type": "string", "enum": [each.value for each in Kind]},
        "expires": {"type": "string", "format": "date", "description": "The first day on which it no longer holds."},
        "text": _TEXT,
    }
    example = {
        "row": ["nexacloud/2026-05/subscription/7"],
        "revision": "2",
        "reason": "goodwill",
        "bears": "us",
        "kind": "row",
        "expires": "2026-12-31",
        "text": "agreed by phone",
    }
    return _form("signAcceptance", "Accept differences, as `fcb accept` does.", fields, example, [])


def approve() -> Schema:
    """`POST /reports/{period}/acceptances/{decision}/approval`."""
    summary = "Approve somebody else's decision, as `fcb acceptances approve` does."
    return _form("approveDecision", summary, {}, {}, [_decision()])


def withdraw() -> Schema:
    """`POST /reports/{period}/acceptances/{decision}/withdrawal`."""
    summary = "Take back what is left of a decision, as `fcb acceptances withdraw` does."
    return _form("withdrawDecision", summary, {"text": _TEXT}, {"text": "not agreed after all"}, [_decision()])


SIGNING_PAGES: Mapping[tuple[str, str], Callable[[], Schema]] = {
    ("GET", ACCEPTANCES): read_acceptances,
    ("POST", ACCEPTANCES): sign,
    ("GET", DECISION): read_decision,
    ("POST", APPROVAL): approve,
    ("POST", WITHDRAWAL): withdraw,
}
"""By the route's method and path; each needs a key or a link."""


def _decision() -> Schema:
    return {
        "name": "decision",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "pattern": "^[^/\\u0000]+$"},
        "example": "D-5",
    }


def _form(name: str, summary: str, fields: dict[str, Schema], example: dict[str, Any], further: list[Schema]) -> Schema:
    operation = page(name, summary, further, (Problem(404, NO_DECISION),) if further else ())
    schema = {
        "type": "object",
        "properties": {**fields, **_OURS},
        "required": [*fields, *_OURS],
        "additionalProperties": False,
    }
    content = {bodies.FORM: {"schema": schema, "examples": {"as our page sends it": {"value": {**example, **_EXAMPLE}}}}}
    return operation | {
        "description": operation["description"] + _SENT,
        "requestBody": {"required": True, "content": content},
        "responses": {**_refusals(), "303": _signed(), "404": operation["responses"]["404"]},
    }


def _signed() -> Schema:
    location = {"description": "The page of the decision.", "required": True, "schema": {"type": "string"}}
    return {**shown("It is signed.", f"{HTML}; charset=utf-8", "<!doctype html>"), "headers": {"Location": location}}


def _refusals() -> dict[str, Schema]:
    of_form = (report_forms.NOT_OURS, report_forms.NOT_THIS_VISIT, "Nobody signs here with this secret.")
    of_key = Problem(403, refused(Refused.WRONG_SCOPE, Scope.RECONCILIATION_READ))
    return {
        "400": problem("The form is not whole.", Problem(400, report_forms.NOT_WHOLE)),
        "403": problem(
            "The key may not read it, the form is not of this site and visit, or the secret is nobody's.",
            of_key,
            *(Problem(403, each) for each in of_form),
        ),
        "408": problem("The body takes too long.", bodies.too_slow(bodies.MOST_SECONDS)),
        "409": problem(
            "It is no longer as it was shown, the form was used before, or a rule forbids it.",
            Problem(409, "you looked at revision 1 of 2026-05, and the newest is 2: look at it again"),
            Problem(409, str(UsedForm("D-5"))),
            Problem(409, "ada wrote D-5, so somebody else must approve it"),
        ),
        "413": problem("The body is too large.", bodies.too_large(bodies.MOST_BYTES_OF_A_FORM)),
        "415": problem("The body is no form, or compressed.", bodies.not_a_form(), bodies.encoded()),
        "422": problem(
            "A field is wrong, nothing is left to sign, or there is a query.",
            Problem(422, "Choose a reason."),
            Problem(422, NO_PERIOD),
            unknown("limit", ()),
        ),
        "429": problem(
            "The key asks too often, or too many wrong secrets came with it or the link.",
            calls.too_often(1),
            Problem(429, str(TooManyWrong(60)), retry_after_seconds=60),
        ),
    }
