"""A page of another site that leads somewhere by itself, as a mail in a browser does when it is clicked."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fcb_pipelines_tests.odoo.server import serving


@contextmanager
def elsewhere(target: str) -> Iterator[str]:
    """The address of the page; by another name of this machine, so that it is another site."""

    async def page(_request: Request) -> Response:
        return HTMLResponse(f"<!doctype html><title>mail</title><script>location.href = {target!r}</script>")

    with serving(Starlette(routes=[Route("/", page)])) as url:
        yield url.replace("127.0.0.1", "localhost")
