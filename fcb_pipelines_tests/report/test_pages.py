"""The pages: whole HTML, every link there, nothing that runs, nothing of the source taken for markup, figures of the JSON."""

import json
import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote, urldefrag

import pytest

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.domain.acceptances import State
from fcb_pipelines.domain.clean import Judged
from fcb_pipelines.report import export, pages, selections
from fcb_pipelines.report.amounts import amount
from fcb_pipelines.report.links import Files, Served
from fcb_pipelines.report.view import View
from fcb_pipelines_tests.report.html import Page
from fcb_pipelines_tests.report.material import HOSTILE, a_view, before, due_next, every_kind, matched, row, unexplained
from fcb_pipelines_tests.signed import a_row, accepted, an_instance

SERVED = Served(period="2026-04", opens_others=False)


@pytest.fixture(scope="module")
def view() -> View:
    """Every kind of row, something signed, an earlier period, and a next bill."""
    listed = Listed(acceptance=accepted(a_row(subscription="s7")), state=State.IN_FORCE)
    history = [Judged(period="2026-03", objections=())]
    return a_view(*every_kind(), signed=[listed], history=history, next_flat=due_next(u1="200.00", u3="9.00"))


@pytest.fixture(scope="module")
def files(view: View) -> dict[str, bytes]:
    return dict(export.html(view, before))


def pages_of(files: dict[str, bytes]) -> Iterator[tuple[str, Page]]:
    for name, content in files.items():
        if name.endswith(".html"):
            yield name, Page(content)


def test_every_link_leads_to_a_file_or_a_place_that_is_there(files: dict[str, bytes]) -> None:
    found = dict(pages_of(files))
    assert len(found) > 30
    for name, page in found.items():
        assert len(set(page.ids)) == len(page.ids), name
        for address in page.addresses:
            path, fragment = urldefrag(address)
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else name
            assert target in files, (name, address)
            assert not fragment or fragment in found[target].ids, (name, address)


def test_every_file_is_led_to(files: dict[str, bytes]) -> None:
    led = {"index.html"}
    for name, page in pages_of(files):
        led |= {posixpath.normpath(posixpath.join(posixpath.dirname(name), urldefrag(one).url)) for one in page.addresses}
    assert set(files) <= led


def test_nothing_runs_and_nothing_is_styled_in_place(files: dict[str, bytes]) -> None:
    for name, page in pages_of(files):
        assert not page.all("script", "style", "iframe", "object", "form"), name
        for each in page.elements:
            assert not {attribute for attribute in each.attributes if attribute.startswith("on") or attribute == "style"}, name
            assert not each.attributes.get("href", "").lower().startswith(("javascript:", "data:", "http")), name


def test_headings_are_in_order_and_tables_tell_their_headers(files: dict[str, bytes]) -> None:
    for name, page in pages_of(files):
        levels = [int(each.tag[1]) for each in page.all("h1", "h2", "h3", "h4")]
        assert levels.count(1) == 1, name
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), (name, levels)
        assert all(each.attributes.get("scope") in {"col", "row"} for each in page.all("th")), name
        assert len(page.all("caption")) == len(page.all("table")), name
        assert all(each.attributes["alt"] for each in page.all("img")), name
        assert page.all("html")[0].attributes["lang"] == "en", name


def test_the_first_thing_of_a_page_skips_to_its_content(files: dict[str, bytes]) -> None:
    for name, page in pages_of(files):
        first = page.all("a")[0].attributes
        assert (first["class"], first["href"]) == ("skip", "#content"), name
        assert page.all("main")[0].attributes["id"] == "content", name


def test_what_scrolls_can_be_reached_by_the_keyboard(files: dict[str, bytes]) -> None:
    for name, page in pages_of(files):
        for each in page.elements:
            if "scroll" in each.attributes.get("class", "").split():
                assert each.attributes["tabindex"] == "0", name
                assert each.attributes["aria-label"], name


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_the_source_says_stays_text(evil: str) -> None:
    hostile = row(evil, unexplained(charge=evil), matched(charge=evil), notes=(evil,))
    view = a_view(hostile, partners={"u1": evil}, plans={evil: evil})
    for name, content in export.html(view, before):
        if name.endswith(".html"):
            page = Page(content)
            assert not page.all("script"), name
            assert " ".join(evil.split()) in page.text, name
            assert all(len(posixpath.basename(one)) < 200 for one in page.addresses), name
    for each in Page(pages.first(view, SERVED)).elements:
        if each.attributes.get("href", "").startswith("/reports/"):
            assert re.fullmatch(r"[A-Za-z0-9_.~%/?=&:-]*", each.attributes["href"]), each.attributes["href"]


