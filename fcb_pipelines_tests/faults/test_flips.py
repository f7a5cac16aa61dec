"""Flips and unflips that die at their points and are run again: what is left is what a quiet run leaves, nothing done twice.

A short run plays a few points and seeds of each edition; `FCB_TEST_ROUNDS` says how many instead, `FCB_TEST_SEED` which. All of
them by hand:  python -m fcb_pipelines_tests.faults.flips 100
"""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fcb_pipelines.domain.flip import BACK, FORTH, Phase
from fcb_pipelines_tests.faults.dying import DyingOdoo, Fate, How
from fcb_pipelines_tests.faults.flips import EDITIONS, Bench, Played, bench, every_point, quiet, struck_at, struck_often
from fcb_pipelines_tests.faults.pushing import SEED
from fcb_pipelines_tests.flips import done

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "1"))


@pytest.fixture(scope="module", params=EDITIONS)
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


def test_struck_at_any_point_it_ends_as_a_quiet_run(table: Bench, wanted: Played) -> None:
    every = list(every_point(wanted.points))
    for part, at, how in random.Random(SEED).sample(every, min(ROUNDS, len(every))):  # noqa: S311 - points, no secret
        found = table.play(struck_at(part, at, how))
        assert (found.strikes, found.wrong, found.left) == (1, [], wanted.left), (part, at, how)


@pytest.mark.parametrize("seed", range(max(ROUNDS // 2, 1)))
def test_struck_again_and_again_it_ends_as_a_quiet_run(table: Bench, wanted: Played, seed: int) -> None:
    found = table.play(struck_often(SEED + seed, wanted.points))
    assert found.wrong == []
    assert found.left == wanted.left


class Deaf:
    """An Odoo that takes what it is asked to confirm and to credit, and says afterwards that nothing is there yet."""

    def __init__(self, odoo: Any) -> None:
        self._odoo = odoo

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def search_read(self, model: str, domain: Any, fields: Any, *, limit: int = 0) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._odoo.search_read(model, domain, fields, limit=limit)
        return rows[:0] if model == "account.move" and any("reversed_entry_id" in str(each) for each in domain) else rows


@pytest.mark.parametrize("table", EDITIONS[:1], indirect=True)
def test_a_credit_note_that_is_missing_is_found(table: Bench) -> None:
    """The harness itself: it does not say that all is well where a posted invoice has none."""
    found = replace(table, odoo=Deaf(table.odoo)).play(quiet)
    assert found.wrong != []


def test_each_way_to_die_is_met_where_it_was_said() -> None:
    class Nothing:
        def write(self, *_: Any) -> None: ...

    fate = Fate(2, How.AFTER)
    odoo = DyingOdoo(Nothing(), fate)  # type: ignore[arg-type]
    odoo.write("m", [1], {})
    with pytest.raises(BaseException, match=r"after m\.write"):
        odoo.write("m", [2], {})
    assert (fate.was_met, [ids for *_, ids in odoo.done]) == (True, [(1,), (2,)])
