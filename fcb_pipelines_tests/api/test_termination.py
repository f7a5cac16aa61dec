"""A host says that a subscription has ended: kept once, noted in the audit log, and no host changes it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.terminations import Correction, correct, corrections, withdraw
from fcb_pipelines.api.termination import LONGEST_REASON
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.store import snapshots
from fcb_pipelines_tests.api.conftest import NOW, Host, event
from fcb_pipelines_tests.api.test_idempotency import is_replay
from fcb_pipelines_tests.api.test_usage import is_problem
from fcb_pipelines_tests.webhooks.told import told

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
    (message,) = told(host.db, "nexacloud")
    assert (message["type"], message["sequence"], message["data"]["external_subscription_id"]) == (
        "subscription.terminated",
        1,
        "s-1",
    )
    assert {name: message["data"][name] for name in ("ended_at", "ended_by", "reason")} == {
        "ended_at": ENDED,
        "ended_by": "host",
        "reason": "cancelled by the customer",
    }


@pytest.mark.parametrize(
    "content", [{"ended_at": ENDED}, {}, {"ended_at": "2026-04-19T20:30:00+02:00"}, {"reason": "other"}, {"ended_at": None}]
)
def test_the_same_again_is_told_what_stands(host: Host, content: Any) -> None:
    first = terminate(host, {"ended_at": ENDED, "reason": "moved"})
    again = terminate(host, content)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (len(kept(host)), len(noted(host)), len(told(host.db, "nexacloud"))) == (1, 1, 1)


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


def told_start(host: Host, started_at: str) -> None:
    """Take a snapshot that tells when s-1 began."""
    with host.db.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, "nexacloud", NOW)
        rows = [("s-1", {"started_at": started_at}), ("s-nexacloud", {"started_at": "soon"})]
        snapshots.add_rows(conn, snapshot_id, "subscriptions", rows)


def test_an_end_before_the_start_is_refused_with_the_start(host: Host) -> None:
    told_start(host, "2026-04-02T04:00:00Z")
    told = is_problem(terminate(host, {"ended_at": "2026-04-02T03:59:59.999999Z"}), 422)
    assert told["errors"][0]["pointer"] == "/ended_at"
    assert "2026-04-01T23:59:59.999999-04:00, before the subscription began at 2026-04-02T00:00:00-04:00" in told["detail"]
    assert (kept(host), noted(host)) == ([], [])
    assert terminate(host, {"ended_at": "2026-04-02T04:00:00Z"}).status_code == 200, "what is refused leaves no trace"


def test_what_begins_later_cannot_have_ended_now(host: Host) -> None:
    told_start(host, "2026-05-01T00:00:00Z")
    assert is_problem(terminate(host, {}), 422)["errors"][0]["pointer"] == "/ended_at"
    assert kept(host) == []


def test_a_start_that_the_source_does_not_tell_bounds_nothing(host: Host) -> None:
    told_start(host, "2026-04-02T04:00:00Z")
    assert terminate(host, {"ended_at": "2000-01-01T00:00:00Z"}, "s-nexacloud").status_code == 200


def test_what_stands_is_told_whatever_the_source_tells_later(host: Host) -> None:
    first = terminate(host, {"ended_at": ENDED})
    told_start(host, "2026-04-20T00:00:00Z")
    assert terminate(host, {"ended_at": ENDED}).json() == first.json()
    is_problem(terminate(host, {"ended_at": "2026-04-20T01:00:00Z"}), 409)


def correction(**fields: Any) -> Correction:
    given: dict[str, Any] = {
        "service": "nexacloud",
        "external_subscription_id": "s-1",
        "reason": "a typo",
        "actor": "ada",
        "at": NOW,
    }
    return Correction(**(given | fields))


def test_what_an_operator_corrects_is_told_to_the_host(host: Host) -> None:
    first = terminate(host, {"ended_at": ENDED, "reason": "moved"}).json()
    with host.db.transaction() as conn:
        correct(conn, correction(), datetime(2026, 4, 18, 12, tzinfo=UTC))
    again = terminate(host, {})
    assert again.json() == first | {"ended_at": "2026-04-18T08:00:00-04:00"}
    told = is_problem(terminate(host, {"ended_at": ENDED}), 409)
    assert told["standing"] == again.json()
    assert "fcb terminations correct" in told["detail"]
    assert terminate(host, {"ended_at": "2026-04-18T12:00:00Z"}).status_code == 200
    assert [each.broken for each in verify_logs(host.db)] == [None, None]


def test_what_an_operator_takes_back_may_be_said_anew(host: Host) -> None:
    terminate(host, {"ended_at": ENDED})
    with host.db.transaction() as conn:
        withdraw(conn, correction())
    assert kept(host) == []
    assert terminate(host, {"ended_at": "2026-04-18T12:00:00Z"}).json()["ended_at"] == "2026-04-18T08:00:00-04:00"
    assert len(noted(host)) == 2


NO_CORRECTIONS: tuple[tuple[dict[str, Any], datetime, str], ...] = (
    ({}, datetime(2026, 4, 19, 18, 30, tzinfo=UTC), "at that time already"),
    ({}, datetime(2026, 4, 20, 12, 5, 1, tzinfo=UTC), "lies ahead"),
    ({}, datetime(2026, 4, 2, 3, tzinfo=UTC), "before the subscription began, at 2026-04-02T04:00:00"),
    ({"reason": " "}, NOW, "say why"),
    ({"external_subscription_id": "s-nexacloud"}, NOW, "nobody said that s-nexacloud"),
    ({"service": "other"}, NOW, "nobody said that s-1 of other"),
)


def test_what_is_no_correction_changes_nothing(host: Host) -> None:
    told_start(host, "2026-04-02T04:00:00Z")
    terminate(host, {"ended_at": ENDED})
    before = kept(host)
    for fields, ended_at, said in NO_CORRECTIONS:
        with host.db.transaction() as conn, pytest.raises(InvalidInput, match=said):
            correct(conn, correction(**fields), ended_at)
    with host.db.transaction() as conn:
        assert corrections(conn, "nexacloud") == ()
    assert kept(host) == before


def test_two_operators_at_once_do_not_undo_each_other(host: Host) -> None:
    terminate(host, {"ended_at": ENDED})

    def by(number: int) -> bool:
        try:
            with host.db.transaction() as conn:
                correct(conn, correction(actor=f"ada-{number}"), NOW - timedelta(days=2, seconds=number))
        except RuleViolation:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(by, range(8)))
    with host.db.transaction() as conn:
        found = corrections(conn, "nexacloud")
    assert len(found) == sum(done) >= 1
    ends = [datetime.fromisoformat(ENDED), *(datetime.fromisoformat(each.data["ended_at"]) for each in found)]
    assert [datetime.fromisoformat(each.data["ended_at_before"]) for each in found] == ends[:-1]
    assert kept(host)[0][2] == ends[-1]


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


def test_under_one_idempotency_key_every_id_is_another_request(host: Host) -> None:
    odd = ("a?b", "a?c", "a#c", "a", "a/c")
    with host.db.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, "nexacloud", NOW)
        snapshots.add_rows(conn, snapshot_id, "subscriptions", [(each, {"id": each}) for each in odd])
    headers = {"Idempotency-Key": "t-1"}
    told = [terminate(host, {}, quote(each, safe=""), headers=headers) for each in odd]
    assert [each.status_code for each in told] == [200] + [422] * 4
    assert [row[1] for row in kept(host)] == ["a?b"]


def test_usage_may_still_come_late(host: Host) -> None:
    terminate(host, {"ended_at": ENDED})
    assert host.push(event()).json()["status"] == "accepted"


def test_if_it_cannot_be_noted_it_is_not_kept(host: Host) -> None:
    with host.db.transaction() as conn:
        conn.execute("ALTER TABLE audit_log ADD CONSTRAINT none CHECK (act <> 'subscription_terminated')")
    is_problem(terminate(host, {}), 500)
    assert kept(host) == []
