"""Whatever comes in between, nothing is in Odoo twice and nothing is missing: rounds of the experiment, each by its seed.

A short run plays one round of each kind of fault. `FCB_TEST_ROUNDS` says how many instead (`make faults`: 200; a tenth of them
on the real server, if there is one), `FCB_TEST_SEED` plays one again.
"""

import os

import pytest

from fcb_pipelines_tests.faults.attempts import End
from fcb_pipelines_tests.faults.benches import REAL, SANDBOX
from fcb_pipelines_tests.faults.conftest import ROUNDS, Played
from fcb_pipelines_tests.faults.disturbance import Fault, disturbance
from fcb_pipelines_tests.faults.rounds import play

WANTED = int(os.environ.get("FCB_TEST_ROUNDS", len(Fault)))
SEEDS = [int(os.environ["FCB_TEST_SEED"])] if "FCB_TEST_SEED" in os.environ else list(range(WANTED))
CASES = [
    *((SANDBOX, seed) for seed in SEEDS),
    *((REAL, seed) for seed in SEEDS[: (len(SEEDS) + 9) // 10] if "FCB_TEST_ODOO_URL" in os.environ),
]


@pytest.mark.parametrize(("played", "seed"), CASES, indirect=["played"])
def test_after_any_fault_the_end_is_that_of_an_undisturbed_import(
    played: Played, seed: int, pytestconfig: pytest.Config
) -> None:
    bench, expected = played
    what = disturbance(seed, bench.faults, bench.transports)
    done = play(bench, what, expected)
    pytestconfig.stash[ROUNDS].append(done)
    assert {step: verdict for step, verdict in done.verdicts.items() if not verdict.is_right} == {}, what
    assert done.again == 0, "an import that follows finds nothing to do"
    assert done.disturbed > 0, "a round in which nothing goes wrong proves nothing"
    assert done.ended[-1].end is End.DONE, done.ended
    told = {ended.end for ended in done.ended}
    assert End.BROKEN not in told, done.ended
    assert (End.REFUSED in told) == (what.fault is Fault.KEY_CHANGED), done.ended
