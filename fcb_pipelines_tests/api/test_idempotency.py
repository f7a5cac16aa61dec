"""`Idempotency-Key`: one effect and one answer, however often and wherever the same request arrives."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.api.app import create_app
from fcb_pipelines.api.idempotency import KEPT, LONGEST_KEY, Running, key_of, pairing
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Host, event
from fcb_pipelines_tests.api.test_usage import is_problem
from fcb_pipelines_tests.odoo.server import serving

REPLAYED = "idempotent-replayed"


def is_replay(first: httpx.Response, again: httpx.Response) -> bool:
    assert (again.status_code, again.content, again.headers["content-type"]) == (
        first.status_code,
        first.content,
        first.headers["content-type"],
    )
    return REPLAYED not in first.headers and again.headers.get(REPLAYED) == "true"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (event(), 200),
        ({"events": [event(), event(quantity="-1")]}, 200),
        (event(external_subscription_id="s-9"), 422),
        ({"events": [5]}, 200),
    ],
)
def test_the_same_again_is_told_the_same_and_has_no_second_effect(host: Host, content: Any, status: int) -> None:
    first, again = (host.push(content, Idempotency_Key="r-1") for _ in range(2))
    assert first.status_code == status
    assert is_replay(first, again)
    assert [row[3] for row in host.logged()] == [status, status]
    other_key = host.push(content, Idempotency_Key="r-2")
    assert REPLAYED not in other_key.headers
    assert host.count("SELECT count(*) FROM idempotency_request") == 2


def test_without_the_header_nothing_is_remembered(host: Host) -> None:
    assert [host.push(event()).json()["status"] for _ in range(2)] == ["accepted", "duplicate"]
    assert host.count("SELECT count(*) FROM idempotency_request") == 0


def test_a_key_with_another_body_is_refused_and_stores_nothing(host: Host) -> None:
    first = host.push(event(), Idempotency_Key="r-1")
    other = host.push(event(idempotency_key="k-2"), Idempotency_Key="r-1")
    assert "another request" in is_problem(other, 422)["detail"]
    assert host.count() == 1
    assert is_replay(first, host.push(event(), Idempotency_Key="r-1")), "the first still stands"


def test_the_same_key_of_another_service_is_another_request(host: Host) -> None:
    assert host.push(event(), Idempotency_Key="r-1").json()["status"] == "accepted"
    theirs = host.push(event(), "of another service", Idempotency_Key="r-1")
    assert (theirs.json()["status"], REPLAYED in theirs.headers) == ("accepted", False)


def test_two_keys_of_one_service_share_what_is_remembered(host: Host) -> None:
    first = host.push(event(), Idempotency_Key='"r 1"')
    assert is_replay(first, host.push(event(), "backfiller", Idempotency_Key='"r 1"'))


@pytest.mark.parametrize(
    ("content", "key", "status"),
    [({"events": []}, "writer", 422), (event(), "revoked", 401), (event(), "of another scope", 403)],
)
def test_what_was_refused_before_it_was_carried_out_is_judged_anew(host: Host, content: Any, key: str, status: int) -> None:
    is_problem(host.push(content, key, Idempotency_Key="r-1"), status)
    assert host.push(event(), Idempotency_Key="r-1").json()["status"] == "accepted"


FORM = [
    ("r-1", "r-1"),
    ('"r-1"', "r-1"),
    ('"a \\"b\\" \\\\ c"', 'a "b" \\ c'),
    ("x" * LONGEST_KEY, "x" * LONGEST_KEY),
    ('"' + "x" * LONGEST_KEY + '"', "x" * LONGEST_KEY),
    ("a,b;c=1", "a,b;c=1"),
]
NO_KEY = [
    "",
    '""',
    " ",
    '"',
    '"a',
    'a"b',
    "a b",
    "a, b",
    "x" * 256,
    '"' + "x" * 256 + '"',
    "é",
    '"a\\b"',
    "a\tb",
    '"a"b',
    "\x7f",
]


@pytest.mark.parametrize(("text", "key"), FORM)
def test_a_key_is_bare_or_quoted(text: str, key: str) -> None:
    assert key_of([text]) == key


@pytest.mark.parametrize("text", NO_KEY)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        key_of([text])
    assert refused.value.status == 400


def test_no_header_is_no_key_and_two_are_refused() -> None:
    assert key_of([]) is None
    with pytest.raises(Problem):
        key_of(["a", "a"])


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=LONGEST_KEY))
def test_every_printable_text_can_be_quoted(key: str) -> None:
    assert key_of(['"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"']) == key


def test_a_bad_key_is_a_problem_in_the_access_log(host: Host) -> None:
    is_problem(host.push(event(), Idempotency_Key="a b"), 400)
    assert [row[3] for row in host.logged()] == [400]
    assert host.count() == 0


def test_one_under_way_keeps_its_key_until_it_ends() -> None:
    running = Running()
    first, other = (pairing("a", "r-1", "/v1/usage", body) for body in (b"1", b"2"))
    running.begin(first)
    for each, status in ((first, 409), (other, 422)):
        with pytest.raises(Problem) as refused:
            running.begin(each)
        assert refused.value.status == status
    running.begin(pairing("b", "r-1", "/v1/usage", b"1"))
    running.end(first)
    running.begin(other)


def test_route_and_body_make_the_request() -> None:
    assert (
        len({pairing("a", "r", *parts).fingerprint for parts in (("/x", b"y"), ("/", b"xy"), ("/x", b""), ("/xy", b""))}) == 4
    )


def waiting(host: Host, count: int) -> None:
    """Wait until so many sessions of the server are held up by a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while host.count(statement) < count:
        pass


