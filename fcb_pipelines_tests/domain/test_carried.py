"""Carried lines: the same item in every month, what recurs, and who bills it after the flip."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.carried import Heir, Successor, item_of, recurring
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.rows import Remedy
from fcb_pipelines_tests.builders import NOW, TORONTO, actual, day
from fcb_pipelines_tests.domain.explained import World


def add_on(description: str, month: str = "2026-04", **changes: Any) -> ActualLine:
    values = {
        "kind": LineKind.ADD_ON,
        "charge": None,
        "external_subscription_id": None,
        "description": description,
        "service_from": day(f"{month}-01"),
        "service_to": day(f"{month}-28"),
    }
    return actual("15", **values | changes)


def a_successor(**changes: Any) -> Successor:
    values = {
        "external_user_id": "u1",
        "item": "add_on: daily backup",
        "heir": Heir.ODOO,
        "owner": None,
        "ended_on": None,
        "text": "as agreed",
        "author": "ada",
        "made_at": NOW,
    }
    return Successor(**values | changes)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Daily Backup × 5", "Daily Backup × 6", True),
        ("WhatsApp – 2,437 messages × 0.01", "WhatsApp – 501 messages × 0.01", True),
        ("Support, 1 to 31 March", "Support, 1 to 30 April", True),
        ("DAILY  BACKUP", "Daily Backup", True),
        ("Daily Backup", "White Label", False),
    ],
)
def test_an_item_is_the_same_whatever_its_numbers(one: str, other: str, *, is_same: bool) -> None:
    assert (item_of(add_on(one)) == item_of(add_on(other))) is is_same


def test_a_product_says_more_than_words_and_a_customer_has_items_of_its_own() -> None:
    assert item_of(add_on("Backup", product="b1")) == item_of(add_on("Sauvegarde", product="b1"))
    assert item_of(add_on("Backup")) != item_of(add_on("Backup", external_user_id="u2"))
    assert item_of(add_on("Backup")) != item_of(add_on("Backup", kind=LineKind.ONE_OFF))


@pytest.mark.parametrize(
    ("months", "recurs"),
    [
        (["2026-03"], False),
        (["2026-03", "2026-03"], False),
        (["2026-03", "2026-04"], True),
        (["2026-03", "2026-05"], True),
        (["2026-03", "2026-06"], False),
        (["2025-12", "2026-01"], True),
    ],
)
def test_what_is_billed_in_two_of_three_months_recurs(months: Sequence[str], *, recurs: bool) -> None:
    lines = [add_on("Backup", month) for month in months]
    assert (item_of(lines[0]) in recurring(lines, TORONTO)) is recurs


def test_a_line_that_does_not_count_makes_nothing_recur() -> None:
    assert recurring([add_on("Backup", "2026-03"), add_on("Backup", "2026-04", counts=False)], TORONTO) == frozenset()


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": " "},
        {"heir": Heir.SOURCE},
        {"owner": "desk"},
        {"heir": Heir.ENDED},
        {"ended_on": date(2026, 5, 1)},
        {"heir": Heir.SOURCE, "owner": " "},
    ],
)
def test_a_successor_says_all_that_it_needs_and_nothing_else(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"--text|--source OWNER|--ended"):
        a_successor(**wrong)


@pytest.mark.parametrize(
    ("successor", "said"),
    [
        (a_successor(), "a recurring line in Odoo"),
        (a_successor(heir=Heir.SOURCE, owner="desk"), "the source keeps billing it, desk answers for it"),
        (a_successor(heir=Heir.ENDED, ended_on=date(2026, 4, 2)), "ended on 2026-04-02"),
        (a_successor(heir=Heir.ENDED, ended_on=date(2026, 4, 1)), None),
        (None, None),
    ],
)
def test_a_carried_line_is_settled_by_a_successor_that_covers_it(successor: Successor | None, said: str | None) -> None:
    line = add_on("Daily Backup × 5")
    successors = {} if successor is None else {("u1", "add_on: daily backup"): successor}
    (row,) = (row for row in World().rows(line, successors=successors) if row.line_key)
    found = row.instances[0].explanation
    assert (found.successor, found.open_remedy) == (said, Remedy.CARRY if said is None else Remedy.NONE)


def test_a_one_off_that_recurs_is_said_to() -> None:
    once = add_on("Set-up fee", kind=LineKind.ONE_OFF, service_from=None, service_to=None)
    for items, words in ((frozenset(), "one_off line, outside the model"), ({item_of(once)}, ", which recurs")):
        (row,) = (row for row in World().rows(once, recurring=frozenset(items)) if row.line_key)
        assert row.instances[0].explanation.findings[0].words.endswith(words)
