"""Closing a month while usage is being stored: nobody who pushes waits for it."""

import threading

import pytest

from fcb_pipelines.acts.closing import close_period
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.store.closings import closed_periods
from fcb_pipelines.store.database import connect
from fcb_pipelines_tests.acts.desk import ONLY_PUSHED, Desk


def closing_march(desk: Desk) -> tuple[threading.Thread, list[str]]:
    """Somebody who is at closing March, and why it was refused in the end."""
    refused: list[str] = []

    def close() -> None:
        with pytest.raises(RuleViolation) as caught:
            close_period(desk.work("2026-03"), closed_by="ada")
        refused.append(str(caught.value))

    closing = threading.Thread(target=close)
    closing.start()
    return closing, refused


@ONLY_PUSHED
def test_a_month_is_not_closed_while_a_snapshot_stores_usage_and_nobody_waits(desk: Desk) -> None:
    desk.dual_run("2026-03")
    with connect(desk.db.url) as snapshot:
        closed_periods(snapshot, "small")
        closing, refused = closing_march(desk)
        closing.join(6)
        assert not closing.is_alive(), "whoever pushes would wait as long"
    closing.join()
    (said,) = refused
    assert "such as a snapshot: 2026-03 stays open for now, close it after that" in said
    desk.close("2026-03")


@ONLY_PUSHED
def test_usage_that_comes_while_a_month_is_looked_at_is_noticed(desk: Desk) -> None:
    desk.dual_run("2026-03")
    with connect(desk.db.url) as pushing:
        closed_periods(pushing, "small")
        closing, refused = closing_march(desk)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while closing.is_alive() and pushing.execute(waiting).fetchone() == (0,):
            closing.join(0.01)
        pushing.execute("UPDATE usage_running SET quantity = quantity + 1, events = events + 1 WHERE period = '2026-03'")
    closing.join()
    assert "usage of small 2026-03 came since it was metered" in refused[0]
