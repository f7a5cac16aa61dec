"""Carrying a form out on a real store: once, in the name of whose secret it is at that moment, and told in the audit log."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fcb_pipelines.acts import signing
from fcb_pipelines.acts.signers import WrongSecret, add_signer, revoke_signer
from fcb_pipelines.acts.signing import Sheet, UsedForm
from fcb_pipelines.api.idempotency import KEY
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.signers import Signer
from fcb_pipelines.store import acceptances as store
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.signed import NOW
from fcb_pipelines_tests.signed_store import a_service

WAITING = """
    SELECT 1 FROM pg_locks JOIN pg_database ON oid = database
     WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
"""


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


@pytest.fixture
def sheet(db: Database, tmp_path: Path) -> Sheet:
    """A form of ada's."""
    _, plain = add_signer(db, service="shop", name="ada", actor="root", now=NOW)
    return Sheet(service=a_service(tmp_path), form="A" * 22, content=b"x", reader="l_1", address="127.0.0.1", secret=plain.text)


def fetch(db: Database, statement: str) -> list[tuple[object, ...]]:
    with db.transaction() as conn:
        return conn.execute(statement.encode()).fetchall()


def numbers() -> Iterator[str]:
    yield from (f"D-{number}" for number in range(1, 100))


def test_a_form_has_one_effect(db: Database, sheet: Sheet) -> None:
    decisions = numbers()

    def effect(_conn: Connection, signer: Signer) -> str:
        assert signer.name == "ada"
        return next(decisions)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: signing.once(db, sheet, "accept", effect, NOW), range(8)))
    assert {one.decision for one in found} == {"D-1"}
    assert sum(not one.is_again for one in found) == 1
    noted = "SELECT actor, subject, data->>'did', data->>'reader' FROM audit_log WHERE act = 'signed_on_a_page'"
    assert fetch(db, noted) == [("ada", "D-1", "accept", "l_1")]
    with pytest.raises(UsedForm, match="before, for D-1"):
        signing.once(db, replace(sheet, content=b"y"), "accept", effect, NOW)
    assert signing.once(db, replace(sheet, form="B" * 22), "accept", effect, NOW).decision == "D-2"


def test_what_is_refused_leaves_the_form_as_it_was(db: Database, sheet: Sheet) -> None:
    def refused(_conn: Connection, _signer: Signer) -> str:
        raise RuleViolation("no")

    with pytest.raises(RuleViolation, match="no"):
        signing.once(db, sheet, "accept", refused, NOW)
    assert fetch(db, "SELECT 1 FROM audit_log WHERE act = 'signed_on_a_page'") == []
    assert not signing.once(db, sheet, "accept", lambda _conn, _signer: "D-1", NOW).is_again


def test_a_secret_that_is_revoked_while_it_waits_signs_nothing(db: Database, sheet: Sheet) -> None:
    waiting = threading.Event()

    def signed() -> None:
        waiting.set()
        signing.once(db, sheet, "accept", lambda _conn, _signer: "D-1", NOW)

    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as conn:
            store.lock(conn, "shop")
            done = pool.submit(signed)
            assert waiting.wait(10)
            while not fetch(db, WAITING):
                pass
            revoke_signer(db, service="shop", name="ada", actor="root", now=NOW)
        with pytest.raises(WrongSecret):
            done.result(timeout=10)


def test_no_host_can_take_the_place_of_a_form(db: Database, sheet: Sheet) -> None:
    signing.once(db, sheet, "accept", lambda _conn, _signer: "D-1", NOW)
    ((key,),) = fetch(db, "SELECT idempotency_key FROM idempotency_request")
    for text in (str(key), f'"{key}"'):
        assert re.fullmatch(KEY, text) is None
    assert sheet.secret not in repr(sheet)
