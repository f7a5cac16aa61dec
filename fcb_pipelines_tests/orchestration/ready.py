"""A small world in which the gate is open: a host, its months, what people said, its copy in Odoo, a cohort planned and armed.

Owns: making it, and what a test changes of it. Does not own: what its host says (ready_host), what stands against a flip
(against), asking for one (shells).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from fcb_pipelines.acts import attestations
from fcb_pipelines.acts.arming import Typed, approve, arm, stake
from fcb_pipelines.acts.attestations import Said
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip_plan import Wanted
from fcb_pipelines.acts.flip_runs import plan_cohort
from fcb_pipelines.acts.gate import this_version
from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.acts.invoices import lines_now
from fcb_pipelines.acts.partners import import_partners
from fcb_pipelines.acts.plans import import_plans
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.acts.subscriptions import import_subscriptions
from fcb_pipelines.cli.session import operator
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Instance
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import OrderNow, order_now
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings, load
from fcb_pipelines.store import attestations as stored_attestations
from fcb_pipelines.store import flips, invoices, journal, partners, snapshots
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts.planted_source import Rows
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.cli.conftest import NOBODY
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving
from fcb_pipelines_tests.orchestration.ready_host import SHOP, Months, host, usual
from fcb_pipelines_tests.revisions import add_revision
from fcb_pipelines_tests.signed import a_row

_NAMES = {"users": "user", "plans": "plan", "subscriptions": "subscription", "invoices": "invoice"}


@dataclass(frozen=True, kw_only=True)
class World:
    """A store, an Odoo, and the settings of who works there."""

    settings: Settings
    variables: Mapping[str, str]
    """What a command is given, so that it has the same settings."""
    now: datetime
    months: Months
    flip_id: str = ""
    """The plan that is armed."""

    @property
    def service(self) -> Service:
        return self.settings.service(None)

    @property
    def db(self) -> Database:
        return self.connections.database()

    @property
    def connections(self) -> Connections:
        """What acts reach the outside with, now."""
        return Connections(settings=self.settings, now=self.now, report=lambda _: None)

    @property
    def admin(self) -> Odoo:
        """Whoever changes things in Odoo by hand."""
        return _admin(self.variables["FCB_ODOO_URL"], self.variables["FCB_ODOO_DB"])

    def at(self, moment: datetime) -> "World":
        """The same at another time."""
        return replace(self, now=moment)

    def order(self, subscription: str = "s-1") -> OrderNow:
        """The order as Odoo has it."""
        return order_now(self.admin, self.order_id(subscription))

    def order_id(self, subscription: str = "s-1") -> int:
        name = f"shop_subscription_{subscription}"
        (row,) = self.admin.search_read("ir.model.data", [("module", "=", "fcb"), ("name", "=", name)], ["res_id"])
        return int(row["res_id"])

    def partner(self, customer: str = "u-1") -> int:
        with self.db.transaction() as conn:
            found = partners.links(conn, "shop")[customer].odoo_id
        assert found is not None
        return found

    def journalled(self) -> int:
        """How many steps of the flip there are."""
        with self.db.transaction() as conn:
            return sum(map(len, journal.of_flip(conn, self.flip_id).values()))

    def snapshot(self, **entities: Rows) -> None:
        """The host says otherwise now."""
        given = {**host(self.months), **entities}
        with self.db.transaction() as conn:
            snapshot_id = snapshots.open_snapshot(conn, "shop", self.now)
            for entity, rows in given.items():
                name = f"external_{_NAMES.get(entity, '')}_id"
                snapshots.add_rows(conn, snapshot_id, entity, [(row.get(name, str(n)), row) for n, row in enumerate(rows)])
            snapshots.close_snapshot(conn, snapshot_id, b"h")

    def keep_lines(self) -> None:
        """What a run of each closed month keeps of the newest snapshot."""
        records = last_records(self.db, self.service)
        lines = lines_now(records, self.service, self.settings.tax_table)
        with self.db.transaction() as conn:
            for month in self.months.closed:
                own = [line for line in lines if line.period(TORONTO).key == month.key]
                invoices.replace_actual(conn, "shop", month.key, own)

    def reconcile(self, period: str, *more: Instance, whole: Iterable[Instance] | None = None) -> None:
        """A new revision of a month: as it was billed, and what else is in its row."""
        found = (*usual(period), *more) if whole is None else tuple(whole)
        row = a_row(*found, period=period, subscription="s-1", external_user_id="u-1")
        neighbour = a_row(*usual(period), period=period, subscription="s-2", external_user_id="u-2")
        origin = Origin(
            snapshot_id=last_records(self.db, self.service).snapshot_id,
            settings_hash=self.settings.rules_hash(self.service),
            rule_version=RULE_VERSION,
        )
        with self.db.transaction() as conn:
            add_revision(conn, service="shop", period=period, origin=origin, made_at=self.now, rows=(row, neighbour))

    def attest(self, statement: Statement, subject: str = "", value: str | None = None, *, days: int = 28) -> str:
        """Let Ada say something that holds for so many days from today on; its id."""
        said = Said(
            statement=statement,
            subject=subject,
            value=value,
            text="I looked",
            expires_on=self.now.astimezone(TORONTO).date() + timedelta(days=days),
            author="ada",
        )
        with self.db.transaction() as conn:
            return attestations.attest(conn, self.service, said, self.now, this_version()).attestation_id

    def take_back(self, statement: Statement, subject: str = "") -> None:
        """Let nobody say it any more."""
        with self.db.transaction() as conn:
            for one in stored_attestations.attestations(conn, "shop"):
                if (one.statement, one.subject) == (statement, subject) and one.withdrawn_at is None:
                    why = Signature(person="ada", at=self.now, text="it was wrong")
                    attestations.withdraw(conn, self.service, one.attestation_id, why)

    def run(self, statement: str, *values: Any) -> None:
        """Change a row by hand, which nobody may."""
        with self.db.transaction() as conn:
            conn.execute(statement.encode(), values)

    def planned(self, *, not_before: str | None = None) -> "World":
        """The cohort planned as it is now, instead of what was planned before, and armed."""
        if self.flip_id:
            with self.db.transaction() as conn:
                flips.end(conn, self.flip_id, self.now)
        wanted = Wanted(asked_for=("s-1",), not_before=not_before or self.months.first.key)
        flip_id, _ = plan_cohort(self.connections, self.service, wanted, "ada")
        found = replace(self, flip_id=flip_id)
        found.arm(Part.FLIP)
        return found

    def arm(self, part: Part) -> None:
        """Arm a part of the plan, as whoever runs the tests; Grace stands behind what one person may not arm."""
        with self.db.transaction() as conn:
            typed = self.typed(conn, part)
            if arm(conn, self.service, typed, self.now).over:
                approve(conn, self.service, replace(typed, person="grace"), self.now)

    def typed(self, conn: Connection, part: Part) -> Typed:
        """What is typed to arm the plan, and into a run of it."""
        flip = flips.flip(conn, "shop", self.flip_id)
        assert flip is not None
        meant = stake(flip.plan)
        return Typed(flip_id=self.flip_id, part=part, person=operator(), count=meant.count, amounts=meant.amounts)


@lru_cache(maxsize=2)
def _admin(url: str, database: str) -> Odoo:
    return connect(url, database, "admin", ADMIN_KEY, transport="jsonrpc")


def world_of(folder: Path, now: datetime, store: str, odoo: Mapping[str, str], flip_id: str = "") -> World:
    """The world on a store and an Odoo; its rules are written into the folder."""
    months, given = Months(now=now), variables(store, odoo)
    (folder / "fcb.toml").write_text(SHOP.format(first=months.old, lag=months.lag_days))
    return World(settings=load(given, folder=folder), variables=given, now=now, months=months, flip_id=flip_id)


def variables(store: str, odoo: Mapping[str, str]) -> dict[str, str]:
    """What a shell has to be given so that nothing is started."""
    switches = {"FCB_ODOO_CONFIRM_ORDERS": "true", "FCB_ODOO_ATTACH_TOKENS": "true", "FCB_ODOO_TRANSPORT": "jsonrpc"}
    dagster = NOBODY.replace("postgresql", "postgresql+psycopg2")
    return {"FCB_DATABASE_URL": store, "FCB_SOURCE_SHOP_URL": NOBODY, "FCB_DAGSTER_URL": dagster, **odoo, **switches}


@contextmanager
def odoo_of(url: str, now: datetime) -> Iterator[dict[str, str]]:
    """The settings of a sandbox on a database."""
    keys = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}
    with serving(create_app(url, keys, clock=lambda: now)) as address:
        name = url.rpartition("/")[2]
        yield {"FCB_ODOO_URL": address, "FCB_ODOO_DB": name, "FCB_ODOO_USER": "importer", "FCB_ODOO_KEY": IMPORTER_KEY}


def make(world: World) -> World:
    """Set Odoo up, read the host, import, reconcile, say what only people know, plan and arm."""
    kept = [row["id"] for row in world.admin.search_read("decimal.precision", [], ["id"])]
    world.admin.write("decimal.precision", kept, {"digits": 6})
    world.snapshot()
    reading: Reading = world.connections.reading(world.service)
    import_partners(reading, dry_run=False, report=lambda _: None)
    import_plans(reading, take_all=True, dry_run=False, report=lambda _: None)
    import_subscriptions(reading, dry_run=False, report=lambda _: None)
    for month in world.months.closed:
        world.reconcile(month.key)
    world.keep_lines()
    first = world.months.first.start.date().isoformat()
    world.attest(Statement.PAID_THROUGH, "s-1/cpu_seconds", first)
    world.attest(Statement.REHEARSED, value=this_version())
    for statement in (Statement.RECEIVER, Statement.FEED_ALIVE, Statement.AUTO_SEND):
        world.attest(statement)
    return world.planned()
