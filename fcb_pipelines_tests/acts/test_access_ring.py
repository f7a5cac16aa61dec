"""What a server knows of keys between two looks at the database: fresh enough to revoke by, and cheap however it is asked."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fcb_pipelines.acts.access import FRESH_SECONDS, MOST_MISSES, KeyRing, authenticate, revoke_key
from fcb_pipelines.domain.access import Reason
from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts.test_access import STRANGER, bearer, made, reason_of
from fcb_pipelines_tests.conftest import NOW


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_ring_reads_all_keys_again_after_two_seconds(db: Database) -> None:
    key, plain = made(db)
    ring = KeyRing(db, clock := Clock())
    assert ring.find(plain.digest) == key
    revoke_key(db, key.key_id, actor="ada", now=NOW)
    clock.seconds = FRESH_SECONDS - 0.001
    assert reason_of(authenticate(ring.find, bearer(plain), NOW)) is None
    clock.seconds = FRESH_SECONDS
    assert reason_of(authenticate(ring.find, bearer(plain), NOW)) is Reason.REVOKED
    assert FRESH_SECONDS < 5


def test_a_ring_that_is_refreshed_knows_at_once(db: Database) -> None:
    key, plain = made(db)
    ring = KeyRing(db, Clock())
    ring.find(plain.digest)
    revoke_key(db, key.key_id, actor="ada", now=NOW)
    ring.refresh()
    assert reason_of(authenticate(ring.find, bearer(plain), NOW)) is Reason.REVOKED


class Counted(Database):
    """Counts how often it is asked."""

    asked: list[str] = []  # noqa: RUF012

    def transaction(self) -> Any:
        self.asked.append("")
        return super().transaction()


def test_a_new_key_works_at_once_and_made_up_ones_cost_nothing(db: Database) -> None:
    counted = Counted(db.url)
    counted.asked.clear()
    ring = KeyRing(counted, clock := Clock())
    assert ring.find(STRANGER.digest) is None
    key, plain = made(db)
    assert [ring.find(plain.digest) for _ in range(500)] == [key] * 500
    assert len(counted.asked) == 3
    assert all(ring.find(bytes([number]) * 32) is None for number in range(200))
    assert len(counted.asked) == 1 + MOST_MISSES
    assert ring.find(plain.digest) == key
    other, other_plain = made(db)
    clock.seconds = FRESH_SECONDS
    assert ring.find(other_plain.digest) == other


def test_many_threads_wait_for_one_reading(db: Database) -> None:
    _, plain = made(db)
    counted = Counted(db.url)
    counted.asked.clear()
    ring = KeyRing(counted, Clock())
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: ring.find(plain.digest), range(64)))) == 1
    assert len(counted.asked) == 1


def test_what_is_older_is_not_used_when_the_database_is_away(db: Database) -> None:
    _, plain = made(db)
    away = Counted(db.url)
    ring = KeyRing(away, clock := Clock())
    ring.find(plain.digest)
    object.__setattr__(away, "url", "postgresql://nobody@127.0.0.1:1/fcb")
    clock.seconds = FRESH_SECONDS
    with pytest.raises(Refused):
        ring.find(plain.digest)
