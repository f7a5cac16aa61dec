"""The demo as one session of an operator, told once for all tests: what was answered at each step is kept, tests only read.

Owns: the steps and their order (the tests come in any order). Does not own: what must hold.
"""

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fcb_pipelines.local.warm import Done, Warm
from fcb_pipelines_tests.acceptance.project import Places, Project
from fcb_pipelines_tests.acceptance.remains import Remains, remains
from fcb_pipelines_tests.memory import quick_folder

PERIODS = ("2026-03", "2026-04", "2026-05")
KEY_OF_ALL_PLANS = {"FCB_IMPORT_ALL_PLANS": "true"}


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What `fcb demo --headless` left, before anybody did anything else.

    It is for reading: what a test changes in it, tests that come later would see. Who changes something asks for
    `demo_to_change`.
    """

    project: Project
    copy: Project
    """The same a second time, not running."""
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

    before: Places
    dry: Any
    dry_for_people: Done
    after: Places
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
    """The demo as a new user starts it, from nothing; that no test changes it is proved at the end."""
    with quick_folder() as folder, quick_folder() as other:
        project = Project(folder, warm)
        ended = project.installed("demo", "--headless")
        assert ended.code == 0, ended.err
        copy = project.copied(other)
        with project.stack():
            before = project.contents
            yield _looked_at(project, copy, ended)
            changed = [
                table for now, then in zip(project.contents, before, strict=True) for table in now if now[table] != then[table]
            ]
            assert changed == [], "a test changed the demo that all others see"
        removed(project)
        removed(copy)


def _looked_at(project: Project, copy: Project, ended: Done) -> Demo:
    return Demo(
        project=project,
        copy=copy,
        ended=ended,
        status=project.fcb("status", "--json").answer,
        register=project.fcb("register", "--json").answer,
        rows={key: project.fcb("rows", "--period", key, "--json").answer for key in PERIODS},
        doctor=project.fcb("doctor", "--json"),
        prunable=project.fcb("prune", "--json").answer,
        remains=remains(project),
    )


@pytest.fixture(scope="session")
def demo_to_change(demo: Demo) -> Iterator[Project]:
    """A second demo, for those who change something; each of them says after whom it comes."""
    with demo.copy.stack():
        yield demo.copy


@pytest.fixture(scope="session")
def again(demo_to_change: Project) -> Again:
    """What an operator sees who does everything a second time."""
    project = demo_to_change
    before = project.contents
    dry = project.fcb("import", "--dry-run", "--json").answer
    dry_for_people = project.fcb("import", "--dry-run", **KEY_OF_ALL_PLANS)
    return Again(
        before=before,
        dry=dry,
        dry_for_people=dry_for_people,
        after=project.contents,
        imported=project.fcb("import", "--json").answer,
        run=project.fcb("run", "--period", "2026-04", "--json").answer,
        rows=project.fcb("rows", "--period", "2026-04", "--json").answer,
        remains=remains(project),
    )


@pytest.fixture(scope="session")
def all_plans(demo_to_change: Project, again: Again) -> AllPlans:
    """All plans taken once, then listed and removed."""
    assert again.imported["created"] == 0
    project = demo_to_change
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
    with quick_folder() as folder:
        project = Project(folder, warm)
        with project.stack():
            yield project
        removed(project)


@pytest.fixture(scope="session")
def great_expectations() -> None:
    """Imports it once, ten seconds and its own deprecations included, for tests that run a suite in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("great_expectations.expectations")
