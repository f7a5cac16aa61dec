"""What the routes of the report take and answer, as OpenAPI writes it.

Owns: the operations of the report's pages, of a one-time link, and of the style sheet. Does not own: the pages (report/pages).
"""

from collections.abc import Callable, Mapping
from typing import Any

from fcb_pipelines.api.openapi import examples
from fcb_pipelines.api.openapi.answers import problem
from fcb_pipelines.api.openapi.schemas import PERIOD, STORABLE, Schema
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.queries import unknown
from fcb_pipelines.api.reconciliation import never
from fcb_pipelines.api.report_links import LINK, STYLE_SHEET, gone, no_link
from fcb_pipelines.api.reports import (
    CSS,
    FLIP,
    HTML,
    NO_LIST,
    NO_PAGE,
    NO_PERIOD,
    NO_PICTURE,
    NO_ROW,
    PICTURE,
    QUEUE,
    REPORT,
    ROW,
    ROWS,
)
from fcb_pipelines.domain.report_links import Spent
from fcb_pipelines.report.pictures import MEDIA_TYPE as SVG

_READERS = (
    "A browser that opened a one-time link (`fcb report --period … --link`) may read it too, for the period of the link alone. "
    "Where a browser is refused it is told so as a page."
)
_MONTH: Schema = {"name": "period", "in": "path", "required": True, "schema": PERIOD, "example": "2026-05"}


def read_report() -> Schema:
    """`GET /reports/{period}`."""
    return page("readReport", "Read the report of a month: its first screen.")


def read_queue() -> Schema:
    """`GET /reports/{period}/queue`."""
    return page("readQueue", "Read what waits for a decision in a month, the most money first.")


def read_flip() -> Schema:
    """`GET /reports/{period}/flip`."""
    return page("readFlip", "Read what stands in the way of going live, which flips there are, and their journal.")


def read_rows() -> Schema:
    """`GET /reports/{period}/rows`."""
    number = {"type": "integer", "minimum": 1, "maximum": 9999, "default": 1}
    further: list[Schema] = [
        {
            "name": "of",
            "in": "query",
            "description": "Which rows, as the links of the report name them; all unless it is given.",
            "schema": {"type": "string"},
            "example": "all",
        },
        {"name": "page", "in": "query", "description": "The part, from 1.", "schema": number, "example": 1},
    ]
    refused = (Problem(422, NO_PERIOD), Problem(422, NO_PAGE), unknown("limit", ("of", "page")))
    return page("readReportRows", "Read a list of rows of the report.", further, (Problem(404, NO_LIST),), refused)


def read_row() -> Schema:
    """`GET /reports/{period}/rows/{row_id}`."""
    parameter = {
        "name": "row_id",
        "in": "path",
        "required": True,
        "description": "As `readReconciliation` has it; a slash in it is sent as `%2F`.",
        "schema": {"type": "string", "minLength": 1, "pattern": STORABLE},
        "example": examples.RECONCILIATION["rows"][0]["row_id"],
    }
    return page(
        "readReportRow", "Read a row of the report, with its evidence and history.", [parameter], (Problem(404, NO_ROW),)
    )


def read_picture() -> Schema:
    """`GET /reports/{period}/pictures/{picture}`."""
    name = {"type": "string", "minLength": 1, "pattern": "^[^/\\u0000]+$"}
    parameter = {"name": "picture", "in": "path", "required": True, "schema": name, "example": "scatter.cad.light.svg"}
    operation = page("readReportPicture", "Read a picture of the report.", [parameter], (Problem(404, NO_PICTURE),))
    return operation | {"responses": operation["responses"] | {"200": shown("A picture.", SVG, "<?xml")}}


def open_link() -> Schema:
    """`GET /report-links/{token}`."""
    token = {
        "name": "token",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "pattern": "^[^/\\u0000]+$"},
        "example": "Zm9yIHRoZSBkb2N1bWVudCBhbG9uZSwgbm8gbGluay4",
    }
    return {
        "operationId": "openReportLink",
        "summary": "Open a one-time link to a report.",
        "description": "Once: the answer sets a cookie for the pages of that report, and goes on to them. Needs no key.",
        "parameters": [token],
        "responses": {
            "200": shown("The report is open.", f"{HTML}; charset=utf-8", "<!doctype html>"),
            "404": problem("There is no such link.", no_link()),
            "410": problem("It was opened before, or its time is over.", *(gone(why, "2026-05") for why in Spent)),
        },
        "security": [],
    }


def read_style() -> Schema:
    """`GET /report.css`."""
    return {
        "operationId": "reportStyle",
        "summary": "How the pages of a report look.",
        "responses": {"200": shown("A style sheet.", f"{CSS}; charset=utf-8", ":root{}")},
        "security": [],
    }


PAGES: Mapping[tuple[str, str], Callable[[], Schema]] = {
    ("GET", REPORT): read_report,
    ("GET", QUEUE): read_queue,
    ("GET", FLIP): read_flip,
    ("GET", ROWS): read_rows,
    ("GET", ROW): read_row,
    ("GET", PICTURE): read_picture,
}
"""By the route's method and path; each needs a key or a link."""
WITHOUT_KEY: Mapping[str, Callable[[], Schema]] = {LINK: open_link, STYLE_SHEET: read_style}


def page(
    name: str,
    summary: str,
    further: list[Schema] | None = None,
    missing: tuple[Problem, ...] = (),
    refused: tuple[Problem, ...] = (Problem(422, NO_PERIOD), unknown("limit", ())),
) -> dict[str, Any]:
    """A page of the report of a month."""
    return {
        "operationId": name,
        "summary": summary,
        "description": _READERS,
        "parameters": [_MONTH, *(further or [])],
        "responses": {
            "200": shown("A page.", f"{HTML}; charset=utf-8", "<!doctype html>"),
            "404": problem("It is not there.", never("nexacloud", "2026-02"), *missing),
            "422": problem("A parameter is wrong.", *refused),
        },
    }


def shown(description: str, kind: str, beginning: str) -> Schema:
    """Something that is shown and not read by programs."""
    content = {"schema": {"type": "string"}, "examples": {"its beginning": {"value": beginning}}}
    return {"description": description, "content": {kind: content}}
