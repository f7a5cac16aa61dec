"""The report over HTTP: for a key, for whoever opened a one-time link, and for nobody else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.report_links import VISIT, Token
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.report.selections import of_verdict
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Template
from fcb_pipelines_tests.api.test_reconciliation import IDS, add_revision
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.report.html import Page

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass
class Site:
    """A server whose clock can be moved, and its store."""

    url: str
    db: Database
    keys: dict[str, str]
    now: datetime = NOW

    @contextmanager
    def browser(self, **headers: str) -> Iterator[httpx.Client]:
        """A browser that keeps cookies, as those are sent along."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=20, headers={**BROWSER, **headers}) as client:
            yield client

    def get(self, path: str, key: str = "reconciler") -> httpx.Response:
        with self.browser(Authorization=f"Bearer {self.keys[key]}") as client:
            return client.get(path)

    def link(self, period: str = "2026-04", service: str = "nexacloud", hours: int = 24) -> Token:
        return make_link(self.db, service=service, period=period, hours=hours, actor="ada", now=self.now)[1]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.db.transaction() as conn:
            return conn.execute(statement.encode()).fetchall()


@pytest.fixture(scope="module")
def served(postgres_url: str, api_template: Template, api_settings: Settings) -> Iterator[Site]:
    """April of nexacloud in its second revision, March in its first, and April of another service."""
    with database(postgres_url, template=api_template.name) as url:
        yield from _served(Database(url), api_template.keys, api_settings)


@pytest.fixture
def site(served: Site) -> Site:
    """The same for all, at the usual time."""
    served.now = NOW
    return served


def _served(store: Database, keys: dict[str, str], api_settings: Settings) -> Iterator[Site]:
    add_revision(store, "nexacloud", ["s-old"], "50")
    add_revision(store, "nexacloud", IDS, "50.25")
    add_revision(store, "nexacloud", ["s-1"], "50", period="2026-03")
    add_revision(store, "other", ["s-theirs"], "50")
    made = Site("", store, keys)
    with serving(create_app(api_settings, store, lambda: made.now)) as url:
        made.url = url
        yield made
    assert [each.broken for each in verify_logs(store)] == [None, None]


def test_every_page_that_the_report_leads_to_is_there(site: Site) -> None:
    seen, ahead = set(), {"/reports/2026-04"}
    while ahead:
        path = ahead.pop()
        seen.add(path)
        answer = site.get(path)
        assert answer.status_code == 200, (path, answer.text)
        if answer.headers["content-type"].startswith("text/html"):
            found = {one.partition("#")[0] for one in Page(answer.content).addresses}
            ahead |= {one for one in found if one and not ("2026-03" in one or "2026-05" in one)} - seen
    assert {"/report.css", "/reports/2026-04/queue", "/reports/2026-04/pictures/scatter.cad.dark.svg"} <= seen
    assert sum("/rows/" in one for one in seen) == len(IDS)


def test_a_page_lets_nothing_else_in(site: Site) -> None:
    headers = site.get("/reports/2026-04").headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reports/2026-04/rows?of=all", 200),
        (f"/reports/2026-04/rows?of={of_verdict(Verdict.UNEXPLAINED, 'CAD')}", 200),
        ("/reports/2026-04/rows?of=nothing", 404),
        ("/reports/2026-04/rows?page=2", 404),
        ("/reports/2026-04/rows?page=0", 422),
        ("/reports/2026-04/rows?page=x", 422),
        ("/reports/2026-04/rows?limit=1", 422),
        ("/reports/2026-04?of=all", 422),
        ("/reports/2026-13", 422),
        ("/reports/2026-02", 404),
        ("/reports/2026-04/rows/other%2F2026-04%2Fsubscription%2Fs-theirs", 404),
        ("/reports/2026-04/rows/", 404),
        ("/reports/2026-04/pictures/scatter.usd.dark.svg", 404),
        ("/reports/2026-04/", 404),
    ],
)
def test_what_there_is_and_what_not(site: Site, path: str, status: int) -> None:
    assert site.get(path).status_code == status


def test_another_service_sees_its_own_alone(site: Site) -> None:
    text = site.get("/reports/2026-04/rows", "reconciler of another service").text
    assert "s-theirs" in text
    assert "s-10" not in text


def test_a_new_revision_is_shown_at_once(site: Site) -> None:
    assert site.get("/reports/2026-05").status_code == 404
    for number, name in ((1, "s-1"), (2, "s-new")):
        add_revision(site.db, "nexacloud", [name], "50", period="2026-05")
        assert f"Revision {number} of 2026-05" in site.get("/reports/2026-05").text
        assert f"subscription%2F{name}" in site.get("/reports/2026-05/rows").text


def test_a_link_opens_its_report_once_in_one_browser(site: Site) -> None:
    token = site.link()
    with site.browser() as first, site.browser() as second:
        opened = first.get(f"/report-links/{token.text}")
        assert opened.status_code == 200
        assert '<meta http-equiv="refresh" content="0; url=/reports/2026-04">' in opened.text
        for path in (
            "",
            "/queue",
            "/rows",
            "/rows/nexacloud%2F2026-04%2Fsubscription%2Fs-1",
            "/pictures/waterfall.cad.light.svg",
        ):
            assert first.get(f"/reports/2026-04{path}").status_code == 200
        again = second.get(f"/report-links/{token.text}")
        assert again.status_code == 410
        assert "fcb report --period 2026-04 --link" in again.text
        assert second.get("/reports/2026-04").status_code == 401


