"""Forms of the pages: what they say before anybody signs, and that whoever cannot see or use a mouse can sign too."""

from datetime import date, timedelta
from itertools import count

import pytest

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.domain.acceptances import BEARERS, REASONS, State
from fcb_pipelines.domain.money import money
from fcb_pipelines.report import pages
from fcb_pipelines.report.links import Served
from fcb_pipelines.report.signing import MOST_ROWS, Failed, Signing, Stamp, Typed, decisions, form
from fcb_pipelines.report.view import View
from fcb_pipelines_tests.report.html import Element, Page
from fcb_pipelines_tests.report.material import HOSTILE, a_view, before, every_kind, row, unexplained
from fcb_pipelines_tests.signed import a_row, accepted

SERVED = Served(period="2026-04", opens_others=False)
TODAY = date(2026, 6, 2)
NUMBERS = count()
SIGNING = Signing(today=TODAY, stamp=lambda: Stamp(form=f"form-{next(NUMBERS)}", token="t"))
OF_A_ROW = "shop/2026-04/subscription/"


@pytest.fixture(scope="module")
def view() -> View:
    """Every kind of row, and s7 waits for a second person."""
    waiting = Listed(acceptance=accepted(every_kind()[6], needs_approval=True), state=State.AWAITING_APPROVAL)
    return a_view(*every_kind(), signed=[waiting])


def every_page(view: View) -> list[Page]:
    (one,) = decisions(view.material.signed)
    failed = Failed(message="no", typed=Typed(text="typed"))
    return [
        Page(pages.queue(view, SERVED, SIGNING)),
        Page(pages.row(view, SERVED, view.shape.rows[f"{OF_A_ROW}s3"], before(""), SIGNING)),
        Page(pages.acceptances(view, SERVED, SIGNING)),
        Page(pages.decision(view, SERVED, SIGNING, one, failed)),
        Page(pages.sign_again(view, SERVED, SIGNING, [f"{OF_A_ROW}s3", f"{OF_A_ROW}s4"], failed=failed)),
    ]


def named(page: Page, *tags: str) -> list[Element]:
    return [each for each in page.all(*tags) if each.attributes.get("type") not in ("hidden", "radio")]


def test_every_field_has_a_label_and_every_form_its_own_stamp(view: View) -> None:
    for page in every_page(view):
        assert len(set(page.ids)) == len(page.ids)
        labels = {each.attributes.get("for") for each in page.all("label")}
        fields = named(page, "input", "select", "textarea")
        assert fields
        assert {each.attributes["id"] for each in fields} <= labels
        described = {each.attributes["aria-describedby"] for each in fields if "aria-describedby" in each.attributes}
        assert described <= set(page.ids)
        stamps = [each.attributes["value"] for each in page.all("input") if each.attributes["name"] == "form"]
        assert len(set(stamps)) == len(page.all("form")) == len(stamps)
        assert not page.all("script", "style")


def test_a_secret_is_neither_shown_nor_remembered(view: View) -> None:
    for page in every_page(view):
        secrets = [each.attributes for each in page.all("input") if each.attributes["name"] == "secret"]
        assert len(secrets) == len(page.all("form"))
        assert {(each["type"], each["autocomplete"], each.get("value")) for each in secrets} == {("password", "off", None)}


def test_a_form_says_what_is_signed_and_what_may_be_chosen(view: View) -> None:
    page = every_page(view)[1]
    for said in ("What you sign, as of revision 2", "9.00", "Above CAD\N{NO-BREAK SPACE}50.00 of one customer within 30 days"):
        assert said in page.all("form")[0].text.replace("  ", " ") or said in "".join(page.all("form")[0].words)
    chosen = [each.attributes["value"] for each in page.all("option")]
    assert chosen == ["", *map(str, REASONS), "", *map(str, BEARERS)]
    (expires,) = (each.attributes for each in page.all("input") if each.attributes["name"] == "expires")
    assert (expires["min"], expires["max"]) == ("2026-06-03", str(TODAY + timedelta(days=366)))


def test_what_is_carried_or_decided_has_no_form(view: View) -> None:
    rows = view.shape.rows
    has_form = {key.removeprefix(OF_A_ROW): form(view, [key], TODAY) is not None for key in rows}
    assert has_form == {f"s{n}": n in (1, 2, 3, 4, 9) for n in range(1, 10)}


def test_currencies_are_never_summed(view: View) -> None:
    found = form(view, [f"{OF_A_ROW}s3", f"{OF_A_ROW}s4", f"{OF_A_ROW}s9", f"{OF_A_ROW}nobody"], TODAY)
    assert found is not None
    assert found.sums == (money("21.00 CAD"), money("10.00 USD"))


def test_no_form_is_of_more_rows_than_can_be_looked_at() -> None:
    view = a_view(*(row(f"s{n}", unexplained()) for n in range(MOST_ROWS + 1)))
    ids = list(view.shape.rows)
    assert form(view, ids, TODAY) is None
    assert "Too much for a form of this page" in Page(pages.queue(view, SERVED, SIGNING)).text
    found = form(view, ids[1:], TODAY)
    assert found is not None
    assert len(found.proposals) == MOST_ROWS


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_people_and_the_source_say_stays_text(evil: str) -> None:
    signed = Listed(acceptance=accepted(a_row(subscription="s7"), text=evil, author=evil), state=State.AWAITING_APPROVAL)
    view = a_view(row(evil, unexplained(charge=evil)), partners={"u1": evil}, signed=[signed])
    (one,) = decisions(view.material.signed)
    failed = Failed(message=evil, typed=Typed(text=evil, expires=evil, reason=evil))
    for content in (
        pages.queue(view, SERVED, SIGNING),
        pages.acceptances(view, SERVED, SIGNING),
        pages.decision(view, SERVED, SIGNING, one, failed),
        pages.sign_again(view, SERVED, SIGNING, list(view.shape.rows), failed=failed),
    ):
        page = Page(content)
        assert not page.all("script")
        assert " ".join(evil.split()) in page.text
