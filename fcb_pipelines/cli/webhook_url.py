"""`fcb webhook check-url`: whether a webhook may go to a URL, by the guard that each delivery asks.

Owns: reading URLs, the two answers. Does not own: the rules (webhooks/egress). Looks names up for real and connects to nothing.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click
from dotenv import dotenv_values

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.webhooks.checking import objection
from fcb_pipelines.webhooks.egress import Egress, policy_of
from fcb_pipelines.webhooks.names import Lookups

MOST_LINE_BYTES = 65_536
"""Of a line no more is kept; a URL ends long before."""
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False, "": False}


@click.command("check-url")
@click.option("--http-local", is_flag=True, help="Allow plain http to this machine, as FCB_WEBHOOK_ALLOW_HTTP_LOCAL does.")
@click.option("--port", "ports", multiple=True, metavar="PORT", help="Allow this port too, as FCB_WEBHOOK_PORTS does.")
@click.option(
    "--network", "networks", multiple=True, metavar="CIDR", help="Allow this private network, as FCB_WEBHOOK_NETWORKS does."
)
@click.argument("url")
def check_url(url: str, ports: tuple[str, ...], networks: tuple[str, ...], *, http_local: bool) -> None:
    """Say whether a webhook may go to URL: prints `allow`, or `deny: ` and the reason.

    The name is looked up now, as each delivery does anew. With - in place of URL it reads one URL a line from standard input
    and prints one line for each. Exit code 0 if all are allowed, else 1.
    """
    policy = _policy(http_local, ports, networks)
    lookups = Lookups()
    are_allowed = [_answered(each, policy, lookups) for each in (_lines(sys.stdin.buffer) if url == "-" else [url])]
    if not are_allowed:
        raise click.UsageError("no input: write one URL a line to standard input")
    if not all(are_allowed):
        raise SystemExit(1)


def _policy(http_local: bool, ports: tuple[str, ...], networks: tuple[str, ...]) -> Egress:
    """What the variables say, of this folder's `.env` too, and what the options add."""
    given = {**dotenv_values(Path.cwd() / ".env"), **os.environ}
    is_local = _BOOLEANS.get((given.get("FCB_WEBHOOK_ALLOW_HTTP_LOCAL") or "").lower())
    if is_local is None:
        raise InvalidInput("FCB_WEBHOOK_ALLOW_HTTP_LOCAL is true or false")
    return policy_of(
        allows_http_local=http_local or is_local,
        more_ports=",".join((given.get("FCB_WEBHOOK_PORTS") or "", *ports)),
        networks=",".join((given.get("FCB_WEBHOOK_NETWORKS") or "", *networks)),
    )


def _answered(url: str | None, policy: Egress, lookups: Lookups) -> bool:
    reason = "it is not text in UTF-8" if url is None else objection(url, policy, lookups)
    click.echo("allow" if reason is None else f"deny: {reason}")
    sys.stdout.flush()
    return reason is None


def _lines(stream: BinaryIO) -> Iterator[str | None]:
    """Each line as text, without its end; None for bytes that are none. Holds no more than one, and never all of a long one."""
    while line := stream.readline(MOST_LINE_BYTES):
        end = line
        while end and not end.endswith(b"\n"):
            end = stream.readline(MOST_LINE_BYTES)
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            yield None
