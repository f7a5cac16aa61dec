"""The example host: a message that comes in is done and seen on its page, on both storages."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from example_host.app import create_app
from example_host.deployments import Deployments, add, listed
from example_host.page import Shown, page
from fcb_host.receiver import deployments, inbox, operating
from fcb_host.receiver.acting import What
from fcb_host.receiver.inbox import Entry
from fcb_host.receiver.settings import WebhookSettings
from fcb_host.receiver.storage import Storage
from fcb_pipelines_tests.faults.serving import a_free_port
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import ENDED, PAID, SECRET, Clock, request
from fcb_pipelines_tests.report.chromium import executable, tab

EXAMPLE = Path(__file__).parents[2] / "fcb_host/example"
NAMES = ["dep-1", "dep-2", "dep-3", "dep-4", "dep-5"]


def states(storage: Storage) -> dict[str, str]:
    with storage.transaction() as tx:
        return {each.name: each.state for each in listed(tx)}


def test_what_billing_says_is_done_to_the_hosts_own_deployments(storage: Storage) -> None:
    house = House(storage=storage)
    house.host = Deployments()  # type: ignore[assignment]
    add(storage, NAMES[:2])
    add(storage, NAMES[:3])
    house.take("a")
    house.take("b", deployment_id="elsewhere", external_subscription_id="sub-9")
    assert sorted(house.act()) == [What.FAILED, What.SUSPENDED]
    assert states(storage) == {"dep-1": "suspended", "dep-2": "running", "dep-3": "running"}
    assert "there is no deployment elsewhere here" in str(house.status().last_problem)
    house.take("c", PAID, sequence=2)
    house.take("end", ENDED, sequence=3)
    house.act()
    assert states(storage)["dep-1"] == "running"
    house.clock.on(days=14)
    with storage.transaction() as tx:
        operating.confirm(tx, "dep-1", who="Ada", now=house.clock())
    house.act()
    assert states(storage)["dep-1"] == "removed"


def lived(storage: Storage) -> str:
    """The page of a host to which everything happened that can."""
    house = House(storage=storage)
    house.host = Deployments()  # type: ignore[assignment]
    add(storage, NAMES)
    for number, name in enumerate(NAMES[:4]):
        house.take(f"msg_failed_{name}", deployment_id=name, external_subscription_id=f"sub-{number}")
    house.act(most_suspensions=3)
    house.clock.on(minutes=7)
    house.take("msg_paid", PAID, sequence=2, deployment_id="dep-1", external_subscription_id="sub-0")
    house.take("msg_ended", ENDED, sequence=2, deployment_id="dep-2", external_subscription_id="sub-1")
    house.take("msg_elsewhere", deployment_id="<b>elsewhere</b>", external_subscription_id="sub-9")
    house.take("msg_new", "invoice.<sent>")
    house.take("msg_new", "invoice.other")
    house.act(most_suspensions=9)
    with storage.transaction() as tx:
        known = {each.deployment_id: each for each in deployments.listed(tx)}
        messages = inbox.latest(tx, most=100)
        status = operating.status(tx, now=house.clock())
        return page(Shown(machines=listed(tx), known=known, messages=messages, status=status))


def test_the_page_shows_how_it_stands_and_what_waits_and_trusts_no_text(storage: Storage) -> None:
    told = lived(storage)
    words = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", told, flags=re.DOTALL).split())
    for expected in (
        "dep-1 running active nothing is due any more",
        "dep-3 suspended suspended INV/77 (49.00 CAD) unpaid: INV/77 (49.00 CAD)",
        "dep-5 running nothing came",
        "dep-2 has ended: kept until 2026-06-16 16:07:00 UTC, then python -m fcb_host receiver confirm dep-2 --as NAME",
        "1 beyond the cap",
        "1 failing: suspend failed: LookupError: there is no deployment &lt;b&gt;elsewhere&lt;/b&gt; here",
        "1 came again with another body: python -m fcb_host receiver status",
        "waiting failed 1 times suspend failed",
        "1 that nothing here could be done for",
    ):
        assert expected in words
    assert "<b>" not in told
    assert "<sent>" not in told
    assert "<script" not in told


def test_the_page_reads_well_in_a_browser(tmp_path: Path, storage: Storage) -> None:
    file = tmp_path / "page.html"
    file.write_text(lived(storage), encoding="utf-8")
    with tab(executable(), tmp_path / "home") as browser:
        browser.go(file.as_uri())
        for width, dark in ((1280, False), (1280, True), (390, False)):
            assert browser.widen(width, dark=dark) <= width
            browser.picture(tmp_path / f"page-{width}{'-dark' if dark else ''}.png")
        assert "Waits for a person" in browser.text
        if kept := os.environ.get("FCB_TEST_PICTURES"):
            for picture in tmp_path.glob("page-*.png"):
                shutil.copy(picture, kept)


def test_messages_without_number_are_shown_as_the_last_hundred(storage: Storage) -> None:
    house = House(storage=storage)
    house.take("a")
    entry: Entry = house.entries()["a"]
    shown = Shown(machines=[], known={}, messages=[entry] * 100, status=house.status())
    assert "The last 100, newest first." in page(shown)
    assert "None yet." in page(replace(shown, messages=[]))


def test_off_says_so() -> None:
    with served_in_process(WebhookSettings()) as client:
        assert "The receiver is off: set FCB_HOST_WEBHOOK_ENABLED=on" in client.get("/").text
        assert client.post("/api/v1/billing/webhooks/central").status_code == 404


def test_a_storage_that_is_down_says_so(tmp_path: Path) -> None:
    with served_in_process(WebhookSettings(is_enabled=True, secrets=(SECRET,), file=tmp_path / "no" / "file")) as client:
        assert "cannot be opened: No such file or directory" in client.get("/").text


@dataclass(frozen=True, slots=True)
class Client:
    """Asks an application on this thread, without its lifespan: no worker runs."""

    transport: httpx.ASGITransport

    def get(self, path: str) -> httpx.Response:
        return self._ask("GET", path)

    def post(self, path: str) -> httpx.Response:
        return self._ask("POST", path)

    def _ask(self, method: str, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://host") as client:
                return await client.request(method, path)

        return asyncio.run(ask())


@contextmanager
def served_in_process(settings: WebhookSettings) -> Iterator[Client]:
    yield Client(httpx.ASGITransport(create_app(settings, NAMES, Clock())))


@pytest.mark.slow
def test_it_starts_from_plain_settings_receives_acts_and_shows(tmp_path: Path) -> None:
    port = a_free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(EXAMPLE), *sys.path]),
        "FCB_HOST_WEBHOOK_ENABLED": "on",
        "FCB_HOST_WEBHOOK_SECRETS": SECRET.revealed(),
        "FCB_HOST_WEBHOOK_FILE": str(tmp_path / "host.sqlite"),
        "EXAMPLE_HOST_DEPLOYMENTS": "dep-1, dep-2",
    }
    process = subprocess.Popen([sys.executable, "-m", "example_host", "--port", str(port)], env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
            _wait(lambda: "dep-2" in client.get("/").text)
            came = request(at=datetime.now(UTC))
            assert client.post("/api/v1/billing/webhooks/central", content=came.body, headers=came.headers).status_code == 202
            _wait(lambda: "unpaid: INV/77" in client.get("/").text)
            old = request("old", at=datetime.now(UTC) - timedelta(seconds=400))
            assert client.post("/api/v1/billing/webhooks/central", content=old.body, headers=old.headers).status_code == 401
    finally:
        process.terminate()
        assert process.wait(timeout=20) in (0, -15)


@pytest.mark.slow
def test_wrong_settings_are_said_in_one_line() -> None:
    environment = {"PYTHONPATH": os.pathsep.join([str(EXAMPLE), *sys.path]), "FCB_HOST_WEBHOOK_ENABLED": "on"}
    done = subprocess.run(
        [sys.executable, "-m", "example_host"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("FCB_HOST_WEBHOOK_SECRETS is missing")


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come to that in time")
