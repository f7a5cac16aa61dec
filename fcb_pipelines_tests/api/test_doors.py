"""Every route with every kind of key: who is let in, what is told, and that whoever is not leaves no trace but in the log."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.acceptances import Wanted, accept
from fcb_pipelines.acts.access import create_key, revoke_key
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.api.app import create_app
from fcb_pipelines.api.calls import KeyedRoute
from fcb_pipelines.api.openapi.document import DOCS, OPENAPI
from fcb_pipelines.api.routes import KEYED
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason
from fcb_pipelines.domain.access import RANDOM_BYTES, Scope, new_key
from fcb_pipelines.domain.access import Reason as Refused
from fcb_pipelines.domain.messages import MessageType, News, message
from fcb_pipelines.settings import Settings
from fcb_pipelines.store import outbox
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, event, two_services
from fcb_pipelines_tests.api.test_reconciliation import add_revision
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How a route is called; `{}` is the subscription or the month."""

    path: str
    scope: str
    body: str | None = None
    """The field of an event that names the subscription, or nothing."""
    subjects: tuple[str, ...] = ("s-1", "s-other", "s-nobody")
    """Our own, another service's, nobody's."""
    theirs: int = 404
    """What is answered of another service's."""
    own: int = 200
    """What is answered of one's own."""


def a_message_id(letter: str) -> str:
    """An id of a message."""
    return f"msg_{letter * 26}"


PAGE = Probe(path="/reports/{}", scope="reconciliation:read", subjects=("2026-04", "2026-03", "2026-02"))
# A key alone signs nothing: that the form is of our own page and visit is asked for before anything is looked up.
FORM = replace(PAGE, path="/reports/{}/acceptances", own=403, theirs=403)
A_FORM = {"form": "A" * 22, "token": "t", "shown": "A-1", "secret": "s"}
PROBES = {
    ("POST", "/v1/usage"): Probe(path="/v1/usage", scope="usage:write", body="external_subscription_id", theirs=422),
    ("GET", "/v1/subscriptions/{external_id}/usage"): Probe(
        path="/v1/subscriptions/{}/usage?period=2026-04", scope="usage:read"
    ),
    ("POST", "/v1/subscriptions/{external_id}/terminate"): Probe(
        path="/v1/subscriptions/{}/terminate", scope="subscriptions:terminate", body=""
    ),
    ("GET", "/v1/periods/{period}/reconciliation"): Probe(
        path="/v1/periods/{}/reconciliation", scope="reconciliation:read", subjects=("2026-04", "2026-03", "2026-02")
    ),
    ("GET", "/reports/{period}"): PAGE,
    ("GET", "/reports/{period}/queue"): replace(PAGE, path="/reports/{}/queue"),
    ("GET", "/reports/{period}/flip"): replace(PAGE, path="/reports/{}/flip"),
    ("GET", "/reports/{period}/rows"): replace(PAGE, path="/reports/{}/rows"),
    ("GET", "/reports/{period}/rows/{row_id}"): replace(
        PAGE,
        path="/reports/2026-04/rows/{}",
        subjects=tuple(f"nexacloud%2F2026-04%2Fsubscription%2F{each}" for each in ("s-1", "s-other", "s-nobody")),
    ),
    ("GET", "/reports/{period}/pictures/{picture}"): replace(PAGE, path="/reports/{}/pictures/scatter.cad.light.svg"),
    ("GET", "/reports/{period}/acceptances"): replace(PAGE, path="/reports/{}/acceptances"),
    ("GET", "/reports/{period}/acceptances/{decision}"): replace(
        PAGE, path="/reports/2026-04/acceptances/{}", subjects=("D-1", "D-2", "D-3")
    ),
    ("POST", "/reports/{period}/acceptances"): FORM,
    ("POST", "/reports/{period}/acceptances/{decision}/approval"): replace(
        FORM, path="/reports/2026-04/acceptances/{}/approval", subjects=("D-1", "D-2", "D-3")
    ),
    ("POST", "/reports/{period}/acceptances/{decision}/withdrawal"): replace(
        FORM, path="/reports/2026-04/acceptances/{}/withdrawal", subjects=("D-1", "D-2", "D-3")
    ),
    # Of each service its own alone; what there is of it is proved where the pages are (report/test_webhooks).
    ("GET", "/webhooks"): Probe(path="/webhooks", scope="webhooks:read", theirs=200),
    ("GET", "/webhooks/messages/{message_id}"): Probe(
        path="/webhooks/messages/{}", scope="webhooks:read", subjects=tuple(map(a_message_id, "ab7"))
    ),
    # It tells of the server and of nobody in particular, so that there is nothing of another's to ask for.
    ("GET", "/metrics"): Probe(path="/metrics", scope="metrics:read", theirs=200),
}
WITHOUT_KEY = {"/healthz", "/readyz", "/report.css", "/report-links/{token}", OPENAPI, DOCS}
REFUSALS = {
    "none": (401, Refused.MISSING),
    "basic": (401, Refused.MALFORMED),
    "malformed": (401, Refused.MALFORMED),
    "two": (401, Refused.MALFORMED),
    "unknown": (401, Refused.UNKNOWN),
    "revoked": (401, Refused.REVOKED),
    "expired": (401, Refused.EXPIRED),
    "wrong scope": (403, Refused.WRONG_SCOPE),
    "no scope": (403, Refused.WRONG_SCOPE),
    "service gone": (403, "allowed"),
}
TRACES = (
    *("usage_event", "usage_identity", "usage_series", "subscription_termination", "idempotency_request", "audit_log"),
    *("acceptance_decision", "acceptance_approval", "acceptance_withdrawal", "wrong_secret"),
)


