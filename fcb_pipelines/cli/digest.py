"""`fcb digest`: what changed, and what a person must know."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from textwrap import shorten

import click

from fcb_pipelines.acts.digest import digest as act
from fcb_pipelines.cli.session import answer, connected, json_option, service_option
from fcb_pipelines.domain.digest import TOPICS, Told, Topic
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.services import Service

MOST_SHOWN = 10
"""Lines of one topic; --json has all."""
LONGEST_WORDS = 160
"""Characters of a reason; --json has it whole."""


@click.command()
@click.option("--since", metavar="WHEN", help="Periods run since then: 2026-06-01, 2026-06-01T08:00, or 24h; all without it.")
@service_option
@json_option
def digest(since: str | None, service_code: str | None, *, as_json: bool) -> None:
    """Tell what changed with the newest revision of each period, and what a person must know.

    Undecided money that is new, verdicts that changed although nothing they are made of did (there must be none), closed
    invoices that were edited, charges due and not issued or billed twice, a silent usage feed, what guards found after a flip,
    acceptances that end soon or are void. Nothing to tell is no failure, and neither is much: the exit code is 0.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        moment = _moment(since, service, reached.now)
        with reached.database().transaction() as conn:
            found = act(conn, service, reached.now, moment)
    if as_json:
        counts = {topic.value: sum(one.topic is topic for one in found) for topic in Topic}
        answer({"service": service.code, "counts": counts, "told": [_as_json(one) for one in found]})
    else:
        for line in _lines(service.code, found):
            click.echo(line)


def _moment(since: str | None, service: Service, now: datetime) -> datetime | None:
    if since is None:
        return None
    if since.endswith("h") and since[:-1].isascii() and since[:-1].isdigit() and len(since) < len("100000h"):
        return now - timedelta(hours=int(since[:-1]))
    try:
        found = datetime.fromisoformat(since)
    except ValueError:
        raise InvalidInput(f"--since {since!r} is no time: write it as 2026-06-01, 2026-06-01T08:00 or 24h") from None
    return found if found.tzinfo else found.replace(tzinfo=service.zone)


def _lines(service: str, found: Sequence[Told]) -> Iterable[str]:
    if not found:
        yield f"{service}: nothing new, and nothing that a person must know"
    for topic, told in groupby(found, key=lambda one: one.topic):
        every = list(told)
        yield f"{len(every)} × {TOPICS[topic]}"
        for one in every[:MOST_SHOWN]:
            amount = "" if one.amount is None else f" {one.amount}"
            yield f"  {one.period}{amount} {one.subject}: {shorten(one.words, LONGEST_WORDS, placeholder=' …')}"
        if len(every) > MOST_SHOWN:
            yield f"  and {len(every) - MOST_SHOWN} more: --json has all"


def _as_json(one: Told) -> dict[str, str | None]:
    return {
        "topic": one.topic.value,
        "period": one.period,
        "subject": one.subject,
        "words": one.words,
        "currency": None if one.amount is None else one.amount.currency,
        "amount": None if one.amount is None else amount_text(one.amount.amount, one.amount.currency),
    }
