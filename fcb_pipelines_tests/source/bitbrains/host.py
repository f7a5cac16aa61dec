"""A second service: the hosted machines of Bitbrains, in tables whose names have nothing to do with the first one's.

Owns: the tables, how the measured file gets into them, the service's settings. The file itself is not part of the project.
"""

import csv
import gzip
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import TupleRow
from pydantic import SecretStr

from fcb_pipelines.services import Service

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("FCB_TEST_DATA", REPOSITORY.parent / "shared" / "data")) / "bitbrains"

TABLES = """
    CREATE TABLE customers (reference text PRIMARY KEY, name text NOT NULL, is_closed boolean NOT NULL DEFAULT false);
    CREATE TABLE price_plans (sku text PRIMARY KEY, cores integer NOT NULL, monthly numeric(10, 2),
                              included_cpu_hours integer NOT NULL, per_cpu_hour numeric(10, 4) NOT NULL);
    CREATE TABLE machines (machine_no integer PRIMARY KEY, owner text NOT NULL REFERENCES customers, sku text NOT NULL
                           REFERENCES price_plans, created timestamptz NOT NULL, memory_kb bigint NOT NULL);
    CREATE TABLE cpu_readings (machine_no integer NOT NULL REFERENCES machines, taken_at timestamptz NOT NULL,
                               seconds integer NOT NULL, busy numeric(20, 6) NOT NULL);
    INSERT INTO customers (reference, name) VALUES ('bank', 'A bank'), ('insurer', 'An insurer'), ('carrier', 'A carrier');
"""
OWNERS = ("bank", "insurer", "carrier")


def seed(conn: psycopg.Connection[TupleRow], data: Path = DATA) -> None:
    """Create and fill the tables from the measured files."""
    conn.execute(TABLES)
    machines = list(csv.DictReader((data / "vms.csv").read_text(encoding="utf-8").splitlines()))
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO price_plans VALUES (%s, %s, %s, 100, 0.0075)",
            [(f"vm-{cores}", cores, 10 * cores) for cores in sorted({int(machine["cpu_count"]) for machine in machines})],
        )
        cursor.executemany(
            "INSERT INTO machines VALUES (%s, %s, %s, %s, %s)",
            [
                (vm["vm_id"], OWNERS[int(vm["vm_id"]) % 3], f"vm-{vm['cpu_count']}", vm["created_at"], vm["memory_kb"])
                for vm in machines
            ],
        )
        with gzip.open(data / "usage_events.csv.gz", "rb") as lines:
            next(lines)
            with cursor.copy("COPY cpu_readings FROM STDIN (FORMAT csv)") as copy:
                while block := lines.read(1 << 20):
                    copy.write(block)
    conn.execute("CREATE INDEX ON cpu_readings (taken_at)")
    conn.execute("ANALYZE")


def service(url: str) -> Service:
    """The settings of this service."""
    return Service(
        code="bitbrains",
        mapping="bitbrains",
        zone=ZoneInfo("Europe/Amsterdam"),
        currency="EUR",
        first_period="2013-08",
        source_url=SecretStr(url),
        is_demo=False,
        folder=Path(__file__).parents[1],
    )
