"""What waits for a decision beside what was signed already, and each missing record said once."""

import re

import pytest

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.domain.acceptances import Kind, State
from fcb_pipelines.domain.rows import Explanation, Instance, Remedy, Row
from fcb_pipelines.report import pages
from fcb_pipelines.report.links import Served
from fcb_pipelines.report.view import View
from fcb_pipelines_tests.report.html import Page
from fcb_pipelines_tests.report.material import a_view, before, carried, explained, matched, row, unexplained
from fcb_pipelines_tests.signed import accepted

SERVED = Served(period="2026-04", opens_others=False)
RUN = "fcb run --service shop --period 2026-04"
WAITS = "waits for a second person"
MARCH = row("s1", unexplained(), row_id="shop/2026-03/subscription/s1")


def queue_of(view: View) -> str:
    return Page(pages.queue(view, SERVED)).text


def row_page(view: View, name: str = "s1") -> str:
    return Page(pages.row(view, SERVED, view.shape.rows[f"shop/2026-04/subscription/{name}"], before(""))).text


def signed(of: Row, state: State = State.IN_FORCE, kind: Kind = Kind.ROW) -> Listed:
    return Listed(acceptance=accepted(of, kind=kind), state=state)


@pytest.mark.parametrize(
    ("state", "command", "is_run", "waits"),
    [
        (State.IN_FORCE, False, True, False),
        (State.AWAITING_APPROVAL, False, False, True),
        (State.VOID_CHANGED, True, False, False),
        (State.EXPIRED, True, False, False),
        (State.WITHDRAWN, True, False, False),
    ],
)
@pytest.mark.parametrize(("instance", "typed"), [(unexplained(), "fcb accept shop/"), (explained(), "fcb adopt shop/")])
def test_what_was_signed_is_not_asked_for_again(
    state: State, instance: Instance, typed: str, *, command: bool, is_run: bool, waits: bool
) -> None:
    found = row("s1", instance)
    view = a_view(found, signed=[signed(found, state)])
    text = queue_of(view)
    assert (typed in text, RUN in text, WAITS in text) == (command, is_run, waits)
    assert (typed in row_page(view), RUN in row_page(view)) == (command, not command)


@pytest.mark.parametrize(
    "of",
    [
        row("s1", unexplained(), unexplained(charge="cpu_seconds")),
        row("s1", unexplained(), explained(charge="cpu_seconds")),
        row("s1", matched(charge="cpu_seconds"), unexplained(charge="cpu_seconds")),
        row("s1", matched(), carried()),
    ],
)
def test_what_is_signed_in_part_is_still_asked_for(of: Row) -> None:
    view = a_view(of, signed=[signed(row("s1", unexplained()), kind=Kind.STANDING)])
    for text in (queue_of(view), row_page(view)):
        assert re.search("fcb (accept|adopt|carry) shop/", text)


def test_a_standing_one_of_an_earlier_month_has_the_row_of_this() -> None:
    view = a_view(row("s1", unexplained()), signed=[signed(MARCH, kind=Kind.STANDING)])
    assert (RUN in queue_of(view), "fcb accept shop/" in queue_of(view)) == (True, False)


def test_what_was_counted_and_still_asks_for_a_term_is_asked_for() -> None:
    found = row("s1", explained(settled_by=Remedy.FIX_MODEL))
    view = a_view(found, signed=[signed(found)])
    for text in (queue_of(view), row_page(view)):
        assert (RUN in text, "fcb adopt shop/" in text) == (False, True)


def test_in_a_group_each_row_says_what_was_signed_for_it() -> None:
    both = row("s1", unexplained()), row("s2", unexplained())
    text = queue_of(a_view(*both, signed=[signed(both[0])]))
    assert "fcb accept shop/" in text
    assert text.count("A-1 in force") == 1


def test_missing_records_are_said_once() -> None:
    view = a_view(row("s1", unexplained()), row("s2", unexplained()))
    assert [each.count("how many units there were") for each in (queue_of(view), row_page(view))] == [1, 1]
    assert "no record says why." in row_page(view)
    other = Explanation(missing=("when it ended",))
    assert "It would take: when it ended" in queue_of(
        a_view(*view.shape.rows.values(), row("s3", unexplained(explanation=other)))
    )


def test_of_what_nobody_explained_no_remedy_is_told() -> None:
    assert "not known: no record and nobody says why" in row_page(a_view(row("s1", unexplained())))
    assert "none: nothing is to be done" in row_page(a_view(row("s1", matched())))
