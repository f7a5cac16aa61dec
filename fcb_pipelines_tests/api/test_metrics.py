"""The server's own figures: what they count, and that nobody can make up a label."""

from dataclasses import replace
from importlib.metadata import version

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.delivery import Notice, NoticeKind
from fcb_pipelines.settings import Settings
from fcb_pipelines.store import notices
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.endpoints import disable
from fcb_pipelines_tests.api.conftest import NOW, Host, event
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.webhooks.outgoing import BY, an_endpoint, tell


def scraped(host: Host) -> dict[tuple[str, ...], float]:
    """Each sample by its name and labels, as a Prometheus reads them."""
    answer = host.client.get("/metrics", headers=host.bearer("scraper"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def requests(found: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {
        labels: value for (name, *rest), value in found.items() if name == "fcb_http_requests_total" for labels in [tuple(rest)]
    }


def test_requests_are_counted_by_route_method_and_status(host: Host) -> None:
    host.push(event())
    host.push(event(external_subscription_id="s-9"))
    host.push(event(), "revoked")
    host.client.get("/v1/subscriptions/s-1/usage?period=2026-04", headers=host.bearer("reader"))
    host.client.get("/v1/usage")
    host.client.get("/healthz")
    found = scraped(host)
    assert requests(found) == {
        ("method=POST", "route=/v1/usage", "status=200"): 1,
        ("method=POST", "route=/v1/usage", "status=422"): 1,
        ("method=POST", "route=/v1/usage", "status=401"): 1,
        ("method=GET", "route=/v1/subscriptions/{external_id}/usage", "status=200"): 1,
        ("method=GET", "route=/v1/usage", "status=405"): 1,
        ("method=GET", "route=/healthz", "status=200"): 1,
    }
    assert found["fcb_http_request_seconds_count", "method=POST", "route=/v1/usage"] == 3
    assert requests(scraped(host))["method=GET", "route=/metrics", "status=200"] == 1


def test_made_up_paths_and_methods_make_no_labels(host: Host) -> None:
    before = len(scraped(host))
    for number in range(20):
        host.client.get(f"/v1/made/up/{number}")
        host.client.request(("PROPFIND", "MKCOL", "SEARCH", "REPORT")[number % 4], "/")
        host.client.get(f"/v1/subscriptions/secret-{number}/usage", headers=host.bearer("reader"))
        host.push(event(external_subscription_id=f"secret-{number}", metric="m"))
    found = scraped(host)
    assert requests(found)["method=GET", "route=none", "status=404"] == 20
    assert requests(found)["method=other", "route=none", "status=404"] == 20
    assert not any("secret" in label or "made" in label.lower() for labels in found for label in labels)
    assert len(found) < before + 100, "five kinds of requests and no more"


def test_events_are_counted_by_service_and_outcome_and_replays_are_not(host: Host) -> None:
    batch = {"events": [event(), event(), event(quantity="9"), event(quantity="x"), event(external_subscription_id="s-9")]}
    for _ in range(3):
        host.push(batch, Idempotency_Key="r-1")
    host.push(event(), "of another service")
    found = scraped(host)
    counted = {name[1:]: value for name, value in found.items() if name[0] == "fcb_usage_events_total"}
    assert counted == {
        ("outcome=accepted", "service=nexacloud"): 1,
        ("outcome=duplicate", "service=nexacloud"): 1,
        ("outcome=conflict", "service=nexacloud"): 1,
        ("outcome=rejected", "service=nexacloud"): 2,
        ("outcome=accepted", "service=other"): 1,
        ("outcome=duplicate", "service=other"): 0,
        ("outcome=conflict", "service=other"): 0,
        ("outcome=rejected", "service=other"): 0,
    }


def test_the_writer_and_the_store_are_shown(host: Host) -> None:
    host.push({"events": [event(idempotency_key=f"k-{number}") for number in range(7)]})
    found = scraped(host)
    assert found["fcb_writer_transaction_events_sum",] == 7
    assert found["fcb_writer_transaction_requests_sum",] == found["fcb_writer_transaction_seconds_count",] == 1
    assert found["fcb_writer_transaction_seconds_sum",] > 0
    assert found["fcb_writer_failed_transactions_total",] == 0
    assert found["fcb_writer_waiting_requests",] == 0
    assert found["fcb_store_ready",] == 1
    (build,) = (name for name in found if name[0] == "fcb_build_info")
    assert f"version={version('fcb_pipelines')}" in build
    with host.db.transaction() as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0003'")
        conn.execute("ALTER TABLE usage_running ADD CONSTRAINT bound CHECK (quantity < 100)")
    assert host.push(event(idempotency_key="k", quantity="1000")).status_code == 500
    found = scraped(host)
    assert (found["fcb_store_ready",], found["fcb_writer_failed_transactions_total",]) == (0, 1)


def test_each_server_counts_for_itself(host: Host, store: Database, api_settings: Settings) -> None:
    host.push(event())
    with serving(create_app(api_settings, store, lambda: NOW)) as url:
        host.client.base_url = url
        assert requests(scraped(host)) == {}


@pytest.mark.parametrize("path", ["/v1/usage/", "/healthz/", "//healthz"])
def test_a_path_that_is_nearly_a_route_is_not_found(host: Host, path: str) -> None:
    assert host.client.get(path).status_code == 404


def test_how_messages_stand_is_read_from_the_store(host: Host) -> None:
    found = scraped(host)
    assert found["fcb_webhook_deliveries", "service=nexacloud", "standing=dead"] == 0
    with host.db.transaction() as conn:
        endpoint, _ = an_endpoint(conn, by=replace(BY, service="nexacloud"))
        tell(conn, "s-1", "s-2", "s-3", service="nexacloud")
        conn.execute("UPDATE delivery SET next_try_at = now() - interval '90 seconds' WHERE message_id = ANY(%s)", [due(conn)])
        notices.add(conn, "nexacloud", [Notice(kind=NoticeKind.DEAD, subject="x", words="x")], NOW)
    found = scraped(host)
    assert found["fcb_webhook_deliveries", "service=nexacloud", "standing=waiting"] == 3
    assert found["fcb_webhook_due", "service=nexacloud"] == 3
    assert 90 <= found["fcb_webhook_overdue_seconds", "service=nexacloud"] < 120
    assert found["fcb_notices_untold", "service=nexacloud"] == 1
    with host.db.transaction() as conn:
        disable(conn, endpoint.endpoint_id, because="x", at=NOW)
    found = scraped(host)
    assert (
        found["fcb_webhook_deliveries", "service=nexacloud", "standing=held"],
        found["fcb_webhook_due", "service=nexacloud"],
    ) == (3, 0)
    assert found["fcb_webhook_deliveries", "service=other", "standing=held"] == 0


def due(conn: Connection) -> list[str]:
    """One message."""
    return [row[0] for row in conn.execute("SELECT message_id FROM message ORDER BY subject LIMIT 1")]
