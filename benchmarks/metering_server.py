"""The servers that `benchmarks.metering` measures: `fcb serve` on a Postgres that keeps what it is given, and rows to compare.

Owns: a store with subscriptions and a key, its server as a process, its memory, usage that is stored already, and how long
Postgres alone takes for the same rows. Does not own: who pushes (metering_client).
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from benchmarks.metering_client import BATCH, KEY
from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres, ensure_database
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.faults.serving import Serving, is_ready, prepared, settings_of

ROOT = Path(__file__).parent.parent
COLUMNS = "series_id, idempotency_key, period, booked_in, quantity, value, started_at, ended_at, content_hash"
TYPES = ("integer", "text", "text", "text", "numeric", "text", "timestamptz", "timestamptz", "bytea")
OF_RUN = f"""
    SELECT {COLUMNS}, stored_at
      FROM usage_event JOIN usage_identity USING (series_id, idempotency_key, period, booked_in, started_at)
     WHERE idempotency_key BETWEEN %s AND %s ORDER BY idempotency_key COLLATE "C", series_id
"""
MAKE = """
    CREATE TABLE {} (LIKE usage_event INCLUDING ALL, content_hash bytea NOT NULL, PRIMARY KEY (series_id, idempotency_key))
"""
INSERT = f"""
    INSERT INTO bare ({COLUMNS}, stored_at)
    SELECT *, now() FROM unnest({", ".join(f"%s::{each}[]" for each in TYPES)})
    ON CONFLICT DO NOTHING
"""
OLD_EVENTS = "COPY usage_event (period, series_id, idempotency_key, quantity, started_at, booked_in, stored_at) FROM STDIN"
OLD_IDENTITIES = "COPY usage_identity (series_id, idempotency_key, content_hash, period, booked_in, started_at) FROM STDIN"
TOTALS = """
    DELETE FROM usage_running;
    INSERT INTO usage_running (series_id, period, booked_in, aggregation, quantity, events)
    SELECT series_id, period, booked_in, 'sum', sum(quantity), count(*) FROM usage_event GROUP BY 1, 2, 3
"""
SAMPLE_SECONDS = 0.1
Connection = psycopg.Connection[TupleRow]


@dataclass(kw_only=True)
class Bench:
    """One server on a database of its own, and what was pushed to it so far."""

    name: str
    serving: Serving
    subscriptions: int
    process: subprocess.Popen[bytes]
    batches: int = 0
    started_at: str = field(default_factory=lambda: f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}")

    def push(self, way: str, **given: int) -> dict[str, float]:
        """Let a process push, and say what it measured."""
        numbers = {"first": self.batches, "subscriptions": self.subscriptions, **given}
        flags = [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
        where = ["--url", self.serving.url, "--started-at", self.started_at]
        command = [sys.executable, "-m", "benchmarks.metering_client", way, *where, *flags]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, env={**os.environ, KEY: self.serving.key})
        self.batches += given.get("batches", given.get("rate", 0) * given.get("seconds", 0))
        measured: dict[str, float] = json.loads(done.stdout)
        return measured

    def rows(self, first: int, batches: int) -> list[TupleRow]:
        """What is stored of a run of batches."""
        with psycopg.connect(self.serving.db.url) as conn:
            return conn.execute(OF_RUN.encode(), [f"tick-{first:08}", f"tick-{first + batches - 1:08}-999"]).fetchall()

    @property
    def memory(self) -> int:
        """The server's resident memory in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """The server's memory, again and again while the block runs."""
        samples, is_over = [self.memory], threading.Event()

        def look() -> None:
            while not is_over.wait(SAMPLE_SECONDS):
                samples.append(self.memory)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield samples
        finally:
            is_over.set()
            thread.join()


@contextmanager
def postgres() -> Iterator[str]:
    """The administrator's URL of an embedded Postgres as the product runs it."""
    with tempfile.TemporaryDirectory(prefix="fcb-bench-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=True)
        try:
            yield server.start()
        finally:
            server.stop()
            remove(Path(folder))


@contextmanager
def bench(admin: str, name: str, *, subscriptions: int) -> Iterator[Bench]:
    """A server in a process as an operator starts it; every subscription has been heard of once."""
    store = ensure_database(admin, name)
    migrate(store)
    with tempfile.TemporaryDirectory(prefix="fcb-bench-") as folder:
        serving = prepared(Path(folder), store, (f"s-{number}" for number in range(subscriptions)), datetime.now(UTC))
        command = [sys.executable, "-m", "fcb_pipelines", "serve", "--port", str(serving.port)]
        environ = settings_of(serving.db, serving.folder)
        process = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL)
        try:
            if not is_ready(serving.url):
                raise RuntimeError("the server does not get ready")
            made = Bench(name=name, serving=serving, subscriptions=subscriptions, process=process)
            made.push("batches", batches=-(-subscriptions // BATCH), connections=1)
            yield made
        finally:
            process.terminate()
            process.wait()


def fill(made: Bench, events: int) -> None:
    """Store so many events as if they had been pushed, by COPY; every series has as many."""
    with psycopg.connect(made.serving.db.url, autocommit=True) as conn:
        series = [number for (number,) in conn.execute("SELECT series_id FROM usage_series ORDER BY 1")]
        began = made.started_at
        (period,) = conn.execute("SELECT max(period) FROM usage_event").fetchone() or ("",)
        for begin in range(0, events // len(series), BATCH):
            ticks = range(begin, min(begin + BATCH, events // len(series)))
            pairs = [(number, f"old-{tick:08}") for tick in ticks for number in series]
            _copy(conn, OLD_EVENTS, (f"{period}\t{n}\t{key}\t2.25\t{began}\t{period}\tnow\n" for n, key in pairs))
            _copy(conn, OLD_IDENTITIES, (f"{n}\t{key}\t{_hash(n, key)}\t{period}\t{period}\t{began}\n" for n, key in pairs))
        conn.execute(TOTALS)
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")


def _copy(conn: Connection, statement: str, lines: Iterator[str]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement.encode()) as into:
        into.write("".join(lines))


def _hash(number: int, key: str) -> str:
    return "\\\\x" + hashlib.sha256(f"{number}/{key}".encode()).hexdigest()


def bare(made: Bench, rows: list[TupleRow]) -> float:
    """Seconds of the same rows into such a table with one key and nothing else, each thousand in a transaction."""
    groups = [rows[begin : begin + BATCH] for begin in range(0, len(rows), BATCH)]
    columns: list[list[Any]] = [[list(column) for column in zip(*group, strict=True)][: len(TYPES)] for group in groups]
    with _empty(made, "bare") as conn:
        started = time.perf_counter()
        for group in columns:
            conn.execute(INSERT.encode(), group)
        return time.perf_counter() - started


def copied(made: Bench, rows: list[TupleRow]) -> float:
    """Seconds of one COPY of the same rows into such a table."""
    with _empty(made, "copied") as conn, conn.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(f"COPY copied ({COLUMNS}, stored_at) FROM STDIN".encode()) as into:
            for row in rows:
                into.write_row(row)
        return time.perf_counter() - started


@contextmanager
def _empty(made: Bench, table: str) -> Iterator[Connection]:
    with psycopg.connect(made.serving.db.url, autocommit=True) as conn:
        conn.execute(MAKE.format(table).encode())
        try:
            yield conn
        finally:
            conn.execute(f"DROP TABLE {table}".encode())
