"""Each objection alone true in a real store and a real sandbox: the flip refuses, whichever way it is asked for."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from fcb_pipelines.acts.gate_said import ask_of_flip
from fcb_pipelines.checks.flip import READY
from fcb_pipelines.checks.shell import ERROR, WARN
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate import kinds
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.orchestration.against import CHARGE, EXPIRING, FLIP, Case
from fcb_pipelines_tests.orchestration.changes import Change
from fcb_pipelines_tests.orchestration.ready import World, make, odoo_of, world_of
from fcb_pipelines_tests.orchestration.shells import PLAN_KEY, Answer, Command, Page, Shell

SHELLS = ("command", "job", "partial run")


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The world as it was made, and how to have one of one's own."""

    admin_url: str
    empty: tuple[str, str]
    """The names of the databases of a store and a sandbox in which there is nothing."""
    folder: Path
    now: datetime
    store: str
    """The name of the database of the store, as a template."""
    odoo: str
    """That of the sandbox's."""
    flip_id: str
    shared: dict[str, str]
    """The settings of a sandbox in which nobody changes anything."""

    @contextmanager
    def world(self, *, own_odoo: bool = False) -> Iterator[World]:
        """A world of one's own; its Odoo is shared unless it is asked for."""
        with ExitStack() as stack:
            store = stack.enter_context(database(self.admin_url, template=self.store))
            odoo = self.shared
            if own_odoo:
                odoo = stack.enter_context(odoo_of(stack.enter_context(database(self.admin_url, template=self.odoo)), self.now))
            yield world_of(self.folder, self.now, store, odoo, self.flip_id)

    @contextmanager
    def made_yesterday(self, change: Change) -> Iterator[World]:
        """A world that was made, changed, planned and armed a day and two hours ago, as it was then."""
        then = self.now - timedelta(hours=26)
        with ExitStack() as stack:
            store, odoo = (stack.enter_context(database(self.admin_url, template=each)) for each in self.empty)
            access = stack.enter_context(odoo_of(odoo, then))
            world = make(world_of(self.folder, self.now, store, access).at(then))
            change(world)
            yield world


@pytest.fixture(scope="module")
def ready(
    postgres_url: str, store_template: str, odoo_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ready]:
    """Made once; what is left of it are templates that nobody is connected to."""
    now, folder = datetime.now(UTC), tmp_path_factory.mktemp("shop")
    with ExitStack() as stack:
        store, odoo = (stack.enter_context(database(postgres_url, template=each)) for each in (store_template, odoo_template))
        with odoo_of(odoo, now) as access:
            flip_id = make(world_of(folder, now, store, access)).flip_id
        names = [url.rpartition("/")[2] for url in (store, odoo)]
        _let_go(postgres_url, names)
        shared = stack.enter_context(odoo_of(stack.enter_context(database(postgres_url, template=names[1])), now))
        yield Ready(
            admin_url=postgres_url,
            empty=(store_template, odoo_template),
            folder=folder,
            now=now,
            store=names[0],
            odoo=names[1],
            flip_id=flip_id,
            shared=shared,
        )


def _let_go(url: str, names: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)", [names])


@pytest.fixture(scope="module")
def page(ready: Ready) -> Iterator[Page]:
    with dg.DagsterInstance.ephemeral() as instance, ready.world() as world:
        yield Page(instance=instance, world=world)


@pytest.fixture
def shells(
    ready: Ready, page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mapping[str, Shell]:
    """By name, each way to ask for an act."""
    command = Command(folder=ready.folder, monkeypatch=monkeypatch, capsys=capsys)
    return dict(zip(SHELLS, (command, page.job, page.partial_run), strict=True))


DONE = Answer(against=frozenset(), is_done=True)


def changed(world: World, case: Case) -> World:
    case.change(world)
    if not case.is_planned_after:
        return world
    return world.planned(not_before=case.not_before(world) if case.not_before else None)


def checked(severity: dg.AssetCheckSeverity, *, passed: bool) -> dg.AssetChecksDefinition:
    """A check in the place of ours that says something else than the gate."""

    @dg.asset_check(asset=PLAN_KEY, name=READY, blocking=True)
    def ready_to_flip() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passed, severity=severity)

    return ready_to_flip


def refused(*against: str) -> Answer:
    return Answer(against=frozenset(against), is_done=False)


