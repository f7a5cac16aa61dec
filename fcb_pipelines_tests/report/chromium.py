"""A browser without a window that is told what to do: go, type, press, look. Nothing is installed for it.

Owns: the browser's process and the pipe that it takes commands from (its DevTools protocol). Does not own: any expectation.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
_PLACED = """
import fcntl, os, sys
for place, pipe in enumerate([fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3]], start=3):
    os.dup2(pipe, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Starts what reads its commands from 3 and answers to 4."""
DEVICE = {"deviceScaleFactor": 1, "mobile": False}


def executable() -> str:
    """Where Chromium is; where there is none and `FCB_TEST_BROWSER` names none, the test is left out."""
    named = os.environ.get("FCB_TEST_BROWSER")
    found = shutil.which(named or "chromium")
    if found is None:
        assert not named, f"FCB_TEST_BROWSER names {named}, which is not there"
        pytest.skip("there is no chromium: apt-get install chromium, or name a browser in FCB_TEST_BROWSER")
    return found


class Tab:
    """One page of the browser."""

    def __init__(self, to: BinaryIO, of: BinaryIO) -> None:
        self._to, self._of, self._number, self._session = to, of, 0, ""
        self._late: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")
        self.statuses: list[int] = []

    def call(self, method: str, **params: Any) -> Any:
        """Have something done; the answer."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        self._to.write(json.dumps({"id": self._number, "method": method, "params": params, **session}).encode() + b"\0")
        self._to.flush()
        while (told := self._read()).get("id") != self._number:
            self._late.append(told)
        assert "error" not in told, told
        return told["result"]

    def go(self, url: str) -> None:
        """Open an address, and wait until it is there, wherever it goes on to by itself."""
        self._late.clear()
        self.call("Page.navigate", url=url)
        self._loaded()

    def press(self, selector: str) -> None:
        """Click on something that leads to another page, and wait until that is there."""
        self._late.clear()
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self._loaded()

    def fill(self, form: str, **typed: str) -> None:
        """Type into the fields of a form, by their names."""
        for name, value in typed.items():
            place = f"document.querySelector({json.dumps(form)}).elements[{json.dumps(name)}]"
            self.run(f"{place}.value = {json.dumps(value)}")

    def run(self, script: str) -> Any:
        """What a script gives."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    @property
    def text(self) -> str:
        """What is to be read on the page."""
        return " ".join(str(self.run("document.body.innerText")).split())

    @property
    def path(self) -> str:
        """Where it is."""
        return str(self.run("location.pathname"))

    def widen(self, width: int, *, dark: bool = False) -> int:
        """Make it so wide; how wide what it shows is."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, **DEVICE)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        return int(self.run("document.documentElement.scrollWidth"))

    def picture(self, file: Path) -> None:
        """Write what the whole page looks like."""
        height = int(self.run("document.documentElement.scrollHeight"))
        width = int(self.run("innerWidth"))
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shown = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(shown["data"]))

    def _loaded(self) -> None:
        while True:
            told = self._late.pop(0) if self._late else self._read()
            if told.get("method") == "Network.responseReceived" and told["params"]["type"] == "Document":
                self.statuses.append(told["params"]["response"]["status"])
            if told.get("method") == "Page.loadEventFired" and not self._goes_on():
                return

    def _goes_on(self) -> bool:
        return bool(self.run("document.querySelector('meta[http-equiv=refresh]') !== null"))

    def _read(self) -> dict[str, Any]:
        found = bytearray()
        while (each := self._of.read(1)) != b"\0":
            assert each, "the browser ended"
            found += each
        told: dict[str, Any] = json.loads(found)
        return told


@contextmanager
def tab(browser: str, home: Path, options: Sequence[str] = ()) -> Iterator[Tab]:
    """A page of a browser of its own, which ends with the block."""
    (theirs_in, to), (of, theirs_out) = os.pipe(), os.pipe()
    command = [sys.executable, "-ISc", _PLACED, str(theirs_in), str(theirs_out), browser, *OPTIONS, *options]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={home}"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    with os.fdopen(to, "wb") as writing, os.fdopen(of, "rb", buffering=1 << 16) as reading:
        try:
            page = Tab(writing, reading)
            yield page
            with contextlib.suppress(AssertionError, OSError):
                page.call("Browser.close")
        finally:
            process.terminate()
            process.wait(timeout=20)