@dataclass
class Doors:
    """A server, and keys of every kind for every scope."""

    client: httpx.Client
    db: Database
    keys: dict[tuple[str, Scope], str] = field(default_factory=dict)

    def make_keys(self) -> None:
        """All before the first call: of keys that it does not know yet, a server looks up only so many at a time."""
        kinds = ("own", "unknown", "revoked", "expired", "wrong scope", "no scope", "service gone")
        scopes = sorted({each.scope for each in KEYED})
        self.keys = {(kind, scope): self._made(kind, scope) for kind in kinds for scope in scopes}

    def _made(self, kind: str, scope: Scope) -> str:
        if kind == "unknown":
            return new_key(secrets.token_bytes(RANDOM_BYTES)).text
        scopes = {"wrong scope": frozenset(Scope) - {scope}, "no scope": frozenset[Scope]()}
        made, plain = create_key(
            self.db,
            service="gone" if kind == "service gone" else "nexacloud",
            name=f"{kind} {scope}",
            scopes=scopes.get(kind, frozenset({scope})),
            expires_at=NOW - timedelta(days=1) if kind == "expired" else None,
            actor="ada",
            now=NOW - timedelta(days=2),
        )
        if kind == "revoked":
            revoke_key(self.db, made.key_id, actor="ada", now=NOW - timedelta(days=1))
        return plain.text

    def headers(self, kind: str, scope: Scope) -> list[tuple[str, str]]:
        if kind == "none":
            return []
        good = self.keys["own", scope]
        if kind == "basic":
            return [("Authorization", f"Basic {good}")]
        if kind == "two":
            return [("Authorization", f"Bearer {good}")] * 2
        if kind == "malformed":
            return [("Authorization", f"Bearer {good[:-1]}{'A' if good[-1] != 'A' else 'B'}")]
        return [("Authorization", f"Bearer {self.keys[kind, scope]}")]

    def call(self, route: KeyedRoute, kind: str, subject: str | None = None) -> httpx.Response:
        probe = PROBES[route.method, route.path]
        subject = subject or probe.subjects[0]
        body: dict[str, Any] = event(external_subscription_id=subject) if probe.body else {}
        return self.client.request(
            route.method,
            probe.path.format(subject),
            json=body if probe.body is not None else None,
            data=A_FORM if probe.own == FORM.own else None,
            headers=[*self.headers(kind, route.scope), ("Idempotency-Key", f'"{route.path} {kind} {subject}"')],
        )

    def counts(self) -> tuple[Any, ...] | None:
        with self.db.transaction() as conn:
            columns = ", ".join(f"(SELECT count(*) FROM {table})" for table in TRACES)
            return conn.execute(f"SELECT {columns}".encode()).fetchone()

    def last_logged(self) -> tuple[Any, ...] | None:
        with self.db.transaction() as conn:
            return conn.execute(
                "SELECT method, route, scope, outcome, status FROM access_log ORDER BY position DESC LIMIT 1"
            ).fetchone()


