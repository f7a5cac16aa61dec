"""What was stored by an earlier version is there after the migration, as this version keeps it."""

from collections.abc import Mapping
from decimal import Decimal

import psycopg
import pytest
from alembic import command

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.store import schema, usage
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.store.readings import APRIL, MARCH, event, reading

FIRST_VERSION = "0003"
ZONES = {"small": "America/Toronto", "big": "Asia/Tokyo"}


@pytest.fixture
def of_the_first_version(fresh_database: str) -> str:
    """Four events of two services, three of them around the turn of March in Toronto."""
    command.upgrade(schema._config(fresh_database), FIRST_VERSION)
    with psycopg.connect(fresh_database) as conn:
        conn.execute("INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('small', now(), true, '')")
        for service, key, quantity, at in (
            ("small", "m", "1.5", "2026-04-01 03:59:59Z"),
            ("small", "a", "0.000001", "2026-04-01 04:00Z"),
            ("small", "b", "7", "2026-04-20 12:00Z"),
            ("big", "a", "9", "2026-03-31 15:00Z"),
        ):
            conn.execute(
                """INSERT INTO usage_event VALUES (%s, 'pulled', 's-1', 'cpu_seconds', %s, %s, %s, NULL, %s,
                                                   (SELECT max(snapshot_id) FROM source_snapshot))""",
                [service, key, quantity, at, key.encode()],
            )
    return fresh_database


def sums(url: str) -> Mapping[str, Mapping[str, Decimal]]:
    with Database(url).transaction() as conn:
        return {period.key: usage.recounted_sums(conn, "small", period, PULLED).quantities for period in (MARCH, APRIL)}


def test_usage_lies_in_the_months_of_its_services_zone(of_the_first_version: str) -> None:
    schema.migrate(of_the_first_version, ZONES)
    assert sums(of_the_first_version) == {
        "2026-03": {"cpu_seconds": Decimal("1.5")},
        "2026-04": {"cpu_seconds": Decimal("7.000001")},
    }
    with psycopg.connect(of_the_first_version) as conn:
        rows = conn.execute(
            """SELECT service, period, booked_in, quantity, events FROM usage_running JOIN usage_series USING (series_id)
                ORDER BY 1, 2"""
        ).fetchall()
        identities = conn.execute(
            """SELECT count(*), count(event.*) FROM usage_identity LEFT JOIN usage_event AS event
                USING (period, series_id, idempotency_key, started_at)"""
        ).fetchone()
    assert rows == [
        ("big", "2026-04", "2026-04", Decimal(9), 1),
        ("small", "2026-03", "2026-03", Decimal("1.5"), 1),
        ("small", "2026-04", "2026-04", Decimal("7.000001"), 2),
    ]
    assert identities == (4, 4)


def test_what_was_stored_before_is_not_stored_again(of_the_first_version: str) -> None:
    schema.migrate(of_the_first_version, ZONES)
    with Database(of_the_first_version).transaction() as conn:
        header = reading(conn, [event("b", "7"), event("new", "1")])
    assert (header.new_events, header.conflicts) == (1, 1), "the hash is another, so it contradicts what stands"


def test_without_a_zone_nothing_is_touched_and_the_message_says_what_to_do(of_the_first_version: str) -> None:
    with pytest.raises(InvalidSettings, match=r"usage of big is stored, and fcb.toml does not describe that service"):
        schema.migrate(of_the_first_version, {"small": "America/Toronto"})
    with psycopg.connect(of_the_first_version) as conn:
        assert conn.execute("SELECT count(*) FROM usage_event").fetchone() == (4,)
    assert schema.pending_migrations(of_the_first_version)[0].startswith("0004")
    schema.migrate(of_the_first_version, ZONES)
    assert schema.pending_migrations(of_the_first_version) == ()


def test_an_empty_database_needs_no_zone(fresh_database: str) -> None:
    schema.migrate(fresh_database)
    assert schema.pending_migrations(fresh_database) == ()
