"""A run whose lock is lost while it goes on: it journals and changes nothing more, and whoever runs next brings it to its end.

The lock is a session. At a point of a flip, a charge or an unflip Postgres ends it, and nobody, the same act or the way back
goes on at once; points are the moments before and after each transaction, and right before each call that may change something
in Odoo, when nobody asks any more. `FCB_TEST_ROUNDS` says how many points of each are tried, `FCB_TEST_SEED` which.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.held_odoo import HeldOdoo
from fcb_pipelines.domain.errors import Overtaken
from fcb_pipelines.domain.flip import Part, Phase, State, Step, course, faults
from fcb_pipelines.store import claims, journal
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.imports import exclusive_import
from fcb_pipelines_tests.acts.flipping import BILLING, FLIP_ID, MOVES, Cohort
from fcb_pipelines_tests.faults.flips import SERVERS, Bench, bench
from fcb_pipelines_tests.faults.pushing import SEED
from fcb_pipelines_tests.flips import an_entry
from fcb_pipelines_tests.kept import KeptStore

ALL = ("s1", "s2", "s3")
ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "1"))
END_SESSIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE application_name = 'fcb import' AND datname = current_database()
"""


@pytest.fixture(scope="module", params=SERVERS)
def table(request: pytest.FixtureRequest, postgres_url: str, store_template: str) -> Iterator[Bench]:
    with bench(postgres_url, store_template, request.param) as found:
        yield found


@pytest.fixture
def cohort(table: Bench, store_database: str) -> Iterator[Cohort]:
    with table.cohort(store_database) as found:
        yield found


def lose(cohort: Cohort) -> None:
    """End the session that has the lock, as Postgres does when it is restarted."""
    with psycopg.connect(cohort.chain.db.url, autocommit=True) as conn:
        conn.execute(END_SESSIONS)


def take_back(cohort: Cohort) -> None:
    """What somebody does who sees it stand still: back, as far as it goes before the source bills again."""
    if any(course(cohort.journal(one)).touched for one in ALL):
        cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
        cohort.unflip()


def nothing(cohort: Cohort) -> None:
    """Nobody comes."""


PARTS: dict[Part, Callable[[Cohort], object]] = {Part.FLIP: Cohort.go, Part.CHARGE: Cohort.charge, Part.UNFLIP: Cohort.unflip}
OTHERS = ("nobody", "the same again", "the way back")


@dataclass
class Struck:
    """At the n-th point the lock is lost, and somebody else goes on."""

    act: Callable[[], object]
    at: int | None = None
    points: int = 0

    def __call__(self) -> None:
        self.points += 1
        if self.points == self.at:
            self.act()


@dataclass(frozen=True, slots=True, repr=False)
class PointedStore(Database):
    """The store, of which the moments before and after each transaction are points."""

    point: Callable[[], None] = field(default=lambda: None)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.point()
        with KeptStore(self.url).transaction() as conn:
            yield conn
        self.point()


def watched(cohort: Cohort, point: Callable[[], None]) -> Cohort:
    """The same, with the points of its store and of its Odoo."""
    chain = replace(cohort.chain, db=PointedStore(cohort.chain.db.url, point))
    return replace(cohort, chain=chain, odoo=HeldOdoo(odoo=cohort.odoo, require_held=point), said=[])


def played(cohort: Cohort, part: Part, other: str, at: int | None) -> int:
    """Do a part that is struck at a point; how many points it came to."""
    meanwhile = {"nobody": nothing, "the same again": PARTS[part], "the way back": take_back}[other]

    def act() -> None:
        lose(cohort)
        meanwhile(replace(cohort, said=[]))

    struck = Struck(act, at)
    try:
        PARTS[part](watched(cohort, struck))
    except Overtaken:
        assert at is not None
    return struck.points


def prepared(cohort: Cohort, part: Part) -> None:
    """Armed for a part, with an invoice where it is to be taken back."""
    if part is not Part.FLIP:
        cohort.live()
    if part is Part.UNFLIP:
        cohort.arm(Part.CHARGE)
        cohort.charge()
        cohort.invoice("s1")
    cohort.arm(part, planned=cohort.shown().stake if part is Part.UNFLIP else None)


def require_so(cohort: Cohort, one: str) -> None:
    """What the journal says of a subscription is so in Odoo and of its claims, and there is no more of it."""
    so_far, order = course(cohort.journal(one)), cohort.order(one)
    if Step.BACK_TO_DRAFT in so_far.done:
        assert (order.state, order.plan_id, order.token_id) == ("draft", None, None)
    elif not so_far.is_going_back:
        assert order.state == "sale" or Step.CONFIRMED not in so_far.done
        assert order.state == "draft" or Step.CONFIRMED in so_far.touched
    with cohort.chain.db.transaction() as conn:
        held = [each.charge for each in claims.held(conn, cohort.chain.service.code, [one])]
    assert bool(held) == (Step.CLAIMED in so_far.done and Step.CLAIMS_RELEASED not in so_far.done)


