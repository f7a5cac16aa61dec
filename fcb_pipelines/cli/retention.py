"""`fcb retention`: drops the usage events of old, closed months, where `fcb.toml` says how long they are kept."""

import sys
from collections.abc import Sequence

import click
from rich.table import Table

from fcb_pipelines.acts import retention as acts
from fcb_pipelines.acts.retention import ExpiredMonth
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, operator, say

WIDTH = 100
"""Columns that its table needs."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list the months; nothing is dropped.")
@json_option
def retention(*, dry_run: bool, as_json: bool) -> None:
    """Drop the usage events of months that ended longer ago than `usage_retention_months` of fcb.toml says.

    A month stays while any bill with its usage is not closed; exit code 1 then. What is kept for ever is what refuses a second
    copy of an event, and what usage comes to. An event of a month that was dropped can no longer be taken back. Each month is
    in the audit log with your login name.
    """
    with connected() as reached:
        keep = reached.settings.usage_retention_months
        found: tuple[ExpiredMonth, ...] = ()
        gone: frozenset[str] = frozenset()
        if keep is not None:
            last = acts.last_expired(reached.settings.services.values(), reached.now, keep)
            found = acts.expired_months(reached.database(), last)
            if not dry_run:
                done = acts.drop_expired(reached.database(), last, keep_months=keep, by=operator(), now=reached.now)
                gone = frozenset(one.period for one in done)
    if as_json:
        answer({"usage_retention_months": keep, "dry_run": dry_run, "months": [_published(one, gone) for one in found]})
    elif keep is None:
        say("every usage event is kept for ever: fcb.toml has no usage_retention_months")
    elif not found:
        say(f"nothing is older than {keep} months")
    else:
        _print(found, gone, dry_run=dry_run)
    if any(one.waits_for for one in found):
        sys.exit(1)


def _published(one: ExpiredMonth, gone: frozenset[str]) -> dict[str, object]:
    return {
        "period": one.period,
        "events": one.events,
        "bytes": one.size,
        "dropped": one.period in gone,
        "waits_for": [str(bill) for bill in one.waits_for],
    }


def _print(found: Sequence[ExpiredMonth], gone: frozenset[str], *, dry_run: bool) -> None:
    table = Table(title="months whose events would go" if dry_run else "months whose time is over")
    for name in ("month", "events", "MiB", ""):
        table.add_column(name, justify="right" if name in ("events", "MiB") else "left")
    for one in found:
        what = "dropped" if one.period in gone else "would be dropped" if dry_run else "stays: try again"
        table.add_row(one.period, f"{one.events:,}", f"{one.size / 2**20:,.1f}", one.why_kept or what)
    console_of(WIDTH).print(table)
