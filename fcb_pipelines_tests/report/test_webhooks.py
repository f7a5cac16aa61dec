"""The pages of messages over HTTP and in a browser: every way of standing, escaped answers, and nobody else let in.

With `FCB_TEST_PICTURES` set to a folder, what each page looks like is written there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.access import create_key
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.messages import Board
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.domain.report_links import VISIT, WEBHOOKS, Token
from fcb_pipelines.report.webhooks import MOST_MESSAGES, Around, sentence
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.notices import Untold
from fcb_pipelines_tests.api.conftest import Template, api_settings, api_template
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.report.chromium import executable, tab
from fcb_pipelines_tests.report.html import Page
from fcb_pipelines_tests.report.outbox import NOW, SERVICE, filled, told

__all__ = ["api_settings", "api_template"]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PHONE, DESK = 360, 1200


@dataclass
class Site:
    """A server whose clock can be moved, and its messages."""

    url: str
    db: Database
    ids: dict[str, str]
    keys: dict[str, str]
    now: Any = NOW

    @contextmanager
    def browser(self, **headers: str) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=20, headers={**BROWSER, **headers}) as client:
            yield client

    def get(self, path: str, key: str = "reader") -> httpx.Response:
        with self.browser(Authorization=f"Bearer {self.keys[key]}") as client:
            return client.get(path)

    def page(self, path: str) -> Page:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.content)

    def link(self, period: str = WEBHOOKS) -> Token:
        return make_link(self.db, service=SERVICE, period=period, hours=24, actor="ada", now=self.now)[1]


@pytest.fixture(scope="module")
def served(postgres_url: str, api_template: Template, api_settings: Settings) -> Iterator[Site]:
    with database(postgres_url, template=api_template.name) as url:
        db = Database(url)
        made = Site("", db, filled(db), {})
        for name, service, scope in (
            ("reader", SERVICE, Scope.WEBHOOKS_READ),
            ("stranger", "other", Scope.WEBHOOKS_READ),
            ("reconciler", SERVICE, Scope.RECONCILIATION_READ),
        ):
            values: dict[str, Any] = {"expires_at": None, "actor": "ada", "now": NOW - timedelta(days=1)}
            made.keys[name] = create_key(db, service=service, name=name, scopes=frozenset({scope}), **values)[1].text
        switched = api_settings.webhooks.model_copy(update={"is_on": True})
        settings = api_settings.model_copy(update={"webhooks": switched})
        with serving(create_app(settings, db, lambda: made.now)) as address:
            made.url = address
            yield made
        assert [each.broken for each in verify_logs(db)] == [None, None]


@pytest.fixture
def site(served: Site) -> Site:
    served.now = NOW
    return served


def test_the_board_says_how_everything_stands(site: Site) -> None:
    page = site.page("/webhooks")
    assert "1 message was given up; 1 is held for a disabled endpoint; 1 endpoint fails." in page.text
    counts = [one.text for one in page.all("dd") if "figure" in str(one.words) or one.text.isdigit()]
    assert counts == ["1", "1", "1", "1", "2"]
    rows = {one.text for one in page.all("tr")}
    assert any("the panel in Toronto" in one and "failing" in one and "https://panel.example.com/…" in one for one in rows)
    assert any("disabled" in one and "ada: it moves to another <i>address</i>" in one for one in rows)
    assert "gone.example.com" not in page.text, "a removed endpoint is not there any more"
    assert "T0KEN" not in site.get("/webhooks").text, "of an address only where it is"
    assert "2 notices since" in page.text


def test_every_page_that_it_leads_to_is_there(site: Site) -> None:
    seen, ahead = set(), {"/webhooks"}
    while ahead:
        path = ahead.pop()
        seen.add(path)
        answer = site.get(path)
        assert answer.status_code == 200, (path, answer.text)
        if answer.headers["content-type"].startswith("text/html"):
            ahead |= {one.partition("#")[0] for one in Page(answer.content).addresses if not one.startswith("#")} - seen
    assert {f"/webhooks/messages/{site.ids[name]}" for name in site.ids.keys() - {"panel"}} < seen


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"nowhere", "delivered", "dead", "waiting", "held", "dropped"}),
        ("standing=dead", {"dead"}),
        ("standing=held", {"held"}),
        ("standing=waiting", {"waiting"}),
        ("standing=dropped", {"dropped"}),
        ("standing=delivered&type=&subscription=", {"delivered"}),
        ("subscription=1042", {"delivered"}),
        ("subscription=1043%2Feu+%3Cb%3E", {"dead"}),
        ("standing=dead&subscription=1042", set()),
        ("type=flip.completed", {"held"}),
        ("page=2", set()),
    ],
)
def test_the_list_is_narrowed(site: Site, query: str, names: set[str]) -> None:
    addresses = {one.rpartition("/")[2] for one in site.page(f"/webhooks?{query}").addresses if "/messages/" in one}
    assert addresses == {site.ids[name] for name in names}


def test_a_message_shows_its_body_and_every_attempt_with_its_answer_escaped(site: Site) -> None:
    page = site.page(f"/webhooks/messages/{site.ids['dead']}")
    assert "Dead after 2 attempts: given up after the last attempt" in page.text
    assert '"name": "Müller & Söhne <b>GmbH</b>"' in page.text
    first, last = [one.text for one in page.all("tr")][:0:-1]
    assert "503" in first
    assert "it asks to wait: 120" in first
    assert "500" in last
    assert "<script>alert(1)</script>" in last
    assert "3,0" in last, "all of what is kept is told"
    text = site.get(f"/webhooks/messages/{site.ids['dead']}").text
    assert "<script" not in text
    assert not set(text) & set("\x1b\x00\x07")
    assert f"fcb messages replay {site.ids['dead']} --service nexacloud" in page.text


def test_each_standing_says_what_follows(site: Site) -> None:
    for name, words in (
        ("nowhere", "It goes nowhere."),
        ("delivered", "Delivered after 2 attempts: the receiver answered 2xx."),
        ("waiting", "Waiting after 1 attempt: it is tried when its time comes."),
        ("held", "Held: its endpoint is disabled; it is sent once that is enabled."),
        ("dropped", "Dropped: its endpoint was removed; it is never sent there."),
    ):
        assert words in site.page(f"/webhooks/messages/{site.ids[name]}").text
    assert "192.0.2.7 did not connect in time" in site.page(f"/webhooks/messages/{site.ids['delivered']}").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/webhooks?standing=lost", 422),
        ("/webhooks?type=everything", 422),
        ("/webhooks?subscription=%00", 422),
        ("/webhooks?page=0", 422),
        ("/webhooks?page=x", 422),
        ("/webhooks?of=all", 422),
        ("/webhooks/messages/msg_nobody", 404),
        ("/webhooks/messages/", 404),
        ("/webhooks/", 404),
    ],
)
def test_what_there_is_and_what_not(site: Site, path: str, status: int) -> None:
    assert site.get(path).status_code == status


def test_another_service_sees_nothing_of_it_and_another_scope_is_not_let_in(site: Site) -> None:
    text = site.get("/webhooks", "stranger").text
    assert "There is no endpoint" in text
    assert not any(each in text for each in site.ids.values())
    assert site.get(f"/webhooks/messages/{site.ids['dead']}", "stranger").status_code == 404
    assert site.get("/webhooks", "reconciler").status_code == 403


def test_a_page_lets_nothing_else_in(site: Site) -> None:
    headers = site.get("/webhooks").headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self'")
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "private, no-store")


def test_a_link_opens_the_messages_once_and_nothing_else(site: Site) -> None:
    token, of_report = site.link(), site.link("2026-04")
    with site.browser() as browser:
        refused = browser.get("/webhooks")
        assert (refused.status_code, "fcb messages link" in refused.text) == (401, True)
        opened = browser.get(f"/report-links/{token.text}")
        assert (opened.status_code, "The messages are open" in opened.text) == (200, True)
        assert "Path=/webhooks;" in opened.headers["set-cookie"]
        assert browser.get("/webhooks").status_code == 200
        assert browser.get(f"/webhooks/messages/{site.ids['dead']}").status_code == 200
        assert browser.get("/reports/2026-04").status_code == 401
        again = browser.get(f"/report-links/{token.text}")
        assert (again.status_code, "fcb messages link" in again.text) == (410, True)
        site.now = NOW + VISIT
        assert browser.get("/webhooks").status_code == 401
    site.now = NOW
    with site.browser() as browser:
        cookie = browser.get(f"/report-links/{of_report.text}").headers["set-cookie"].partition(";")[0]
        stolen = browser.get("/webhooks", headers={"Cookie": cookie})
        assert stolen.status_code == 401, "the link of a report opens a report"


def test_a_long_list_has_parts(postgres_url: str, api_template: Template, api_settings: Settings, site: Site) -> None:
    with database(postgres_url, template=api_template.name) as url:
        db = Database(url)
        with db.transaction() as conn:
            for number in range(MOST_MESSAGES + 1):
                told(conn, f"s-{number}")
        _, key = create_key(
            db,
            service=SERVICE,
            name="n",
            scopes=frozenset({Scope.WEBHOOKS_READ}),
            expires_at=None,
            actor="ada",
            now=NOW - timedelta(days=1),
        )
        with serving(create_app(api_settings, db, lambda: NOW)) as address:
            long = Site(address, db, {}, {"reader": key.text})
            first, second = long.page("/webhooks"), long.page("/webhooks?page=2")
    for page, count, other in ((first, MOST_MESSAGES, "/webhooks?page=2"), (second, 1, "/webhooks")):
        assert sum("/messages/" in one for one in page.addresses) == count
        assert other in page.addresses
    assert "Off: messages are recorded, and nothing is sent." in first.text
    del site


def test_one_sentence_says_how_things_stand(api_settings: Settings) -> None:
    service = api_settings.services[SERVICE]
    empty = Board(endpoints=(), untold=Untold(count=0, since=None, problem=None))
    on, off = (Around(service=service, is_on=each) for each in (True, False))
    assert sentence(off, empty) == "Off: messages are recorded, and nothing is sent."
    assert sentence(on, empty) == "There is no endpoint: messages go nowhere."


def test_in_a_browser_nothing_is_wider_than_a_phone_and_the_form_finds(site: Site, tmp_path: Path) -> None:
    pictures = os.environ.get("FCB_TEST_PICTURES")
    with tab(executable(), tmp_path) as page:
        page.go(f"{site.url}/report-links/{site.link().text}")
        assert page.path == "/webhooks"
        for name, path in (
            ("board", "/webhooks"),
            ("dead", f"/webhooks/messages/{site.ids['dead']}"),
            ("delivered", f"/webhooks/messages/{site.ids['delivered']}"),
        ):
            page.go(f"{site.url}{path}")
            for width, dark in ((PHONE, False), (PHONE, True), (DESK, False), (DESK, True)):
                assert page.widen(width, dark=dark) <= width, (name, width)
                if pictures:
                    page.picture(Path(pictures) / f"webhooks-{name}-{width}{'-dark' if dark else ''}.png")
        page.go(f"{site.url}/webhooks")
        page.fill("form.find", standing="dead")
        page.press("form.find button")
        assert page.statuses[-1] == 200
        assert page.run("document.querySelectorAll('table.messages tbody tr').length") == 1
        page.press("table.messages a")
        assert page.path == f"/webhooks/messages/{site.ids['dead']}"
