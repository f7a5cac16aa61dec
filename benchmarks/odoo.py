"""`make bench-odoo`: how fast the Odoo room is on a real Odoo, beside a raw client in the same run.

Needs FCB_TEST_ODOO_URL, _DB, _USER and _KEY, and _LEAST_USER and _LEAST_KEY of the user with the least rights; what it makes
there it removes. Our side goes through `acts` with a store in an embedded Postgres, so codecs, pace and slots are in its time;
it loads in two lanes, as the product does by itself, of which only an Odoo with two workers or more shows much. The raw side is
odoorpc with rows made beforehand, one call after the other. The sides take turns and a figure is the median of its repeats: a
busy machine is slower from one minute to the next, so read ratios rather than rates.

- New: rows a second of an import's `apply`, ÷ those of `load` in batches of 500 with tracking off; an order has one line.
- One a call: our rate of new records ÷ that of odoorpc's `create` with its default context.
- Unchanged: records of the source a second from the snapshot in memory to the empty difference, partners, products and orders
  through one reading (`acts/preview`): external ids resolved, fields read and compared, the links in our store read; nothing is
  written. An order and its line are one record here.
"""

import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import odoorpc

from fcb_pipelines.acts import partners, plans, subscriptions
from fcb_pipelines.acts.imports import Reading, Shelf, apply
from fcb_pipelines.acts.preview import preview
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres, ensure_database
from fcb_pipelines.odoo.batches import Load
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.lanes import Lanes
from fcb_pipelines.odoo.records import loading
from fcb_pipelines.odoo.subscriptions import loading as loading_orders
from fcb_pipelines.odoo.transport import connect, transport_of
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import migrate
from fcb_pipelines.store.slots import Slots
from fcb_pipelines_tests.acts.chain import TAXES
from fcb_pipelines_tests.acts.source_records import a_plan, a_service, a_subscription, a_user, records
from fcb_pipelines_tests.conftest import NOW

NAMES = ("URL", "DB", "USER", "KEY", "LEAST_USER", "LEAST_KEY")
CONTEXT = {"tracking_disable": True}
RAW_BATCH = 500
LANES = 2
"""The default of FCB_ODOO_CONCURRENCY."""
REPEATS = 5
NEW = {"partners": 1000, "products": 600, "orders": 300}
ONE_A_CALL = {"partners": 100, "products": 20}
USERS, PLANS, ORDERS = 5000, 2500, 1000
"""Of the unchanged re-import; a plan is two products."""
MODELS = ("sale.order.line", "sale.order", "product.template", "res.partner")
"""In the order in which records can be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured, and the least that it shall be; None where it is only told."""

    name: str
    value: float
    least: float | None = None
    unit: str = "×"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An Odoo as both sides reach it, and an empty store."""

    db: Database
    slots: Slots
    raw: Any
    odoo: Odoo
    least: Odoo
    service: Any

    def reading(self, source: SourceRecords, odoo: Odoo | None = None) -> Reading:
        """What our side decides from."""
        lanes = Lanes(count=LANES, clock=self.slots.working_seconds)
        return Reading(
            db=self.db, odoo=odoo or self.odoo, service=self.service, records=source, taxes=TAXES, now=NOW, lanes=lanes
        )


def silent(_: str) -> None:
    """A report that nobody reads."""


def seconds(work: Callable[[], object]) -> float:
    """How long work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def source(tag: str, users: int, plan_count: int, orders: int) -> SourceRecords:
    """A snapshot whose records nobody has seen; users and plans of all orders are among the first of each."""
    return records(
        users=tuple(a_user(f"{tag}u{n}", email=f"{tag}u{n}@bench.example") for n in range(users)),
        plans=tuple(a_plan(f"{tag}p{n}") for n in range(plan_count)),
        subscriptions=tuple(
            a_subscription(f"{tag}s{n}", f"{tag}u{n % users}", f"{tag}p{n % plan_count}") for n in range(orders)
        ),
    )


