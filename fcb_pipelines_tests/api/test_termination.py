"""A host says that a subscription has ended: kept once, noted in the audit log, and never changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.api.termination import LONGEST_REASON
from fcb_pipelines_tests.api.conftest import Host, event
from fcb_pipelines_tests.api.test_idempotency import is_replay
from fcb_pipelines_tests.api.test_usage import is_problem

ENDED = "2026-04-19T18:30:00Z"


def terminate(
    host: Host, content: Any, subscription: str = "s-1", key: str = "terminator", headers: dict[str, str] | None = None
) -> httpx.Response:
    return host.client.post(
        f"/v1/subscriptions/{subscription}/terminate", json=content, headers=host.bearer(key) | (headers or {})
    )


def noted(host: Host) -> list[tuple[Any, ...]]:
    with host.db.transaction() as conn:
        return conn.execute(
            "SELECT act, service, subject, data FROM audit_log WHERE act = 'subscription_terminated' ORDER BY position"
        ).fetchall()


def kept(host: Host) -> list[tuple[Any, ...]]:
    with host.db.transaction() as conn:
        return conn.execute(
            "SELECT service, external_subscription_id, ended_at, reason FROM subscription_termination"
        ).fetchall()


def test_the_fact_is_kept_with_who_said_it(host: Host) -> None:
    answer = terminate(host, {"ended_at": ENDED, "reason": "cancelled by the customer"})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "external_subscription_id": "s-1",
            "ended_at": "2026-04-19T14:30:00-04:00",
            "reason": "cancelled by the customer",
            "recorded_at": "2026-04-20T08:00:00-04:00",
        },
    )
    assert kept(host) == [("nexacloud", "s-1", datetime(2026, 4, 19, 18, 30, tzinfo=UTC), "cancelled by the customer")]
    data = {"ended_at": "2026-04-19T18:30:00+00:00", "reason": "cancelled by the customer"}
    assert noted(host) == [("subscription_terminated", "nexacloud", "s-1", data)]
    who = "SELECT count(*) FROM audit_log JOIN api_key ON actor = key_id WHERE name = 'terminator'"
    assert host.count(who) == 1
    assert host.logged() == [("nexacloud", "/v1/subscriptions/{external_id}/terminate", "allowed", 200)]
    assert [each.broken for each in verify_logs(host.db)] == [None, None]


@pytest.mark.parametrize(
    "content", [{"ended_at": ENDED}, {}, {"ended_at": "2026-04-19T20:30:00+02:00"}, {"reason": "other"}, {"ended_at": None}]
)
def test_the_same_again_is_told_what_stands(host: Host, content: Any) -> None:
    first = terminate(host, {"ended_at": ENDED, "reason": "moved"})
    again = terminate(host, content)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (len(kept(host)), len(noted(host))) == (1, 1)


def test_another_end_is_refused_with_what_stands(host: Host) -> None:
    first = terminate(host, {"ended_at": ENDED})
    told = is_problem(terminate(host, {"ended_at": "2026-04-19T18:30:01Z"}), 409)
    assert told["standing"] == first.json()
    assert told["errors"][0]["pointer"] == "/ended_at"
    assert (len(kept(host)), len(noted(host))) == (1, 1)


def test_without_an_end_it_ended_now(host: Host) -> None:
    assert terminate(host, {}).json()["ended_at"] == "2026-04-20T08:00:00-04:00"
    assert terminate(host, {"reason": None}, "s-nexacloud").json()["reason"] is None


@pytest.mark.parametrize("ended_at", ["2026-04-20T12:05:00Z", "2000-01-01T00:00:00Z"])
def test_an_end_may_be_as_far_ahead_as_clocks_differ(host: Host, ended_at: str) -> None:
    assert terminate(host, {"ended_at": ended_at}).status_code == 200


NO_TERMINATIONS: tuple[tuple[Any, str], ...] = (
    ({"ended_at": "2026-04-20T12:05:01Z"}, "/ended_at"),
    ({"ended_at": "2026-04-19"}, "/ended_at"),
    ({"ended_at": "2026-04-19T12:00:00"}, "/ended_at"),
    ({"ended_at": 5}, "/ended_at"),
    ({"reason": ""}, "/reason"),
    ({"reason": "x" * (LONGEST_REASON + 1)}, "/reason"),
    ({"reason": 5}, "/reason"),
    ({"ended": ENDED}, "/ended"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ([], ""),
    ("s-1", ""),
)


def test_what_is_no_termination_is_refused_with_a_pointer(host: Host) -> None:
    for content, pointer in NO_TERMINATIONS:
        told = is_problem(terminate(host, content), 422)
        assert told["errors"][0]["pointer"] == pointer, content
    assert kept(host) == []


def test_an_end_that_lies_ahead_is_refused_with_what_to_do(host: Host) -> None:
    assert "tell it when the subscription has ended" in terminate(host, {"ended_at": "2026-05-01T00:00:00Z"}).json()["detail"]


def test_the_longest_reason_is_kept(host: Host) -> None:
    assert terminate(host, {"reason": "é" * LONGEST_REASON}).json()["reason"] == "é" * LONGEST_REASON


@pytest.mark.parametrize(("body", "kind", "status"), [(b"{", "application/json", 400), (b"{}", "text/plain", 415)])
def test_a_body_that_cannot_be_read_is_a_problem(host: Host, body: bytes, kind: str, status: int) -> None:
    headers = host.bearer("terminator") | {"Content-Type": kind}
    is_problem(host.client.post("/v1/subscriptions/s-1/terminate", content=body, headers=headers), status)


def test_nobody_elses_subscription_is_ended(host: Host) -> None:
    theirs, nobodys, odd = (terminate(host, {}, each) for each in ("s-other", "s-nobody", "%00"))
    assert is_problem(theirs, 404) == is_problem(nobodys, 404) == is_problem(odd, 404)
    assert (kept(host), noted(host)) == ([], [])


def test_a_key_without_the_scope_may_not(host: Host) -> None:
    is_problem(terminate(host, {}, key="writer"), 403)
    assert kept(host) == []


def test_many_at_once_keep_one_fact(host: Host) -> None:
    ends = [f"2026-04-19T18:30:{second:02d}Z" for second in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda end: terminate(host, {"ended_at": end}), ends))
    assert sorted(each.status_code for each in answers) == [200] + [409] * 15
    (first,) = (each.json() for each in answers if each.status_code == 200)
    assert all(each.json()["standing"] == first for each in answers if each.status_code == 409)
    assert (len(kept(host)), len(noted(host))) == (1, 1)


def test_under_one_idempotency_key_the_refusal_stands_too(host: Host) -> None:
    headers = {"Idempotency-Key": "t-1"}
    first, again = (terminate(host, {"ended_at": ENDED}, "s-nobody", headers=headers) for _ in range(2))
    assert first.status_code == 404
    assert is_replay(first, again)
    is_problem(terminate(host, {"ended_at": ENDED}, "s-1", headers=headers), 422)
    assert kept(host) == [], "the path is part of the request"


def test_usage_may_still_come_late(host: Host) -> None:
    terminate(host, {"ended_at": ENDED})
    assert host.push(event()).json()["status"] == "accepted"


def test_if_it_cannot_be_noted_it_is_not_kept(host: Host) -> None:
    with host.db.transaction() as conn:
        conn.execute("ALTER TABLE audit_log ADD CONSTRAINT none CHECK (act <> 'subscription_terminated')")
    is_problem(terminate(host, {}), 500)
    assert kept(host) == []
