"""What the digest tells, and what it does not."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from fcb_pipelines.domain.acceptances import State
from fcb_pipelines.domain.digest import TOPICS, Told, Topic, in_order, of_acceptances, of_revision, silent
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import Row, Status
from fcb_pipelines_tests.report.material import matched, row, unexplained
from fcb_pipelines_tests.signed import a_row, accepted

S1 = "shop/2026-04/subscription/s1"


def change(verdict: tuple[str, str] | None = None, kind: str = "changed") -> dict[str, Any]:
    return {"row_id": S1, "change": kind, "fields": {"verdict": list(verdict)} if verdict else {}}


def told(rows: Sequence[Row], *changes: dict[str, Any], because: Sequence[str] = (), is_first: bool = False) -> list[Topic]:
    stored = {"because": list(because), "rows": list(changes)}
    return [one.topic for one in of_revision("2026-04", rows, stored, is_first=is_first)]


OPEN, SHUT = row("s1", unexplained()), row("s1", matched())


@pytest.mark.parametrize(
    ("rows", "changes", "because", "expected"),
    [
        ([OPEN], [], [], []),
        ([OPEN], [change()], ["snapshot 1 → 2"], []),
        ([OPEN], [change(kind="added")], ["snapshot 1 → 2"], [Topic.NEW_UNDECIDED]),
        ([OPEN], [change(("match", "unexplained"))], ["settings changed"], [Topic.NEW_UNDECIDED]),
        ([OPEN], [change(("match", "unexplained"))], [], [Topic.NEW_UNDECIDED, Topic.VERDICT_CHANGED]),
        ([SHUT], [change(("unexplained", "match"))], [], [Topic.VERDICT_CHANGED]),
        ([SHUT], [change(("unexplained", "match"))], ["rule version 1 → 2"], []),
        # That somebody signed, or took it back, is no change by itself.
        ([SHUT], [change(("unexplained", "accepted"))], [], []),
        ([OPEN], [change(("accepted", "unexplained"))], [], [Topic.NEW_UNDECIDED]),
        ([SHUT], [change()], [], []),
    ],
)
def test_what_changed(rows: list[Row], changes: list[dict[str, Any]], because: list[str], expected: list[Topic]) -> None:
    assert told(rows, *changes, because=because) == expected


def test_of_the_first_revision_all_that_is_undecided_is_new() -> None:
    assert told([OPEN, row("s2", matched())], is_first=True) == [Topic.NEW_UNDECIDED]


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (matched(notes=("edited_after_issue: 3.00 before",)), [Topic.EDITED_INVOICE]),
        (unexplained(None, "5.00", notes=("double_billed",)), [Topic.CLAIMED_TWICE]),
        (unexplained("5.00", None, status=Status.ONLY_EXPECTED), [Topic.DUE_NOT_ISSUED]),
        (unexplained("5.00", None, status=Status.ONLY_EXPECTED, notes=("not_yet_issued",)), []),
        (unexplained("5.00", None, status=Status.ONLY_EXPECTED, is_due=False), []),
        (matched(), []),
    ],
)
def test_what_a_charge_tells(instance: Any, expected: list[Topic]) -> None:
    assert told([row("s1", instance)]) == expected


@pytest.mark.parametrize(
    ("state", "today", "expected"),
    [
        (State.IN_FORCE, date(2026, 8, 17), []),
        (State.IN_FORCE, date(2026, 8, 18), [Topic.ACCEPTANCE_EXPIRES]),
        (State.VOID_CHANGED, date(2026, 6, 2), [Topic.ACCEPTANCE_VOID]),
        (State.WITHDRAWN, date(2026, 8, 31), []),
        (State.EXPIRED, date(2026, 9, 2), []),
        (State.AWAITING_APPROVAL, date(2026, 8, 31), []),
    ],
)
def test_what_is_signed_is_told_a_fortnight_before_it_ends(state: State, today: date, expected: list[Topic]) -> None:
    assert [one.topic for one in of_acceptances([(accepted(a_row()), state)], today)] == expected


def test_a_silent_feed_is_told_while_somebody_lives() -> None:
    assert not list(silent("2026-05", "pushed", 0))
    (one,) = silent("2026-05", "pushed", 3)
    assert "3 subscriptions" in one.words


def test_the_gravest_is_first_then_the_most_money() -> None:
    def one(topic: Topic, amount: str, subject: str) -> Told:
        return Told(topic=topic, period="2026-04", subject=subject, words="", amount=money(f"{amount} CAD"))

    found = in_order(
        [one(Topic.NEW_UNDECIDED, "1", "a"), one(Topic.NEW_UNDECIDED, "-9", "b"), one(Topic.CLAIMED_TWICE, "0", "c")]
    )
    assert [each.subject for each in found] == ["c", "b", "a"]
    assert set(TOPICS) == set(Topic)