def new_records(bench: Bench, kind: str, count: int) -> tuple[Reading, Shelf, Load]:
    """So many records of a kind that are not in Odoo, decided and as the rows of a load."""
    tag = secrets.token_hex(3)
    if kind == "partners":
        reading = bench.reading(source(tag, count, 1, 0))
        (shelf,) = partners.decide(reading).decided.shelves
    elif kind == "products":
        reading = bench.reading(source(tag, 1, count, 0))
        shelf = plans.decide(reading, take_all=True).decided.shelves[0]
    else:
        reading = bench.reading(source(tag, 1, 1, count))
        partners.import_partners(reading, dry_run=False, report=silent)
        plans.import_plans(reading, take_all=True, dry_run=False, report=silent)
        shelf, lines = subscriptions.decide(reading, dry_run=False).shelves
        return reading, shelf, loading_orders(shelf.kind, shelf.made.create, lines.wanted)
    return reading, shelf, loading(shelf.kind, shelf.made.create)


def ours(bench: Bench, kind: str, count: int) -> float:
    """Records a second of our import."""
    reading, shelf, load = new_records(bench, kind, count)
    return count / seconds(lambda: apply(reading, shelf, load, silent))


def raw_loads(bench: Bench, kind: str, count: int) -> float:
    """Records a second of bare loads."""
    _, _, load = new_records(bench, kind, count)
    rows = [[str(cell) for cell in row] for row in load.rows.values()]

    def work() -> None:
        for start in range(0, count, RAW_BATCH):
            batch = rows[start : start + RAW_BATCH]
            answer = bench.raw.execute_kw(load.model, "load", [list(load.columns), batch], {"context": CONTEXT})
            assert answer["ids"], answer["messages"]

    return count / seconds(work)


def one_a_call(bench: Bench, kind: str, count: int) -> float:
    """Records a second of a loop that creates one record a call."""
    reading, shelf, _ = new_records(bench, kind, count)
    model = bench.raw.env[shelf.kind.model]
    numbers = {"list_price": 19.99} if kind == "products" else {}
    values = [{**shelf.kind.values(fields), **numbers} for fields in shelf.made.create.values()]
    made: list[int] = []
    rate = count / seconds(lambda: made.extend(model.create(each) for each in values))
    reading.odoo.unlink(shelf.kind.model, made)
    return rate


def in_turn(bench: Bench, kind: str, count: int, *, is_ours_first: bool) -> tuple[float, float]:
    """Records a second of our import and of bare loads, one after the other."""
    if is_ours_first:
        return ours(bench, kind, count), raw_loads(bench, kind, count)
    bare = raw_loads(bench, kind, count)
    return ours(bench, kind, count), bare


def new_figures(bench: Bench) -> Iterator[Figure]:
    """Each kind beside bare loads and beside the loop."""
    for kind, count in NEW.items():
        ours(bench, kind, 100)
        pairs = [in_turn(bench, kind, count, is_ours_first=bool(turn % 2)) for turn in range(REPEATS)]
        rate = statistics.median(pair[0] for pair in pairs)
        yield Figure(name=f"new {kind}", value=rate, unit="a second")
        yield Figure(name=f"new {kind}, bare load", value=statistics.median(pair[1] for pair in pairs), unit="a second")
        yield Figure(name=f"new {kind} ÷ bare load", value=statistics.median(one / other for one, other in pairs), least=0.9)
        if kind in ONE_A_CALL:
            loop = statistics.median(one_a_call(bench, kind, ONE_A_CALL[kind]) for _ in range(3))
            yield Figure(name=f"{kind} one a call", value=loop, unit="a second")
            yield Figure(name=f"new {kind} ÷ one a call", value=rate / loop, least={"partners": 20, "products": 100}[kind])