def finish(cohort: Cohort, part: Part) -> None:
    """Run again whatever is to go on, until it is done for everybody."""
    if part is not Part.UNFLIP and not any(course(cohort.journal(one)).is_going_back for one in ALL):
        PARTS[part](cohort)
        last = Step.TOKEN_ATTACHED if part is Part.CHARGE else Step.PREVIEWED
        assert all(last in course(cohort.journal(one)).done for one in ALL)
        return
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    cohort.billing = dict.fromkeys(ALL, BILLING)
    stands = cohort.unflip().stands
    assert set(stands.states.values()) == {State.SHADOW}, stands.open()
    assert {(order.state, order.token_id) for order in map(cohort.order, ALL)} == {("draft", None)}


def require_whole(cohort: Cohort) -> None:
    """Every step has its end, the logs say so, and nothing was credited twice."""
    for one in ALL:
        assert faults(cohort.journal(one)) == ()
        require_so(cohort, one)
    with cohort.chain.db.transaction() as conn:
        assert journal.unproved(conn, cohort.chain.service.code, FLIP_ID) == ()
    assert [one.broken for one in verify_logs(KeptStore(cohort.chain.db.url))] == [None, None]
    partners = sorted({one.partner_id for one in cohort.flip.plan.subscriptions if one.partner_id})
    moves = cohort.odoo.search_read(MOVES, [("partner_id", "in", partners)], ["reversed_entry_id"])
    notes = [row["reversed_entry_id"][0] for row in moves if row["reversed_entry_id"]]
    assert len(notes) == len(set(notes))


POINTS = {Part.FLIP: 57, Part.CHARGE: 24, Part.UNFLIP: 105}
"""Of each part in the edition that has fewer of them."""


def test_a_lock_is_held_until_its_session_ends_whoever_has_it_then(cohort: Cohort) -> None:
    db, name = cohort.chain.db, cohort.chain.service.code
    with exclusive_import(db, name) as lock, exclusive_import(db, "other"):
        with db.transaction() as conn:
            assert lock.is_held(conn)
            assert not replace(lock, name="other/import").is_held(conn), "another session has that one"
        lose(cohort)
        with exclusive_import(db, name), db.transaction() as conn:
            assert not lock.is_held(conn)


@pytest.mark.parametrize("part", PARTS)
def test_where_nothing_is_lost_each_part_has_its_points(cohort: Cohort, part: Part) -> None:
    prepared(cohort, part)
    assert played(cohort, part, "nobody", None) >= POINTS[part]
    finish(cohort, part)
    require_whole(cohort)


class Told(list[str]):
    """Does something as soon as a line is told."""

    def __init__(self, line: str, act: Callable[[], object]) -> None:
        super().__init__()
        self._line, self._act = line, act

    def append(self, line: str) -> None:
        super().append(line)
        if line == self._line:
            self._act()


def test_what_was_taken_back_meanwhile_is_not_confirmed(cohort: Cohort) -> None:
    def back() -> None:
        lose(cohort)
        other = replace(cohort, said=[], billing=dict.fromkeys(ALL, BILLING))
        other.arm(Part.UNFLIP, planned=other.shown().stake)
        assert set(other.unflip().stands.states.values()) == {State.SHADOW}

    cohort.arm()
    with pytest.raises(Overtaken, match=f"has ended: {FLIP_ID} was left where it was"):
        replace(cohort, said=Told("s2: plan_set done", back)).go()
    assert {cohort.order(one).state for one in ALL} == {"draft"}
    assert {course(cohort.journal(one)).begun for one in ALL} == {None}
    require_whole(cohort)


def test_whoever_kept_the_lock_and_not_the_journal_ends_too(cohort: Cohort) -> None:
    """As one that was let in while another was about to commit what it had asked for before it lost the lock."""
    line = an_entry(Step.SOURCE_STOPPED, Phase.WAITING, flip_id=FLIP_ID, external_subscription_id="s2")

    def late() -> None:
        with cohort.chain.db.transaction() as conn:
            journal.append(conn, cohort.chain.service.code, line)

    cohort.arm()
    with pytest.raises(Overtaken, match=f"another run went on with {FLIP_ID}.*fcb journal {FLIP_ID}"):
        replace(cohort, said=Told("s1: source_stopped done", late)).go()
    finish(cohort, Part.FLIP)
    require_whole(cohort)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("part", PARTS)
def test_wherever_the_lock_is_lost_nothing_is_said_that_is_not_so(cohort: Cohort, part: Part, other: str, seed: int) -> None:
    at = random.Random(f"{SEED + seed} {part} {other}").randint(1, POINTS[part])  # noqa: S311 - points, no secret
    prepared(cohort, part)
    played(cohort, part, other, at)
    for one in ALL:
        assert [fault for fault in faults(cohort.journal(one)) if "has no end" not in fault] == [], at
        require_so(cohort, one)
    finish(cohort, part)
    require_whole(cohort)
