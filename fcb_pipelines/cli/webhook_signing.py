"""`fcb webhook sign` and `fcb webhook verify`: a signature by hand, for whoever builds or mends a receiver.

Owns: options, exit codes. Does not own: signatures (fcb_host.signing), which deliveries and receivers share.
"""

import re
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from fcb_host.errors import InvalidSettings
from fcb_host.signing import MOST_SIGNATURES, Secret, Unverified, headers
from fcb_host.signing import verify as verified
from fcb_pipelines.domain.errors import InvalidInput

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")


def _secrets_option(command: _Command) -> _Command:
    """`--secret`, or the variable, which shows in no list of processes."""
    return click.option(
        "--secret",
        "secrets",
        multiple=True,
        required=True,
        envvar="FCB_WEBHOOK_SECRET",
        show_envvar=True,
        metavar="WHSEC",
        help="whsec_…; repeatable, and in the variable with spaces between.",
    )(command)


@click.command()
@_secrets_option
@click.option("--id", "message_id", required=True, help="The header webhook-id.")
@click.option("--timestamp", required=True, metavar="UNIX", help="The header webhook-timestamp: seconds since 1970.")
def sign(secrets: tuple[str, ...], message_id: str, timestamp: str) -> None:
    """Print the header webhook-signature of the message on standard input.

    With several secrets it holds a signature by each, in their order, as during a rotation.
    """
    held, sent_at = _held(secrets), _seconds("--timestamp", timestamp)
    try:
        made = headers(held, message_id=message_id, sent_at=sent_at, body=sys.stdin.buffer.read())
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    click.echo(made["webhook-signature"])


@click.command()
@_secrets_option
@click.option("--id", "message_id", required=True, help="The header webhook-id, as it came.")
@click.option("--timestamp", required=True, help="The header webhook-timestamp, as it came.")
@click.option("--signature", required=True, help="The header webhook-signature, as it came.")
@click.option("--now", metavar="UNIX", help="Check as if it were this moment: seconds since 1970; else the clock's.")
def verify(secrets: tuple[str, ...], message_id: str, timestamp: str, signature: str, now: str | None) -> None:
    """Check the signature of the message on standard input.

    Exit code 0 and `valid` if one of the secrets signed exactly this, no more than 300 seconds ago or ahead; else 1, and why
    not on standard error.
    """
    held, at = _held(secrets), int(time.time()) if now is None else _seconds("--now", now)
    found = verified(
        held, message_id=message_id, timestamp=timestamp, signature=signature, body=sys.stdin.buffer.read(), now=at
    )
    if isinstance(found, Unverified):
        click.echo(f"not valid: {found.reason}", err=True)
        raise SystemExit(1)
    click.echo("valid")


def _held(secrets: tuple[str, ...]) -> list[Secret]:
    if len(secrets) > MOST_SIGNATURES:
        raise InvalidInput(f"more than {MOST_SIGNATURES} secrets are given: an endpoint has one, and two during a rotation")
    try:
        return [Secret.parse(text) for text in secrets]
    except InvalidSettings as error:
        raise InvalidInput(str(error)) from None


def _seconds(option: str, text: str) -> int:
    if not _SECONDS.fullmatch(text):
        raise InvalidInput(f"{option} is in seconds since 1970: at most 12 digits, the first of them not 0")
    return int(text)
