"""A server on whose pages people sign, browsers that opened a link, and forms as they send them.

Owns: the desk. Does not own: any expectation.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest

from fcb_pipelines.acceptance_limits import AcceptanceLimits
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.acts.signers import add_signer
from fcb_pipelines.api.app import create_app
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Template
from fcb_pipelines_tests.api.test_reconciliation import add_revision
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.report.html import Page

Fields = dict[str, Any]
PLACE = "/reports/2026-04/acceptances"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SAME = {"Sec-Fetch-Site": "same-origin"}
TYPED: Fields = {
    "reason": "goodwill",
    "bears": "us",
    "text": "agreed by phone\r\non 3 May",
    "expires": "2026-09-01",
    "kind": "row",
}


def forms(content: bytes) -> list[Fields]:
    """The hidden fields of each form of a page, with where it is sent."""
    found: list[Fields] = []
    for each in Page(content).elements:
        if each.tag == "form":
            assert each.attributes["method"] == "post"
            found.append({"action": each.attributes["action"], "row": []})
        if each.tag == "input" and each.attributes["type"] == "hidden":
            name, value = each.attributes["name"], each.attributes["value"]
            found[-1][name] = [*found[-1]["row"], value] if name == "row" else value
    return found


@dataclass
class Desk:
    """A server and its store; each test has rows and people of its own."""

    url: str
    db: Database
    number: int = 0
    now: datetime = NOW
    secrets: dict[str, str] = field(default_factory=dict)

    def name(self, who: str) -> str:
        return f"{who} {self.number}"

    def secret(self, who: str, *, by: str = "root", service: str = "nexacloud") -> str:
        """The secret of somebody, who may sign from now on."""
        if who not in self.secrets:
            _, plain = add_signer(self.db, service=service, name=self.name(who), actor=by, now=NOW)
            self.secrets[who] = plain.text
        return self.secrets[who]

    def row(self, name: str) -> str:
        return f"nexacloud/2026-04/subscription/s{self.number}-{name}"

    def page(self, name: str) -> str:
        return f"/reports/2026-04/rows/{self.row(name).replace('/', '%2F')}"

    def reconcile(self, billed: str = "50.25") -> None:
        """A revision: 50.00 were not billed of `large`, and 0.25 too much of the others."""
        add_revision(self.db, "nexacloud", [f"s{self.number}-{name}" for name in ("large", "1", "2", "3")], billed)

    @contextmanager
    def browser(self, period: str = "2026-04") -> Iterator[httpx.Client]:
        """A browser that opened a link."""
        _, token = make_link(self.db, service="nexacloud", period=period, hours=1, actor="root", now=self.now)
        with httpx.Client(base_url=self.url, trust_env=False, timeout=20, headers=BROWSER) as client:
            assert client.get(f"/report-links/{token.text}").status_code == 200
            yield client

    def send(
        self, client: httpx.Client, form: Fields, secret: str, headers: dict[str, str] | None = None, **typed: Any
    ) -> httpx.Response:
        given = {name: each for name, each in form.items() if name != "action" and each} | {"secret": secret} | typed
        sent = {name: each for name, each in given.items() if each is not None}
        return client.post(form["action"], data=sent, headers=SAME if headers is None else headers)

    def accept(self, client: httpx.Client, name: str = "1", secret: str | None = None, **changes: Any) -> httpx.Response:
        """Sign on the page of a row."""
        (form,) = forms(client.get(self.page(name)).content)
        return self.send(client, form, self.secret("ada") if secret is None else secret, **TYPED | changes)

    def accept_queue(self, client: httpx.Client) -> str:
        """Sign for the three siblings of the queue, 0.75 in all and above the limit; where the decision is."""
        group = forms(client.get("/reports/2026-04/queue").content)
        rows = next(form for form in group if len(form["row"]) == 3)
        answer = self.send(client, rows, self.secret("ada"), **TYPED)
        assert answer.status_code == 303, Page(answer.content).text
        return answer.headers["location"]

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        with self.db.transaction() as conn:
            return conn.execute(statement.encode()).fetchall()

    def signed(self) -> int:
        """How often ada signed."""
        ((count,),) = self.fetch(f"SELECT count(*) FROM acceptance_decision WHERE author = '{self.name('ada')}'")
        return int(count)


@pytest.fixture(scope="module")
def served(postgres_url: str, api_template: Template, api_settings: Settings) -> Iterator[Desk]:
    with database(postgres_url, template=api_template.name) as url:
        made = Desk("", Database(url))
        limits = AcceptanceLimits.model_validate({"limit": {"CAD": "0.50"}})
        nexacloud = api_settings.services["nexacloud"].model_copy(update={"acceptance": limits})
        settings = api_settings.model_copy(update={"services": {**api_settings.services, "nexacloud": nexacloud}})
        with serving(create_app(settings, made.db, lambda: made.now)) as made.url:
            yield made
        assert [each.broken for each in verify_logs(made.db)] == [None, None]


NUMBERS = itertools.count(1)


@pytest.fixture
def desk(served: Desk) -> Desk:
    """April with four rows that nobody looked at."""
    served.now, served.number, served.secrets = NOW, next(NUMBERS), {}
    served.reconcile()
    return served
