"""From a fact to its effect, whatever ends on the way: nothing lost, nothing done twice, nothing made up.

Sender, receiver and Postgres are real, and so is what befalls them. A short run plays 20 rounds; `FCB_TEST_ROUNDS` says how
many instead (`make faults`: 1,000), `FCB_TEST_SEED` plays one again.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.faults.conftest import JOURNEYS
from fcb_pipelines_tests.faults.journey import outage
from fcb_pipelines_tests.faults.journey.bench import Bench
from fcb_pipelines_tests.faults.journey.facts import FAILED, PAID, TABLE, Fact
from fcb_pipelines_tests.faults.journey.judged import Left, verdict
from fcb_pipelines_tests.faults.journey.plans import Circumstance, Strike, plan
from fcb_pipelines_tests.faults.journey.play import play
from fcb_pipelines_tests.memory import quick_folder

SHORT = range(20)
ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", len(SHORT)))
SEEDS = [int(os.environ["FCB_TEST_SEED"])] if "FCB_TEST_SEED" in os.environ else list(range(ROUNDS))

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Two Postgres for all rounds, ours and a receiver's, which many of them kill."""
    with quick_folder() as here, quick_folder() as there, outage.lasting(here) as ours, outage.lasting(there) as theirs:
        db = Database(ours.ensure_database("ours"))
        migrate(db.url)
        with db.transaction() as conn:
            conn.execute(TABLE)
        yield Bench(ours=ours, theirs=theirs)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a host keeps its file, which asks for much where a disk is slow."""
    with quick_folder() as found:
        yield found


@pytest.mark.parametrize("seed", SEEDS)
def test_each_fact_has_its_effect_once_whatever_ends_on_the_way(
    seed: int, bench: Bench, folder: Path, request: pytest.FixtureRequest
) -> None:
    one, found = play(plan(seed), bench, folder)
    request.config.stash[JOURNEYS].append((one.struck, one.messages, found))
    assert found.is_good, f"{one.plan.name}\n{found}"


FACT = Fact(message_id="m1", deployment="d", type=FAILED, invoice=1, sequence=1)
LATER = Fact(message_id="m2", deployment="d", type=PAID, invoice=1, sequence=2)
SUSPEND, RESTORE = ("suspend", "d", "m1"), ("restore", "d", "m2")
WELL = Left(
    facts=[FACT, LATER],
    messages=["m1", "m2"],
    undelivered=[],
    inbox={"m1": "done", "m2": "done"},
    states={"d": "active"},
    effects=[SUSPEND, RESTORE],
    noted=[SUSPEND, RESTORE],
    outside=[SUSPEND, SUSPEND, RESTORE],
)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, []),
        ({"inbox": {"m2": "done"}}, ["lost"]),
        ({"inbox": {"m1": "waiting", "m2": "done"}}, ["different"]),
        ({"effects": [SUSPEND, SUSPEND, RESTORE]}, ["duplicates", "different"]),
        ({"effects": [], "noted": [], "outside": [], "inbox": {"m1": "stale", "m2": "done"}}, []),
        ({"inbox": {"m1": "done", "m2": "done", "m3": "done"}}, ["ghosts"]),
        ({"messages": ["m1", "m2", "m3"]}, ["ghosts", "different"]),
        ({"facts": [FACT]}, ["ghosts", "different"]),
        ({"undelivered": ["m1"]}, ["different"]),
        ({"states": {"d": "suspended"}}, ["different"]),
        ({"effects": [RESTORE, SUSPEND]}, ["different"]),
        ({"noted": [SUSPEND]}, ["different"]),
        ({"outside": [SUSPEND]}, ["different"]),
    ],
)
def test_the_verdict_sees_what_is_wrong(changed: dict[str, Any], wrong: list[str]) -> None:
    found = verdict(replace(WELL, **changed))
    assert [name for name in ("lost", "duplicates", "ghosts", "different") if getattr(found, name)] == wrong
    assert found.is_good == (not wrong)


def test_a_short_run_strikes_everybody_everywhere() -> None:
    """Each round fails that was not struck as planned, so that what is planned is what happened."""
    struck = Counter(each for seed in SHORT for each in (plan(seed).strike, plan(seed).circumstance))
    assert set(struck) == {*Strike, *Circumstance}
    assert {plan(seed).is_on_postgres for seed in SHORT} == {True, False}
