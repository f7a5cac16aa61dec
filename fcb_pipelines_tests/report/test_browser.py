"""The report in a real browser: it fits a phone, prints, and a link that somebody followed from elsewhere opens it.

Needs Chromium (Debian's package `chromium`). Without one these tests are left out, unless `FCB_TEST_BROWSER` names a browser:
then it must be there. Nothing is installed.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.api.app import create_app
from fcb_pipelines.report import export
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Template, api_settings, api_template
from fcb_pipelines_tests.api.test_reconciliation import add_revision
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.report.chromium import executable
from fcb_pipelines_tests.report.links import elsewhere
from fcb_pipelines_tests.report.material import HOSTILE, a_view, before, due_next, every_kind, row, unexplained

__all__ = ["api_settings", "api_template"]
Browser = Callable[..., str]
PHONE = 360
FRAME = """<iframe src="{page}" width="{width}" height="800" frameborder="0"></iframe>"""
MEASURE = """<!doctype html><title>0</title>{frames}
<script>onload = () => {{
  const frames = [...document.querySelectorAll("iframe")]
  document.title = frames.map(each => each.contentDocument.documentElement.scrollWidth)
}}</script>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Shows a page in a browser without a window; what it printed."""
    home = tmp_path_factory.mktemp("browser")
    command = [
        *(executable(), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"),
        *(f"--user-data-dir={home}", "--virtual-time-budget=5000", "--no-pdf-header-footer"),
    ]

    def show(*args: str) -> str:
        done = subprocess.run([*command, *args], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    return show


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with hostile names, as files."""
    out = tmp_path_factory.mktemp("report")
    evil = [row(each, unexplained(charge=each), notes=(each,)) for each in HOSTILE]
    partners = {"u1": "W" * 300, "u2": HOSTILE[0]}
    view = a_view(*every_kind(), *evil, partners=partners, next_flat=due_next(u1="200.00"))
    for name, content in export.html(view, before):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    return out


def pages(folder: Path) -> Iterator[str]:
    """One of each kind, and of rows the one with the longest name."""
    yield from ("index.html", "queue.html")
    yield str(next((folder / "lists").glob("all*.html")).relative_to(folder))
    yield str(next((folder / "rows").glob("*xxxx-*.html")).relative_to(folder))


def test_no_page_is_wider_than_a_phone(browser: Browser, folder: Path) -> None:
    shown_pages = [*pages(folder)]
    frames = "".join(FRAME.format(page=page, width=PHONE) for page in shown_pages)
    (folder / "measure.html").write_text(MEASURE.format(frames=frames))
    found = re.search(r"<title>([\d,]+)</title>", browser("--dump-dom", (folder / "measure.html").as_uri()))
    assert found is not None
    widths = dict(zip(shown_pages, map(int, found[1].split(",")), strict=True))
    assert {page: width for page, width in widths.items() if not 0 < width <= PHONE} == {}


def test_it_prints(browser: Browser, folder: Path) -> None:
    browser(f"--print-to-pdf={folder / 'report.pdf'}", (folder / "index.html").as_uri())
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_link_followed_from_elsewhere_opens_the_report(
    browser: Browser, postgres_url: str, api_template: Template, api_settings: Settings
) -> None:
    with database(postgres_url, template=api_template.name) as url:
        db = Database(url)
        add_revision(db, "nexacloud", ["s-1"], "50")
        _, token = make_link(db, service="nexacloud", period="2026-04", hours=1, actor="ada", now=NOW)
        with (
            serving(create_app(api_settings, db, lambda: NOW)) as server,
            elsewhere(f"{server}/report-links/{token.text}") as page,
        ):
            shown = browser("--dump-dom", page)
    assert "<h1>Report of 2026-04</h1>" in shown
    assert "Not ready" in shown
