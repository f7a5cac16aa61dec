"""`fcb feeds`: compares what was pulled of a period with what was pushed of it."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts import feeds as acts
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.domain.feeds import Comparison, Finding

WIDTH = 140
"""Columns that its tables need."""
SECTIONS = {
    "metrics": "metrics",
    "told by one feed alone": "not compared, as one feed alone tells them",
    "kinds": "differences by kind",
    "subscriptions": "subscriptions that differ most",
    "differences": "the first differences of each kind",
}


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--subscription", metavar="ID", help="Every difference of this one, by the service's own id.")
@service_option
@json_option
def feeds(period: str, subscription: str | None, service_code: str | None, *, as_json: bool) -> None:
    """Compare the pulled and the pushed usage of a period: what one of them lacks, has twice, or tells differently.

    Events are paired by key, else by their time and content. What began less than a day before the source was last read is
    not compared yet. A difference of quantities is pulled − pushed. Exit code 1 if anything differs; 0 if the feeds agree, or
    there is nothing to compare.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        month = reached.period(service, period).period
        if subscription is not None:
            one = acts.subscription_feeds(reached.database(), service, month, subscription)
        else:
            found = acts.compare_feeds(reached.database(), service, month)
    about = {"service": service.code, "period": month.key}
    if subscription is not None:
        _tell_one({**about, "subscription": subscription}, one, as_json=as_json)
        agrees = not any(one.values())
    else:
        _tell(about, found, as_json=as_json)
        agrees = found.agrees
    if not agrees:
        sys.exit(1)


def _tell(about: Mapping[str, str], found: Comparison, *, as_json: bool) -> None:
    if as_json:
        answer({**about, "agrees": found.agrees, "said": found.sentence, **acts.published(found)})
    else:
        told = acts.published(found)
        _print({SECTIONS[name]: told[name] for name in SECTIONS})
        say(found.sentence)


def _tell_one(about: Mapping[str, str], found: Mapping[str, Sequence[Finding]], *, as_json: bool) -> None:
    rows = [acts.published_finding(about["subscription"], metric, each) for metric in found for each in found[metric]]
    if as_json:
        answer({**about, "metrics": list(found), "differences": rows})
        return
    _print({f"subscription {about['subscription']}": rows})
    say(f"{len(rows)} differences in {', '.join(found)}" if found else "no metric of it is told by both feeds")


def _print(sections: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    console = console_of(WIDTH)
    for title, rows in sections.items():
        if rows:
            table = Table(title=title)
            for name, value in rows[0].items():
                table.add_column(name, justify="right" if isinstance(value, int) else "left")
            for row in rows:
                table.add_row(*("–" if value is None else str(value) for value in row.values()))
            console.print(table)
