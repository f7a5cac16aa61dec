"""`fcb guard`: compares both systems after a flip, and raises alarms."""

import asyncio
import sys
from collections.abc import Iterable
from typing import Any

import click

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.guards import Guarded
from fcb_pipelines.acts.guards import guard as act
from fcb_pipelines.acts.senders import Senders, tell_now
from fcb_pipelines.cli.session import answer, clock, connected, json_option, say, service_option
from fcb_pipelines.domain.alarms import Alarm


@click.command()
@service_option
@json_option
def guard(service_code: str | None, *, as_json: bool) -> None:
    """Look for what is billed twice and what nobody bills, in the source's last snapshot and in Odoo together.

    Every subscription is watched for `flip.watch_months` months after it went live. Each finding raises an alarm once; it stays
    until a named person clears it (fcb alarms --clear) or it is no longer so. The exit code is 1 while any alarm is open, or
    where the last snapshot is older than `flip.snapshot_hours`.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        found = act(reached.database(), reached.odoo(), service, reached.now)
        if reached.settings.webhooks.tells_operator:
            _tell(reached)
    if as_json:
        answer(_as_json(service.code, found))
    else:
        for line in _lines(service.code, found):
            click.echo(line)
    if found.is_source_stale:
        say(f"the source was last seen at {found.source_seen_at}: take a snapshot (fcb import), then look again")
    if not found.is_quiet:
        sys.exit(1)


def _tell(reached: Connections) -> None:
    """Tell the operator at once, whether messages to hosts are switched on or not."""
    senders = Senders(settings=reached.settings.webhooks, db=reached.database(), service=None, clock=clock)
    for problem in asyncio.run(tell_now(senders)).problems:
        say(f"an operator could not be told: {problem}; it is tried again by  fcb deliver")


def _lines(service: str, found: Guarded) -> Iterable[str]:
    yield f"{service}: {found.watched} live subscriptions watched; {len(found.alarms.open)} alarms are open"
    new = {one.alarm_id for one in found.alarms.raised}
    for one in found.alarms.open:
        yield f"{'NEW ' if one.alarm_id in new else ''}{one}"
        yield f"  to do: {one.what_to_do}"
    for one in found.alarms.cleared:
        yield f"no longer so: {one}"


def _as_json(service: str, found: Guarded) -> dict[str, Any]:
    return {
        "service": service,
        "watched": found.watched,
        "source_seen_at": None if found.source_seen_at is None else found.source_seen_at.isoformat(),
        "is_source_stale": found.is_source_stale,
        "raised": [one.alarm_id for one in found.alarms.raised],
        "cleared": [one.alarm_id for one in found.alarms.cleared],
        "open": [alarm_as_json(one) for one in found.alarms.open],
    }


def alarm_as_json(one: Alarm) -> dict[str, Any]:
    """An alarm for programs."""
    return {
        "id": one.alarm_id,
        "kind": one.kind.value,
        "subject": one.subject,
        "words": one.words,
        "evidence": dict(one.evidence),
        "what_to_do": one.what_to_do,
        "raised_at": one.raised_at.isoformat(),
        "cleared_at": None if one.cleared_at is None else one.cleared_at.isoformat(),
        "cleared_by": one.cleared_by,
    }
