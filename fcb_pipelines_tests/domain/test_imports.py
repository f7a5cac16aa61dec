"""Imports: what is in scope, and how an import is counted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.changes import FieldChange, changes
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import (
    Action,
    DiffRow,
    Imported,
    ImportIssue,
    Outcome,
    diff_rows,
    failed,
    skipped,
    subscriptions_in_scope,
    summary,
    users_in_scope,
)
from fcb_pipelines.domain.period import Period, midnight
from fcb_pipelines_tests.acts.source_records import a_subscription, a_user, an_invoice

TORONTO = ZoneInfo("America/Toronto")
FIRST, LAST = Period("2026-03", TORONTO), Period("2026-05", TORONTO)
EARLY = datetime(2025, 1, 1, tzinfo=UTC)


def is_in_scope(*, started_at: datetime, ended_at: datetime | None = None, metered: Sequence[str] = ()) -> bool:
    one = a_subscription("s1", started_at=started_at, ended_at=ended_at)
    return bool(subscriptions_in_scope([one], (), set(metered), FIRST, LAST))


@pytest.mark.parametrize(
    ("started_at", "ended_at", "expected"),
    [
        (EARLY, None, True),
        (EARLY, FIRST.start, False),
        (EARLY, FIRST.start.replace(microsecond=1), True),
        (LAST.end, None, False),
        (LAST.end.replace(microsecond=0) - (LAST.end - LAST.start), None, True),
    ],
)
def test_a_subscription_is_in_scope_from_the_first_instant_to_before_the_last(
    started_at: datetime, ended_at: datetime | None, expected: bool
) -> None:
    assert is_in_scope(started_at=started_at, ended_at=ended_at) is expected


def test_usage_and_invoices_keep_what_is_over_in_scope() -> None:
    over = a_subscription("s1", started_at=EARLY, ended_at=FIRST.start)
    assert is_in_scope(started_at=EARLY, ended_at=FIRST.start, metered=["s1"])
    for issued_at, expected in [(FIRST.start, True), (LAST.end, False), (EARLY, False)]:
        invoices = [an_invoice("s1", issued_at=issued_at)]
        assert bool(subscriptions_in_scope([over], invoices, (), FIRST, LAST)) is expected


def test_an_invoice_without_a_subscription_brings_none_into_scope() -> None:
    over = a_subscription("s1", started_at=EARLY, ended_at=FIRST.start)
    assert subscriptions_in_scope([over], [an_invoice(None, issued_at=FIRST.start)], (), FIRST, LAST) == frozenset()


@given(start=st.integers(-6, 6), length=st.none() | st.integers(1, 8))
def test_alive_in_any_period_is_in_scope(start: int, length: int | None) -> None:
    def moment(months: int) -> datetime:
        index = 2026 * 12 + 2 + months
        return midnight(datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC).date(), TORONTO)

    one = a_subscription("s1", started_at=moment(start), ended_at=None if length is None else moment(start + length))
    alive = any(one.is_alive_in(Period(key, TORONTO)) for key in ("2026-03", "2026-04", "2026-05"))
    assert bool(subscriptions_in_scope([one], (), (), FIRST, LAST)) is alive


def test_users_are_taken_if_active_or_named() -> None:
    users = [a_user("on"), *(a_user(name, is_active=False) for name in ("subscribed", "billed", "nobody"))]
    found = users_in_scope(users, [a_subscription(user_id="subscribed")], [an_invoice(user_id="billed")])
    assert found == {"on", "subscribed", "billed"}


def counted(*, issues: Sequence[ImportIssue] = (), **actions: Sequence[Action | None]) -> Imported:
    """The summary of records whose parts had these actions done to them."""
    made = {name: [f"{name}{index}" for index in range(len(each))] for name, each in actions.items()}
    rows = [
        DiffRow(external_id=f"{name}{index}", action=action, fields=())
        for name, each in actions.items()
        for index, action in enumerate(each)
        if action is not None
    ]
    return summary(Entity.PLAN, made=made, diff=rows, issues=issues, gone=["z", "y"])


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ([None, None], (0, 0, 1)),
        ([Action.CREATE, Action.CREATE], (1, 0, 0)),
        ([Action.CREATE, None], (1, 0, 0)),
        ([None, Action.CREATE], (0, 1, 0)),
        ([Action.CHANGE, None], (0, 1, 0)),
        ([], (0, 0, 1)),
    ],
)
def test_a_record_counts_once_whatever_its_parts_are(parts: list[Action | None], counts: tuple[int, int, int]) -> None:
    done = counted(one=parts)
    assert (done.created, done.changed, done.unchanged) == counts


def test_a_failed_record_is_only_that_and_what_is_gone_is_sorted() -> None:
    issues = (*failed({"one": "bad"}), *skipped({"b": "out", "a": "out"}))
    done = counted(issues=issues, one=[Action.CREATE], two=[Action.CREATE])
    assert (done.created, done.changed, done.unchanged, done.skipped, done.failed) == (1, 0, 0, 2, 1)
    assert [(each.external_id, each.outcome) for each in done.issues] == [
        ("one", Outcome.FAILED),
        ("a", Outcome.SKIPPED),
        ("b", Outcome.SKIPPED),
    ]
    assert done.missing_from_source == ("y", "z")


def test_the_diff_shows_new_records_whole_and_changed_ones_by_field() -> None:
    found = changes({"new": {"name": "n"}, "old": {"name": "b", "price": 1}}, {"old": {"name": "a", "price": 1}})
    assert diff_rows(found) == (
        DiffRow(external_id="new", action=Action.CREATE, fields=(FieldChange(field="name", before=None, after="n"),)),
        DiffRow(external_id="old", action=Action.CHANGE, fields=(FieldChange(field="name", before="a", after="b"),)),
    )
