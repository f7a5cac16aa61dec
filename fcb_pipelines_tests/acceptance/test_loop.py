"""The control loop, whole: what happens to an invoice in Odoo suspends, restores and removes a deployment of another party.

The customer goes live by the gate first, in the commands that people type. With `FCB_TEST_PICTURES` set to a folder, what the
page looks like is written there.
"""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.local.apart import apart
from fcb_pipelines.local.loop.control import ControlLoop, control_loop
from fcb_pipelines.local.loop.page import create_app
from fcb_pipelines.local.loop.play import FINAL, play
from fcb_pipelines_tests.acceptance.project import ROOT
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.report.chromium import executable, tab

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Played:
    """The loop after its story was played, and its page."""

    loop: ControlLoop
    lines: list[str]
    url: str
    before: str
    """What the page said while nobody was live."""


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with apart(ROOT, None, report=lambda _: None) as demo, control_loop(demo, lambda _: None) as loop:
        with serving(create_app(loop)) as url:
            before = httpx.get(url, trust_env=False).text
            loop.begin()
            yield Played(loop=loop, lines=[*play(loop)], url=url, before=before)


def test_the_host_obeys_what_happens_in_odoo(played: Played) -> None:
    told = [line.split(" after ")[0] for line in played.lines]
    assert told[: FINAL - 1] == [f"SUB-2001: attempt {one} of {FINAL} declined: dep-shop is running" for one in range(1, FINAL)]
    assert told[FINAL - 1 : FINAL + 1] == [
        f"SUB-2001: attempt {FINAL} of {FINAL} declined: dep-shop is suspended",
        "SUB-2001: paid: dep-shop is running",
    ]
    assert [line.split(" (")[0] for line in told[-3:]] == [
        "SUB-2002: order cancelled: dep-blog is running",
        "SUB-2002: its time at the host is over: dep-blog is running",
        "SUB-2002: confirmed by a person at the host: dep-blog is removed",
    ]


def test_every_message_arrived_and_the_audit_log_is_whole(played: Played) -> None:
    standing = [one.standing for shown in played.loop.messages() for one in shown.sent]
    assert set(standing) == {"delivered"}
    assert [one.broken for one in verify_logs(played.loop.db) if one.broken] == []


def test_the_page_shows_all_three_parties(played: Played) -> None:
    assert "Taking the customer live" in played.before
    page = httpx.get(played.url, trust_env=False).text
    for expected in ("dep-shop <span class='state good'>running", "dep-blog <span class='state bad'>removed", "final yes"):
        assert expected in page
    assert f"declined {FINAL} times" in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"act": "fail", "subscription": "SUB-2001"}, "nothing is owed of it"),
        ({"act": "pay", "subscription": "SUB-2001"}, "nothing is owed of it"),
        ({"act": "end", "subscription": "SUB-2002"}, "is cancelled already"),
        ({"act": "confirm", "subscription": "SUB-2001"}, "no termination to confirm"),
        ({"act": "fail", "subscription": "<b>"}, "there is no subscription"),
        ({"act": "drop", "subscription": "SUB-2001"}, "nothing of that"),
        ({}, "nothing of that"),
    ],
)
def test_what_cannot_be_done_is_said(played: Played, form: dict[str, str], said: str) -> None:
    answer = httpx.post(f"{played.url}/do", data=form, trust_env=False, follow_redirects=True)
    assert said in answer.text
    assert "<b>" not in answer.text


def test_nobody_elses_page_can_press(played: Played) -> None:
    form = {"act": "end", "subscription": "SUB-2001"}
    foreign = httpx.post(f"{played.url}/do", data=form, headers={"sec-fetch-site": "cross-site"}, trust_env=False)
    named = httpx.get(played.url, headers={"host": "billing.example"}, trust_env=False)
    assert (foreign.status_code, named.status_code) == (403, 400)


def test_a_press_in_a_browser_reaches_the_host(played: Played, tmp_path: Path) -> None:
    with tab(executable(), tmp_path / "home") as browser:
        browser.go(played.url)
        for width, dark in ((1280, False), (1280, True), (390, False)):
            assert browser.widen(width, dark=dark) <= width
            browser.picture(tmp_path / f"loop-{width}{'-dark' if dark else ''}.png")
        browser.press("button[value=end]:not(:disabled)")
        until = time.monotonic() + 30
        while "ended, and" not in browser.text:
            assert time.monotonic() < until, browser.text
            time.sleep(0.3)
        assert "the order is cancelled" in browser.text
        if kept := os.environ.get("FCB_TEST_PICTURES"):
            for picture in tmp_path.glob("loop-*.png"):
                shutil.copy(picture, kept)
