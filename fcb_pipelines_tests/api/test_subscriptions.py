"""Usage read back: what is stored, for whom it concerns and for nobody else."""

from urllib.parse import quote

import httpx
import pytest

from fcb_pipelines.store import snapshots
from fcb_pipelines_tests.api.conftest import NOW, Host, event
from fcb_pipelines_tests.api.test_usage import is_problem
from fcb_pipelines_tests.store.closed import closed


def back(host: Host, subscription: str = "s-1", query: str = "period=2026-04", key: str = "reader") -> httpx.Response:
    return host.client.get(f"/v1/subscriptions/{subscription}/usage?{query}", headers=host.bearer(key))


def test_a_month_is_told_by_metric_and_bill(host: Host) -> None:
    host.push({"events": [event(), event(idempotency_key="k-2", quantity="0.000001")]})
    with host.db.transaction() as conn:
        closed(conn, "nexacloud", "2026-04")
    assert host.push(event(idempotency_key="k-3", quantity="100")).json()["is_late"] is True
    assert back(host).json() == {
        "external_subscription_id": "s-1",
        "period": "2026-04",
        "start": "2026-04-01T00:00:00-04:00",
        "end": "2026-05-01T00:00:00-04:00",
        "is_closed": True,
        "usage": [
            {
                "metric": "cpu_seconds",
                "aggregation": "sum",
                "feed": "pushed",
                "booked_in": booked_in,
                "quantity": quantity,
                "events": events,
            }
            for booked_in, quantity, events in (("2026-04", "2.500001", 2), ("2026-05", "102.500001", 3))
        ],
    }


def test_a_month_without_usage_is_empty_and_open(host: Host) -> None:
    told = back(host, query="period=2026-03").json()
    assert (told["usage"], told["is_closed"]) == ([], False)


def test_nobody_elses_usage_is_told(host: Host) -> None:
    host.push(event(), "of another service")
    assert back(host).json()["usage"] == []
    theirs, nobodys = back(host, "s-other"), back(host, "s-nobody")
    assert is_problem(theirs, 404) == is_problem(nobodys, 404)
    for key, status in (("writer", 403), ("revoked", 401), ("expired", 401), ("without a scope", 403)):
        is_problem(back(host, key=key), status)
    is_problem(host.client.get("/v1/subscriptions/s-1/usage?period=2026-04"), 401)
    assert [row[3] for row in host.logged()][-5:] == [403, 401, 401, 403, 401]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        *((each, "?period=2026-05") for each in ("", "period=", "period=2026-13", "period=2026-4")),
        ("period=2026-04&period=2026-05", "period comes twice"),
        ("periode=2026-04", "no query parameter 'periode': it takes period"),
        ("period=2026-04&feed=pushed", "no query parameter 'feed': it takes period"),
    ],
)
def test_what_is_no_period_is_a_problem(host: Host, query: str, said: str) -> None:
    assert said in is_problem(back(host, query=query), 422)["detail"]


def test_an_id_may_hold_whatever_a_path_holds(host: Host) -> None:
    odd = ("a/b", "a b", "/", "..", "a?b", "a%2Fb", "a#b", "é", "a/usage")
    with host.db.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, "nexacloud", NOW)
        snapshots.add_rows(conn, snapshot_id, "subscriptions", [(each, {"id": each}) for each in odd])
    for each in odd:
        told = back(host, quote(each, safe="") if each != ".." else "%2E%2E")
        assert (told.status_code, told.json()["external_subscription_id"]) == (200, each)
    assert {row[1] for row in host.logged()} == {"/v1/subscriptions/{external_id}/usage"}


@pytest.mark.parametrize("subscription", ["%00", "%ff", "%ed%a0%80", "'--", "x" * 3000, "%F0%9F%98%80"])
def test_odd_names_are_subscriptions_that_do_not_exist(host: Host, subscription: str) -> None:
    assert is_problem(back(host, subscription), 404)
