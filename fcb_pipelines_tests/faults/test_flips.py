"""Flips and unflips that die at their points and are run again: what is left is what a quiet run leaves, nothing done twice.

A short run plays a few points and seeds of each edition, and of a real Odoo that is given; `FCB_TEST_ROUNDS` says how many
instead, `FCB_TEST_SEED` which. All of them by hand:  python -m fcb_pipelines_tests.faults.flips 100
"""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from fcb_pipelines.domain.flip import BACK, FORTH, Phase
from fcb_pipelines_tests.faults.dying import DyingOdoo, Fate, How
from fcb_pipelines_tests.faults.flips import (
    SERVERS,
    Bench,
    Played,
    bench,
    every_point,
    not_credited_once,
    quiet,
    struck_at,
    struck_often,
)
from fcb_pipelines_tests.faults.pushing import SEED
from fcb_pipelines_tests.flips import done

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "1"))


@pytest.fixture(scope="module", params=SERVERS)
def table(request: pytest.FixtureRequest, postgres_url: str, store_template: str) -> Iterator[Bench]:
    with bench(postgres_url, store_template, request.param) as found:
        yield found


@pytest.fixture(scope="module")
def wanted(table: Bench) -> Played:
    """What a quiet run leaves."""
    return table.play(quiet)


def test_a_quiet_run_leaves_everything_as_it_was_but_for_what_must_remain(table: Bench, wanted: Played) -> None:
    assert wanted.wrong == []
    assert {(state, plan, token) for _, state, plan, token, *_ in wanted.left["orders"]} == {("draft", None, None)}
    kinds = sorted((kind, state) for kind, state, *_ in wanted.left["invoices"])
    assert kinds == [("out_invoice", "posted")] * 2 + [("out_refund", "posted")] * 2
    assert {released for *_, released in wanted.left["claims"]} == {"ada"}
    assert [(one, str(quantity)) for one, *_, quantity in wanted.left["handed back"]] == [("s1", "7"), ("s2", "7"), ("s3", "7")]
    whole = [(step.value, phase.value) for step, phase in done((*FORTH, *BACK))]
    for journal in wanted.left["journal"].values():
        assert [each for each in journal if each[1] != Phase.WAITING] == whole


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_struck_at_a_point_or_again_and_again_it_ends_as_a_quiet_run(table: Bench, wanted: Played, seed: int) -> None:
    chance = random.Random(SEED + seed)  # noqa: S311 - points, no secret
    point = chance.choice(list(every_point(wanted.points)))
    found = table.play(struck_at(*point) if chance.random() < 0.5 else struck_often(SEED + seed, wanted.points))
    assert found.wrong == [], point
    assert found.left == wanted.left, point


def a_row(number: int, state: str = "posted", reverses: int | None = None) -> dict[str, Any]:
    kind = "out_invoice" if reverses is None else "out_refund"
    return {"id": number, "state": state, "move_type": kind, "reversed_entry_id": [reverses, "x"] if reverses else False}


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([a_row(1), a_row(2, reverses=1)], []),
        ([a_row(1)], ["invoice 1 was credited 0 times"]),
        ([a_row(1), a_row(2, reverses=1), a_row(3, reverses=1)], ["invoice 1 was credited 2 times"]),
        ([a_row(1, "cancel")], []),
        ([a_row(1, "cancel"), a_row(2, reverses=1)], ["invoice 1 was credited 1 times"]),
    ],
)
def test_a_missing_and_a_second_credit_note_are_found(rows: list[dict[str, Any]], wrong: list[str]) -> None:
    assert list(not_credited_once(rows)) == wrong


def test_each_way_to_die_is_met_where_it_was_said() -> None:
    class Nothing:
        def write(self, *_: Any) -> None: ...

    fate = Fate(2, How.AFTER)
    odoo = DyingOdoo(Nothing(), fate)  # type: ignore[arg-type]
    odoo.write("m", [1], {})
    with pytest.raises(BaseException, match=r"after m\.write"):
        odoo.write("m", [2], {})
    assert (fate.was_met, [ids for *_, ids in odoo.done]) == (True, [(1,), (2,)])
