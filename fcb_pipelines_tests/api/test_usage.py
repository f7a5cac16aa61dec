"""`POST /v1/usage` as a host uses it, over real HTTP on a real store."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.api.app import create_app
from fcb_pipelines.api.bodies import MOST_BYTES
from fcb_pipelines.api.openapi.document import document
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Host, event
from fcb_pipelines_tests.odoo.server import serving

SUBSCRIPTIONS = ("s-1", "s-nexacloud")


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


def test_one_event_has_one_result(host: Host) -> None:
    first = host.push(event())
    assert (first.status_code, first.json()) == (200, {"idempotency_key": "k-1", "status": "accepted", "is_late": False})
    again = host.push(event(quantity=2.50))
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    other = host.push(event(quantity="3"))
    assert (other.status_code, other.json()["status"], other.json()["code"]) == (409, "conflict", "conflict")
    unknown = host.push(event(external_subscription_id="s-9"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_subscription")
    wrong = host.push(event(quantity="-1", idempotency_key="k-2"))
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["pointer"]) == (422, "invalid", "/quantity")
    assert host.count() == 1


def test_a_batch_tells_of_each_event_in_order_and_stores_the_good_ones(host: Host) -> None:
    answer = host.push(
        {
            "events": [
                event(),
                event(quantity="x", idempotency_key="k-2"),
                5,
                event(),
                event(quantity="9"),
                event(idempotency_key="k-3"),
                {
                    **{name: event()[name] for name in ("external_subscription_id", "metric")},
                    "idempotency_key": "v",
                    "voids": "k-3",
                },
            ]
        }
    )
    assert answer.status_code == 200
    told = answer.json()
    statuses = ["accepted", "rejected", "rejected", "duplicate", "conflict", "accepted", "accepted"]
    assert [each["status"] for each in told["results"]] == statuses
    assert [each["idempotency_key"] for each in told["results"]] == ["k-1", "k-2", None, "k-1", "k-1", "k-3", "v"]
    assert [each.get("pointer") for each in told["results"]][:3] == [None, "/events/1/quantity", "/events/2"]
    assert {name: told[name] for name in ("accepted", "duplicate", "conflict", "rejected")} == {
        "accepted": 3,
        "duplicate": 1,
        "conflict": 1,
        "rejected": 2,
    }
    assert host.count() == 3
    assert host.count("SELECT quantity * 2 FROM usage_running") == 5, "k-3 was taken back"


REFUSED_KEYS = {
    "without a scope": (403, "wrong_scope"),
    "of another scope": (403, "wrong_scope"),
    "revoked": (401, "revoked"),
    "expired": (401, "expired"),
}


@pytest.mark.parametrize("key", list(REFUSED_KEYS))
def test_a_key_that_may_not_is_refused_and_logged(host: Host, key: str) -> None:
    status, reason = REFUSED_KEYS[key]
    is_problem(host.push(event(), key), status)
    assert host.count() == 0
    assert host.logged() == [("nexacloud", "/v1/usage", reason, status)]


def test_what_is_no_key_is_refused_alike_and_logged(host: Host) -> None:
    unknown = {**host.keys, "unknown": "fcb_" + "A" * 49}
    for headers in (
        {},
        {"Authorization": "Basic x"},
        {"Authorization": f"Bearer {unknown['unknown']}"},
        {"Authorization": "Bearer x"},
    ):
        answer = host.client.post("/v1/usage", json=event(), headers=headers)
        is_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert [row[3] for row in host.logged()] == [401] * 4
    assert host.count() == 0


def test_another_services_subscription_answers_as_one_that_does_not_exist(host: Host) -> None:
    theirs, nobodys = (host.push(event(external_subscription_id=each)) for each in ("s-other", "s-nobody"))
    assert theirs.status_code == nobodys.status_code == 422
    assert theirs.text.replace("s-other", "X") == nobodys.text.replace("s-nobody", "X")
    assert host.push(event(external_subscription_id="s-other"), "of another service").status_code == 200
    assert host.push(event(), "of another service").json()["status"] == "accepted"
    is_problem(host.push(event(), "of a service that is gone"), 403)


def test_old_usage_needs_a_key_that_may_backfill(host: Host) -> None:
    old = event(started_at="2026-03-01T12:00:00Z")
    assert host.push(old).json()["code"] == "too_old"
    assert host.push(old, "backfiller").json()["status"] == "accepted"
    assert host.push(event(started_at="2026-04-20T12:05:01Z")).json()["code"] == "in_the_future"


DAYS = ("1999-12-31", "2000-01-01", "2096-02-29", "2198-12-31", "2199-12-31", "2200-01-01", "2200-12-31")


def test_the_first_and_the_last_times_there_are_make_nothing_fail(host: Host) -> None:
    for day, clock, zone in product(DAYS, ("00:00:00", "23:59:59.999999"), ("Z", "+23:59", "-23:59")):
        at = f"{day}T{clock}{zone}"
        told = host.push(event(started_at=at), "backfiller")
        assert (told.status_code, told.json()["code"] in {"invalid", "too_old", "in_the_future"}) == (422, True), at
        ended = host.client.post("/v1/subscriptions/s-1/terminate", json={"ended_at": at}, headers=host.bearer("terminator"))
        assert ended.status_code in {200, 409, 422}, at


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b'{"metric": "\\ud800"}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"events": []}', "application/json", 422),
        (b"x" * (MOST_BYTES + 1), "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
    ],
)
def test_a_request_that_cannot_be_read_is_a_problem_that_is_logged(host: Host, body: bytes, kind: str, status: int) -> None:
    is_problem(host.raw(body, kind=kind), status)
    assert host.logged() == [("nexacloud", "/v1/usage", "allowed", status)]


def test_a_body_of_unknown_length_is_measured_too(host: Host) -> None:
    headers = {**host.bearer("writer"), "Content-Type": "application/json"}
    for blocks, status in ((16, 400), (17, 413)):
        chunks = (b" " * 65536 for _ in range(blocks))
        is_problem(host.client.post("/v1/usage", content=chunks, headers=headers), status)


def test_other_routes_and_methods_are_problems_too(host: Host) -> None:
    is_problem(host.client.get("/v2/usage"), 404)
    answer = host.client.get("/v1/usage", headers=host.bearer("writer"))
    is_problem(answer, 405)
    assert "POST" in answer.headers["allow"]


def test_health_and_readiness_need_no_key(host: Host) -> None:
    assert (host.client.get("/healthz").json(), host.client.get("/readyz").status_code) == ({"status": "ok"}, 200)
    with host.db.transaction() as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0003'")
    behind = host.client.get("/readyz")
    assert (behind.status_code, behind.json()["status"], behind.json()["part"]) == (503, "not ready", "migrations")
    assert host.client.get("/healthz").status_code == 200


def test_while_the_store_is_away_callers_are_told_to_come_again(host: Host, postgres_url: str, api_settings: Settings) -> None:
    away = Database(postgres_url.rpartition("/")[0] + "/no_such_database")
    with serving(create_app(api_settings, away, lambda: NOW)) as url:
        answer = httpx.post(f"{url}/v1/usage", json=event(), headers=host.bearer("writer"), trust_env=False)
        assert is_problem(answer, 503)["detail"].endswith("send the same again.")
        assert answer.headers["retry-after"] == "2"
        ready = httpx.get(f"{url}/readyz", trust_env=False)
        not_ready = {"status": "not ready", "part": "database", "detail": "our own database does not answer"}
        assert (ready.status_code, ready.json()) == (503, not_ready)
        (example,) = document()["paths"]["/readyz"]["get"]["responses"]["503"]["content"]["application/json"][
            "examples"
        ].values()
        assert example["value"] == not_ready


def test_a_session_that_is_lost_costs_one_answer_at_most(host: Host) -> None:
    assert host.push(event()).status_code == 200
    with host.db.transaction() as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fcb serve'")
    told = [host.push(event(idempotency_key="k-2")).status_code for _ in range(2)]
    assert told in ([503, 200], [200, 200])
    assert host.count() == 2


def test_what_cannot_be_stored_takes_nobody_elses_with_it_and_is_logged(host: Host) -> None:
    assert host.push(event()).status_code == 200
    with host.db.transaction() as conn:
        conn.execute("ALTER TABLE usage_running ADD CONSTRAINT bound CHECK (quantity < 1000)")

    def push(number: int) -> int:
        quantity = "5000" if number == 7 else "1"
        return host.push(
            event(idempotency_key=f"n-{number}", quantity=quantity, external_subscription_id=SUBSCRIPTIONS[number == 7])
        ).status_code

    with host.db.transaction() as conn, ThreadPoolExecutor(16) as pool:
        conn.execute("LOCK TABLE usage_identity IN ACCESS EXCLUSIVE MODE")
        answers = [pool.submit(push, number) for number in range(16)]
        time.sleep(0.5)
        conn.commit()
    assert [each.result() for each in answers] == [500 if number == 7 else 200 for number in range(16)]
    assert host.count() == 16
    assert sorted(row[3] for row in host.logged()) == [200] * 16 + [500]


def test_one_batch_by_many_clients_at_once_counts_once(host: Host) -> None:
    batch = {"events": [event(idempotency_key=f"k-{number}", quantity=str(number)) for number in range(50)]}
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: host.push(batch), range(64)))
    assert {each.status_code for each in answers} == {200}
    assert sum(each.json()["accepted"] for each in answers) == 50
    assert sum(each.json()["duplicate"] for each in answers) == 50 * 63
    assert host.count("SELECT quantity FROM usage_running") == sum(range(50))
    assert len(host.logged()) == 64
    assert [each.broken for each in verify_logs(host.db)] == [None, None]


def test_a_key_that_asks_too_often_is_told_when_to_come_again(
    store: Database, keys: dict[str, str], api_settings: Settings
) -> None:
    slow = api_settings.model_copy(update={"api_requests_per_second": 3})
    with serving(create_app(slow, store, lambda: NOW)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        host = Host(client, store, keys)
        answers = [host.push(event()) for _ in range(12)]
        refused = [each for each in answers if each.status_code == 429]
        assert refused
        assert all(1 <= int(each.headers["retry-after"]) <= 2 for each in refused)
        is_problem(refused[0], 429)
        assert host.push(event(), "of another service").status_code == 200
