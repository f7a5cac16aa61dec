"""Flips and unflips that are struck at their points and run again, until they are done: what is left is that of a quiet run.

On a sandbox of each edition, and on a real Odoo when `FCB_TEST_ODOO_URL` (and _DB, _USER, _KEY) is set.
By hand, with as many seeds as wanted:  python -m fcb_pipelines_tests.faults.flips 100 [EDITION|real...]
"""

import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import click

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.domain.flip import Part, State, faults
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.local.postgres import EmbeddedPostgres
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import order_now
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.store import claims, flips, hand_backs, journal
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import BILLING, FLIP_ID, MOVES, NOW, Cohort
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.faults.dying import STRUCK, DyingOdoo, DyingStore, Fate, How
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.memory import quick_folder
from fcb_pipelines_tests.odoo.conftest import HAS_REAL, REAL, TRANSPORT, TRANSPORTS
from fcb_pipelines_tests.odoo.editions import as_user, sandbox_of

EDITIONS = ("community-19", "enterprise-19")
SERVERS = (*EDITIONS, *([REAL] if HAS_REAL else []))
MOST_STRIKES = 6
"""Of one part; then it is left in peace, so that each round comes to its end."""
SNAPSHOT = "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('any', %s, false, '')"
USED = """
    INSERT INTO usage_event (period, series_id, idempotency_key, quantity, started_at, booked_in, stored_at)
    SELECT '2026-07', series_id, 'k', 7, '2026-07-01T12:00Z', '2026-07', '2026-07-01T13:00Z' FROM usage_series
     WHERE service = %s
"""


@dataclass(kw_only=True)
class Played:
    """One round, and what is left of it."""

    strikes: int = 0
    wrong: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    """By part, how many points it has when nothing happens."""


Strike = Callable[[str, int], Fate]
"""What is to happen in an attempt at a part, the first of which is 0."""


def quiet(part: str, attempt: int) -> Fate:
    """Nothing happens."""
    return Fate()


def struck_at(part: str, at: int, how: How) -> Strike:
    """One strike at a point of a part."""
    return lambda this, attempt: Fate(at, how) if (this, attempt) == (part, 0) else Fate()


