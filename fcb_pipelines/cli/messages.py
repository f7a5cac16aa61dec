"""`fcb messages`: shows what was told to hosts, what became of it, and sends it again."""

from contextlib import suppress
from datetime import datetime

import click

from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.acts import messages as shown
from fcb_pipelines.acts.endpoints import By, Replay
from fcb_pipelines.acts.messages import Board, Wanted
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.cli.endpoint_tables import minute
from fcb_pipelines.cli.keys import duration, moment
from fcb_pipelines.cli.links import SERVED_AT, require_address
from fcb_pipelines.cli.message_tables import as_json as message_as_json
from fcb_pipelines.cli.message_tables import detail, table
from fcb_pipelines.cli.session import answer, clock, connected, console_of, json_option, operator, say, service_option
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.domain.report_links import LONGEST_HOURS, USUAL_HOURS, WEBHOOKS
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.store import outbox

WIDTH = 150
"""Columns that its table needs."""


@click.group()
def messages() -> None:
    """List messages to hosts, show one with every attempt, and send again.

    A message is delivered at least once and never changed: sent again it has the id that it had, by which a receiver knows it.
    """


@messages.command("list")
@click.option("--subscription", metavar="ID", help="Only those about this subscription.")
@click.option("--type", "type_", type=click.Choice([one.value for one in MessageType]), help="Only those of this type.")
@click.option("--dead", is_flag=True, help="Only those given up somewhere after the last attempt.")
@click.option("--held", is_flag=True, help="Only those that wait for a disabled endpoint.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many, the newest first.")
@service_option
@json_option
def list_(
    *, subscription: str | None, type_: str | None, dead: bool, held: bool, limit: int, service_code: str | None, as_json: bool
) -> None:
    """Show the latest messages, and how each stands."""
    if dead and held:
        raise InvalidInput("--dead and --held exclude each other: give one of them")
    standing = Standing.DEAD if dead else Standing.HELD if held else None
    wanted = Wanted(subscription=subscription, type=MessageType(type_) if type_ else None, standing=standing)
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            found, board = shown.listed(conn, service.code, wanted, limit=limit), shown.board(conn, service.code)
    if as_json:
        answer({"messages": [message_as_json(one) for one in found]})
        return
    if found:
        console_of(WIDTH).print(table(found))
    else:
        say(f"{service.code} has no such message")
    say(_summary(board))


@messages.command()
@click.argument("message_id", metavar="ID")
@service_option
@json_option
def show(message_id: str, service_code: str | None, *, as_json: bool) -> None:
    """Show a message: what it says, where it went, and every attempt with what was answered."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            found = shown.shown(conn, service.code, message_id)
    if as_json:
        answer(message_as_json(found))
    else:
        for line in detail(found):
            click.echo(line)


@messages.command()
@click.argument("message_id", metavar="[ID]", required=False)
@click.option("--dead", is_flag=True, help="Everything that was given up; with ID, where that one was.")
@click.option("--since", metavar="WHEN", help="Everything recorded since 24h ago, a date or a time with zone.")
@click.option("--endpoint", "endpoint_id", metavar="ID", help="Only to this endpoint; with --since also what never went there.")
@click.option("--dry-run", is_flag=True, help="Only say how many that would be.")
@service_option
def replay(
    *,
    message_id: str | None,
    dead: bool,
    since: str | None,
    endpoint_id: str | None,
    dry_run: bool,
    service_code: str | None,
) -> None:
    """Send again: a message, what was given up, or everything since a moment; each with the id that it had.

    Its schedule begins anew. A receiver that remembers ids takes none twice.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        at = None if since is None else ago(since, reached.now)
        wanted = Replay(message_id=message_id, endpoint_id=endpoint_id, since=at, is_dead_only=dead)
        with reached.database().transaction() as conn:
            if message_id is not None and outbox.message(conn, service.code, message_id) is None:
                raise InvalidInput(f"{service.code} has no message {message_id!r}:  fcb messages list  shows the latest")
            count = acts.replay(conn, By(service=service.code, actor=operator(), now=clock()), wanted)
            if dry_run:
                conn.rollback()
        is_on = reached.settings.webhooks.is_on
    many = f"{count:,} {'delivery' if count == 1 else 'deliveries'}"
    say(f"{many} would be sent again" if dry_run else f"{many} {'is' if count == 1 else 'are'} due again")
    if count and not dry_run and not is_on:
        say("Webhooks are off: nothing goes out before FCB_WEBHOOKS=true")


@messages.command()
@click.option(
    "--hours", type=click.IntRange(1, LONGEST_HOURS), default=USUAL_HOURS, show_default=True, help="How long the link may wait."
)
@click.option("--url", default=SERVED_AT, show_default=True, metavar="URL", help="Where  fcb serve  is reached.")
@service_option
def link(hours: int, url: str, service_code: str | None) -> None:
    """Print a link that opens the pages of messages once, in a browser, for somebody without a key.

    Whoever opens it may read endpoints, messages and answers for 8 hours, and nothing else.
    """
    require_address(url)
    with connected() as reached:
        service = reached.settings.service(service_code)
        made, token = make_link(
            reached.database(), service=service.code, period=WEBHOOKS, hours=hours, actor=operator(), now=reached.now
        )
    click.echo(f"{url.rstrip('/')}/report-links/{token.text}")
    until = made.expires_at.astimezone(service.zone).isoformat(timespec="minutes")
    say(f"it opens the messages of {service.code} once, before {until}, where  fcb serve  answers")


def ago(text: str, now: datetime) -> datetime:
    """A moment that was: so long ago, at the start (UTC) of a date, or at a time with zone; raises `InvalidInput`."""
    with suppress(InvalidInput):
        return now - duration(text)
    with suppress(InvalidInput):
        return moment(text, now)
    raise InvalidInput(f"{text!r} is no moment: write 24h, 2026-05-31 or 2026-05-31T12:00:00Z")


def _summary(board: Board) -> str:
    counts = ", ".join(f"{board.count(one):,} {one}" for one in (Standing.WAITING, Standing.HELD, Standing.DEAD))
    untold = board.untold
    if not untold.count:
        return f"at the endpoints that are there: {counts}"
    why = f": {untold.problem}" if untold.problem else ""
    return f"at the endpoints that are there: {counts}. {untold.count} notices untold since {minute(untold.since)}{why}"
