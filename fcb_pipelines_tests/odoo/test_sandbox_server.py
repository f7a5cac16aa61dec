"""The sandbox as a process: starting, stopping, keeping, and many at once."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest

import fcb_pipelines
from fcb_pipelines.domain.errors import RemoteError, RolledBack
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.sandbox.access import GROUP_NAMES
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import COMMUNITY_19
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.conftest import DATABASE
from fcb_pipelines_tests.odoo.editions import NOW
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving

ROOT = Path(fcb_pipelines.__file__).parents[1]
URL_VARIABLE = "FCB_INTERNAL_SANDBOX_DATABASE_URL"
SECONDS_TO_START = 20


def _command(port: int) -> list[str]:
    return [sys.executable, "-m", "fcb_pipelines.odoo.sandbox", "--database-url-env", URL_VARIABLE, "--port", str(port)]


def _environ(database_url: str | None, key: str | None = ADMIN_KEY) -> dict[str, str]:
    given = {URL_VARIABLE: database_url, "FCB_INTERNAL_SANDBOX_KEY": key}
    return {**os.environ, **{name: value for name, value in given.items() if value}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(environ: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = _free_port()
    with subprocess.Popen(
        _command(port), env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/web/webclient/version_info")
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def _wait_for(url: str) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            urlopen(url, timeout=5).close()  # noqa: S310 (a server of ours)
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nobody answers at {url}")


def _ours(url: str, database_url: str, key: str = ADMIN_KEY) -> Odoo:
    return connect(url, database_url.rpartition("/")[2].partition("?")[0], "admin", key)


def test_it_stops_when_told_and_keeps_what_it_was_given(fresh_database: str) -> None:
    environ = _environ(fresh_database)
    with _running(environ) as (url, process):
        (partner,) = _ours(url, fresh_database).load("res.partner", ["id", "name"], [["fcb.kept", "kept"]]).ids
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}
        assert process.stdout
        assert process.stdout.read() == ""
    with _running(environ) as (url, _):
        assert _ours(url, fresh_database).load("res.partner", ["id", "name"], [["fcb.kept", "kept"]]).ids == (partner,)


def _failing(environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        _command(_free_port()), env=environ, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_TO_START, check=False
    )
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        (_environ(None), f"set {URL_VARIABLE}"),
        (_environ("postgresql://u:secret@127.0.0.1:1/x", None), "set FCB_INTERNAL_SANDBOX_KEY"),
        (_environ("postgresql://u:secret@127.0.0.1:1/x"), f"the Postgres that {URL_VARIABLE} names cannot be reached"),
    ],
)
def test_what_is_missing_is_said_without_secrets(environ: dict[str, str], word: str) -> None:
    said = _failing(environ)
    assert word in said
    assert "secret" not in said
    assert ADMIN_KEY not in said
    assert "Traceback" not in said


def test_a_second_start_makes_nothing_twice(fresh_database: str) -> None:
    for _ in range(2):
        create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: NOW)
    with psycopg.connect(fresh_database) as conn:
        counted = conn.execute("SELECT (SELECT count(*) FROM res_users), (SELECT count(*) FROM account_tax)").fetchone()
    assert counted == (3, 30)


def test_a_database_of_before_gets_new_columns(fresh_database: str) -> None:
    create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: NOW)
    with psycopg.connect(fresh_database) as conn:
        conn.execute("ALTER TABLE res_partner DROP COLUMN phone")
    with serving(create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: NOW)) as url:
        assert _ours(url, fresh_database).call("res.partner", "create", {"name": "x", "phone": "1"})


def test_a_login_without_a_key_stays_out(fresh_database: str) -> None:
    with serving(create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: NOW)) as url:
        for user, key in (("importer", ""), ("importer", "None"), ("__system__", ADMIN_KEY)):
            with pytest.raises(RemoteError, match="FCB_ODOO_KEY"):
                connect(url, fresh_database.rpartition("/")[2], user, key).user_id()


def _sandbox(url: str, user: str = "admin", key: str = ADMIN_KEY) -> Odoo:
    return connect(url, DATABASE, user, key)


def test_everything_is_stamped_with_the_clock_it_was_given(sandbox_url: str, run: str) -> None:
    odoo = _sandbox(sandbox_url)
    partner = odoo.call("res.partner", "create", {"name": run})
    (row,) = odoo.search_read("res.partner", [("id", "=", partner)], ["create_date", "write_date", "create_uid"])
    assert (row["create_date"], row["write_date"]) == ("2026-06-02 16:00:00",) * 2
    order = odoo.call("sale.order", "create", {"partner_id": partner})
    (row,) = odoo.search_read("sale.order", [("id", "=", order)], ["date_order", "validity_date"])
    assert (row["date_order"], row["validity_date"]) == ("2026-06-02 16:00:00", "2026-07-02")
    odoo.unlink("sale.order", [order])
    odoo.unlink("res.partner", [partner])


def test_two_who_load_the_same_new_ids_at_once_make_them_once(sandbox_url: str, run: str) -> None:
    rows = [[f"fcb.{run}_{number}", f"{run} {number}"] for number in range(50)]

    def load(_client: int) -> tuple[int, ...]:
        return _sandbox(sandbox_url).load("res.partner", ["id", "name"], rows).ids

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(load, range(4)))
    assert len(set(answers)) == 1
    assert len(set(answers[0])) == 50


def test_many_who_change_one_record_all_get_through(sandbox_url: str, run: str) -> None:
    partner = _sandbox(sandbox_url).call("res.partner", "create", {"name": run})

    def change(number: int) -> None:
        _sandbox(sandbox_url).write("res.partner", [partner], {"color": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(1, 9)))
    (row,) = _sandbox(sandbox_url).search_read("res.partner", [("id", "=", partner)], ["color"])
    assert row["color"] in range(1, 9)


@pytest.mark.parametrize(("failures", "kept"), [(1, True), (4, True), (5, False)])
def test_a_lost_race_is_run_five_times(fresh_database: str, failures: int, kept: bool) -> None:
    with serving(create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: NOW)) as url:
        with psycopg.connect(fresh_database) as conn:
            conn.execute(LOSES.format(failures=failures))
        odoo = connect(url, fresh_database.rpartition("/")[2], "admin", ADMIN_KEY, pauses_seconds=())
        try:
            odoo.write("res.partner", [1], {"ref": "raced"})
        except RolledBack as error:
            assert str(error) == "Odoo rolled the call back: could not serialize access due to a test\n"  # noqa: PT017
        (row,) = odoo.search_read("res.partner", [("id", "=", 1)], ["ref"])
    assert (row["ref"] == "raced") is kept


LOSES = """
    CREATE SEQUENCE attempts;
    CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('attempts') <= {failures} THEN
            RAISE EXCEPTION 'could not serialize access due to a test' USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER lose BEFORE UPDATE ON res_partner FOR EACH ROW EXECUTE FUNCTION lose();
