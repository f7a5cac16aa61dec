"""`fcb demo`: everything on this machine, from nothing to a reconciliation that can be looked at.

Owns: the order of the steps and what is said meanwhile. Does not own: the stack and Dagster's processes (local), the work
itself (runs), the summary (status).
"""

import os
from datetime import UTC, datetime

import click

from fcb_pipelines.cli.runs import run_import, run_period
from fcb_pipelines.cli.session import folder, say
from fcb_pipelines.cli.status import print_summary
from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.domain.period import periods
from fcb_pipelines.local.processes import refuse_taken_port, serve_dagster
from fcb_pipelines.local.stack import running
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings, load, source_variable


@click.command()
@click.option("--headless", is_flag=True, help="End after the summary instead of serving the Dagster page.")
def demo(headless: bool) -> None:
    """Show the whole path on a demo service: import, rate and reconcile every closed month, then serve Dagster.

    What FCB_* variables do not give is started here and stopped at the end; what was computed is kept for the next time.
    """
    settings = load(os.environ, folder=folder())
    services = demo_services(settings)
    if not headless:
        refuse_taken_port(settings)
    with running(settings, environ=os.environ, folder=folder(), report=say) as complete:
        for service in services:
            _process(complete, complete.service(service.code))
        print_summary(complete)
        if not headless:
            say("starting the Dagster page")
            serve_dagster(complete, environ=os.environ, folder=folder(), report=say)


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


def _process(settings: Settings, service: Service) -> None:
    say(f"importing partners, plans and subscriptions of {service.code}")
    run_import(settings, service)
    for key in demo_periods(service, settings.now or datetime.now(UTC)):
        say(f"rating and reconciling {key}")
        run_period(settings, service, key)
