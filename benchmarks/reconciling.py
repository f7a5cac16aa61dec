"""How long a month of 1,000,000 subscriptions takes to be reconciled, one in twenty billed otherwise than expected.

Beside it a bare full outer join of the same lines that writes as many rows into tables of the same shape, in the same run.
`python -m benchmarks.reconciling [ROWS]` prints how much memory it takes too, and how its time grows from a quarter of them.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.reconciling_store import DIFFERING, fill, work_on
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres, ensure_database
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Database, connect
from fcb_pipelines.store.schema import migrate

ROWS = 1_000_000
BARE = (
    "CREATE TABLE bare_row (LIKE reconciliation_row INCLUDING ALL)",
    "ALTER TABLE bare_row ADD FOREIGN KEY (revision_id) REFERENCES period_revision",
    "CREATE TABLE bare_instance (LIKE reconciliation_instance INCLUDING ALL)",
    "ALTER TABLE bare_instance ADD FOREIGN KEY (revision_id, row_id) REFERENCES bare_row",
)
WRITTEN = (
    """INSERT INTO bare_row (revision_id, row_id, external_subscription_id, external_user_id, currency, external_invoice_ids,
                             expected_net, expected_tax, expected_gross, actual_net, actual_tax, actual_gross, difference,
                             abs_difference, status, verdict, is_due, notes)
       SELECT 1, 'small/2026-04/subscription/' || (s.data->>'external_subscription_id'), s.data->>'external_subscription_id',
              s.data->>'external_user_id', 'CAD',
              CASE WHEN a.external_invoice_id IS NULL THEN '{}' ELSE ARRAY[a.external_invoice_id] END,
              e.net, e.tax, e.gross, a.net, a.tax, a.gross, coalesce(e.net, 0) - coalesce(a.net, 0),
              abs(coalesce(e.net, 0) - coalesce(a.net, 0)), CASE WHEN e.net = a.net THEN 'match' ELSE 'delta' END,
              CASE WHEN e.net = a.net THEN 'match' ELSE 'unexplained' END, coalesce(e.is_due, false), '{}'
         FROM expected_line AS e FULL OUTER JOIN actual_line AS a
        USING (service, period, external_subscription_id, charge, service_from, service_to)
         JOIN (SELECT data FROM snapshot_record JOIN source_record USING (record_hash) WHERE entity = 'subscriptions') AS s
           ON s.data->>'external_subscription_id' = external_subscription_id""",
    """INSERT INTO bare_instance (revision_id, row_id, ordinal, charge, service_from, service_to, due_at, currency,
                                  expected_net, expected_tax, expected_gross, actual_net, actual_tax, actual_gross,
                                  difference, status, verdict, is_due, billed, notes, evidence, remedy)
       SELECT 1, 'small/2026-04/subscription/' || external_subscription_id, 1, charge, service_from, service_to, e.due_at,
              coalesce(e.currency, a.currency), e.net, e.tax, e.gross, a.net, a.tax, a.gross,
              coalesce(e.net, 0) - coalesce(a.net, 0), CASE WHEN e.net = a.net THEN 'match' ELSE 'delta' END,
              CASE WHEN e.net = a.net THEN 'match' ELSE 'unexplained' END, coalesce(e.is_due, false), coalesce(abs(a.net), 0),
              '{}', '[]', 'none'
         FROM expected_line AS e FULL OUTER JOIN actual_line AS a
        USING (service, period, external_subscription_id, charge, service_from, service_to)""",
)
"""The same lines and subscriptions read, as many rows and instances written, under the same constraints; nothing judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One store of so many rows."""

    rows: int
    seconds: float
    bare_seconds: float
    peak_mib: float
    """Of the process that reconciles; the database's own memory is set by its settings, whatever there is to do."""


def measured(rows: int = ROWS) -> Measured:
    """Fill a store, reconcile its month in a process of its own, and join the same lines bare."""
    state = Path(tempfile.mkdtemp(prefix="fcb-bench-"))
    server = EmbeddedPostgres(state, durable=True)
    try:
        url = ensure_database(server.start(), "fcb")
        migrate(url)
        with connect(url) as conn:
            fill(conn, rows)
        with connect(url, autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")
        command = [sys.executable, "-m", "benchmarks.reconciling", "--reconcile", str(rows)]
        # Not as an argument, where anybody on the machine could read its password.
        told = subprocess.run(command, check=True, input=url, stdout=subprocess.PIPE, text=True).stdout.split()
        return Measured(rows=rows, seconds=float(told[0]), peak_mib=float(told[1]), bare_seconds=_bare(url))
    finally:
        server.stop()
        remove(state)
        shutil.rmtree(state)


def beside_a_join() -> float:
    """Time of reconciling ÷ time of the bare join."""
    found = measured()
    return found.seconds / found.bare_seconds


def _bare(url: str) -> float:
    with connect(url) as conn:
        for statement in BARE:
            conn.execute(statement)
        conn.commit()
        started = time.perf_counter()
        for statement in WRITTEN:
            conn.execute(statement)
        conn.commit()
        return time.perf_counter() - started


def _reconcile(url: str, rows: int) -> None:
    service = Service(
        code="small", mapping="nexacloud", zone=ZoneInfo("America/Toronto"), currency="CAD", first_period="2026-03"
    )
    work = work_on(Database(url), service)
    started = time.perf_counter()
    done = reconcile_period(work)
    took = time.perf_counter() - started
    verdicts = Counter(row.verdict for row in done.judged)
    hundredth = rows // 100
    if (sum(one.rows for one in done.plain), verdicts) != (
        rows - DIFFERING * hundredth,
        {Verdict.EXPLAINED: 3 * hundredth, Verdict.UNEXPLAINED: 2 * hundredth},
    ):
        raise AssertionError(f"plain {done.plain}, judged {verdicts}")
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print what was measured of some sizes."""
    if sys.argv[1:2] == ["--reconcile"]:
        _reconcile(sys.stdin.read(), int(sys.argv[2]))
        return
    most = int(sys.argv[1]) if sys.argv[1:] else ROWS
    for rows in (most // 4, most):
        found = measured(rows)
        print(
            f"{found.rows:>9,} rows: {found.seconds:6.1f} s, {found.seconds / found.bare_seconds:.2f} × a bare join "
            f"({found.bare_seconds:.1f} s), {found.peak_mib:.0f} MiB, {found.seconds / found.rows * 1e6:.0f} µs a row",
            flush=True,
        )


if __name__ == "__main__":
    main()
