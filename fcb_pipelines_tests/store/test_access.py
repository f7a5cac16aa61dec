"""API keys in Postgres: what is kept, what is not, and how rarely a key's row is written."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from fcb_pipelines.domain.access import ApiKey, Scope, new_key
from fcb_pipelines.store import access
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.conftest import NOW

PLAIN = new_key(bytes(range(32)))


def a_key(key_id: str = "k_1", **given: Any) -> ApiKey:
    plain = new_key(key_id.encode().rjust(32))
    values = {"service": "shop", "name": "client", "digest": plain.digest, "last_four": plain.last_four, "created_at": NOW}
    return ApiKey(**{"key_id": key_id, **values, **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"scopes": frozenset(Scope), "expires_at": NOW + timedelta(days=1), "rotated_from": "k_first"},
        {"service": "other", "name": "é", "scopes": frozenset({Scope.USAGE_READ})},
    ],
)
def test_a_key_comes_back_as_it_was_put(store_database: str, given: dict[str, Any]) -> None:
    first, key = a_key("k_first", name="first"), a_key(**given)
    with Database(store_database).transaction() as conn:
        access.put(conn, first)
        access.put(conn, key)
        assert access.by_digest(conn, key.digest) == access.locked(conn, key.key_id) == key
        assert access.by_digest(conn, bytes(32)) is access.locked(conn, "k_other") is None
        assert set(access.listed(conn)) == {first, key}
        assert access.of_name(conn, key.service, key.name) == (key,)


def test_the_key_itself_is_nowhere_in_the_table(store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        access.put(conn, a_key(digest=PLAIN.digest, last_four=PLAIN.last_four))
        (row,) = conn.execute("SELECT api_key::text FROM api_key").fetchall()
    assert PLAIN.text[4:20] not in row[0]
    assert PLAIN.text[-6:] not in row[0]


def test_no_two_keys_have_one_digest(store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        access.put(conn, a_key())
        with pytest.raises(psycopg.errors.UniqueViolation), conn.transaction():
            access.put(conn, a_key("k_2", digest=a_key().digest))


def test_a_key_ends_or_is_revoked_alone(store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        for key_id in ("k_1", "k_2", "k_3"):
            access.put(conn, a_key(key_id))
        access.end(conn, "k_1", NOW + timedelta(hours=1))
        access.revoke(conn, "k_2", NOW)
        kept = {key.key_id: (key.expires_at, key.revoked_at) for key in access.listed(conn)}
    assert kept == {"k_1": (NOW + timedelta(hours=1), None), "k_2": (None, NOW), "k_3": (None, None)}


def test_the_last_use_is_noted_at_most_once_a_minute(store_database: str) -> None:
    uses = [0, 1, 59.999999, 60, 61, 30, 119, 120]
    with Database(store_database).transaction() as conn:
        access.put(conn, a_key())
        access.put(conn, a_key("k_2"))
        noted = [access.touch(conn, {"k_1": NOW + timedelta(seconds=each), "k_gone": NOW}) for each in uses]
        last: dict[str, datetime | None] = {key.key_id: key.last_used_at for key in access.listed(conn)}
    assert noted == [1, 0, 0, 1, 0, 0, 0, 1]
    assert last == {"k_1": NOW + timedelta(seconds=120), "k_2": None}


def test_a_scope_of_a_later_version_allows_nothing_here(store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        access.put(conn, a_key(scopes=frozenset({Scope.USAGE_READ})))
        conn.execute("UPDATE api_key SET scopes = scopes || ARRAY['everything:do']")
        (key,) = access.listed(conn)
    assert key.scopes == {Scope.USAGE_READ}
