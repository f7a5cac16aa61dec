"""Keys from making to revoking, who is let in, and what is written down of it."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.acts.access import (
    OVERLAP,
    KeyRing,
    authenticate,
    create_key,
    keys,
    record_calls,
    revoke_key,
    rotate_key,
)
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.domain.access import ApiKey, Authenticated, PlainKey, Reason, Refusal, Scope, access_entry, new_key
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.conftest import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WRITE = frozenset({Scope.USAGE_WRITE})
STRANGER = new_key(bytes(32))


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def made(db: Database, **given_: Any) -> tuple[ApiKey, PlainKey]:
    values = {"service": "shop", "name": "client", "scopes": WRITE, "expires_at": None, "actor": "ada", "now": NOW}
    return create_key(db, **{**values, **given_})


def bearer(plain: PlainKey) -> list[str]:
    return [f"Bearer {plain.text}"]


def audited(db: Database) -> list[tuple[str, str, str, Any]]:
    with db.transaction() as conn:
        return conn.execute("SELECT actor, act, subject, data FROM audit_log ORDER BY position").fetchall()


def answered(db: Database, headers: Sequence[str], now: datetime = NOW, scope: Scope | None = None) -> Authenticated | Refusal:
    return authenticate(KeyRing(db).find, headers, now, scope)


def reason_of(answer: Authenticated | Refusal) -> Reason | None:
    return answer.reason if isinstance(answer, Refusal) else None


def test_a_key_that_is_made_is_let_in_for_its_scopes(db: Database) -> None:
    key, plain = made(db)
    assert keys(db) == keys(db, "shop") == (key,)
    assert keys(db, "other") == ()
    assert answered(db, bearer(plain), scope=Scope.USAGE_WRITE) == Authenticated(key=key)
    refused = answered(db, bearer(plain), scope=Scope.USAGE_READ)
    assert refused == Refusal(reason=Reason.WRONG_SCOPE, key=key, scope=Scope.USAGE_READ)
    assert audited(db) == [
        ("ada", "key_created", key.key_id, {"name": "client", "scopes": ["usage:write"], "expires_at": None})
    ]


def test_without_any_key_nobody_is_let_in(db: Database) -> None:
    assert reason_of(answered(db, bearer(STRANGER))) is Reason.UNKNOWN
    assert reason_of(answered(db, [])) is Reason.MISSING


def test_how_a_key_may_be_sent(db: Database) -> None:
    key, plain = made(db)
    for form in ("Bearer {}", "bearer {}", "BEARER   {}", "  Bearer {}\t"):
        assert answered(db, [form.format(plain.text)]) == Authenticated(key=key)


def no_lookup(digest: bytes) -> ApiKey | None:
    raise AssertionError("asked for what is no key")


GOOD = f"Bearer {STRANGER.text}"


@pytest.mark.parametrize(
    "headers",
    [[""], ["Bearer"], ["Bearer "], [STRANGER.text], [f"Basic {STRANGER.text}"], [f"{GOOD}x"], [GOOD[:-1]], [f"{GOOD} x"],
     [f"{GOOD}, {GOOD}"], [f"Bearer\n{STRANGER.text}"], [f"Bearer:{STRANGER.text}"], [GOOD.replace("fcb_", "FCB_")],
     [GOOD, GOOD], ["", GOOD], [f"{GOOD}\n"], [GOOD.replace("A", "А", 1)], ["Bearer " + "x" * 100_000]],
)  # fmt: skip
def test_what_is_no_key_is_told_without_a_lookup(headers: list[str]) -> None:
    assert reason_of(authenticate(no_lookup, headers, NOW)) is Reason.MALFORMED


@given(st.lists(st.text(), max_size=2))
def test_no_header_makes_it_fail(headers: list[str]) -> None:
    assert reason_of(authenticate(no_lookup, headers, NOW)) in (Reason.MALFORMED, Reason.MISSING)


def test_a_lookup_that_gives_another_key_lets_nobody_in(db: Database) -> None:
    key, _ = made(db)
    assert reason_of(authenticate(lambda _: key, bearer(STRANGER), NOW)) is Reason.UNKNOWN


def test_unknown_revoked_and_expired_look_the_same_outside(db: Database) -> None:
    gone, gone_plain = made(db, name="gone")
    _, late_plain = made(db, name="late", expires_at=NOW + HOUR)
    revoke_key(db, gone.key_id, actor="ada", now=NOW)
    told = [answered(db, bearer(plain), NOW + HOUR) for plain in (STRANGER, gone_plain, late_plain)]
    assert [reason_of(each) for each in told] == [Reason.UNKNOWN, Reason.REVOKED, Reason.EXPIRED]
    assert len({(each.status, each.detail) for each in told if isinstance(each, Refusal)}) == 1


@pytest.mark.parametrize("expires_at", [NOW, NOW - DAY, NOW + 3661 * DAY])
def test_an_end_that_makes_no_sense_is_refused(db: Database, expires_at: datetime) -> None:
    with pytest.raises(InvalidInput, match="within ten years"):
        made(db, expires_at=expires_at)
    assert keys(db) == ()


def test_at_most_two_live_keys_have_one_name(db: Database) -> None:
    first, _ = made(db, expires_at=NOW + DAY)
    made(db, now=NOW + timedelta(seconds=1))
    with pytest.raises(RuleViolation, match=f"{first.key_id} and k_.* of shop are both live as 'client'"):
        made(db)
    made(db, service="other")
    made(db, name="another")
    made(db, now=NOW + DAY)
    assert len(audited(db)) == len(keys(db)) == 5


def test_two_at_once_do_not_make_a_third_live_key(db: Database) -> None:
    made(db)
    barrier = threading.Barrier(6)

    def make(_: int) -> bool:
        barrier.wait()
        try:
            made(db)
        except RuleViolation:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(make, range(6))) == 1
    assert len(keys(db)) == 2


@pytest.mark.parametrize(
    ("life", "overlap", "old_end", "new_end"),
    [
        (None, OVERLAP, DAY, None),
        (None, timedelta(0), timedelta(0), None),
        (90 * DAY, OVERLAP, DAY, 90 * DAY),
        (HOUR, OVERLAP, HOUR, HOUR),
    ],
)
def test_a_rotated_key_stays_good_for_the_overlap(
    db: Database, life: timedelta | None, overlap: timedelta, old_end: timedelta, new_end: timedelta | None
) -> None:
    old, old_plain = made(db, expires_at=life and NOW + life)
    done = rotate_key(db, old.key_id, actor="bob", now=NOW, overlap=overlap)
    assert (done.old.expires_at, done.new.expires_at) == (NOW + old_end, new_end and NOW + new_end)
    assert (done.new.scopes, done.new.name, done.new.rotated_from) == (WRITE, "client", old.key_id)
    assert set(keys(db)) == {done.old, done.new}
    assert isinstance(answered(db, bearer(done.plain), NOW), Authenticated)
    assert reason_of(answered(db, bearer(old_plain), NOW + old_end)) is Reason.EXPIRED
    if old_end:
        assert isinstance(answered(db, bearer(old_plain), NOW + old_end - timedelta(microseconds=1)), Authenticated)
    assert [(actor, act, subject) for actor, act, subject, _ in audited(db)][1:] == [("bob", "key_rotated", old.key_id)]
    assert audited(db)[1][3]["new_key_id"] == done.new.key_id


def test_a_key_is_rotated_once_and_while_it_is_live(db: Database) -> None:
    old, _ = made(db)
    new = rotate_key(db, old.key_id, actor="ada", now=NOW).new
    for key_id, now, said in (
        (old.key_id, NOW, f"was rotated to {new.key_id} already"),
        (new.key_id, NOW, "are both live"),
        (old.key_id, NOW + DAY, "is expired"),
    ):
        with pytest.raises(RuleViolation, match=said):
            rotate_key(db, key_id, actor="ada", now=now)
    revoke_key(db, new.key_id, actor="ada", now=NOW)
    with pytest.raises(RuleViolation, match="is revoked"):
        rotate_key(db, new.key_id, actor="ada", now=NOW)
    assert len(audited(db)) == 3


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), 31 * DAY])
def test_an_overlap_has_bounds(db: Database, overlap: timedelta) -> None:
    with pytest.raises(InvalidInput, match="0 to 30 days"):
        rotate_key(db, made(db)[0].key_id, actor="ada", now=NOW, overlap=overlap)


def test_an_id_that_is_not_there_is_said(db: Database) -> None:
    for key_id in ("k_nobody", "", "\udcff", "a\0b", "' OR true --"):
        with pytest.raises(InvalidInput, match=r"there is no key .*fcb keys list"):
            rotate_key(db, key_id, actor="ada", now=NOW)
        with pytest.raises(InvalidInput, match=r"there is no key .*fcb keys list"):
            revoke_key(db, key_id, actor="ada", now=NOW)


def test_a_key_is_revoked_once(db: Database) -> None:
    key, _ = made(db)
    assert revoke_key(db, key.key_id, actor="ada", now=NOW).revoked_at == NOW
    with pytest.raises(RuleViolation, match="was revoked at 2026-06-02T16:00:00"):
        revoke_key(db, key.key_id, actor="ada", now=NOW + DAY)
    assert [act for _, act, _, _ in audited(db)] == ["key_created", "key_revoked"]
    assert all(each.broken is None for each in verify_logs(db))


def test_calls_are_written_down_and_the_last_use_noted(db: Database) -> None:
    key, plain = made(db)
    ring, entries = KeyRing(db), []
    for seconds, headers in enumerate([bearer(plain), bearer(STRANGER), [], bearer(plain)]):
        answer = authenticate(ring.find, headers, NOW, Scope.USAGE_WRITE)
        entries.append(
            access_entry(
                answer, at=NOW + timedelta(seconds=seconds), address="::1", method="POST", route="/v1/usage",
                scope=Scope.USAGE_WRITE, status=200 if isinstance(answer, Authenticated) else answer.status,
            )
        )  # fmt: skip
    with db.transaction() as conn:
        record_calls(conn, entries)
        record_calls(conn, [])
        rows = conn.execute("SELECT key_id, service, outcome, status FROM access_log ORDER BY position").fetchall()
        text = " ".join(row[0] for row in conn.execute("SELECT access_log::text FROM access_log"))
    ours = (key.key_id, "shop", "allowed", 200)
    assert rows == [ours, (None, None, "unknown", 401), (None, None, "missing", 401), ours]
    assert [each.last_used_at for each in keys(db)] == [NOW + timedelta(seconds=3)]
    assert plain.text[4:20] not in text
    assert [each.head.count for each in verify_logs(db) if each.head and each.broken is None] == [4, 1]


def test_a_call_that_is_refused_is_no_use_of_its_key(db: Database) -> None:
    _, plain = made(db)
    answer = answered(db, bearer(plain), scope=Scope.USAGE_READ)
    entry = access_entry(answer, at=NOW, address="", method="GET", route="/", scope=Scope.USAGE_READ, status=403)
    with db.transaction() as conn:
        record_calls(conn, [entry])
    assert [each.last_used_at for each in keys(db)] == [None]
