"""The three ways to ask for an act on a flip: the command, the job, and a run of a larger job that selects its asset alone.

Owns: how each is asked, and what it answered. Does not own: the world it is asked in (ready).
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from fcb_pipelines.acts.flip import FlipRefused
from fcb_pipelines.acts.stop import Stopped
from fcb_pipelines.assets.flip import FLIP_ASSET, FLIP_PLAN, flip_assets
from fcb_pipelines.cli import main
from fcb_pipelines.definitions import build_defs
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import Part
from fcb_pipelines_tests.orchestration.ready import World

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
KEY = dg.AssetKey(["shop", FLIP_ASSET])
PLAN_KEY = dg.AssetKey(["shop", FLIP_PLAN])
LARGER = dg.define_asset_job("larger", selection=dg.AssetSelection.assets(PLAN_KEY, KEY))
"""Plans, lets the check look at the plan, and goes."""
STOPPED = "stopped"
"""What the act says before it asks the gate anything."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of it."""

    against: frozenset[str]
    """The ids of everything that stood against it."""
    is_done: bool


def refused(error: RuleViolation) -> Answer:
    """What an act refused, by what it raised; any other refusal is not one of ours."""
    if isinstance(error, Stopped):
        return Answer(against=frozenset({STOPPED}), is_done=False)
    if isinstance(error, FlipRefused):
        return Answer(against=frozenset(one.id for one in error.against), is_done=False)
    raise error


@dataclass(frozen=True, kw_only=True)
class Command:
    """`fcb flip --go` or `--charge`, in this process."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, world: World, part: Part = Part.FLIP) -> Answer:
        """Type it where the settings of the world are."""
        option = {Part.FLIP: "--go", Part.CHARGE: "--charge"}[part]
        with self.monkeypatch.context() as here:
            here.chdir(self.folder)
            for name, value in world.variables.items():
                here.setenv(name, value)
            here.setattr(sys, "argv", ["fcb", "flip", option, world.flip_id, "--json"])
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = self.capsys.readouterr()
        if not out and "was stopped by" in err:
            return Answer(against=frozenset({STOPPED}), is_done=False)
        said = json.loads(out)
        found = frozenset(one["id"] for one in said["objections"]) if said.get("refused") else frozenset()
        return Answer(against=found, is_done=ended.value.code in {0, None})


@dataclass(kw_only=True)
class Page:
    """Dagster's definitions, put together once for all worlds of the same settings."""

    instance: dg.DagsterInstance
    world: World
    own: dg.JobDefinition = field(init=False)
    larger: dg.JobDefinition = field(init=False)

    def __post_init__(self) -> None:
        given = {"connections": dg.ResourceDefinition(lambda _: self.world.connections)}
        found = dg.Definitions.merge(build_defs(settings=self.world.settings, resources=given), dg.Definitions(jobs=[LARGER]))
        self.own, self.larger = found.resolve_job_def("shop_flip"), found.resolve_job_def(LARGER.name)

    def job(self, world: World, part: Part = Part.FLIP) -> Answer:
        """Run the job of the flip."""
        return self._run(self.own, world, part)

    def partial_run(self, world: World, part: Part = Part.FLIP) -> Answer:
        """Run of a job that plans, checks and goes the asset that goes, and nothing in front of it."""
        return self._run(self.larger, world, part, asset_selection=[KEY])

    def planned_and_gone(self, world: World, check: dg.AssetChecksDefinition | None = None) -> Answer:
        """Run both at once, the plan with its own check or with another one in its place."""
        return self._run(self._larger(world, check) if check else self.larger, world, Part.FLIP, plans=True)

    def _larger(self, world: World, check: dg.AssetChecksDefinition) -> dg.JobDefinition:
        given = {"connections": dg.ResourceDefinition(lambda _: self.world.connections)}
        own = dg.Definitions(assets=flip_assets(world.service), asset_checks=[check], jobs=[LARGER], resources=given)
        return own.resolve_job_def(LARGER.name)

    def _run(self, job: dg.JobDefinition, world: World, part: Part, *, plans: bool = False, **selected: Any) -> Answer:
        self.world = world
        config = configured(world, part, plans=plans)
        try:
            done = job.execute_in_process(run_config=config, instance=self.instance, **selected)
        except RuleViolation as error:
            return refused(error)
        except dg.Failure:
            return Answer(against=frozenset(), is_done=False)
        except dg.DagsterError as error:
            if "blocking asset check failed" not in str(error):
                raise
            return Answer(against=frozenset(), is_done=False)
        return Answer(against=frozenset(), is_done=done.success)


def configured(world: World, part: Part, *, plans: bool = False) -> Mapping[str, Any]:
    """What is typed into a run."""
    with world.db.transaction() as conn:
        typed = world.typed(conn, part)
    config = {
        "flip_id": world.flip_id,
        "act": part.value,
        "person": typed.person,
        "count": typed.count,
        "amounts": {code: str(amount) for code, amount in typed.amounts.items()},
    }
    wanted = {"cohort": ["s-1"], "not_before": world.months.first.key}
    given = {KEY: config, **({PLAN_KEY: wanted} if plans else {})}
    return {**QUIET, "ops": {"__".join(key.path): {"config": each} for key, each in given.items()}}


Shell = Callable[[World, Part], Answer]
