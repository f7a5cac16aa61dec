"""`fcb endpoints`: adds, shows, rotates, disables, enables, tests and removes the addresses that messages are sent to.

A secret is printed once, alone on standard output, so that it can be piped to where it is kept; all else to standard error.
"""

import sys

import click

from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.acts import messages
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.endpoints import By
from fcb_pipelines.acts.senders import sealing
from fcb_pipelines.cli.endpoint_tables import as_json as endpoint_as_json
from fcb_pipelines.cli.endpoint_tables import detail, table
from fcb_pipelines.cli.endpoint_test import tested
from fcb_pipelines.cli.session import answer, clock, connected, console_of, json_option, operator, say, service_option
from fcb_pipelines.domain.endpoints import FACTS, OVERLAP
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.store import endpoints as store
from fcb_pipelines.webhooks.checking import objection
from fcb_pipelines.webhooks.names import Lookups

WIDTH = 150
"""Columns that its table needs."""


@click.group()
def endpoints() -> None:
    """Say where messages of a service go: add, list, show, rotate, disable, enable, test and remove endpoints.

    What is done here is in the audit log, with your login name. docs/webhooks.md says what is sent when.
    """


@endpoints.command()
@click.argument("url")
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help=f"What it hears of; repeatable. All of {', '.join(FACTS)}, if not given.",
)
@click.option("--description", default="", help="For people, such as: the panel in Toronto.")
@service_option
def add(url: str, types: tuple[str, ...], description: str, service_code: str | None) -> None:
    """Add an endpoint and print its secret, once.

    URL is checked as each delivery checks it: https to a public address, unless settings allow more. It hears of what happens
    from now on; what happened before is sent by  fcb messages replay --since WHEN --endpoint ID.
    """
    with connected() as reached:
        by, sealed_by = _by(reached, service_code), sealing(reached.settings.webhooks)
        _require_allowed(reached, url)
        with reached.database().transaction() as conn:
            made, secret = acts.add(conn, by, sealed_by, url=url, description=description, types=types)
        is_on = reached.settings.webhooks.is_on
    say(f"{made.endpoint_id} of {made.service} hears of {', '.join(made.types)}.")
    if not is_on:
        say("Webhooks are off: messages are recorded, and go out once FCB_WEBHOOKS=true and  fcb deliver --watch  runs.")
    say("Messages are signed with this secret, which is shown this once:")
    click.echo(secret.revealed())


@endpoints.command("list")
@service_option
@json_option
def list_(service_code: str | None, *, as_json: bool) -> None:
    """Show the endpoints of a service, and how what goes there stands."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            found = messages.board(conn, service.code)
    if as_json:
        answer({"endpoints": [endpoint_as_json(one) for one in found.endpoints]})
    elif found.endpoints:
        console_of(WIDTH).print(table(found.endpoints))
    else:
        say(f"{service.code} has no endpoint yet: fcb endpoints add URL")


@endpoints.command()
@click.argument("endpoint_id", metavar="ID")
@service_option
@json_option
def show(endpoint_id: str, service_code: str | None, *, as_json: bool) -> None:
    """Show an endpoint with its whole address; no secret, only since when each signs."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            acts.found(conn, service.code, endpoint_id)
            board = messages.board(conn, service.code)
            (found,) = (one for one in board.endpoints if one.endpoint.endpoint_id == endpoint_id)
            secrets = store.signing_times(conn, endpoint_id, clock())
    if as_json:
        answer(endpoint_as_json(found, secrets))
    else:
        for line in detail(found, secrets):
            click.echo(line)


@endpoints.command()
@click.argument("endpoint_id", metavar="ID")
@click.option("--at-once", is_flag=True, help="The old secret signs no more from now on, as where it became known.")
@service_option
def rotate(endpoint_id: str, service_code: str | None, *, at_once: bool) -> None:
    """Make an endpoint a new secret and print it, once.

    For 24 hours messages are signed with both, so that the receiver can take the new one over meanwhile.
    """
    with connected() as reached:
        by = _by(reached, service_code)
        with reached.database().transaction() as conn:
            secret = acts.rotate(conn, by, sealing(reached.settings.webhooks), endpoint_id, is_at_once=at_once)
    hours = int(OVERLAP.total_seconds() // 3600)
    say("The old secret signs no more." if at_once else f"The old secret signs too, for {hours} hours.")
    say("The new one is shown this once:")
    click.echo(secret.revealed())


@endpoints.command()
@click.argument("endpoint_id", metavar="ID")
@click.option("--because", required=True, help="Why; shown wherever the endpoint is, and kept in the audit log.")
@service_option
def disable(endpoint_id: str, because: str, service_code: str | None) -> None:
    """Send nothing to an endpoint, and hold its messages until it is enabled."""
    with connected() as reached:
        by = _by(reached, service_code)
        with reached.database().transaction() as conn:
            is_done = acts.disable(conn, by, endpoint_id, because)
    say(f"{endpoint_id} is disabled: its messages are held" if is_done else f"{endpoint_id} was disabled already")


@endpoints.command()
@click.argument("endpoint_id", metavar="ID")
@service_option
def enable(endpoint_id: str, service_code: str | None) -> None:
    """Send to an endpoint again, what was held first."""
    with connected() as reached:
        by = _by(reached, service_code)
        with reached.database().transaction() as conn:
            is_done = acts.enable(conn, by, endpoint_id)
            held = messages.board(conn, by.service)
    (now,) = (one for one in held.endpoints if one.endpoint.endpoint_id == endpoint_id)
    say(f"{endpoint_id} is enabled; {now.counts.due} messages are due there" if is_done else f"{endpoint_id} was not disabled")


@endpoints.command()
@click.argument("endpoint_id", metavar="ID")
@service_option
def remove(endpoint_id: str, service_code: str | None) -> None:
    """Send nothing to an endpoint ever again; what it was sent stays to be seen."""
    with connected() as reached:
        by = _by(reached, service_code)
        with reached.database().transaction() as conn:
            acts.remove(conn, by, endpoint_id)
    say(f"{endpoint_id} is removed: what waited for it is not sent any more")


@endpoints.command()
@click.argument("endpoint_id", metavar="ID")
@service_option
@json_option
def test(endpoint_id: str, service_code: str | None, *, as_json: bool) -> None:
    """Send an endpoint, and no other, a message that asks for nothing, and show what it answers.

    Its address is checked first. Exit code 1 if it does not answer 2xx. While webhooks are off the message is only recorded.
    """
    with connected() as reached:
        by = _by(reached, service_code)
        with reached.database().transaction() as conn:
            endpoint = acts.found(conn, by.service, endpoint_id)
        if endpoint.disabled_because is not None:
            raise InvalidInput(
                f"{endpoint_id} is disabled ({endpoint.disabled_because}): fcb endpoints enable {endpoint_id} first"
            )
        _require_allowed(reached, endpoint.url)
        is_well = tested(reached, by, endpoint_id, as_json=as_json)
    if not is_well:
        sys.exit(1)


def _by(reached: Connections, service_code: str | None) -> By:
    """By the real clock: how long an old secret signs is held against the clock that senders go by."""
    return By(service=reached.settings.service(service_code).code, actor=operator(), now=clock())


def _require_allowed(reached: Connections, url: str) -> None:
    reason = objection(url, reached.settings.webhooks.policy, Lookups())
    if reason is not None:
        raise InvalidInput(f"nothing is sent there: {reason} (fcb webhook check-url asks again)")
