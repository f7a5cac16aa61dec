"""Lanes: several batches at once and never more than there are, one failure ends all, and nothing is done twice or lost."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import FcbError, OutcomeUnknown, Refused, RolledBack
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.batches import Applied, Load
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.lanes import Lanes, in_lanes
from fcb_pipelines.odoo.pace import FEWEST, MOST, Pace
from fcb_pipelines.odoo.records import create
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.transport import Choice, OdooOver, connect
from fcb_pipelines.store.slots import Slots
from fcb_pipelines_tests.odoo.conftest import DATABASE
from fcb_pipelines_tests.odoo.door import LOST, REFUSED, Door, door_to
from fcb_pipelines_tests.odoo.editions import NOW, USERS
from fcb_pipelines_tests.odoo.made import Made

PARTNER = "res.partner"
ROWS = 60
BATCHES = ROWS // FEWEST


@dataclass(frozen=True, kw_only=True)
class Site:
    """A sandbox behind a door, and a word that is in the names of all its records."""

    url: str
    door: Door
    run: str

    def odoo(self, slots: Slots | None = None, transport: Choice = "jsonrpc") -> OdooOver:
        """A port of its own, which asks nothing twice."""
        slot = nullcontext if slots is None else slots.slot
        return connect(self.url, DATABASE, "admin", USERS["admin"], transport=transport, pauses_seconds=(), slot=slot)

    def load(self, *, bad: Sequence[int] = ()) -> Load:
        xids = [f"fcb.{self.run}_user_{index:02}" for index in range(ROWS)]
        names = ["" if index in bad else f"{self.run} {index:02}" for index in range(ROWS)]
        return Load(
            model=PARTNER, columns=["id", "name"], rows={xid: [xid, name] for xid, name in zip(xids, names, strict=True)}
        )

    def holding(self, index: int) -> bytes:
        """What is in the load with a row, whatever its name."""
        return f"fcb.{self.run}_user_{index:02}".encode()

    def there(self) -> Counter[str]:
        """The partners of the run, by name."""
        return Counter(row["name"] for row in self.odoo().search_read(PARTNER, [("name", "like", self.run)], ["name"]))


@pytest.fixture(scope="module")
def entrance(sandbox_url: str, postgres_url: str) -> Iterator[tuple[str, Door]]:
    """A door to the sandbox that all share, whose database is there once its own address is."""
    del sandbox_url
    with door_to(create_app(in_database(postgres_url, DATABASE), USERS, clock=lambda: NOW)) as found:
        yield found


@pytest.fixture
def site(entrance: tuple[str, Door], run: str) -> Iterator[Site]:
    """The sandbox behind its door, for one test."""
    url, door = entrance
    door.open()
    site = Site(url=url, door=door, run=run)
    yield site
    odoo = site.odoo()
    odoo.unlink(PARTNER, [row["id"] for row in odoo.search_read(PARTNER, [("name", "like", run)], ["id"])])


def slow(lanes: int) -> Pace:
    """A pace at which every batch is the smallest there is, as every call takes long."""
    moments = iter(range(0, 10**6, 1000))
    found = Pace(lambda: next(moments), lanes=lanes)
    while not found.is_slowest:
        found.unanswered()
    return found


def nobody(_: int) -> None:
    """Progress that nobody follows."""


def whole(run: str, *without: int) -> Counter[str]:
    """Each name once."""
    return Counter(f"{run} {index:02}" for index in range(ROWS) if index not in without)


@pytest.mark.parametrize(("lanes", "limit", "most"), [(1, 2, 1), (2, 2, 2), (2, 1, 1), (3, 2, 2), (2, 3, 2)])
def test_as_many_loads_go_on_at_once_as_there_are_lanes_and_slots(
    site: Site, store_database: str, lanes: int, limit: int, most: int
) -> None:
    done = create(site.odoo(Slots(store_database, "odoo", limit)), site.load(), slow(lanes), nobody)
    assert (site.door.most, len(site.door.loads), len(done.ids)) == (most, BATCHES, ROWS)
    assert site.there() == whole(site.run)


def test_two_imports_at_once_share_the_slots(site: Site, store_database: str) -> None:
    load = site.load()
    halves = [Load(model=PARTNER, columns=load.columns, rows=dict(list(load.rows.items())[start::2])) for start in (0, 1)]
    with ThreadPoolExecutor(2) as imports:
        list(imports.map(lambda half: create(site.odoo(Slots(store_database, "odoo", 2)), half, slow(2), nobody), halves))
    assert (site.door.most, site.there()) == (2, whole(site.run))


def test_one_lane_works_in_the_thread_that_asks() -> None:
    threads = in_lanes(slow(1), range(ROWS), lambda _batch: threading.current_thread(), nobody)
    assert set(threads) == {threading.current_thread()}


def test_bad_rows_in_both_lanes_are_named_and_the_others_come_in(site: Site) -> None:
    bad = (0, 15, 16, 59)
    done = create(site.odoo(), site.load(bad=bad), slow(2), nobody)
    assert sorted(done.failed) == [site.holding(index).decode() for index in bad]
    assert (site.there(), len(done.ids)) == (whole(site.run, *bad), ROWS - len(bad))


@pytest.mark.parametrize("bad", [(), (12, 13)])
@pytest.mark.parametrize(("answer", "error"), [(LOST, OutcomeUnknown), (REFUSED, Refused)])
def test_a_failure_in_one_lane_ends_all_and_the_next_import_completes_it(
    site: Site, answer: int, error: type[FcbError], bad: tuple[int, ...]
) -> None:
    site.door.answers, site.door.wait_seconds = {site.holding(3): answer, b"[]]": answer}, 0.15
    with pytest.raises(error):
        create(site.odoo(), site.load(bad=bad), slow(2), nobody)
    with_rows = [each for each in site.door.loads if site.run.encode() in each]
    assert (len(with_rows), site.door.ended) == (2, len(site.door.loads)), "waits for what is under way, and begins no other"
    came_in = {f"{site.run} {index:02}" for index in range(0 if answer == LOST else 10, 10 if bad else 20)}
    assert set(site.there()) == came_in
    site.door.answers, site.door.wait_seconds = {}, 0.0
    create(site.odoo(), site.load(), slow(2), nobody)
    assert site.there() == whole(site.run)


def test_whoever_interrupts_waits_for_the_calls_under_way(site: Site) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(site.odoo(), site.load(), slow(2), interrupt)
    assert len(site.door.loads) == site.door.ended <= 2
    assert set(site.there().values()) == {1}


def test_what_two_lanes_may_not_do_at_once_is_done_by_one(site: Site) -> None:
    site.door.is_for_one = True
    told: list[int] = []
    done = create(site.odoo(), site.load(bad=(5, 14)), slow(2), told.append)
    assert (site.there(), len(done.ids), sorted(done.failed)) == (
        whole(site.run, 5, 14),
        ROWS - 2,
        [site.holding(5).decode(), site.holding(14).decode()],
    )
    assert sum(told) == ROWS


def test_what_is_rolled_back_even_alone_is_raised() -> None:
    asked: list[Sequence[int]] = []

    def work(batch: Sequence[int]) -> None:
        asked.append(batch)
        raise RolledBack("unreachable")

    with pytest.raises(RolledBack, match="unreachable"):
        in_lanes(slow(2), range(ROWS), work, nobody)
    assert len(asked) == 3


@settings(max_examples=30, deadline=None)
@given(items=st.integers(0, 3000), lanes=st.integers(1, 4), seconds=st.lists(st.floats(0, 9), min_size=1, max_size=5))
def test_every_item_is_worked_on_once_and_progress_is_told_to_who_asks(items: int, lanes: int, seconds: list[float]) -> None:
    told: list[tuple[threading.Thread, int]] = []
    clocks = threading.local()

    def clock() -> float:
        clocks.calls = getattr(clocks, "calls", -1) + 1
        return sum(seconds[index % len(seconds)] for index in range(clocks.calls))

    shared = Lanes(count=lanes, clock=clock).pace()

    def work(batch: Sequence[int]) -> Sequence[int]:
        with shared.measured(len(batch)):
            return batch

    done = in_lanes(shared, range(items), work, lambda count: told.append((threading.current_thread(), count)))
    assert sorted(item for batch in done for item in batch) == list(range(items))
    assert sum(count for _, count in told) == items
    assert {thread for thread, _ in told} <= {threading.current_thread()}
    assert all(len(batch) <= MOST for batch in done)


@pytest.mark.parametrize(("transport", "logins"), [("jsonrpc", 1), ("json2", 1), ("auto", 2)])
def test_a_port_may_be_asked_by_many_threads_from_the_first_question_on(site: Site, transport: Choice, logins: int) -> None:
    odoo, start = site.odoo(transport=transport), threading.Barrier(6)

    def ask(number: int) -> str:
        start.wait()
        (row,) = odoo.search_read("res.country", [("code", "=", ("CA", "US", "DE")[number % 3])], ["code"])
        return str(row["code"])

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(ask, range(6))) == ["CA", "US", "DE"] * 2
    assert len([body for body in site.door.bodies if b"context_get" in body]) == logins


def test_the_same_records_loaded_twice_at_once_are_there_once(odoo: Odoo, made: Made) -> None:
    xids = [made.xid(f"user_{index}") for index in range(30)]
    load = Load(model=PARTNER, columns=["id", "name"], rows={xid: [xid, made.name(xid)] for xid in xids})
    start = threading.Barrier(2)

    def once(_: int) -> Applied:
        start.wait()
        return create(odoo, load, Pace(time.monotonic), nobody)

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(once, range(2))
    assert first.ids == second.ids
    assert len(odoo.search_read(PARTNER, [("name", "like", made.name(""))], ["id"])) == len(xids)


def orders(made: Made) -> Load:
    """Orders of one partner, all for one product."""
    partner, product = made.partner(), made.product()
    columns = ["id", "partner_id/.id", "order_line/id", "order_line/product_id/.id", "order_line/product_uom_qty"]
    xids = [made.xid(f"subscription_{index}") for index in range(30)]
    return Load(model="sale.order", columns=columns, rows={xid: [xid, partner, f"{xid}_line", product, 2] for xid in xids})


def products(made: Made) -> Load:
    xids = [made.xid(f"plan_{index}") for index in range(30)]
    return Load(
        model="product.template", columns=["id", "name", "list_price"], rows={xid: [xid, made.name(xid), "5"] for xid in xids}
    )


@pytest.mark.parametrize("kind", [orders, products])
def test_records_that_point_to_the_same_ones_come_in_side_by_side(odoo: Odoo, made: Made, kind: Callable[[Made], Load]) -> None:
    load = kind(made)
    done = create(odoo, load, slow(2), nobody)
    assert (done.failed, done.ids.keys()) == ({}, load.rows.keys())
    assert len(odoo.search_read(load.model, [("id", "in", list(done.ids.values()))], ["id"])) == len(load.rows)