def test_the_names_of_the_source_keep_their_direction_to_themselves() -> None:
    hostile = "\N{RIGHT-TO-LEFT OVERRIDE}evil"
    view = a_view(row("s1", unexplained()), partners={"u1": hostile})
    page = Page(pages.rows(view, SERVED, view.shape.selections[selections.ALL]))
    holding = [each for each in page.elements if hostile in "".join(each.words)]
    assert holding[-1].tag == "bdi"


def plain(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-").replace(",", "").replace("+", "")


def test_the_figures_of_the_pages_are_those_of_the_json(view: View, files: dict[str, bytes]) -> None:
    told = {each["row_id"]: each for each in json.loads(export.as_json(view))["rows"]}
    listed = Page(pages.rows(view, SERVED, view.shape.selections[selections.ALL]))
    figures = [plain(each.text) for each in listed.elements if each.attributes.get("class") == "figure"]
    expected: list[str] = []
    for each in told.values():
        expected += [each["expected"]["net"] if each["expected"] else "–", each["actual"]["net"] if each["actual"] else "–"]
        expected.append(each["difference"])
    assert figures == expected
    for row_id, each in told.items():
        page = Page(pages.row(view, SERVED, view.shape.rows[row_id], ()))
        shown = {plain(one.text) for one in page.elements if one.attributes.get("class") == "figure"}
        for instance in each["instances"]:
            for side in (instance["expected"] or {}, instance["actual"] or {}):
                assert set(side.values()) - {None} <= shown, row_id
            assert instance["difference"] in shown


def test_the_first_screen_has_its_figures(view: View) -> None:
    page = Page(pages.first(view, SERVED))
    shown = [plain(each.text) for each in page.elements if each.attributes.get("class") == "figure"]
    cad = view.shape.figures[0]
    assert shown[:4] == [plain(amount(each)) for each in (cad.billed, cad.proved, cad.carried, cad.undecided)]
    assert view.sentence.replace("\N{NO-BREAK SPACE}", " ") in page.text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_row_page_tells_all_there_is(view: View) -> None:
    text = Page(pages.row(view, SERVED, view.shape.rows["shop/2026-04/subscription/s1"], before(""))).text
    for said in (
        *(
            "Billed 9.14 CAD, 200.00 CAD expected",
            "yearly price 200 ÷ 12",
            "Waterfall",
            "plans/227",
            "plan 227: interval yearly",
        ),
        *("fcb adopt shop/2026-04/subscription/s1 --service shop", "fix model: our price", "team:billing, due 2026-06-30"),
        *("invoice line", "The row in every revision of 2026-04", "unexplained"),
    ):
        assert said in text, said
    text = Page(pages.row(view, SERVED, view.shape.rows["shop/2026-04/subscription/s3"], ())).text
    assert "31 of 40 units31.004.50" in text, "a candidate, what it predicts, and how likely it fits by chance"
    assert "What is missing" in text
    assert "how many units there were" in text


def test_what_was_signed_is_on_the_page_of_its_row_alone(view: View) -> None:
    for name in ("s6", "s7"):
        text = Page(pages.row(view, SERVED, view.shape.rows[f"shop/2026-04/subscription/{name}"], ())).text
        assert ("agreed with the customer on the phone" in text) == (name == "s7")


def test_many_rows_are_shown_in_parts() -> None:
    view = a_view(*(row(f"s{n:04d}", an_instance()) for n in range(pages.MOST_ROWS + 1)))
    every = view.shape.selections[selections.ALL]
    shown = [len(Page(pages.rows(view, SERVED, every, page)).all("tr")) - 1 for page in (1, 2)]
    assert (pages.parts(every), shown) == (2, [pages.MOST_ROWS, 1])


def test_whoever_came_by_a_link_is_led_to_no_other_period(view: View) -> None:
    others = [Page(pages.first(view, Served(period="2026-04", opens_others=each))).addresses for each in (False, True)]
    assert ["/reports/2026-03" in each for each in others] == [False, True]


def test_files_of_names_that_are_alike_are_two() -> None:
    links = Files(period="2026-04")
    names = [links.row(each) for each in ("a/b", "a-b", "A/b", "a b", "../../etc/passwd", "x" * 400, "x" * 401)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"rows/[a-z0-9.-]+\.html", each) and ".." not in each for each in names)


def test_without_rows_there_is_a_page_too() -> None:
    for _, content in export.html(a_view(), before):
        assert content
