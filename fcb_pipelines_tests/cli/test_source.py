"""`fcb source`: the demo's database for clients of one's own, without its password on the screen."""

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fcb_pipelines.cli.source import source
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.local.keeper import KEEPER_LOCK
from fcb_pipelines.local.state import locked, make_state
from fcb_pipelines_tests.projects import enter, write_project

READER = "postgresql://shop_reader:p%3Aw@127.0.0.1:5/shop"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a project whose path a URL cannot hold as it is."""
    folder = tmp_path / "it's a project?"
    enter(monkeypatch, write_project(folder))
    state = make_state(folder / ".fcb")
    (state / "addresses.json").write_text(f'{{"FCB_SOURCE_SHOP_URL": "{READER}"}}')
    return state


def run(**variables: str) -> Result:
    return CliRunner().invoke(source, env=variables)


def test_the_address_names_a_file_with_the_password_and_does_not_hold_it(state: Path) -> None:
    with locked(state / KEEPER_LOCK):
        printed = run().stdout.strip()
    place = state / "shop_reader.pgpass"
    expected = {"user": "shop_reader", "host": "127.0.0.1", "port": "5", "dbname": "shop", "passfile": str(place)}
    assert conninfo_to_dict(printed) == expected
    assert place.read_text() == "127.0.0.1:5:shop:shop_reader:p\\:w\n"
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_client_reads_with_it(state: Path, postgres_url: str) -> None:
    (state / "addresses.json").write_text(f'{{"FCB_SOURCE_SHOP_URL": "{postgres_url}"}}')
    with locked(state / KEEPER_LOCK):
        printed = run().stdout.strip()
    # The address that the tests are given may need no password; then the file is not looked at.
    with psycopg.connect(make_conninfo(printed, connect_timeout=5)) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_without_a_running_stack_it_is_said_what_starts_one(state: Path) -> None:
    raised = run().exception
    assert isinstance(raised, RuleViolation)
    assert "start `fcb serve` or `fcb demo`" in str(raised)
    assert not (state / "shop_reader.pgpass").exists()


def test_of_a_real_service_nothing_is_shown(state: Path) -> None:
    with locked(state / KEEPER_LOCK):
        raised = run(FCB_SOURCE_SHOP_URL="postgresql://somebody:word@db.invalid/shop").exception
    assert isinstance(raised, InvalidInput)
    assert "FCB_SOURCE_SHOP_URL" in str(raised)
    assert "word" not in str(raised)
