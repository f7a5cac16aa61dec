"""The chain of the logs as a rule: whatever is done to a list of rows is told, with its first place."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.access import AccessEntry
from fcb_pipelines.domain.audit import (
    Act,
    AuditEntry,
    Chained,
    Head,
    Log,
    Wrong,
    access_values,
    audit_values,
    belongs,
    chained,
    first_break,
    first_hash,
    instant,
)
from fcb_pipelines.domain.errors import InvalidInput

NOW = datetime(2026, 6, 2, 16, 0, tzinfo=UTC)
START = Head(Log.ACCESS, 0, first_hash(Log.ACCESS))
ROWS, END = chained(START, [("v", number) for number in range(6)])


def moved(row: Chained, position: int) -> Chained:
    return Chained(position, row.values, row.hash)


def told(rows: list[Chained], head: Head | None = END, *known: Head) -> tuple[int, Wrong] | None:
    found = first_break(Log.ACCESS, head, rows, known)
    return None if found is None else (found.position, found.wrong)


def test_a_chain_that_nobody_touched_is_whole_however_it_was_appended() -> None:
    assert told(list(ROWS)) is None
    first, middle = chained(START, [row.values for row in ROWS[:2]])
    rest, end = chained(middle, [row.values for row in ROWS[2:]])
    assert (first + rest, end) == (ROWS, END)
    assert told([], START) is None
    assert told(list(ROWS), END, middle, END, START) is None


@pytest.mark.parametrize(
    ("rows", "head", "expected"),
    [
        ([*ROWS[:2], Chained(3, ("v", 9), ROWS[2].hash), *ROWS[3:]], END, (3, Wrong.CHANGED)),
        ([*ROWS[:2], Chained(3, ROWS[2].values, b"x"), *ROWS[3:]], END, (3, Wrong.CHANGED)),
        ([*ROWS[:2], *ROWS[3:]], END, (3, Wrong.MISSING)),
        ([*ROWS[:2], *(moved(row, row.position - 1) for row in ROWS[3:])], END, (3, Wrong.CHANGED)),
        ([ROWS[0], moved(ROWS[2], 2), moved(ROWS[1], 3), *ROWS[3:]], END, (2, Wrong.CHANGED)),
        (list(ROWS[:4]), END, (5, Wrong.TRUNCATED)),
        ([], END, (1, Wrong.TRUNCATED)),
        ([moved(ROWS[0], 0), *ROWS], END, (0, Wrong.ADDED)),
        ([*ROWS, *chained(END, [("more",)])[0]], END, (7, Wrong.ADDED)),
        ([*ROWS[:5], *chained(Head(Log.ACCESS, 5, ROWS[4].hash), [("other",)])[0]], END, (6, Wrong.CHANGED)),
        (list(ROWS), None, (6, Wrong.HEADLESS)),
        (list(ROWS), Head(Log.ACCESS, 6, b"x"), (6, Wrong.CHANGED)),
    ],
)
def test_what_is_done_to_a_log_is_told(rows: list[Chained], head: Head | None, expected: tuple[int, Wrong]) -> None:
    assert told(rows, head) == expected


def test_a_log_that_was_written_anew_is_told_by_a_head_kept_outside() -> None:
    forged, end = chained(START, [("forged", number) for number in range(6)])
    kept = Head(Log.ACCESS, 4, ROWS[3].hash)
    assert told(list(forged), end) is None
    assert told(list(forged), end, kept) == (4, Wrong.REWRITTEN)
    assert told(list(forged[:3]), Head(Log.ACCESS, 3, forged[2].hash), kept) == (4, Wrong.TRUNCATED)
    assert told(list(forged), end, Head(Log.AUDIT, 4, b"of the other log")) is None
    assert told(list(ROWS), END, Head(Log.ACCESS, 0, b"x")) == (0, Wrong.REWRITTEN)


def test_a_row_fits_no_other_log() -> None:
    found = first_break(Log.AUDIT, None, ROWS)
    assert found is not None
    assert (found.position, found.wrong) == (1, Wrong.CHANGED)


@pytest.mark.parametrize("with_hashes", [True, False])
def test_a_row_that_stands_elsewhere_is_found(*, with_hashes: bool) -> None:
    rows = list(ROWS)
    one, other = rows[1], rows[4]
    rows[1] = Chained(2, other.values, other.hash if with_hashes else one.hash)
    rows[4] = Chained(5, one.values, one.hash if with_hashes else other.hash)
    found = first_break(Log.ACCESS, END, rows)
    assert found is not None
    assert [row.position for row in rows if row.position != 2 and belongs(found, row)] == [5]


def test_a_head_is_read_as_it_is_printed() -> None:
    assert Head.read(f" {END}\n") == END


@pytest.mark.parametrize("text", ["", "access_log", "access_log:1:abc", "other:1:" + "0" * 64, "access_log:-1:" + "0" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a head"):
        Head.read(text)


def test_a_time_is_the_same_in_every_zone() -> None:
    assert instant(NOW) == instant(NOW.astimezone(timezone(timedelta(hours=-4)))) == "2026-06-02T16:00:00.000000"


@given(st.text(max_size=300))
def test_what_the_outside_says_is_made_printable_and_never_refused(text: str) -> None:
    entry = AccessEntry(
        at=NOW, key_id=None, service=None, address=text, method=text, route=text, scope=None, reason=None, status=1
    )
    shown = access_values(entry)[3:6]
    assert all(each.isprintable() and len(each) <= 255 for each in shown)
    assert text not in shown or text.isprintable()


@pytest.mark.parametrize("data", [{"a": 1.5}, {"a": ["\0"]}, {"a": {"b": "\ud800"}}, {"a\0": 1}, {"a": NOW}, {"a": b"x"}])
def test_data_that_would_be_read_otherwise_than_written_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="the audit log keeps no"):
        audit_values(AuditEntry(at=NOW, actor="ada", act=Act.KEY_CREATED, service=None, subject="k_1", data=data))
