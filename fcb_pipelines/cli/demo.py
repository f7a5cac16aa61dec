"""`fcb demo`: everything on this machine, from nothing to a reconciliation that can be looked at.

Owns: the order of the steps and what is said meanwhile. Does not own: the stack and Dagster's processes (local), the work
itself (runs), the summary (status).
"""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

import click
import dagster as dg

from fcb_pipelines.cli.runs import run_import, run_period
from fcb_pipelines.cli.session import folder, say
from fcb_pipelines.cli.status import print_summary
from fcb_pipelines.cli.warned import Checked, tell_warnings
from fcb_pipelines.domain.errors import InvalidSettings, RuleViolation
from fcb_pipelines.domain.period import periods
from fcb_pipelines.local.loop.beside import loop_beside
from fcb_pipelines.local.processes import refuse_taken_port, serve_dagster
from fcb_pipelines.local.stack import running
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings, load, source_variable


@click.command()
@click.option("--headless", is_flag=True, help="End after the summary instead of serving the Dagster page.")
def demo(headless: bool) -> None:
    """Show the whole path on a demo service: import, rate and reconcile every closed month, then serve Dagster.

    Beside it a page shows the control loop (fcb loop): what becomes of payments in Odoo, and a host that obeys.

    What FCB_* variables do not give is started here and stopped at the end; what was computed is kept for the next time. A
    month that a check blocks is told beside the summary, and stops no other; without the page it makes the exit code 1.
    """
    if _demonstrated(is_headless=headless):
        sys.exit(1)


def _demonstrated(*, is_headless: bool) -> bool:
    """Go the whole path; whether something was left undone that nobody has seen in the page since."""
    settings = load(os.environ, folder=folder())
    services = demo_services(settings)
    if not is_headless:
        refuse_taken_port(settings)
    with running(settings, environ=os.environ, folder=folder(), report=say) as complete:
        steps = {what: step for one in services for what, step in _steps(complete, complete.service(one.code)).items()}
        undone, checked = attempted(steps)
        print_summary(complete)
        tell_warnings(checked)
        for each in undone:
            say(f"not done, so that what stands above of it is older: {each}")
        if not is_headless:
            say("starting the Dagster page")
            with loop_beside(complete, folder=folder(), report=say) as look:
                serve_dagster(complete, environ=os.environ, folder=folder(), report=say, look=look)
    return is_headless and bool(undone)


def demo_services(settings: Settings) -> list[Service]:
    """The services that the demo may work on; raises `InvalidSettings` if all are real."""
    services = [service for service in settings.services.values() if service.is_demo]
    if not services:
        given = ", ".join(source_variable(code) for code in settings.services)
        raise InvalidSettings(f"there is no demo service, because {given} is given: use `fcb import` and `fcb run`")
    return services


def demo_periods(service: Service, now: datetime) -> list[str]:
    """Keys of the months in scope that have ended, oldest first."""
    last = service.open_period(now)
    return [period.key for period in periods(service.period(service.first_period), last) if period.key < last.key]


def attempted(steps: Mapping[str, Callable[[], Checked]]) -> tuple[list[str], Checked]:
    """Do each step, whatever became of those before it.

    Why the ones that a rule or a check stopped were not done, and what the checks of the others found.
    """
    undone: list[str] = []
    checked: list[dg.AssetCheckEvaluation] = []
    for what, step in steps.items():
        say(what)
        try:
            checked.extend(step())
        except RuleViolation as error:
            undone.append(f"{what}: {error}")
    return undone, checked


def _steps(settings: Settings, service: Service) -> dict[str, Callable[[], Checked]]:
    """What is done of a service, by what is said of it; a month is worked from the last snapshot that there is."""
    steps: dict[str, Callable[[], Checked]] = {
        f"importing partners, plans and subscriptions of {service.code}": partial(run_import, settings, service)
    }
    for key in demo_periods(service, settings.now or datetime.now(UTC)):
        steps[f"rating and reconciling {key} of {service.code}"] = partial(run_period, settings, service, key)
    return steps