def struck_often(seed: int, points: dict[str, int]) -> Strike:
    """Strikes wherever chance has it, several to a part."""
    chance = random.Random(seed)  # noqa: S311 - moments, no secret

    def strike(part: str, attempt: int) -> Fate:
        if attempt >= MOST_STRIKES or chance.random() < 0.2:
            return Fate()
        return Fate(chance.randint(1, points[part]), chance.choice(list(How)))

    return strike


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where rounds are played: one Odoo, and a store for each round."""

    odoo: Odoo
    postgres_url: str
    template: str

    def play(self, strike: Strike) -> Played:
        """Flip, charge, invoice, complete and take back a cohort; each part as often as it is struck."""
        with database(self.postgres_url, template=self.template) as url:
            with self.cohort(url) as cohort:
                return _Round(cohort, strike).played()

    @contextmanager
    def cohort(self, url: str) -> Iterator[Cohort]:
        """A cohort of a service of its own, planned in the store at this address; its records go with the block."""
        chain = Chain(db=KeptStore(url), odoo=self.odoo, service=a_service(f"t{secrets.token_hex(5)}"))
        with chain.db.transaction() as conn:
            conn.execute(SNAPSHOT, [NOW])
        cohort = Cohort.made(chain)
        try:
            yield cohort
        finally:
            cohort.remove()
            chain.remove()


class _Round:
    """One round."""

    def __init__(self, cohort: Cohort, strike: Strike) -> None:
        self.cohort, self.strike, self.result = cohort, strike, Played()
        self.done: list[tuple[str, str, tuple[Any, ...]]] = []

    def played(self) -> Played:
        cohort = self.cohort
        _use(cohort)
        cohort.arm()
        self._until("flip", lambda each: each.go())
        self._expect("live", State.LIVE)
        cohort.arm(Part.CHARGE)
        self._until("charge", lambda each: each.charge())
        self._invoice()
        cohort.billed_to = {"cpu_seconds": (day("2026-07-01"), "i9/2")}
        self._until("complete", lambda each: each.complete())
        self._expect("complete", State.COMPLETE)
        cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
        cohort.billing = dict.fromkeys(cohort.flip.subscriptions, BILLING)
        self._until("unflip", lambda each: each.unflip())
        self._expect("back", State.SHADOW)
        self._look()
        return self.result

    def _until(self, part: str, act: Callable[[Cohort], object]) -> None:
        """Run a part again until it comes to its end."""
        attempt = 0
        while True:
            fate = self.strike(part, attempt)
            odoo = DyingOdoo(self.cohort.chain.odoo, fate)
            store = DyingStore(self.cohort.chain.db.url, fate)
            struck = replace(self.cohort, odoo=odoo, chain=replace(self.cohort.chain, db=store))
            try:
                act(struck)
            except STRUCK:
                self.result.strikes += 1
            else:
                self.result.points.setdefault(part, fate.points)
                return
            finally:
                self.done += odoo.done
            attempt += 1

    def _invoice(self) -> None:
        """What Odoo bills while they are live: one invoice by itself, one of ours, one draft of ours."""
        self.cohort.invoice("s1")
        self.cohort.live_invoice("s2", is_posted=True)
        self.cohort.live_invoice("s3")

    def _expect(self, when: str, wanted: State) -> None:
        """What must hold whenever a part is done."""
        service = self.cohort.chain.service.code
        with self.cohort.chain.db.transaction() as conn:
            last = flips.last_flips(conn, service)
            entries = journal.of_flip(conn, FLIP_ID)
            unproved = journal.unproved(conn, service, FLIP_ID)
        self._wrong(f"{when}: {one} is {each.state}" for one, each in last.items() if each.state is not wanted)
        self._wrong(f"{when}: {one}: {fault}" for one, each in entries.items() for fault in faults(each))
        self._wrong(f"{when}: {fault}" for fault in unproved)
        self._wrong(f"{when}: {one.broken}" for one in verify_logs(KeptStore(self.cohort.chain.db.url)) if one.broken)

    def _look(self) -> None:
        """What is left, in words that are the same for each round."""
        self._once()
        service, cohort = self.cohort.chain.service.code, self.cohort
        with cohort.chain.db.transaction() as conn:
            held = claims.held(conn, service, with_released=True)
            back = hand_backs.of_reference(conn, service, FLIP_ID)
            entries = journal.of_flip(conn, FLIP_ID)
        self.result.left = {
            "orders": [_order(cohort, one) for one in cohort.flip.plan.subscriptions],
            "invoices": self._invoices(),
            "claims": [(one.external_subscription_id, one.charge, one.biller, one.released_by) for one in held],
            "handed back": [(one.external_subscription_id, one.charge, one.service_from, one.quantity) for one in back],
            "journal": {one: [(entry.step.value, entry.phase.value) for entry in each] for one, each in entries.items()},
        }

    def _once(self) -> None:
        """Nothing was confirmed twice, and each posted invoice was credited once."""
        confirmed = [ids for model, method, ids in self.done if method == "action_confirm"]
        self._wrong(
            f"order {ids} was confirmed {confirmed.count(ids)} times" for ids in set(confirmed) if confirmed.count(ids) > 1
        )
        self._wrong(not_credited_once(self._moves()))

    def _moves(self) -> list[dict[str, Any]]:
        partners = sorted({one.partner_id for one in self.cohort.flip.plan.subscriptions if one.partner_id})
        names = ["state", "move_type", "amount_total", "amount_residual", "payment_state", "reversed_entry_id"]
        return self.cohort.chain.odoo.search_read(MOVES, [("partner_id", "in", partners)], names)

    def _invoices(self) -> list[Any]:
        return sorted((row["move_type"], row["state"], row["amount_total"], row["payment_state"]) for row in self._moves())

    def _wrong(self, found: Any) -> None:
        self.result.wrong += list(found)


def not_credited_once(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Posted invoices without their credit note or with more than one, and whatever else has any."""
    notes = [row["reversed_entry_id"][0] for row in rows if row["reversed_entry_id"]]
    for row in rows:
        wanted = int((row["state"], row["move_type"]) == ("posted", "out_invoice"))
        if notes.count(row["id"]) != wanted:
            yield f"invoice {row['id']} was credited {notes.count(row['id'])} times"