def test_every_kind_has_a_case() -> None:
    assert set(FLIP) == {kind.id for kind in kinds() if Part.FLIP in kind.parts}
    assert set(CHARGE) == {kind.id for kind in kinds() if Part.FLIP not in kind.parts}
    assert all(bool(case.also) is bool(case.why) for case in (*FLIP.values(), *CHARGE.values()))


@pytest.mark.parametrize("name", SHELLS)
def test_where_all_is_ready_they_go_live_and_then_are_charged(ready: Ready, shells: Mapping[str, Shell], name: str) -> None:
    shell = shells[name]
    with ready.world(own_odoo=True) as world:
        assert shell(world, Part.FLIP) == DONE
        assert world.order().state == "sale"
        world.arm(Part.CHARGE)
        assert shell(world, Part.CHARGE) == refused("token_missing")
        before = world.journalled()
        world.attest(Statement.NO_TOKEN, "u-1")
        assert shell(world, Part.CHARGE) == DONE
        assert world.journalled() > before > 0


def test_what_waits_for_the_source_is_not_done(ready: Ready, shells: Mapping[str, Shell]) -> None:
    """The gate is open, and the source was last looked at before it was armed: no way to ask calls that done."""
    with ready.world() as world:
        world.run("UPDATE source_snapshot SET taken_at = taken_at - interval '1 hour'")
        assert {name: shell(world, Part.FLIP) for name, shell in shells.items()} == dict.fromkeys(shells, refused())
        assert world.order().state == "draft"
        assert world.journalled() > 0


@pytest.mark.parametrize("kind", sorted(FLIP))
def test_an_objection_that_is_alone_true_refuses_the_flip(ready: Ready, shells: Mapping[str, Shell], kind: str) -> None:
    _refuses(ready, shells, kind, FLIP[kind], Part.FLIP)


def test_the_gate_itself_says_too_that_somebody_stopped_it(ready: Ready) -> None:
    """The acts are refused for it before they ask."""
    with ready.world() as world:
        FLIP["stopped"].change(world)
        said = ask_of_flip(world.connections, world.service, world.flip_id, Part.FLIP, "ada")
        assert {one.id for one in said.objections} == {"stopped"}


@pytest.mark.parametrize("kind", sorted(CHARGE))
def test_an_objection_that_is_alone_true_refuses_charging(ready: Ready, shells: Mapping[str, Shell], kind: str) -> None:
    _refuses(ready, shells, kind, CHARGE[kind], Part.CHARGE)


def _refuses(ready: Ready, shells: Mapping[str, Shell], kind: str, case: Case, part: Part) -> None:
    with ready.world(own_odoo=case.is_in_odoo) as as_it_was:
        world = changed(as_it_was, case)
        before = world.order(), world.journalled()
        found = {name: shell(world, part) for name, shell in shells.items()}
        assert found == dict.fromkeys(shells, refused(kind, *case.also))
        assert (world.order(), world.journalled()) == before


@pytest.mark.parametrize("kind", sorted(EXPIRING))
def test_what_expired_since_it_was_planned_refuses_the_flip(ready: Ready, shells: Mapping[str, Shell], kind: str) -> None:
    with ready.made_yesterday(EXPIRING[kind]) as then:
        assert ask_of_flip(then.connections, then.service, then.flip_id, Part.FLIP, "ada").objections == ()
        world = then.at(ready.now)
        assert {name: shell(world, Part.FLIP) for name, shell in shells.items()} == dict.fromkeys(shells, refused(kind))
        assert (world.order().state, world.journalled()) == ("draft", 0)


def test_no_check_opens_the_gate(ready: Ready, page: Page) -> None:
    """Ours keeps its own run from going; another that warns, or says that all is well, lets the act be asked."""
    with ready.world() as world:
        FLIP["alarm_open"].change(world)
        assert page.planned_and_gone(world) == refused()
        for severity, passed in ((WARN, False), (WARN, True), (ERROR, True)):
            assert page.planned_and_gone(world, checked(severity, passed=passed)) == refused("alarm_open")
        assert (world.order().state, world.journalled()) == ("draft", 0)


def test_a_check_that_only_warns_does_not_close_the_gate(ready: Ready, page: Page) -> None:
    with ready.world(own_odoo=True) as world:
        assert page.planned_and_gone(world, checked(WARN, passed=False)) == DONE
        assert world.order().state == "sale"
