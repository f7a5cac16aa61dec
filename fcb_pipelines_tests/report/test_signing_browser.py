"""Signing in a real browser, from the link in a mail to the row that is accepted: by ada, who may not approve it, and by grace.

Needs Chromium, as test_browser does. With `FCB_TEST_PICTURES` set to a folder, what each page looks like is written there.
"""

import os
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.acts.signers import add_signer
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.settings import Settings
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Template, api_settings, api_template
from fcb_pipelines_tests.api.test_reconciliation import rows_of
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.report.chromium import Tab, executable, tab
from fcb_pipelines_tests.report.links import elsewhere
from fcb_pipelines_tests.revisions import add_revision

__all__ = ["api_settings", "api_template"]
PHONE, DESK = 360, 1200
LARGE = "nexacloud/2026-04/subscription/s-large"
PAPER = "getComputedStyle(document.body).backgroundColor"
TYPED = {"reason": "goodwill", "bears": "us", "text": "agreed by phone on 3 May", "expires": "2026-09-01"}


@dataclass(frozen=True)
class Walk:
    """Somebody who signs in a browser."""

    page: Tab
    pictures: Path | None

    def look(self, name: str) -> None:
        """Nothing is wider than a phone or a desk."""
        for width in (PHONE, DESK):
            assert self.page.widen(width) <= width, (name, width)
            if self.pictures is not None:
                self.page.picture(self.pictures / f"{name}-{width}.png")

    def send(self, form: str, secret: str, **typed: str) -> int:
        """Fill in a form and send it; the status of what is shown then."""
        self.page.fill(form, secret=secret, **typed)
        self.page.press(f"{form} button")
        return self.page.statuses[-1]


def run_again(db: Database, settings: Settings) -> None:
    """April reconciled, with what is accepted by now: 75.00 were not billed of `s-large`, and 0.25 too much of two others."""
    rows = rows_of("nexacloud", ["s-large", "s-1", "s-2"], "50.25")
    with db.transaction() as conn:
        rules: dict[str, Any] = {"rule_version": "1"}
        done, _ = acceptances.apply(conn, settings.services["nexacloud"], "2026-04", rows, **rules, as_of=NOW)
        snapshot = snapshots.latest_snapshot(conn, "nexacloud")
        assert snapshot is not None
        add_revision(
            conn,
            service="nexacloud",
            period="2026-04",
            origin=Origin(snapshot_id=snapshot.snapshot_id, settings_hash="h", **rules),
            made_at=NOW + timedelta(seconds=1),
            coverage=asdict(coverage(done, "CAD")),
            rows=done,
        )


@pytest.fixture
def strict(api_settings: Settings) -> Settings:
    """One person accepts no more than 10 CAD of a customer."""
    nexacloud = api_settings.services["nexacloud"]
    limits = nexacloud.acceptance.model_copy(update={"limit": {"CAD": Decimal(10)}})
    services = {**api_settings.services, "nexacloud": nexacloud.model_copy(update={"acceptance": limits})}
    return api_settings.model_copy(update={"services": services})


def test_from_the_link_to_the_row_that_is_accepted(
    postgres_url: str, api_template: Template, strict: Settings, tmp_path: Path
) -> None:
    pictures = os.environ.get("FCB_TEST_PICTURES")
    with database(postgres_url, template=api_template.name) as url:
        db = Database(url)
        run_again(db, strict)
        _, token = make_link(db, service="nexacloud", period="2026-04", hours=1, actor="root", now=NOW)
        ada, grace = (
            add_signer(db, service="nexacloud", name=name, actor="root", now=NOW)[1].text for name in ("ada", "grace")
        )
        with (
            serving(create_app(strict, db, lambda: NOW)) as server,
            elsewhere(f"{server}/report-links/{token.text}") as mail,
            tab(executable(), tmp_path) as page,
        ):
            walk = Walk(page, Path(pictures) if pictures else None)
            page.go(mail)
            paper = {dark: page.widen(DESK, dark=dark) and page.run(PAPER) for dark in (True, False)}
            assert paper == {True: "rgb(19, 24, 28)", False: "rgb(255, 255, 255)"}, "dark where the reader's browser is"
            page.press("nav a[href$=queue]")
            page.press(".items a")
            assert page.path.endswith(LARGE.replace("/", "%2F"))
            walk.look("row")
            assert walk.send("form.sign", "fcbsign_mistyped", **TYPED) == 403
            assert "mistyped or cut off" in page.text
            assert page.run("document.forms[0].elements.text.value") == TYPED["text"]
            assert page.run("document.forms[0].elements.secret.value") == ""
            walk.look("refused")
            assert walk.send("form.sign", ada) == 200
            assert page.path == "/reports/2026-04/acceptances/D-1"
            assert "signed by ada" in page.text
            walk.look("waiting")
            page.press("nav a[href$=acceptances]")
            assert "waits for a second person" in page.text
            walk.look("list")
            assert walk.send("form[action$=approval]", ada) == 409
            assert "ada wrote D-1, so somebody else must approve it" in page.text
            walk.look("own")
            assert walk.send("form[action$=approval]", grace) == 200
            assert "fcb run --service nexacloud --period 2026-04" in page.text
            walk.look("approved")
            run_again(db, strict)
            page.go(f"{server}/reports/2026-04/acceptances/D-1")
            assert "Nothing: revision 2 of 2026-04 counts it." in page.text
            page.press("table.signed a")
            assert page.run("document.querySelector('.banner .verdict').innerText") == Verdict.ACCEPTED.value
            assert page.run("document.forms.length") == 0
            walk.look("accepted")
