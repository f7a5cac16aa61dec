"""Our own database has the tables of another version: nothing is read from it, and the command says what to do."""

import psycopg
import pytest

from fcb_pipelines_tests.cli.conftest import Fcb

COMMANDS = [
    "adjustments --period 2026-04",
    "audit verify",
    "close --period 2026-04",
    "endpoints list",
    "feeds --period 2026-04",
    "import",
    "invoices --period 2026-04",
    "keys create --service shop --name n",
    "keys list",
    "messages list",
    "prune",
    "register",
    "retention",
    "rows --period 2026-04",
    "run --period 2026-04",
    "status",
    "terminations list",
]


@pytest.mark.parametrize(("revision", "said"), [("0007", "run  fcb migrate"), ("9999", "update it")])
def test_what_reads_it_is_refused(fcb: Fcb, store_database: str, revision: str, said: str) -> None:
    with psycopg.connect(store_database) as conn:
        conn.execute("UPDATE alembic_version SET version_num = %s", [revision])
    for command in COMMANDS:
        done = fcb(*command.split())
        assert (command, done.returncode, done.stdout) == (command, 1, "")
        assert revision in done.stderr, command
        assert said in done.stderr, command
