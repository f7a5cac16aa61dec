"""How much longer usage takes to be kept for ever than to be copied, on real usage where that is at hand.

Both sides run against one embedded Postgres in one run: the snapshot with mapping, hashes, duplicates and conflicts, and a bare
COPY of the same rows into a table with the same key.
"""

import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres, ensure_database
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.source.bitbrains.host import DATA, seed, service

NOW = datetime(2013, 9, 20, tzinfo=UTC)


def kept_beside_copy() -> float | None:
    """Time of a snapshot ÷ time of the bare COPY; None where the measured usage is not on this machine."""
    if not DATA.is_dir():
        return None
    state = Path(tempfile.mkdtemp(prefix="fcb-bench-"))
    server = EmbeddedPostgres(state, durable=True)
    try:
        admin = server.start()
        return _kept(admin)
    finally:
        server.stop()
        remove(state)
        shutil.rmtree(state)


def _kept(admin: str) -> float:
    source, store = ensure_database(admin, "bitbrains"), ensure_database(admin, "fcb")
    with psycopg.connect(source) as conn:
        seed(conn)
    migrate(store)
    started = time.perf_counter()
    take_snapshot(Database(store), service(source), NOW, lambda _: None)
    kept = time.perf_counter() - started
    return kept / _copied(store)


def _copied(store: str) -> float:
    with psycopg.connect(store) as conn:
        conn.execute("CREATE TABLE copied (LIKE usage_event INCLUDING ALL)")
        with conn.cursor() as cursor, cursor.copy("COPY (TABLE usage_event) TO STDOUT") as out:
            rows = b"".join(bytes(block) for block in out)
        started = time.perf_counter()
        with conn.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as into:
            into.write(rows)
        conn.commit()
        return time.perf_counter() - started
