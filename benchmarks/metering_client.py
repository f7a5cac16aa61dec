"""The pushing side of `benchmarks.metering`, in a process of its own so that it takes no time of the server's.

Owns: three ways to push, each printing what it measured as one line of JSON: batches of 1,000 as fast as they are answered,
single events at a fixed pace whether answered or not (latency counts from the moment an event was due), and the host's client.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from fcb_host.client import UsageClient
from fcb_host.events import UsageEvent
from fcb_host.settings import Key, Settings

KEY = "FCB_BENCH_KEY"
"""The variable with the key: arguments are seen by everybody, and stand in the report of what fails."""
BATCH = 1000
LEAD_SECONDS = 0.2
"""Before the first single event is due."""
MOST_MADE = 1000
"""Batches that are made before the first is sent; of more, each is made when it is sent."""
DONE = b'"accepted": 1000, "duplicate": 0, "conflict": 0, "rejected": 0}'


class Connections:
    """Open connections that single events are sent over; each is used by one at a time."""

    def __init__(self, host: str, port: int, head: bytes) -> None:
        self._host, self._port, self._head = host, port, head
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, content: bytes) -> int:
        """The status of one request."""
        # A server closes what was idle for some seconds, as the oldest connections of a quick one are.
        while self._free and self._free[-1][0].at_eof():
            self._free.pop()[1].close()
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection(self._host, self._port)
        writer.write(b"%s%d\r\n\r\n%s" % (self._head, len(content), content))
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        self._free.append((reader, writer))
        return int(answer.split(b" ", 2)[1])


def event(subscription: int, key: str, started_at: str) -> str:
    return (
        f'{{"external_subscription_id":"s-{subscription}","metric":"cpu_seconds","idempotency_key":"{key}",'
        f'"quantity":"{subscription}.25","started_at":"{started_at}"}}'
    )


def body(number: int, subscriptions: int, started_at: str) -> bytes:
    """A batch: all subscriptions in turn."""
    rows = (event(each % subscriptions, f"tick-{number:08}-{each // subscriptions:03}", started_at) for each in range(BATCH))
    return f'{{"events":[{",".join(rows)}]}}'.encode()


def batches(given: argparse.Namespace) -> dict[str, float]:
    """Seconds of so many batches over so many connections, made beforehand where they are few."""
    numbers = range(given.first, given.first + given.batches)
    made = (body(number, given.subscriptions, given.started_at) for number in numbers)
    waiting: Iterator[bytes] = iter(list(made)) if given.batches <= MOST_MADE else made
    lock, failed = threading.Lock(), Counter[str]()

    def push() -> None:
        connection = http.client.HTTPConnection(urlsplit(given.url).netloc)
        while True:
            with lock:
                content = next(waiting, None)
            if content is None:
                return
            connection.request("POST", "/v1/usage", content, headers(given.key))
            answer = connection.getresponse()
            if DONE not in answer.read():
                failed[str(answer.status)] += 1

    started = time.perf_counter()
    run_all([threading.Thread(target=push) for _ in range(given.connections)])
    if failed:
        raise SystemExit(f"batches were not accepted: {failed}")
    return {"seconds": time.perf_counter() - started}


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def singles(given: argparse.Namespace) -> dict[str, float]:
    """Latencies in milliseconds, from when each event was due, and answers a second."""
    return asyncio.run(paced(given))


async def paced(given: argparse.Namespace) -> dict[str, float]:
    where = urlsplit(given.url)
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers(given.key).items())
    head = f"POST /v1/usage HTTP/1.1\r\nHost: {where.netloc}\r\n{fields}Content-Length: ".encode()
    connections = Connections(where.hostname or "", where.port or 0, head)
    latencies: list[float] = []
    begin = time.perf_counter() + LEAD_SECONDS

    async def one(number: int) -> None:
        content = event(number % given.subscriptions, f"one-{given.first + number:08}", given.started_at).encode()
        status = await connections.post(content)
        latencies.append((time.perf_counter() - begin - number / given.rate) * 1000)
        if status != http.HTTPStatus.OK:
            raise SystemExit(f"an event was answered {status}")

    async with asyncio.TaskGroup() as tasks:
        for number in range(given.rate * given.seconds):
            await asyncio.sleep(begin + number / given.rate - time.perf_counter())
            tasks.create_task(one(number))
    seconds = time.perf_counter() - begin
    hundredths = statistics.quantiles(latencies, n=100)
    shares = {f"p{share}": hundredths[share - 1] for share in (50, 95, 99)}
    return {**shares, "most": max(latencies), "rate": len(latencies) / seconds}


def host(given: argparse.Namespace) -> dict[str, float]:
    """Seconds in which the host's client keeps so many events on its disk, and in which it then sends them."""
    started_at = datetime.fromisoformat(given.started_at)
    with tempfile.TemporaryDirectory(prefix="fcb-bench-") as folder:
        settings = Settings(
            is_enabled=True, url=given.url, key=Key(given.key), spool=Path(folder) / "spool", sends_in_background=False
        )
        with UsageClient(settings) as client:
            recorded = timed(lambda: record(client, given, started_at))
            sent = timed(lambda: flush(client))
    return {"recorded": recorded, "sent": sent}


def record(client: UsageClient, given: argparse.Namespace, started_at: datetime) -> None:
    for number in range(given.first, given.first + given.batches):
        client.record_many(
            UsageEvent(
                external_subscription_id=f"s-{each % given.subscriptions}",
                metric="cpu_seconds",
                idempotency_key=f"host-{number:08}-{each // given.subscriptions:03}",
                quantity=f"{each}.25",
                started_at=started_at - timedelta(seconds=1),
            )
            for each in range(BATCH)
        )


def flush(client: UsageClient) -> None:
    if not client.flush(600) or client.status().refused:
        raise SystemExit(f"not everything was sent: {client.status()}")


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def main() -> None:
    """Push in one way and print what was measured."""
    parser = argparse.ArgumentParser()
    ways = {"batches": batches, "singles": singles, "host": host}
    parser.add_argument("way", choices=ways)
    for name, default in (("--url", ""), ("--started-at", datetime.now(UTC).isoformat())):
        parser.add_argument(name, default=default)
    for name in ("--first", "--batches", "--connections", "--rate", "--seconds", "--subscriptions"):
        parser.add_argument(name, type=int, default=1)
    given = parser.parse_args()
    given.key = os.environ[KEY]
    print(json.dumps(ways[given.way](given)))


if __name__ == "__main__":
    main()
