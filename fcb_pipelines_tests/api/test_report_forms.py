"""Forms of the pages, over HTTP: of our own pages and of this visit, whole, once, and without a trace of the secret."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from fcb_pipelines.acts import signing
from fcb_pipelines.api import idempotency
from fcb_pipelines.api.bodies import MOST_BYTES_OF_A_FORM
from fcb_pipelines.domain.signers import MOST_WRONG
from fcb_pipelines_tests.api.conftest import Template
from fcb_pipelines_tests.api.signing_desk import BROWSER, PLACE, SAME, TYPED, Desk, Fields, desk, forms, served
from fcb_pipelines_tests.api.test_reconciliation import add_revision
from fcb_pipelines_tests.report.html import Page

__all__ = ["desk", "served"]


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
    ({"revision": "9" * 5000}, 422, "not as our page has it"),
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
