"""`fcb report` as people type it: a summary, files that lead to each other, an archive, and a link."""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from fcb_pipelines.acts.report_links import open_link
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.revisions import Origin, content_hash, published
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.settings import load
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.report.html import Page
from fcb_pipelines_tests.report.material import every_kind, matched
from fcb_pipelines_tests.revisions import add_revision
from fcb_pipelines_tests.signed import NOW, a_row

APRIL = ("report", "--period", "2026-04")


@pytest.fixture
def db(store_database: str, tmp_path: Path) -> Database:
    """April of the shop, with a row of each kind, made under the rules as they are."""
    return run(Database(store_database), tmp_path, "2026-04", *every_kind())


def run(db: Database, folder: Path, period: str, *rows: Row) -> Database:
    """A month of the shop, run on 2 June 2026."""
    settings = load({}, folder=write_project(folder / "before"))
    forms = [published(one, service="shop", period=period, zone=TORONTO) for one in rows]
    with db.transaction() as conn:
        add_revision(
            conn,
            service="shop",
            period=period,
            origin=Origin(
                snapshot_id=snapshots.open_snapshot(conn, "shop", NOW),
                settings_hash=settings.rules_hash(settings.services["shop"]),
                rule_version=RULE_VERSION,
            ),
            content_hash=content_hash(forms),
            made_at=NOW,
            coverage=asdict(coverage(rows, "CAD")),
            rows=rows,
        )
    return db


@pytest.mark.usefixtures("db")
def test_a_summary(fcb: Fcb) -> None:
    done = fcb(*APRIL)
    assert done.returncode == 0, done.stderr
    first, *further = done.stdout.splitlines()
    assert first == "Not ready: 4 things stop CAD 267.72 and USD 10.00 of 2 partners."
    assert any(line.startswith("CAD: billed 125.28, proved 73.28, accepted 6.00, carried 15.00") for line in further)
    assert further[-1] == "0 clean periods in a row up to 2026-04, revision 1"


@pytest.mark.parametrize(
    ("period", "said"),
    [("2026-05", "Ready: CAD 50.00 billed"), ("2026-06", "Not ready: run before the month closed.")],
)
def test_a_month_that_had_not_closed_is_not_ready(
    fcb: Fcb, store_database: str, tmp_path: Path, period: str, said: str
) -> None:
    run(Database(store_database), tmp_path, period, a_row(matched(period=period), period=period))
    done = fcb("report", "--period", period)
    assert done.stdout.replace("\N{NO-BREAK SPACE}", " ").startswith(said), done.stderr
    assert f"{said.count('Ready')} clean period" in done.stdout


@pytest.mark.usefixtures("db")
def test_pages_in_a_folder(fcb: Fcb, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert fcb(*APRIL, "--out", str(out)).returncode == 0
    page = Page((out / "index.html").read_bytes())
    assert all((out / address.partition("#")[0]).is_file() for address in page.addresses if not address.startswith("#"))
    again = fcb(*APRIL, "--out", str(out))
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


@pytest.mark.usefixtures("db")
def test_json_and_csv_go_to_standard_output_or_a_folder(fcb: Fcb, tmp_path: Path) -> None:
    told = json.loads(fcb(*APRIL, "--format", "json").stdout)
    assert len(told["rows"]) == len(every_kind())
    printed = fcb(*APRIL, "--format", "csv").stdout
    assert fcb(*APRIL, "--format", "csv", "--out", str(tmp_path / "csv")).returncode == 0
    assert (tmp_path / "csv" / "shop-2026-04-r1.csv").read_bytes().decode().replace("\r\n", "\n") == printed.replace(
        "\r\n", "\n"
    )


@pytest.mark.usefixtures("db")
def test_the_archive_of_a_revision_is_always_the_same(fcb: Fcb, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        done = fcb(*APRIL, "--format", "archive", "--out", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        made.append((tmp_path / name / "shop-2026-04-r1.zip").read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "one" / "shop-2026-04-r1.zip") as file:
        assert "MANIFEST.sha256" in file.namelist()
        assert json.loads(file.read("settings.json"))["currency"] == "CAD"


@pytest.mark.usefixtures("db")
def test_under_other_rules_there_is_no_archive(fcb: Fcb, tmp_path: Path) -> None:
    with (tmp_path / "fcb.toml").open("a") as file:
        file.write("arrears_lag_days = 9\n")
    done = fcb(*APRIL, "--format", "archive", "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "fcb run --service shop --period 2026-04" in done.stderr
    assert "made under other reviewed rules" in fcb(*APRIL).stdout


def test_a_link_opens_it_once(fcb: Fcb, db: Database) -> None:
    done = fcb(*APRIL, "--link", "--hours", "2", "--url", "https://billing.example.com/")
    assert done.returncode == 0, done.stderr
    address, token = done.stdout.strip().rsplit("/", 1)
    assert address == "https://billing.example.com/report-links"
    assert token not in done.stderr
    with db.transaction() as conn:
        noted = conn.execute("SELECT act, subject, data->>'period' FROM audit_log").fetchall()
        row = conn.execute("SELECT made_at, expires_at - made_at > interval '119 minutes' FROM report_link").fetchone()
    assert row is not None
    assert [each[0] for each in noted] == ["report_link_made"]
    assert row[1]
    opened = open_link(db, token, row[0], address="")
    assert opened is not None
    assert opened.visit is not None


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--period", "2026-03"], 1, "never reconciled; run it: fcb run --service shop --period 2026-03"),
        (["--period", "2026-03", "--link"], 1, "never reconciled"),
        (["--period", "2026-4"], 2, "write it as YYYY-MM"),
        ([*APRIL[1:], "--format", "html"], 2, "add --out FOLDER"),
        ([*APRIL[1:], "--format", "archive"], 2, "add --out FOLDER"),
        ([*APRIL[1:], "--link", "--url", "billing"], 2, "is no address"),
        ([*APRIL[1:], "--link", "--hours", "721"], 2, "721"),
        ([*APRIL[1:], "--service", "other"], 2, "no service 'other'"),
    ],
)
def test_what_cannot_be_is_refused(fcb: Fcb, args: list[str], code: int, said: str) -> None:
    done = fcb("report", *args)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
