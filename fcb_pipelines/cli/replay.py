"""`fcb replay`: proves that the same snapshot, settings and rule version give the same rows."""

import sys
from collections.abc import Iterator
from typing import Any

import click

from fcb_pipelines.acts.replay import Replayed
from fcb_pipelines.acts.replay import replay as act
from fcb_pipelines.cli.session import answer, connected, json_option, say, service_option

MOST_ROWS = 20
"""Rows that are named to people; JSON has all."""


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@service_option
@json_option
def replay(period: str, service_code: str | None, *, as_json: bool) -> None:
    """Work a period's newest revision again from its own snapshot, and compare the hash of its rows. Nothing is kept.

    Exit code 1 if other rows come of it: then something was signed or told since, which is said, or the store was changed by
    somebody else. Nobody else can run the period meanwhile.
    """
    with connected() as reached:
        found = act(reached.period(reached.settings.service(service_code), period))
    if as_json:
        answer(_as_json(found))
    else:
        click.echo(sentence(found))
    if not found.is_same:
        for text in reasons(found):
            say(text)
        sys.exit(1)


def sentence(found: Replayed) -> str:
    """What came of it."""
    one = found.revision
    what = f"revision {one.revision} of {one.service} {one.period}, worked again from snapshot {one.snapshot_id}"
    if found.is_same:
        return f"{what}: the same rows, content {one.content_hash}"
    return f"{what}: other rows, content {found.content_hash} and not {one.content_hash}"


def reasons(found: Replayed) -> Iterator[str]:
    """Where it differs, and what may be why."""
    for row in found.rows[:MOST_ROWS]:
        fields = ", ".join(row["fields"])
        yield f"{row['change']}: {row['row_id']}{': ' if fields else ''}{fields}"
    if len(found.rows) > MOST_ROWS:
        yield f"and {len(found.rows) - MOST_ROWS} rows more: --json has all"
    yield from (f"since then: {each}" for each in found.since)
    if not found.since:
        yield "nothing was signed or told since: somebody changed the store, or this is a defect of ours"


def _as_json(found: Replayed) -> dict[str, Any]:
    one = found.revision
    return {
        "service": one.service,
        "period": one.period,
        "revision": one.revision,
        "snapshot_id": one.snapshot_id,
        "is_same": found.is_same,
        "content_hash": one.content_hash,
        "replayed_hash": found.content_hash,
        "rows": list(found.rows),
        "since": list(found.since),
    }