def test_one_that_is_under_way_is_told_so(host: Host) -> None:
    with host.db.transaction() as conn, ThreadPoolExecutor(3) as pool:
        conn.execute("LOCK TABLE usage_identity IN ACCESS EXCLUSIVE MODE")
        first = pool.submit(host.push, event(), Idempotency_Key="r-1")
        waiting(host, 1)
        same = pool.submit(host.push, event(), Idempotency_Key="r-1")
        other = pool.submit(host.push, event(quantity="7"), Idempotency_Key="r-1")
        # They are answered after the lock is gone, for their lines of the access log wait for it too.
        time.sleep(0.5)
        conn.commit()
    assert is_problem(same.result(), 409)
    assert same.result().headers["retry-after"] == "1"
    is_problem(other.result(), 422)
    assert first.result().json()["status"] == "accepted"
    assert is_replay(first.result(), host.push(event(), Idempotency_Key="r-1"))


@pytest.fixture
def hosts(host: Host, store: Database, keys: dict[str, str], api_settings: Settings) -> Iterator[list[Host]]:
    """Two servers on one store."""
    with (
        serving(create_app(api_settings, store, lambda: NOW)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield [host, Host(client, store, keys)]


@pytest.mark.parametrize("servers", [1, 2])
def test_of_32_at_once_one_is_carried_out(hosts: list[Host], servers: int) -> None:
    batch = {"events": [event(idempotency_key=f"k-{number}") for number in range(20)]}
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda number: hosts[number % servers].push(batch, Idempotency_Key="r-1"), range(32)))
    done = [each for each in answers if each.status_code == 200]
    assert {each.status_code for each in answers} <= {200, 409}
    assert len([each for each in done if REPLAYED not in each.headers]) == 1
    assert {each.text for each in done} == {done[0].text}
    assert done[0].json()["accepted"] == 20, "had it been done twice, somebody would have been told of duplicates"
    assert hosts[0].count() == 20
    assert hosts[0].count("SELECT count(*) FROM idempotency_request") == 1
    assert len(hosts[0].logged()) == 32


def test_of_two_servers_the_one_that_comes_second_undoes_its_work_and_gives_the_answer_of_the_first(hosts: list[Host]) -> None:
    """Both are held just before they keep their answer, so that neither knows of the other."""
    with hosts[0].db.transaction() as conn, ThreadPoolExecutor(2) as pool:
        conn.execute("LOCK TABLE idempotency_request IN SHARE MODE")
        pushed = [
            pool.submit(each.push, event(external_subscription_id=subscription), Idempotency_Key="r-1")
            for each, subscription in zip(hosts, ("s-1", "s-1"), strict=True)
        ]
        waiting(hosts[0], 2)
        conn.commit()
    answers = [each.result() for each in pushed]
    assert [each.json()["status"] for each in answers] == ["accepted", "accepted"]
    assert sorted(REPLAYED in each.headers for each in answers) == [False, True]


def test_after_a_day_a_key_is_free_and_its_row_goes(store: Database, keys: dict[str, str], api_settings: Settings) -> None:
    now = [NOW]

    def clock() -> datetime:
        return now[0]

    with serving(create_app(api_settings, store, clock)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        host = Host(client, store, keys)
        first = host.push(event(), Idempotency_Key="r-1")
        assert host.push(event(), Idempotency_Key="r-2").json()["status"] == "duplicate"
        now[0] = NOW + KEPT - timedelta(seconds=1)
        assert is_replay(first, host.push(event(), Idempotency_Key="r-1"))
        now[0] = NOW + KEPT
        assert host.push(event(), Idempotency_Key="r-1").json()["status"] == "duplicate"
        left = "SELECT count(*) FROM idempotency_request WHERE idempotency_key = '{}'"
        assert (host.count(left.format("r-1")), host.count(left.format("r-2"))) == (1, 0)


def test_a_lost_session_loses_neither_effect_nor_answer(host: Host) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fcb serve'"
    host.push(event(idempotency_key="before"))
    with host.db.transaction() as conn, ThreadPoolExecutor(1) as pool:
        conn.execute("LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE")
        pushed = pool.submit(host.push, event(), Idempotency_Key="r-1")
        waiting(host, 1)
        conn.execute(kill)
        conn.commit()
    is_problem(pushed.result(), 503)
    again = host.push(event(), Idempotency_Key="r-1")
    assert (again.json()["status"], REPLAYED in again.headers) == ("accepted", False), "nothing of the first was kept"


def refused_alone(host: Host) -> Callable[[int], httpx.Response]:
    return lambda number: host.push(
        event(idempotency_key=f"n-{number}", quantity="5000" if number == 3 else "1"), Idempotency_Key=f"r-{number}"
    )


def test_one_that_cannot_be_stored_has_no_answer_to_give_again(host: Host) -> None:
    with host.db.transaction() as conn:
        conn.execute("ALTER TABLE usage_running ADD CONSTRAINT bound CHECK (quantity < 1000)")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(refused_alone(host), range(8)))
    assert [each.status_code for each in answers] == [500 if number == 3 else 200 for number in range(8)]
    with host.db.transaction() as conn:
        conn.execute("ALTER TABLE usage_running DROP CONSTRAINT bound")
    again = refused_alone(host)(3)
    assert json.loads(again.content)["status"] == "accepted"
