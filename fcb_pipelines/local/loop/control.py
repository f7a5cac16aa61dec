"""The control loop on a demo of its own: Odoo on one side, a host on the other, and our messages between them.

Owns: bringing a small customer live through the same gate as anybody, what a person may do then, and what is seen of all three
parties. Does not own: Odoo's side (desk), the host (example), the page (page).
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from fcb_pipelines.acts import messages
from fcb_pipelines.acts.messages import Wanted
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.apart import SERVICE, Apart, with_more
from fcb_pipelines.local.children import Child, free_port, spawn
from fcb_pipelines.local.loop.desk import Bill, Desk
from fcb_pipelines.local.loop.example import ExampleHost, Machine
from fcb_pipelines.local.operators import Operators
from fcb_pipelines.local.processes import STOP
from fcb_pipelines.local.rehearsal import CLOSED, Rehearsal
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.source.demo import small
from fcb_pipelines.store.database import Database

PERSON = "ada"
WEBHOOKS = {"FCB_WEBHOOKS": "true", "FCB_WEBHOOK_ALLOW_HTTP_LOCAL": "true"}
MOST_MESSAGES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Both ends of a subscription: its invoice in Odoo and its deployment at the host."""

    bill: Bill
    machine: Machine


@dataclass(slots=True, kw_only=True)
class ControlLoop:
    """The loop. Its acts are done one after the other, whoever asks for them."""

    rehearsal: Rehearsal
    desk: Desk
    host: ExampleHost
    db: Database
    progress: list[str] = field(default_factory=list)
    """What was done so far, in commands."""
    is_ready: bool = False
    _acting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def people(self) -> Operators:
        """Who types."""
        return self.rehearsal.people

    def begin(self) -> None:
        """Bring the customer live: import, reconcile, plan, sign, arm, flip, bill; some forty commands."""
        with psycopg.connect(self.rehearsal.source_url) as conn:
            small.replace(conn)
        self.people.fcb("import")
        self.people.run_months(CLOSED)
        self.rehearsal.flip_the_canary()
        self.rehearsal.begin_billing()
        self._follow()
        self.is_ready = True

    def seen(self) -> tuple[Seen, ...]:
        """How everything stands."""
        machines = {one.name: one for one in self.host.now().machines}
        deployments = {one: deployment for one, (deployment, _) in small.MACHINES.items()}
        return tuple(Seen(bill=one, machine=machines[deployments[one.subscription]]) for one in self.desk.bills())

    def messages(self) -> tuple[messages.Shown, ...]:
        """The last messages, the newest first."""
        with self.db.transaction() as conn:
            return messages.listed(conn, SERVICE, Wanted(), limit=MOST_MESSAGES)

    def fail(self, subscription: str) -> None:
        """Let an attempt to charge the invoice be declined; raises `RuleViolation` where nothing is owed of it."""
        with self._acting:
            bill = self._open(subscription)
            self._note(f"Odoo: attempt {bill.failures + 1} to charge {bill.name} is declined")
            self.desk.fail(bill)
            self._follow()

    def pay(self, subscription: str) -> None:
        """Let the customer pay; raises `RuleViolation` where nothing is owed."""
        with self._acting:
            bill = self._open(subscription)
            self._note(f"Odoo: {bill.name} is paid")
            self.desk.pay(bill)
            self._follow()

    def end(self, subscription: str) -> None:
        """Cancel the order in Odoo; raises `RuleViolation` where that was done before."""
        with self._acting:
            bill = self._bill(subscription)
            if bill.is_cancelled:
                raise RuleViolation(f"the order of {subscription} is cancelled already")
            self._note(f"Odoo: the order of {subscription} is cancelled")
            self.desk.cancel(bill)
            self._follow()

    def confirm(self, subscription: str) -> None:
        """Have the host's operator confirm that its deployment may go; raises `RuleViolation` with what the host says."""
        with self._acting:
            self._note("the host: " + self.host.confirm(small.MACHINES[subscription][0], PERSON))

    def _follow(self) -> None:
        """What the sensor of payments does each minute."""
        self.people.fcb("payments")

    def _open(self, subscription: str) -> Bill:
        bill = self._bill(subscription)
        if not bill.is_open:
            raise RuleViolation(f"{bill.name} is {bill.payment.replace('_', ' ')}: nothing is owed of it")
        return bill

    def _bill(self, subscription: str) -> Bill:
        found = [one for one in self.desk.bills() if one.subscription == subscription]
        if not found:
            raise RuleViolation(f"there is no subscription {subscription!r} here")
        return found[0]

    def _note(self, what: str) -> None:
        self.progress.append(what)


@contextmanager
def control_loop(given: Apart, say: Callable[[str], None]) -> Iterator[ControlLoop]:
    """The loop with its host and its sender running, before anybody is live; raises `CannotStart`."""
    demo = with_more(given, WEBHOOKS)
    progress: list[str] = []

    def tell(what: str) -> None:
        progress.append(what.strip())
        say(what)

    host = ExampleHost(port=free_port(), folder=_folder(demo))
    with _running(demo, host, demo.rehearsal(tell).people):
        access = demo.administrator
        odoo = connect(demo.odoo.url, demo.odoo.db, access["FCB_ODOO_USER"], access["FCB_ODOO_KEY"])
        db = Database(demo.database_url)
        yield ControlLoop(
            rehearsal=demo.rehearsal(tell),
            desk=Desk(odoo=odoo, db=db, service=SERVICE),
            host=host,
            db=db,
            progress=progress,
        )


@contextmanager
def _running(demo: Apart, host: ExampleHost, people: Operators) -> Iterator[None]:
    """The host and the sender, each a process; they are started from a thread that outlives them."""
    secret = people.fcb("endpoints", "add", host.endpoint, "--description", "the example host").out.strip()
    children: list[Child] = []
    try:
        children.append(host.start(secret, [deployment for deployment, _ in small.MACHINES.values()]))
        children.append(_sender(demo))
        yield
    finally:
        for child in reversed(children):
            child.stop(*STOP)


def _sender(demo: Apart) -> Child:
    """`fcb deliver --watch`."""
    command = [sys.executable, "-m", "fcb_pipelines", "deliver", "--watch"]
    return spawn("the sender", command, log=demo.place / "deliver.log", environ=demo.environ, folder=demo.place)


def _folder(demo: Apart) -> Path:
    folder = demo.place / "host"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