"""


def test_a_hundred_partners_load_in_under_a_second(sandbox_url: str, run: str) -> None:
    odoo = _sandbox(sandbox_url)
    rows = [[f"fcb.{run}_{number}", f"{run} {number}", f"{number}@example.com"] for number in range(100)]
    started = time.monotonic()
    assert len(odoo.load("res.partner", ["id", "name", "email"], rows).ids) == 100
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("model", sorted(COMMUNITY_19.models))
def test_every_model_can_be_read_in_full(sandbox_url: str, model: str) -> None:
    odoo = _sandbox(sandbox_url)
    rows = odoo.call(model, "search_read", [], [], limit=3)
    assert all(row.keys() == COMMUNITY_19.models[model].fields.keys() for row in rows)


@pytest.mark.parametrize("model", ["account.journal", "account.tax", "res.users", "payment.provider", "res.country"])
def test_what_belongs_to_the_installation_is_not_written(sandbox_url: str, model: str) -> None:
    with pytest.raises(RemoteError, match=re.escape(f"({model}) ")):
        _sandbox(sandbox_url).write(model, [1], {})


def test_groups_have_external_ids(sandbox_url: str) -> None:
    odoo = _sandbox(sandbox_url, "importer", IMPORTER_KEY)
    for group in GROUP_NAMES:
        module, _, name = group.partition(".")
        assert odoo.call("ir.model.data", "check_object_reference", module, name)[0] == "res.groups"


def test_the_clock_is_read_in_utc(fresh_database: str) -> None:
    app = create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    with serving(app) as url:
        odoo = _ours(url, fresh_database)
        partner = odoo.call("res.partner", "create", {"name": "x"})
        (row,) = odoo.search_read("res.partner", [("id", "=", partner)], ["create_date"])
    assert row["create_date"] == "2026-01-01 00:00:00"
