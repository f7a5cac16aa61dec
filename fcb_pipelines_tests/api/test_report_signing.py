"""Signing on the pages, over HTTP: by whose secret it is, of what was shown, once, and from our own pages alone."""

import itertools
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fcb_pipelines.acceptance_limits import AcceptanceLimits
from fcb_pipelines.acts import signing
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.acts.signers import add_signer, revoke_signer
from fcb_pipelines.api import idempotency
from fcb_pipelines.api.app import create_app
from fcb_pipelines.api.bodies import MOST_BYTES_OF_A_FORM
from fcb_pipelines.domain.access import parsed
from fcb_pipelines.domain.signers import MOST_WRONG
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


def test_a_row_is_signed_for_on_its_page(desk: Desk) -> None:
    with desk.browser() as client:
        shown = Page(client.get(desk.page("1")).content)
        assert "whichever their signCAD\N{NO-BREAK SPACE}0.25" in "".join(shown.all("form")[0].words).replace("\n", "")
        answer = desk.accept(client)
        assert answer.status_code == 303
        place = answer.headers["location"]
        text = Page(client.get(place).content).text
        assert f"signed by {desk.name('ada')}" in text
        assert "fcb run --service nexacloud --period 2026-04" in text
        assert forms(client.get(desk.page("1")).content) == [], "nothing is left to sign"
    decision = place.rpartition("/")[2]
    kept = desk.fetch(
        f"SELECT kind, reason, text, bearer, expires_on::text, author, secret_made_by, needs_approval, row_id, amount::text"
        f" FROM acceptance_decision JOIN acceptance USING (decision_id) WHERE decision_id = '{decision}'"
    )
    name = desk.name("ada")
    expected = ("row", "goodwill", "agreed by phone\non 3 May", "us", "2026-09-01", name, "root", False, desk.row("1"), "0.25")
    assert kept == [expected]
    told = "actor, act, data->>'did', data->>'secret_made_by'"
    noted = desk.fetch(f"SELECT {told} FROM audit_log WHERE subject = '{decision}' ORDER BY position")
    assert noted == [(name, "acceptance_made", None, "root"), (name, "signed_on_a_page", "accept", "root")]