def _order(cohort: Cohort, one: SubscriptionPlan) -> Any:
    assert one.order_id is not None
    there = order_now(cohort.chain.odoo, one.order_id)
    return one.external_subscription_id, there.state, there.plan_id, there.token_id, str(there.net), len(there.invoices)


def _use(cohort: Cohort) -> None:
    """July's first usage, which is handed back."""
    service = cohort.chain.service.code
    with cohort.chain.db.transaction() as conn:
        conn.execute(
            """INSERT INTO usage_series (service, feed, external_subscription_id, metric, aggregation)
               SELECT %s, %s, unnest(%s::text[]), 'cpu_seconds', 'sum'""",
            [service, cohort.chain.service.billed_feed, list(cohort.flip.subscriptions)],
        )
        ensure_partitions(conn, ["2026-07"])
        conn.execute(USED, [service])


@contextmanager
def bench(postgres_url: str, template: str, server: str) -> Iterator[Bench]:
    """A bench with a sandbox of an edition, or with the real Odoo."""
    if server == REAL:
        yield Bench(odoo=_real(), postgres_url=postgres_url, template=template)
        return
    name = f"flips_{secrets.token_hex(4)}"
    with sandbox_of(postgres_url, server, name) as url:
        yield Bench(odoo=as_user(url, name), postgres_url=postgres_url, template=template)


def _real() -> Odoo:
    """The Odoo that the environment names, as its administrator."""
    url, name, user, key = (os.environ[f"FCB_TEST_ODOO_{each}"] for each in ("URL", "DB", "USER", "KEY"))
    key = os.environ.get("FCB_TEST_ODOO_PASSWORD", key) if TRANSPORT == "jsonrpc" else key
    return connect(url, name, user, key, transport=TRANSPORTS[TRANSPORT] if TRANSPORT else "auto")


def every_point(points: dict[str, int]) -> Iterator[tuple[str, int, How]]:
    """Each point of each part, in each way."""
    yield from ((part, at, how) for part, count in points.items() for at in range(1, count + 1) for how in How)


def _main(seeds: int, *editions: str) -> int:
    """Play that many seeds on each of these editions; how many rounds left anything wrong."""
    began, bad, strikes = time.monotonic(), 0, 0
    with quick_folder() as state:
        server = EmbeddedPostgres(state, durable=False)
        try:
            url = server.start()
            with database(url) as template:
                migrate(template)
                for edition in editions or SERVERS:
                    with bench(url, template.rpartition("/")[2], edition) as table:
                        wanted = table.play(quiet)
                        for seed in range(seeds):
                            found = table.play(struck_often(seed, wanted.points))
                            strikes += found.strikes
                            click.echo(f"{edition} {seed}: {found.strikes} strikes, {len(found.wrong)} wrong")
                            if found.wrong or found.left != wanted.left:
                                bad += 1
                                click.echo(f"{edition} {seed}: {found.wrong} {found.left}")
        finally:
            server.stop()
    click.echo(f"{seeds} seeds of each edition, {strikes} strikes, {bad} rounds wrong, {time.monotonic() - began:.0f} s")
    return bad


if __name__ == "__main__":
    sys.exit(bool(_main(int(sys.argv[1]), *sys.argv[2:])))
