"""The installed `fcb` on a stack that runs: exit codes, JSON alone on standard output, messages alone on standard error."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.cli import COMMANDS
from fcb_pipelines.local.warm import Done
from fcb_pipelines_tests.acceptance.fixtures import Demo
from fcb_pipelines_tests.acceptance.project import FCB, Project

SECOND_SERVICE = """
[services.other]
mapping = "nexacloud"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
"""
HEAVY = {"dagster", "pandas", "great_expectations", "sqlalchemy", "alembic", "psycopg"}


def refused(done: Done, code: int, said: str) -> None:
    """It ended with this code, one message and no answer."""
    assert done.code == code, done.err
    assert done.out == ""
    assert re.search(said, done.err), done.err
    assert "Traceback" not in done.err


def test_the_help_names_every_command(demo: Demo) -> None:
    done = demo.project.installed("--help")
    assert done.code == 0
    assert done.err == ""
    for name, what in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(what.split()[0])}", done.out, re.MULTILINE)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(demo: Demo, command: str) -> None:
    done = demo.project.fcb(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: fcb {command}")
    assert len(done.out.splitlines()) > 5


@pytest.mark.parametrize(
    "args",
    [("status", "--json"), ("register", "--json"), ("rows", "--period", "2026-05", "--json"), ("doctor", "--json"),
     ("prune", "--json"), ("import", "--dry-run", "--json")],
)  # fmt: skip
def test_json_is_all_there_is_on_standard_output(demo: Demo, args: tuple[str, ...]) -> None:
    done = demo.project.fcb(*args)
    assert done.code == 0
    assert json.loads(done.out)
    assert "\x1b" not in done.out


FORGOTTEN = """
    INSERT INTO odoo_record (external_id, service, entity, source_id, model, odoo_id, seen_at)
    VALUES ('fcb.nexacloud_user_gone', 'nexacloud', 'user', 'gone', 'res.partner', 999999999, now())
"""


def test_a_prune_that_lists_nothing_forgets_what_is_gone_from_odoo(demo_to_change: Project) -> None:
    with psycopg.connect(demo_to_change.store_url) as conn:
        conn.execute(FORGOTTEN)
    left = []
    for args in (("prune", "--json"), ("prune",)):
        done = demo_to_change.fcb(*args)
        assert done.code == 0, done.err
        with psycopg.connect(demo_to_change.store_url) as conn:
            left.append(conn.execute("SELECT count(*) FROM odoo_record WHERE source_id = 'gone'").fetchone())
    assert left == [(1,), (0,)]


@pytest.mark.parametrize(
    ("args", "title"),
    [
        (("status",), "nexacloud: 7 partners"),
        (("register",), "Register by issue month"),
        (("rows", "--period", "2026-03"), "Reconciliation 2026-03"),
        (("doctor",), "in order, "),
    ],
)
def test_people_get_tables(demo: Demo, args: tuple[str, ...], title: str) -> None:
    done = demo.project.fcb(*args)
    assert done.code == 0
    assert title in done.out
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("nonsense",), 2, "No such command 'nonsense'"),
        (("rows",), 2, "Missing option '--period'"),
        (("run", "--period", "2026-13"), 2, "2026-13"),
        (("run", "--period", "abc"), 2, "abc"),
        (("run", "--period", "2026-01"), 2, "period 2026-01 is before 2026-03, the first in scope"),
        (("rows", "--period", "2026-13"), 2, "2026-13"),
        (("rows", "--period", "2026-01"), 2, "before 2026-03"),
        (("run", "--period", "2026-07"), 2, "2026-07"),
        (("rows", "--period", "2040-01"), 2, "period 2040-01 has not begun; the open one of nexacloud is 2026-06"),
        (("feeds", "--period", "2030-01"), 2, "period 2030-01 has not begun"),
        (("feeds", "--period", "2026-01"), 2, "before 2026-03"),
        (("rows", "--period", "2026-06"), 1, "never reconciled; run it: fcb run --service nexacloud --period 2026-06"),
        (("rows", "--period", "2026-03", "--service", "nobody"), 2, "no service 'nobody'.*nexacloud"),
        (("import", "--service", "nobody"), 2, "no service 'nobody'.*nexacloud"),
        (("status", "--nonsense"), 2, "No such option"),
    ],
)  # fmt: skip
def test_wrong_use_is_said(demo: Demo, args: tuple[str, ...], code: int, said: str) -> None:
    refused(demo.project.fcb(*args), code, said)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FCB_ODO_URL": "x"}, "FCB_ODO_URL is not a variable.*did you mean FCB_ODOO_URL"),
        ({"FCB_UI_PORT": "many"}, "FCB_UI_PORT"),
        ({"FCB_NOW": "2026-06-02T12:00:00"}, "FCB_NOW needs a timezone"),
        ({"FCB_IMPORT_ALL_PLANS": "perhaps"}, "FCB_IMPORT_ALL_PLANS"),
        ({"FCB_ODOO_URL": "https://odoo.example.com", "FCB_ODOO_USER": "u"}, "half configured: set FCB_ODOO_DB, FCB_ODOO_KEY"),
        ({"FCB_CONFIG": "/nowhere/fcb.toml"}, "/nowhere/fcb.toml does not exist"),
        ({"FCB_ODOO_TIMEOUT_SECONDS": "0"}, "FCB_ODOO_TIMEOUT_SECONDS"),
    ],
)
def test_wrong_settings_are_named(demo: Demo, variables: dict[str, str], said: str) -> None:
    refused(demo.project.fcb("status", **variables), 2, said)


def test_with_two_services_one_must_be_chosen(demo: Demo, tmp_path: Path) -> None:
    config = tmp_path / "fcb.toml"
    config.write_text((demo.project.folder / "fcb.toml").read_text() + SECOND_SERVICE)
    refused(
        demo.project.fcb("rows", "--period", "2026-03", FCB_CONFIG=str(config)), 2, "--service with one of: nexacloud, other"
    )


def test_the_installed_command_answers_and_refuses_like_its_forks(demo: Demo) -> None:
    done = demo.project.installed("status", "--json")
    assert set(done.answer) == {"services"}
    assert done.err == ""
    refused(demo.project.installed("run", "--period", "abc"), 2, "fcb: .*abc")


def loaded_by(project: Project, *args: str) -> set[str]:
    """What a command has imported when it ends."""
    code = "import sys; from fcb_pipelines.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    question = '{"quantity":"1","currency":"CAD","charge":{"model":"standard","unit_price":"2"}}'
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=project.folder,
        env=project.environ(),
        capture_output=True,
        text=True,
        check=True,
        input=question,
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "args", [("--help",), ("quote",), ("quote", "--help"), ("webhook", "--help"), ("webhook", "check-url", "https://8.8.8.8/")]
)
def test_light_commands_import_nothing_heavy(demo: Demo, args: tuple[str, ...]) -> None:
    assert loaded_by(demo.project, *args) & HEAVY == set()


def test_the_version_is_said(demo: Demo) -> None:
    done = subprocess.run([FCB, "--version"], cwd=demo.project.folder, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"fcb, version \d+\.\d+\.\d+\n", done.stdout)


def test_the_demo_reader_cannot_write_to_the_source(demo: Demo) -> None:
    url = demo.project.settings.service("nexacloud").source_url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DELETE FROM invoices")