def test_a_group_is_one_decision_that_a_second_person_approves(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept_queue(client)
        assert "waits for a second person" in Page(client.get(PLACE).content).text
        approval, withdrawal = forms(client.get(place).content)
        assert (approval["action"], withdrawal["action"]) == (f"{place}/approval", f"{place}/withdrawal")
        own = desk.send(client, approval, desk.secret("ada"))
        assert own.status_code == 409
        assert f"{desk.name('ada')} wrote" in Page(own.content).text
        assert "somebody else must approve it" in Page(own.content).text
        approval, _ = forms(own.content)
        friends = desk.send(client, approval, desk.secret("friend", by=desk.name("ada")))
        assert friends.status_code == 409
        assert f"made the secret of {desk.name('friend')}" in Page(friends.content).text
        approval, _ = forms(friends.content)
        approved = desk.send(client, approval, desk.secret("grace"))
        assert (approved.status_code, approved.headers["location"]) == (303, place)
        text = Page(client.get(place).content).text
        assert desk.name("grace") in text
        assert "in force" in text
        assert forms(client.get(PLACE).content) == []
    decision = place.rpartition("/")[2]
    assert desk.fetch(f"SELECT person FROM acceptance_approval WHERE decision_id = '{decision}'") == [(desk.name("grace"),)]


def test_whoever_made_the_authors_secret_approves_nothing_of_it(desk: Desk) -> None:
    with desk.browser() as client:
        desk.secret("ada", by=desk.name("grace"))
        place = desk.accept_queue(client)
        approval, _ = forms(client.get(place).content)
        refused = desk.send(client, approval, desk.secret("grace"))
    assert refused.status_code == 409
    assert f"{desk.name('grace')} made the secret that {desk.name('ada')} signed" in Page(refused.content).text


def test_what_was_signed_is_taken_back_with_a_reason(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept(client).headers["location"]
        (withdrawal,) = forms(client.get(place).content)
        empty = desk.send(client, withdrawal, desk.secret("grace"), text=" ")
        assert empty.status_code == 422
        (withdrawal,) = forms(empty.content)
        assert desk.send(client, withdrawal, desk.secret("grace"), text="not agreed").status_code == 303
        text = Page(client.get(place).content).text
        assert f"by {desk.name('grace')}" in text
        assert "not agreed" in text
        assert len(forms(client.get(desk.page("1")).content)) == 1, "it can be signed again"


def test_a_standing_one_holds_in_later_months(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept(client, kind="standing").headers["location"]
        assert "in later months too" in Page(client.get(place).content).text
    kept = desk.fetch(
        f"SELECT kind, charge FROM acceptance_decision JOIN acceptance USING (decision_id) WHERE row_id = '{desk.row('1')}'"
    )
    assert kept == [("standing", "flat")]


def test_what_was_shown_and_nothing_else_is_signed(desk: Desk) -> None:
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
        desk.reconcile("51.00")
        again = desk.send(client, form, desk.secret("ada"), **TYPED)
        assert again.status_code == 409
        page = Page(again.content)
        assert "What changed since you looked" in page.text
        shown = [each.text for each in page.elements if each.attributes.get("class") == "figure"]
        assert {"50.25", "51.00", "\N{MINUS SIGN}0.25", "\N{MINUS SIGN}1.00"} <= set(shown)
        assert "agreed by phone" in page.text, "what was typed is there again"
        assert desk.signed() == 0
        (form,) = forms(again.content)
        assert desk.send(client, form, desk.secret("ada"), **TYPED).status_code == 303


def test_a_newer_revision_of_the_same_figures_is_looked_at_again_too(desk: Desk) -> None:
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
        desk.reconcile()
        again = desk.send(client, form, desk.secret("ada"), **TYPED)
    assert again.status_code == 409
    assert "Figures and verdicts of these rows are the same" in Page(again.content).text


def test_less_than_was_shown_is_not_signed(desk: Desk) -> None:
    with desk.browser() as client:
        form = next(one for one in forms(client.get("/reports/2026-04/queue").content) if len(one["row"]) == 3)
        assert desk.send(client, form | {"row": form["row"][:2]}, desk.secret("ada"), **TYPED).status_code == 409
        assert desk.accept(client, "2").status_code == 303
        answer = desk.send(client, form, desk.secret("ada"), **TYPED)
        assert answer.status_code == 422
        assert "was accepted already" in Page(answer.content).text
        assert desk.signed() == 1


def test_an_approval_is_of_what_was_shown(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept_queue(client)
        approval, _ = forms(client.get(place).content)
        fewer = approval | {"shown": approval["shown"].rpartition(" ")[0]}
        assert desk.send(client, fewer, desk.secret("grace")).status_code == 409
    assert desk.fetch(f"SELECT 1 FROM acceptance_approval WHERE decision_id = '{place.rpartition('/')[2]}'") == []


def test_the_same_form_signs_once_however_many_send_it_at_once(desk: Desk) -> None:
    secret = desk.secret("ada")
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: desk.send(client, form, secret, **TYPED), range(8)))
        assert {one.status_code for one in found} == {303}
        assert len({one.headers["location"] for one in found}) == 1
        assert desk.signed() == 1
        other = desk.send(client, form, secret, **TYPED | {"text": "something else"})
        assert other.status_code == 409
        assert "This form was used before" in Page(other.content).text
        desk.now += timedelta(minutes=5)
        assert desk.send(client, form, secret, **TYPED).headers["location"] == found[0].headers["location"]
    assert desk.signed() == 1


def test_a_form_is_known_as_long_as_any_answer() -> None:
    assert signing.KEPT == idempotency.KEPT, "else one of them would remove what the other still needs"


REFUSED: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "HERE"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://[evil"},
)
TAKEN: tuple[dict[str, str], ...] = ({"Origin": "HERE"}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"})


def test_a_form_of_another_site_signs_nothing(desk: Desk) -> None:
    def sent(client: httpx.Client, form: Fields, headers: dict[str, str]) -> httpx.Response:
        given = {name: value.replace("HERE", desk.url) for name, value in headers.items()}
        return desk.send(client, form, desk.secret("ada"), given, **TYPED)

    with desk.browser() as client:
        for number, good in enumerate(TAKEN, start=1):
            (form,) = forms(client.get(desk.page(str(number))).content)
            for headers in REFUSED:
                assert sent(client, form, headers).status_code == 403, headers
            assert desk.signed() == number - 1
            assert sent(client, form, good).status_code == 303, good


def test_a_form_of_another_visit_signs_nothing(desk: Desk) -> None:
    with desk.browser() as first, desk.browser() as second:
        (form,), (other,) = (forms(each.get(desk.page("1")).content) for each in (first, second))
        for wrong in (form, other | {"token": form["token"]}, other | {"form": form["form"]}, other | {"token": "0" * 64}):
            answer = desk.send(second, wrong, desk.secret("ada"), **TYPED)
            assert answer.status_code == 403
            assert "another visit" in Page(answer.content).text
        assert desk.signed() == 0
        assert desk.send(second, other, desk.secret("ada"), **TYPED).status_code == 303


def test_without_a_link_or_key_nothing_is_signed(desk: Desk) -> None:
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
    with httpx.Client(base_url=desk.url, trust_env=False, headers=BROWSER) as client:
        assert desk.send(client, form, desk.secret("ada"), **TYPED).status_code == 401
    assert desk.signed() == 0


def test_who_does_not_sign_here_signs_nothing(desk: Desk, api_template: Template) -> None:
    gone = desk.secret("gone")
    revoke_signer(desk.db, service="nexacloud", name=desk.name("gone"), actor="root", now=NOW)
    key = api_template.keys["reconciler"]
    assert parsed(key) is not None
    with desk.browser() as client:
        for secret in (gone, desk.secret("of another", service="other"), key, "wrong"):
            answer = desk.accept(client, secret=secret)
            assert answer.status_code == 403
            assert "Nothing was signed." in Page(answer.content).text
        assert desk.accept(client, secret=" ").status_code == 422
    assert desk.fetch(f"SELECT 1 FROM acceptance WHERE row_id = '{desk.row('1')}'") == []


def test_a_secret_that_is_revoked_signs_no_more(desk: Desk) -> None:
    with desk.browser() as client:
        assert desk.accept(client, "1").status_code == 303
        revoke_signer(desk.db, service="nexacloud", name=desk.name("ada"), actor="root", now=NOW)
        assert desk.accept(client, "2").status_code == 403


def test_too_many_wrong_secrets_wait(desk: Desk) -> None:
    with desk.browser() as client:
        for _ in range(MOST_WRONG):
            assert desk.accept(client, secret="wrong").status_code == 403
        answer = desk.accept(client)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert f"try again in {answer.headers['retry-after']} seconds" in Page(answer.content).text
        with desk.browser() as another:
            assert desk.accept(another, "2").status_code == 303
        with desk.db.transaction() as conn:
            conn.execute("UPDATE wrong_secret SET at = at - interval '1 minute'")
        assert desk.accept(client).status_code == 303


WRONG: tuple[tuple[Fields, int, str], ...] = (
    ({"reason": ""}, 422, "Choose a reason."),
    ({"bears": "nobody at all"}, 422, "Choose who bears it."),
    ({"text": " \r\n"}, 422, "Say why"),
    ({"text": "x" * 2001}, 422, "at most 2000 are kept"),
    ({"expires": "2026-04-20"}, 422, "the day on which it expires"),
    ({"expires": "2029-04-20"}, 422, "the day on which it expires"),
    ({"expires": "20260901"}, 422, "the day on which it expires"),
    ({"row": ["nexacloud/2026-03/subscription/s-1"]}, 422, "of another month"),
    ({"row": ["nexacloud/2026-04/subscription/nobody"]}, 422, "is not in revision"),
    ({"row": []}, 400, "not as our page has it"),
    ({"reason": None}, 400, "not as our page has it"),
    ({"reason": ["goodwill", "other"]}, 400, "not as our page has it"),
    ({"further": "x"}, 400, "not as our page has it"),
    ({"text": "a\0b"}, 400, "not as our page has it"),
    ({"kind": "both"}, 422, "not as our page has it"),
    ({"revision": "x"}, 422, "not as our page has it"),
)


def test_a_field_that_is_wrong_is_said_and_what_was_typed_stays(desk: Desk) -> None:
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
        for changes, status, said in WRONG:
            answer = desk.send(client, form, desk.secret("ada"), **TYPED | changes)
            page = Page(answer.content)
            assert (answer.status_code, said in page.text) == (status, True), (changes, page.text)
            assert desk.secret("ada") not in answer.text
            if page.all("textarea"):
                assert page.all("textarea")[0].text == " ".join(str((TYPED | changes)["text"]).split())
    assert desk.signed() == 0


def test_a_form_is_not_too_large_and_of_its_kind(desk: Desk) -> None:
    with desk.browser() as client:
        assert desk.accept(client, text="x" * MOST_BYTES_OF_A_FORM).status_code == 413
        assert client.post(PLACE, json={}, headers=SAME).status_code == 415
        for content in (b"form=%ff", b"\xff", b"a", b"&".join([b"row=x"] * 1000)):
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            assert client.post(PLACE, content=content, headers=SAME | kind).status_code == 400


def test_a_link_of_one_month_signs_nothing_of_another(desk: Desk) -> None:
    add_revision(desk.db, "nexacloud", ["s-1"], "50", period="2026-03")
    with desk.browser() as client, desk.browser("2026-03") as other:
        place = desk.accept_queue(client)
        assert other.get(place).status_code == 401
        elsewhere = place.replace("2026-04", "2026-03")
        assert other.get(elsewhere).status_code == 404
        approval, _ = forms(client.get(place).content)
        # Its own token, for a decision that its month does not have.
        shown = forms(other.get("/reports/2026-03/queue").content)
        own = approval | {"action": f"{elsewhere}/approval"} | {name: shown[0][name] for name in ("form", "token")}
        assert desk.send(other, own, desk.secret("grace")).status_code == 404


def test_a_program_with_a_key_is_told_a_problem(desk: Desk, api_template: Template) -> None:
    headers = {"Authorization": f"Bearer {api_template.keys['reconciler']}", "Accept": "*/*"}
    with httpx.Client(base_url=desk.url, trust_env=False, headers=headers) as client:
        wrong = desk.accept(client, reason="")
        assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
        assert wrong.json()["detail"] == "Choose a reason."
        assert desk.accept(client).status_code == 303


def test_no_secret_is_anywhere(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), desk.browser() as client:
        answers = [desk.accept(client, reason=""), desk.accept(client, secret=f"{desk.secret('ada')}x"), desk.accept(client)]
        answers.append(client.get(answers[-1].headers["location"]))
    secret = desk.secret("ada")
    shown = "".join(one.text + str(one.headers) + str(one.url) for one in answers)
    tables = ("access_log", "audit_log", "signer", "wrong_secret", "idempotency_request", "acceptance_decision")
    kept = "".join(str(desk.fetch(f"SELECT t::text FROM {table} t")) for table in tables)
    logged = "".join(record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore")))
    assert secret[8:] not in shown + kept + logged
    routes = desk.fetch("SELECT method, route, outcome, status FROM access_log ORDER BY position DESC LIMIT 2")
    assert routes == [
        ("GET", "/reports/{period}/acceptances/{decision}", "allowed", 200),
        ("POST", "/reports/{period}/acceptances", "allowed", 303),
    ]