def again_figures(bench: Bench) -> Iterator[Figure]:
    """A whole import, then nothing but the finding that nothing differs, by both users."""
    all_records = source(secrets.token_hex(3), USERS, PLANS, ORDERS)
    reading = bench.reading(all_records)
    count = USERS + 2 * PLANS + ORDERS
    yield Figure(name="first import, acts and read-back", value=count / seconds(lambda: imported(reading)), unit="a second")
    for name, odoo, least in (("administrator", bench.odoo, 5000), ("least rights", bench.least, None)):
        finding = partial(unchanged, replace(reading, odoo=odoo))
        finding()
        rate = count / statistics.median(seconds(finding) for _ in range(REPEATS))
        yield Figure(name=f"unchanged, {name}", value=rate, least=least, unit="a second")
    yield Figure(name="second import, acts and read-back", value=count / seconds(lambda: imported(reading)), unit="a second")
    lost = replace(reading, odoo=bench.least, db=Database(ensure_database(bench.db.url, "lost")))
    migrate(lost.db.url)
    rate = count / seconds(lambda: unchanged(lost))
    yield Figure(name="unchanged, least rights, store lost", value=rate, unit="a second")


def imported(reading: Reading) -> None:
    """The three imports with all they keep in our store, and what they read back."""
    partners.import_partners(reading, dry_run=False, report=silent)
    plans.import_plans(reading, take_all=True, dry_run=False, report=silent)
    subscriptions.import_subscriptions(reading, dry_run=False, report=silent)


def unchanged(reading: Reading) -> None:
    """Find that nothing differs."""
    for done in preview(reading, take_all=True):
        assert (done.created, done.changed, done.failed) == (0, 0, 0), done.entity


def clean(bench: Bench) -> None:
    """Remove what was made."""
    for model in MODELS:
        domain = [("module", "=", "fcb"), ("model", "=", model), ("name", "=like", f"{bench.service.code}\\_%")]
        ids = [row["res_id"] for row in bench.odoo.search_read("ir.model.data", domain, ["res_id"])]
        for start in range(0, len(ids), RAW_BATCH):
            there = bench.odoo.search_read(model, [("id", "in", ids[start : start + RAW_BATCH])], ["id"])
            bench.odoo.unlink(model, [row["id"] for row in there])


@contextmanager
def benches() -> Iterator[Bench]:
    """Both sides, connected, until the block ends."""
    url, database, user, key, least_user, least_key = (os.environ[f"FCB_TEST_ODOO_{name}"] for name in NAMES)
    state = Path(tempfile.mkdtemp(prefix="fcb-bench-"))
    server = EmbeddedPostgres(state, durable=True)
    try:
        store = ensure_database(server.start(), "fcb")
        migrate(store)
        with Database(store).transaction() as conn:
            conn.execute(
                "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('b', now(), false, '')"
            )
        slots = Slots(store, "odoo", LANES)
        place = urlsplit(url)
        raw = odoorpc.ODOO(place.hostname, port=place.port, timeout=600)
        raw.login(database, user, key)
        bench = Bench(
            db=Database(store),
            slots=slots,
            raw=raw,
            odoo=connect(url, database, user, key, timeout_seconds=600, slot=slots.slot),
            least=connect(url, database, least_user, least_key, timeout_seconds=600, slot=slots.slot),
            service=a_service(f"bench{secrets.token_hex(3)}"),
        )
        try:
            yield bench
        finally:
            clean(bench)
    finally:
        server.stop()
        remove(state)
        shutil.rmtree(state)


def main() -> None:
    """Print one line per figure; ends with 1 if one misses its goal."""
    if missing := [f"FCB_TEST_ODOO_{name}" for name in NAMES if f"FCB_TEST_ODOO_{name}" not in os.environ]:
        sys.exit(f"a real Odoo is needed, on which records may be made and removed: set {', '.join(missing)}")
    is_missed = False
    with benches() as bench:
        print(f"Odoo {bench.odoo.version().text} over {transport_of(bench.odoo)}, raw over JSON-RPC", flush=True)
        for figure in chain(again_figures(bench), new_figures(bench)):
            goal = "" if figure.least is None else f"{figure.least:>8g}"
            print(f"{figure.name:<44} {figure.value:>10.2f} {goal:>8}  {figure.unit}", flush=True)
            is_missed |= figure.least is not None and figure.value < figure.least
    sys.exit(is_missed)


if __name__ == "__main__":
    main()