@pytest.fixture(scope="module")
def doors(postgres_url: str, store_template: str, api_settings: Settings) -> Iterator[Doors]:
    with database(postgres_url, template=store_template) as store:
        db = Database(store)
        two_services(db)
        add_revision(db, "nexacloud", ["s-1"], "50")
        add_revision(db, "other", ["s-other"], "50", period="2026-03")
        add_revision(db, "other", ["s-other"], "50")
        decide(db, api_settings, "nexacloud", "2026-04/subscription/s-1")
        decide(db, api_settings, "other", "2026-04/subscription/s-other")
        for service, letter in (("nexacloud", "a"), ("other", "b")):
            news = News(type=MessageType.FLIPPED, external_subscription_id=None, occurred_at=NOW, data={})
            with db.transaction() as conn:
                outbox.add(conn, message(service, news, message_id=a_message_id(letter), sequence=1, recorded_at=NOW))
        with (
            serving(create_app(api_settings, db, lambda: NOW)) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
        ):
            made = Doors(client, db)
            made.make_keys()
            yield made
        assert [each.broken for each in verify_logs(db)] == [None, None]


def decide(db: Database, settings: Settings, service: str, row: str) -> None:
    """Have a difference accepted, so that there is a decision."""
    wanted = Wanted(
        row_ids=(f"{service}/{row}",),
        kind=Kind.ROW,
        reason=Reason.GOODWILL,
        text="agreed by phone",
        bearer=Bearer.US,
        expires_on=date(2026, 9, 1),
        author="ada",
    )
    with db.transaction() as conn:
        accept(conn, settings.services[service], wanted, NOW)


def test_every_route_is_probed_or_known_to_need_no_key(api_settings: Settings) -> None:
    app = create_app(api_settings, Database("postgresql://nowhere"), lambda: NOW)
    there = {(method, each.path) for each in app.routes for method in each.methods - {"HEAD"}}  # type: ignore[attr-defined]
    assert there == PROBES.keys() | {("GET", path) for path in WITHOUT_KEY}
    assert {each: probe.scope for each, probe in PROBES.items()} == {(each.method, each.path): each.scope for each in KEYED}


EVERY_ROUTE = pytest.mark.parametrize("route", KEYED, ids=lambda each: f"{each.method} {each.path}")


@EVERY_ROUTE
def test_with_a_good_key_ones_own_is_told(doors: Doors, route: KeyedRoute) -> None:
    answer = doors.call(route, "own")
    status = PROBES[route.method, route.path].own
    assert answer.status_code == status, answer.text
    assert doors.last_logged() == (route.method, route.path, route.scope, "allowed", status)


@EVERY_ROUTE
def test_another_services_is_told_like_what_does_not_exist(doors: Doors, route: KeyedRoute) -> None:
    probe = PROBES[route.method, route.path]
    _, theirs, nobodys = probe.subjects
    asked = doors.call(route, "own", theirs), doors.call(route, "own", nobodys)
    assert [each.status_code for each in asked] == [probe.theirs] * 2
    if probe.theirs != 200:
        assert asked[0].text.replace(theirs, "X") == asked[1].text.replace(nobodys, "X")


@EVERY_ROUTE
@pytest.mark.parametrize("kind", list(REFUSALS))
def test_who_may_not_is_refused_and_leaves_no_trace(doors: Doors, route: KeyedRoute, kind: str) -> None:
    status, outcome = REFUSALS[kind]
    before = doors.counts()
    answer = doors.call(route, kind)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert doors.counts() == before
    assert doors.last_logged() == (route.method, route.path, route.scope, outcome, status)


@EVERY_ROUTE
def test_of_keys_that_are_not_good_the_outside_learns_nothing(doors: Doors, route: KeyedRoute) -> None:
    told = {doors.call(route, kind).content for kind in ("unknown", "revoked", "expired")}
    assert len(told) == 1
