"""`fcb close`: closes a period, so that usage told later is adjusted on a later bill."""

from collections.abc import Iterator
from contextlib import suppress

import click

from fcb_pipelines.acts.contradictions import Contradiction, contradictions
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.checks.remedies import REMEDIES
from fcb_pipelines.cli.runs import run_close
from fcb_pipelines.cli.session import answer, connected, json_option, operator, say, service_option
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import plain
from fcb_pipelines.store.closings import closings


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@service_option
@json_option
def close(period: str, service_code: str | None, *, as_json: bool) -> None:
    """Close a period for good, as a run of Dagster: its bill is made of the usage that it has now.

    Usage of it that is told later, or taken back, is adjusted on the bill of the first month that is open then, the old rating
    beside the new one. Months are closed in their order, each when it was reconciled from a snapshot of the time after it.
    What the source changed of closed months is named first, because later closings compare with what it tells now. Nothing is
    sent or posted, and the closing is in the audit log with your login name.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        work = reached.period(service, period)
        key = work.period.key
        for line in changed_since(work):
            say(line)
        run_close(reached.settings, service, key, closed_by=operator())
        with reached.database().transaction() as conn:
            done = closings(conn, service.code)[key]
    if as_json:
        at = done.closed_at.astimezone(service.zone).isoformat()
        told = {"closed_at": at, "closed_by": done.closed_by, "snapshot": done.snapshot_id, "usage_hash": done.usage_hash}
        answer({"service": service.code, "period": key, **told})
    else:
        say(f"{service.code} {key} is closed, as of snapshot {done.snapshot_id}; later usage of it goes to the next open month")


def changed_since(work: PeriodWork) -> Iterator[str]:
    """A line for each closed month of which the source tells something else since the last closing, and what to do with them.

    No bill after this closing names it again. Nothing where the period was never rated: the closing says so itself.
    """
    found: tuple[Contradiction, ...] = ()
    with suppress(RuleViolation):
        found = contradictions(work)
    for one in found:
        yield f"warning: {one.period} is closed, and since the last closing the source tells it otherwise: {_otherwise(one)}"
    if found:
        to_do = REMEDIES["closed_usage_confirmed"].format(service=work.service.code, period=work.period.key)
        yield f"what to do about that, which no bill names again once {work.period.key} is closed: {to_do}"


def _otherwise(one: Contradiction) -> str:
    """How many more events of each kind there are, and by how much the quantities moved; only what did."""
    counts = {"contradicting events": one.contradicting, "events gone": one.gone, "unusable rows": one.unusable}
    moved = [f"{count:+d} {what}" for what, count in counts.items() if count]
    more = {
        metric: f"{plain(abs(each))} {'more' if each > 0 else 'less'}" for metric, each in sorted(one.beyond.items()) if each
    }
    return ", ".join([*moved, *(f"{metric} {said}" for metric, said in more.items())])
