"""Signers on a real store: a secret is kept as a hash, found again, and refused once revoked; wrong ones are counted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.signers import TooManyWrong, WrongSecret, add_signer, recognized, revoke_signer, signers
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.signers import MOST_WRONG, Signer, new_secret
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.signed import NOW


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def add(db: Database, name: str = "ada", service: str = "shop") -> tuple[Signer, str]:
    signer, plain = add_signer(db, service=service, name=name, actor="root", now=NOW)
    return signer, plain.text


def who(db: Database, secret: str, service: str = "shop", reader: str = "l_1") -> str:
    return recognized(db, service=service, secret=secret, reader=reader).name


def later(db: Database, seconds: int) -> None:
    """Have wrong secrets come so much earlier."""
    with db.transaction() as conn:
        conn.execute("UPDATE wrong_secret SET at = at - %s", [timedelta(seconds=seconds)])


def test_a_signer_from_adding_to_revoking(db: Database) -> None:
    added, secret = add(db)
    assert who(db, f"{secret}\n") == "ada"
    with pytest.raises(RuleViolation, match=f"ada signs for shop already, as {added.signer_id}"):
        add(db, " ADA ")
    revoked = revoke_signer(db, service="shop", name="Ada", actor="root", now=NOW + timedelta(days=-1))
    assert revoked.signer_id == added.signer_id
    with pytest.raises(WrongSecret):
        who(db, secret)
    with pytest.raises(InvalidInput, match="nobody signs for shop as 'ada'"):
        revoke_signer(db, service="shop", name="ada", actor="root", now=NOW)
    _, anew = add(db)
    assert who(db, anew) == "ada"
    assert sorted((one.name, one.is_live) for one in signers(db, "shop")) == [("ada", False), ("ada", True)]
    with db.transaction() as conn:
        noted = conn.execute("SELECT actor, act, subject, data->>'name' FROM audit_log ORDER BY position").fetchall()
        kept = "".join(str(row) for table in ("signer", "audit_log") for row in conn.execute(f"SELECT t::text FROM {table} t"))
    assert noted[:2] == [
        ("root", "signer_added", added.signer_id, "ada"),
        ("root", "signer_revoked", added.signer_id, "ada"),
    ]
    assert [each.broken for each in verify_logs(db)] == [None, None]
    assert secret not in kept + repr(added)


def test_what_is_kept_signs_nothing(db: Database) -> None:
    signer, _ = add(db)
    for text in (signer.digest.hex(), f"fcbsign_{signer.digest.hex()[:43]}{signer.last_four}", "\0", "\ud800"):
        with pytest.raises(WrongSecret, match="no signing secret"):
            who(db, text, reader=text[:3].encode(errors="replace").hex())


def test_of_anothers_and_a_revoked_secret_the_same_is_told(db: Database) -> None:
    _, of_other = add(db, service="other")
    _, gone = add(db)
    revoke_signer(db, service="shop", name="ada", actor="root", now=NOW)
    said = set()
    for secret in (of_other, gone, new_secret(bytes(32)).text):
        with pytest.raises(WrongSecret) as told:
            who(db, secret)
        said.add(str(told.value))
    assert said == {"Nobody signs here with this secret."}


def test_after_too_many_wrong_ones_a_good_one_waits(db: Database) -> None:
    _, secret = add(db)
    for _ in range(MOST_WRONG):
        with pytest.raises(WrongSecret):
            who(db, "wrong")
    later(db, 20)
    with pytest.raises(TooManyWrong, match=r"try again in [34][0-9] seconds") as told:
        who(db, secret)
    assert 30 <= told.value.seconds <= 40
    assert who(db, secret, reader="l_2") == "ada", "somebody else need not wait"
    later(db, 40)
    assert who(db, secret) == "ada"
    with pytest.raises(WrongSecret):
        who(db, "wrong")
    with db.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM wrong_secret").fetchone() == (1,), "those of before are forgotten"


def test_of_many_at_once_no_more_are_looked_at(db: Database) -> None:
    def tried(_: int) -> type[Exception]:
        try:
            who(db, "wrong")
        except (WrongSecret, TooManyWrong) as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(tried, range(8)))
    assert found.count(WrongSecret) == MOST_WRONG
