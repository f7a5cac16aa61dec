"""The demo as one session of an operator, told once for all tests: what was answered at each step is kept, tests only read.

Owns: the steps and their order (the tests come in any order). Does not own: what must hold.
"""

import importlib
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines_tests.acceptance.project import Contents, Project, contents
from fcb_pipelines_tests.acceptance.remains import Remains, remains
from fcb_pipelines_tests.acceptance.warm import Done, Warm

PERIODS = ("2026-03", "2026-04", "2026-05")
KEY_OF_ALL_PLANS = {"FCB_IMPORT_ALL_PLANS": "true"}


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What `fcb demo --headless` left, before anybody did anything else."""

    project: Project
    ended: Done
    status: Any
    register: Any
    rows: dict[str, list[Any]]
    doctor: Done
    prunable: Any
    remains: Remains

    @property
    def all_rows(self) -> list[Any]:
        """The rows of all periods."""
        return [row for period in PERIODS for row in self.rows[period]]


@dataclass(frozen=True, kw_only=True)
class Again:
    """The import and a run a second time; nothing changed in between. `dry` wrote nothing between `before` and `after`."""

    before: tuple[Contents, Contents]
    dry: Any
    dry_for_people: Done
    after: tuple[Contents, Contents]
    imported: Any
    run: Any
    rows: list[Any]
    remains: Remains


@dataclass(frozen=True, kw_only=True)
class AllPlans:
    """An import of every plan, and the way back."""

    imported: Any
    prunable: Any
    still_there: Remains
    pruned: Any
    remains: Remains
    nothing_left: Any


def removed(project: Project) -> None:
    """Take everything away as a user does."""
    done = project.fcb("reset", "--yes")
    assert done.code == 0, done.err
    assert not project.state.exists()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Starts commands that have imported everything."""
    process = Warm()
    yield process
    process.close()


@pytest.fixture(scope="session")
def demo(warm: Warm) -> Iterator[Demo]:
    """The demo as a new user starts it, from nothing."""
    with tempfile.TemporaryDirectory(prefix="fcb-acceptance-") as folder:
        project = Project(Path(folder), warm)
        ended = project.installed("demo", "--headless")
        assert ended.code == 0, ended.err
        with project.stack():
            yield Demo(
                project=project,
                ended=ended,
                status=project.fcb("status", "--json").answer,
                register=project.fcb("register", "--json").answer,
                rows={key: project.fcb("rows", "--period", key, "--json").answer for key in PERIODS},
                doctor=project.fcb("doctor", "--json"),
                prunable=project.fcb("prune", "--json").answer,
                remains=remains(project),
            )
        removed(project)


@pytest.fixture(scope="session")
def again(demo: Demo) -> Again:
    """What an operator sees who does everything a second time."""
    project = demo.project
    before = contents(project.store_url), contents(project.sandbox_url)
    dry = project.fcb("import", "--dry-run", "--json").answer
    dry_for_people = project.fcb("import", "--dry-run", **KEY_OF_ALL_PLANS)
    return Again(
        before=before,
        dry=dry,
        dry_for_people=dry_for_people,
        after=(contents(project.store_url), contents(project.sandbox_url)),
        imported=project.fcb("import", "--json").answer,
        run=project.fcb("run", "--period", "2026-04", "--json").answer,
        rows=project.fcb("rows", "--period", "2026-04", "--json").answer,
        remains=remains(project),
    )


@pytest.fixture(scope="session")
def all_plans(demo: Demo, again: Again) -> AllPlans:
    """All plans taken once, then listed and removed."""
    assert again.imported["created"] == 0
    project = demo.project
    imported = project.fcb("import", "--json", **KEY_OF_ALL_PLANS).answer
    listed = project.fcb("prune", "--json").answer
    return AllPlans(
        imported=imported,
        prunable=listed,
        still_there=remains(project),
        pruned=project.fcb("prune", "--yes", "--json").answer,
        remains=remains(project),
        nothing_left=project.fcb("prune", "--json").answer,
    )


@pytest.fixture(scope="session")
def quiet(warm: Warm) -> Iterator[Project]:
    """A project whose stack runs and that nothing was imported into."""
    with tempfile.TemporaryDirectory(prefix=f"fcb-{secrets.token_hex(2)}-") as folder:
        project = Project(Path(folder), warm)
        with project.stack():
            yield project
        removed(project)


@pytest.fixture(scope="session")
def great_expectations() -> None:
    """Imports it once, ten seconds and its own deprecations included, for tests that run a suite in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("great_expectations.expectations")
