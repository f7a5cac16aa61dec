"""The central side's address: behind a proxy with a path before it, another one by mistake, or away; and what is said."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Mount, Route

from fcb_pipelines_tests.host.central import KEY, Central
from fcb_pipelines_tests.host.made import Clock, client, event
from fcb_pipelines_tests.odoo.server import serving

ELSEWHERE = "FCB_HOST_URL is what stands before /v1/usage: scheme://host:port, and a path only where a proxy puts one before it"
AGAIN = "the same is sent again, which counts nothing twice"
TO_CHECK = "check FCB_HOST_URL, that the central side runs and that the network lets this machine there"


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[Central, str]]:
    """A central side under /billing, as a proxy shows it, one that has moved, and another service."""
    central = Central()
    moved = Route("/moved/v1/usage", lambda _: RedirectResponse("/billing/v1/usage"), methods=["POST"])
    said = {"title": "Not Found", "status": 404, "detail": "Not Found."}
    other = Route("/other/v1/usage", lambda _: JSONResponse(said, status_code=404), methods=["POST"])
    with serving(Starlette(routes=[Mount("/billing", central.app()), moved, other])) as url:
        yield central, url


def said(tmp_path: Path, url: str, key: str = "a", **others: float) -> str | None:
    """What the status says after an event was sent there."""
    with client(tmp_path, url, clock=Clock(), **others) as host:
        host.record(event(key))
        host.flush(0.05)
        return host.status().last_error


@pytest.mark.parametrize("path", ["/billing", "/billing/"])
def test_a_path_that_a_proxy_puts_before_it_is_kept(path: str, proxied: tuple[Central, str], tmp_path: Path) -> None:
    central, url = proxied
    assert said(tmp_path, url + path, path) is None
    assert ("s-1", "cpu_seconds", path) in central.stored


def test_an_address_where_nobody_takes_usage_is_named_with_what_it_shall_be(
    proxied: tuple[Central, str], tmp_path: Path
) -> None:
    _, url = proxied
    assert said(tmp_path, f"{url}/elsewhere") == f"{url} answered HTTP 404: {ELSEWHERE}"
    assert said(tmp_path, f"{url}/other") == f"{url} answered HTTP 404: Not Found: {ELSEWHERE}"
    assert said(tmp_path, f"{url}/moved") == (
        f"{url} answered HTTP 307: a redirect is not followed: let FCB_HOST_URL name where it leads"
    )


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            "401",
            "answered HTTP 401: scripted 401 Bearer …: no such key: check FCB_HOST_KEY, or ask the central side for a new key",
        ),
        ("503", "answered HTTP 503: scripted 503 Bearer …: no such key."),
        ("garbage", f"answered a 200 without one result per event: {ELSEWHERE}"),
        ("not_a_list", f"answered a 200 without one result per event: {ELSEWHERE}"),
        ("cut", f"answered HTTP 200, but its answer broke off: {AGAIN}"),
    ],
)
def test_who_answered_is_named_and_what_to_check(fault: str, says: str, served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    central.script.append(fault)
    assert said(tmp_path, url) == f"{url} {says}"


def test_who_cannot_be_reached_is_named_without_path_and_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert said(tmp_path, f"{url}/billing", read_seconds=0.05) == f"{url} cannot be reached (no answer in time): {TO_CHECK}"
        assert said(tmp_path, url.replace("http", "https"), connect_seconds=0.05) == (
            f"{url.replace('http', 'https')} cannot be reached (no answer in time): {TO_CHECK}"
        )
    unknown = "https://billing.invalid"
    assert said(tmp_path, unknown) == f"{unknown} cannot be reached (no address is known for its name): {TO_CHECK}"


@pytest.mark.parametrize(
    ("ends", "why"), [(True, "RemoteProtocolError"), (False, "no answer in time")], ids=["closed", "silent"]
)
def test_an_answer_that_breaks_off_is_not_blamed_on_the_address(ends: bool, why: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def begin_to_answer() -> None:
            connected, _ = listening.accept()
            with connected:
                connected.recv(65_536)
                connected.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{"results": [')
                if not ends:
                    over.wait(5)
                connected.shutdown(socket.SHUT_WR)

        answering = threading.Thread(target=begin_to_answer)
        answering.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        told = said(tmp_path, url, read_seconds=0.1)
        over.set()
        answering.join()
    assert told == f"{url} answered HTTP 200, but its answer broke off ({why}): {AGAIN}"


def test_https_to_who_speaks_http_is_said(served: tuple[Central, str], tmp_path: Path) -> None:
    url = served[1].replace("http", "https")
    told = said(tmp_path, url) or ""
    assert told.startswith(f"{url} does not speak TLS as it should (")
    assert told.endswith("): check whether FCB_HOST_URL is https or http")
    assert KEY not in told
