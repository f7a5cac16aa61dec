"""A server over real HTTP on a store of its own that knows s-1 of two services, and callers with keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.access import create_key, revoke_key
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.settings import Settings, load
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "external_subscription_id": "s-1",
    "metric": "cpu_seconds",
    "idempotency_key": "k-1",
    "quantity": "2.5",
    "started_at": "2026-04-20T11:00:00Z",
}
SERVICES = """
[services.nexacloud]
mapping = "nexacloud"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"

[services.other]
mapping = "nexacloud"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
"""


def event(**fields: Any) -> dict[str, Any]:
    return {**EVENT, **fields}


@dataclass(frozen=True)
class Host:
    """What a host sees of us, with keys of several kinds."""

    client: httpx.Client
    db: Database
    keys: dict[str, str]

    def push(self, content: Any, key: str = "writer", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/v1/usage", json=content, headers=self.bearer(key) | named)

    def raw(self, body: bytes, key: str = "writer", kind: str = "application/json") -> httpx.Response:
        return self.client.post("/v1/usage", content=body, headers={**self.bearer(key), "Content-Type": kind})

    def bearer(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[key]}"}

    def count(self, statement: str = "SELECT count(*) FROM usage_event") -> int:
        with self.db.transaction() as conn:
            row = conn.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def logged(self) -> list[tuple[Any, ...]]:
        with self.db.transaction() as conn:
            return conn.execute("SELECT service, route, outcome, status FROM access_log ORDER BY position").fetchall()


@pytest.fixture(scope="session")
def api_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("api")
    (folder / "fcb.toml").write_text(SERVICES)
    return load({}, folder=folder)


@dataclass(frozen=True)
class Template:
    """A database to copy, which nobody may be connected to, and what is known of it."""

    name: str
    keys: dict[str, str]


@pytest.fixture(scope="session")
def api_template(postgres_url: str, store_template: str) -> Iterator[Template]:
    """A store in which s-1 is a subscription of both services, and the callers' keys."""
    with database(postgres_url, template=store_template) as url:
        db = Database(url)
        two_services(db)
        yield Template(url.rpartition("/")[2], make_keys(db))


@pytest.fixture
def store(postgres_url: str, api_template: Template) -> Iterator[Database]:
    """A store of its own in which s-1 is a subscription of both services."""
    with database(postgres_url, template=api_template.name) as url:
        yield Database(url)


@pytest.fixture
def keys(api_template: Template) -> dict[str, str]:
    """Keys by what is peculiar to them."""
    return api_template.keys


def two_services(db: Database) -> None:
    """Make s-1 a subscription of both services, and another one of each."""
    with db.transaction() as conn:
        for code in ("nexacloud", "other"):
            snapshot_id = snapshots.open_snapshot(conn, code, NOW)
            ids = ("s-1", f"s-{code}")
            snapshots.add_rows(conn, snapshot_id, "subscriptions", [(each, a_subscription_of(each, code)) for each in ids])


def a_subscription_of(external_id: str, service: str) -> dict[str, Any]:
    """The row of a subscription whose plan the source does not have."""
    absent = dict.fromkeys(
        ("external_deployment_id", "ended_at", "contract_price", "discount_percent", "billing_anchor", "instalments")
    )
    return {
        **absent,
        "external_subscription_id": external_id,
        "external_user_id": f"u-{service}",
        "external_plan_id": "p-none",
        "billing_interval": "monthly",
        "status": "active",
        "started_at": "1999-01-01T05:00:00+00:00",
    }


def make_keys(db: Database) -> dict[str, str]:
    made = {}
    for name, service, scopes in (
        ("writer", "nexacloud", {Scope.USAGE_WRITE}),
        ("reader", "nexacloud", {Scope.USAGE_READ}),
        ("backfiller", "nexacloud", {Scope.USAGE_WRITE, Scope.USAGE_BACKFILL}),
        ("terminator", "nexacloud", {Scope.SUBSCRIPTIONS_TERMINATE}),
        ("scraper", "nexacloud", {Scope.METRICS_READ}),
        ("reconciler", "nexacloud", {Scope.RECONCILIATION_READ}),
        ("reconciler of another service", "other", {Scope.RECONCILIATION_READ}),
        ("of another service", "other", {Scope.USAGE_WRITE}),
        ("of a service that is gone", "gone", {Scope.USAGE_WRITE}),
        ("without a scope", "nexacloud", set()),
        ("of another scope", "nexacloud", set(Scope) - {Scope.USAGE_WRITE}),
        ("revoked", "nexacloud", {Scope.USAGE_WRITE}),
        ("expired", "nexacloud", {Scope.USAGE_WRITE}),
    ):
        ends = NOW + timedelta(days=-1) if name == "expired" else None
        key, plain = create_key(
            db,
            service=service,
            name=name,
            scopes=frozenset(scopes),
            expires_at=ends,
            actor="ada",
            now=NOW - timedelta(days=2),
        )
        made[name] = plain.text
        if name == "revoked":
            revoke_key(db, key.key_id, actor="ada", now=NOW - timedelta(days=1))
    return made


@pytest.fixture
def host(store: Database, keys: dict[str, str], api_settings: Settings) -> Iterator[Host]:
    with (
        serving(create_app(api_settings, store, lambda: NOW)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield Host(client, store, keys)
