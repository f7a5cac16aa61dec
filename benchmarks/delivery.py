"""`make bench-delivery`: how fast messages go out beside a bare loop of the HTTP client, and what a bad endpoint costs others.

The sender is `acts/delivery` in this process on an embedded Postgres that waits for the disk; receivers are another process.
- Pace: deliveries a second to healthy receivers, and that ÷ the pace of a bare loop that posts the same bodies with as many
  requests at once, signs nothing and keeps nothing.
- Others: 100 endpoints; the 95th percentile of how long a message took from when it was due, over 98 of them, while one of the
  two others refuses every connection and one drips its answer, ÷ the same while all 100 are well.
Each figure is the median of its rounds. A busy machine is slower: read ratios.
"""

import argparse
import asyncio
import secrets
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import httpcore

from benchmarks.delivery_receivers import receivers
from fcb_pipelines.acts.delivery import LANES, LIMITS, Sending, deliver
from fcb_pipelines.acts.endpoints import By, add
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.messages import MessageType, News
from fcb_pipelines.local.postgres import EmbeddedPostgres, ensure_database
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import migrate
from fcb_pipelines.webhooks.egress import Egress
from fcb_pipelines.webhooks.posting import Poster
from fcb_pipelines.webhooks.sealing import Sealing, new_key

DATA = {"deployment_id": "dep-1031", "amount": "44.64", "currency": "CAD", "note": "x" * 600}
SPENT = """
    SELECT extract(epoch FROM (SELECT max(ended_at) FROM delivery) - (SELECT min(started_at) FROM delivery_attempt))
"""
NOBODY = "http://127.0.0.1:1/dead"


def main() -> None:
    """Print one line per figure."""
    given = _arguments()
    with TemporaryDirectory() as folder, receivers() as url:
        server = EmbeddedPostgres(Path(folder), durable=True)
        try:
            admin = server.start()
            _pace(Bench(admin, url), given)
            _others(Bench(admin, url), given)
        finally:
            server.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=4000, help="of one round of the pace")
    parser.add_argument("--endpoints", type=int, default=16, help="of the pace")
    return parser.parse_args()


class Bench:
    """A store of its own for each round."""

    def __init__(self, admin: str, url: str) -> None:
        self._admin, self.url = admin, url
        self.sealing = Sealing(new_key())

    def store(self, addresses: Sequence[str], messages: int) -> Database:
        """So many messages, each to every one of these addresses."""
        db = Database(ensure_database(self._admin, f"bench_{secrets.token_hex(6)}"))
        migrate(db.url)
        by = By(service="bench", actor="bench", now=datetime.now(UTC))
        with db.transaction() as conn:
            for address in addresses:
                add(conn, by, self.sealing, url=address, description="", types=())
            news = [
                News(type=MessageType.PAYMENT_FAILED, external_subscription_id=f"s{each % 50}", occurred_at=by.now, data=DATA)
                for each in range(messages)
            ]
            put(conn, "bench", news, by.now)
        return db

    async def sent(self, db: Database, *, until: int) -> float:
        """Send until so many are delivered; the seconds that took."""
        async with Poster(Egress(allows_http_local=True), limits=LIMITS) as poster:
            sending = Sending(
                db=db,
                service="bench",
                sealing=self.sealing,
                post=poster.post,
                clock=lambda: datetime.now(UTC),
                jitter=lambda: Fraction(0),
            )
            begun = time.monotonic()
            task = asyncio.create_task(deliver(sending))
            while not task.done() and await asyncio.to_thread(_delivered, db) < until:
                await asyncio.sleep(0.1)
            seconds = time.monotonic() - begun
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return seconds


def _delivered(db: Database) -> int:
    with db.transaction() as conn:
        row = conn.execute("SELECT count(*) FROM delivery WHERE state = 'delivered'").fetchone()
    return 0 if row is None else int(row[0])


def _pace(bench: Bench, given: argparse.Namespace) -> None:
    ours, bare = [], []
    addresses = [f"{bench.url}/ok/{each}" for each in range(given.endpoints)]
    for _ in range(given.rounds):
        each = given.messages // given.endpoints
        db = bench.store(addresses, each)
        asyncio.run(bench.sent(db, until=each * given.endpoints))
        with db.transaction() as conn:
            row = conn.execute(SPENT).fetchone()
            body = conn.execute("SELECT body FROM message LIMIT 1").fetchone()
        if row is None or body is None:
            raise RuntimeError("nothing was delivered")
        ours.append(each * given.endpoints / float(row[0]))
        bare.append(asyncio.run(_bare(addresses, body[0].encode(), each)))
    _say("deliveries from one process", statistics.median(ours), "/s", least=1000)
    _say("the same HTTP client in a bare loop", statistics.median(bare), "/s")
    _say("… ÷ the bare loop", statistics.median(one / other for one, other in zip(ours, bare, strict=True)), "×", least=0.6)


async def _bare(addresses: Sequence[str], body: bytes, each: int) -> float:
    """The pace of posting alone, each lane on a connection of its own, for a pool looks through all that it has each time."""
    headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("host", "127.0.0.1")]

    async def lane(address: str) -> None:
        async with httpcore.AsyncConnectionPool(max_connections=1) as one:
            for _ in range(each // LANES):
                await one.request("POST", address, headers=headers, content=body)

    begun = time.monotonic()
    await asyncio.gather(*(lane(address) for address in addresses for _ in range(LANES)))
    return len(addresses) * LANES * (each // LANES) / (time.monotonic() - begun)


def _others(bench: Bench, given: argparse.Namespace) -> None:
    well, ill = [], []
    for _ in range(given.rounds):
        others = [f"{bench.url}/ok/{each}" for each in range(98)]
        well.append(_percentile(bench, [*others, f"{bench.url}/ok/98", f"{bench.url}/ok/99"], until=100 * 20))
        ill.append(_percentile(bench, [*others, NOBODY, f"{bench.url}/drip"], until=98 * 20))
    _say("p95 of 98 endpoints while all are well", statistics.median(well), "s")
    _say("p95 of them beside a dead and a dripping one", statistics.median(ill), "s")
    _say("… ÷ while all are well", statistics.median(ill) / statistics.median(well), "×", most=1.5)


def _percentile(bench: Bench, addresses: Sequence[str], *, until: int) -> float:
    db = bench.store(addresses, 20)
    begun = datetime.now(UTC)
    asyncio.run(bench.sent(db, until=until))
    with db.transaction() as conn:
        row = conn.execute(
            "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.ended_at - %s))"
            "  FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)"
            " WHERE e.url ~ '/ok/([0-9]|[1-8][0-9]|9[0-7])$'",
            [begun],
        ).fetchone()
    if row is None:
        raise RuntimeError("nothing was delivered")
    return float(row[0])


def _say(name: str, value: float, unit: str, *, least: float | None = None, most: float | None = None) -> None:
    goal = f"≥ {least:g}" if least is not None else "" if most is None else f"≤ {most:g}"
    print(f"{name:<50} {value:>10.2f} {unit:<3} {goal}", flush=True)


if __name__ == "__main__":
    main()