def test_a_link_opens_no_other_month_and_no_other_route(site: Site) -> None:
    with site.browser() as client:
        client.get(f"/report-links/{site.link().text}")
        cookie = client.cookies["fcb_report"]
        for path in ("/reports/2026-03", "/v1/periods/2026-04/reconciliation", "/metrics"):
            assert client.get(path, headers={"Cookie": f"fcb_report={cookie}"}).status_code == 401
        assert "/reports/2026-03" not in client.get("/reports/2026-04").text
    assert "/reports/2026-03" in site.get("/reports/2026-04").text


def test_a_link_of_another_service_opens_that_ones_report(site: Site) -> None:
    with site.browser() as client:
        client.get(f"/report-links/{site.link(service='other').text}")
        text = client.get("/reports/2026-04/rows").text
    assert "s-theirs" in text
    assert "s-10" not in text


def test_the_cookie_is_for_those_pages_alone_and_for_no_script(site: Site) -> None:
    with site.browser() as client:
        cookie = client.get(f"/report-links/{site.link().text}").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/reports/2026-04" in cookie
    assert f"Max-Age={int(VISIT.total_seconds())}" in cookie
    assert "Secure" not in cookie, "over plain HTTP a browser would not keep it"
    with site.browser(**{"X-Forwarded-Proto": "https"}) as client:
        assert "Secure" in client.get(f"/report-links/{site.link().text}").headers["set-cookie"]


def test_its_time_ends(site: Site) -> None:
    late, soon = site.link(hours=1), site.link(hours=2)
    site.now += timedelta(hours=1)
    with site.browser() as client:
        assert client.get(f"/report-links/{late.text}").status_code == 410
        client.get(f"/report-links/{soon.text}")
        assert client.get("/reports/2026-04").status_code == 200
        site.now += VISIT - timedelta(seconds=1)
        assert client.get("/reports/2026-04").status_code == 200
        site.now += timedelta(seconds=1)
        ended = client.get("/reports/2026-04")
        assert ended.status_code == 401
        assert "fcb report --period" in Page(ended.content).text


def test_looking_whether_it_is_there_does_not_use_it_up(site: Site) -> None:
    token = site.link()
    with site.browser() as client:
        head = client.head(f"/report-links/{token.text}")
        assert (head.status_code, head.headers["allow"]) == (405, "GET")
        assert client.get(f"/report-links/{token.text}").status_code == 200


@pytest.mark.parametrize("token", ["A" * 43, "A" * 42, "A" * 44, "%00", "%C3%A9", "A" * 42 + "%2F"])
def test_a_made_up_token_opens_nothing(site: Site, token: str) -> None:
    with site.browser() as client:
        assert client.get(f"/report-links/{token}").status_code == 404
        assert client.get("/reports/2026-04", headers={"Cookie": f"fcb_report={token}"}).status_code == 401


def test_a_bad_key_is_not_helped_by_a_good_cookie(site: Site) -> None:
    with site.browser() as client:
        client.get(f"/report-links/{site.link().text}")
        assert client.get("/reports/2026-04", headers={"Authorization": "Bearer x"}).status_code == 401


def test_making_and_opening_is_in_the_audit_log_and_no_token_is_anywhere(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), site.browser() as client:
        token = site.link()
        client.get(f"/report-links/{token.text}")
        client.get(f"/report-links/{token.text}")
        client.get("/reports/2026-04")
        cookie = client.cookies["fcb_report"]
    ((link,),) = site.rows("SELECT subject FROM audit_log ORDER BY position DESC LIMIT 1")
    noted = "SELECT act, actor, subject, data->>'period' FROM audit_log WHERE subject = '{}' ORDER BY position"
    acts = site.rows(noted.format(link))
    assert acts == [("report_link_made", "ada", link, "2026-04"), ("report_link_opened", link, link, "2026-04")]
    calls = "SELECT key_id, service, route, outcome, status FROM access_log WHERE key_id = '{}' ORDER BY position"
    logged = site.rows(calls.format(link))
    assert logged == [
        (link, "nexacloud", "/report-links/{token}", "allowed", 200),
        (link, "nexacloud", "/report-links/{token}", "expired", 410),
        (link, "nexacloud", "/reports/{period}", "allowed", 200),
    ]
    tables = ("access_log", "audit_log", "report_link")
    everything = "".join(str(site.rows(f"SELECT t::text FROM {table} t")) for table in tables)
    served = "".join(record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore")))
    for secret in (token.text, cookie):
        assert secret not in everything + served
        assert secret not in repr(token)


@pytest.mark.parametrize("hours", [0, -1, 721])
def test_a_link_lasts_for_a_month_at_most(site: Site, hours: int) -> None:
    with pytest.raises(InvalidInput, match="1 to 720 hours"):
        site.link(hours=hours)


def test_a_browser_is_told_as_a_page_and_a_program_as_a_problem(site: Site) -> None:
    with site.browser() as client:
        page = client.get("/reports/2026-04")
        problem = client.get("/reports/2026-04", headers={"Accept": "*/*"})
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (problem.status_code, problem.headers["content-type"]) == (401, "application/problem+json")
