"""What an operator starts, by hand or by the clock.

Owns: jobs and schedules, of each service and of all together. Does not own: what they run (assets, checks, acts). Schedules are
off until somebody turns them on.
"""

import asyncio
from collections.abc import Callable, Iterator

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.retention import drop_expired, expired_months, last_expired
from fcb_pipelines.acts.senders import Senders, send_due
from fcb_pipelines.assets.flip import FLIP_ASSET, FLIP_PLAN
from fcb_pipelines.assets.live import LIVE_GUARD, LIVE_INVOICES
from fcb_pipelines.assets.shell import CLOSING, DUAL_RUN, IMPORT, ODOO_INVOICES, SOURCE, key, table
from fcb_pipelines.resources import wall_clock
from fcb_pipelines.services import Service


def import_job_name(service: Service) -> str:
    """Name of the job that takes a snapshot and brings the shadow copy up to date."""
    return f"{service.code}_import"


def snapshot_job_name(service: Service) -> str:
    """Name of the job that only takes a snapshot."""
    return f"{service.code}_snapshot"


def dual_run_job_name(service: Service) -> str:
    """Name of the job that meters, rates and reconciles one period."""
    return f"{service.code}_dual_run"


def odoo_invoices_job_name(service: Service) -> str:
    """Name of the job that keeps one period's invoices in Odoo as drafts."""
    return f"{service.code}_odoo_invoices"


def close_job_name(service: Service) -> str:
    """Name of the job that closes one period."""
    return f"{service.code}_close"


def flip_plan_job_name(service: Service) -> str:
    """Name of the job that plans taking a cohort live and asks the gate."""
    return f"{service.code}_flip_plan"


def flip_job_name(service: Service) -> str:
    """Name of the job that takes an armed cohort live, charges it or takes it back."""
    return f"{service.code}_flip"


def live_job_name(service: Service) -> str:
    """Name of the job that bills a month of live subscriptions."""
    return f"{service.code}_live"


def guard_job_name(service: Service) -> str:
    """Name of the job that looks over both systems for what is billed twice or never."""
    return f"{service.code}_guard"


def deliver_job_name(service: Service) -> str:
    """Name of the job that sends the messages of a service that are due."""
    return f"{service.code}_deliver"


def service_jobs(service: Service, months: dg.MonthlyPartitionsDefinition) -> dg.Definitions:
    """The jobs of a service, each with the checks of its assets, and its schedules."""
    of_service = dg.AssetSelection.key_prefixes([service.code])
    groups = (SOURCE, IMPORT, DUAL_RUN, ODOO_INVOICES, CLOSING)
    source, chain, dual_run, invoices, closing = (of_service & dg.AssetSelection.groups(group) for group in groups)
    jobs = [
        dg.define_asset_job(
            snapshot_job_name(service),
            selection=source,
            description=f"Take a snapshot of {service.code}.",
        ),
        dg.define_asset_job(
            import_job_name(service),
            selection=source | chain,
            description=f"Take a snapshot of {service.code} and bring its shadow copy in Odoo up to date.",
        ),
        dg.define_asset_job(
            dual_run_job_name(service),
            selection=dual_run,
            description=f"Meter, rate and reconcile one period of {service.code} from the last snapshot.",
        ),
        dg.define_asset_job(
            odoo_invoices_job_name(service),
            selection=invoices,
            description=f"Keep the invoices of one rated period of {service.code} in Odoo as drafts, where switched on.",
        ),
        dg.define_asset_job(
            close_job_name(service),
            selection=closing,
            description=f"Close one reconciled period of {service.code}: usage told later is adjusted on a later bill.",
        ),
    ]
    own = dg.Definitions(jobs=jobs, schedules=_schedules(service, months))
    return dg.Definitions.merge(own, _flip_jobs(service), _deliver_job(service))


def _flip_jobs(service: Service) -> dg.Definitions:
    """What takes customers live and what goes on after it."""
    code = service.code
    described = {
        flip_plan_job_name(service): (
            FLIP_PLAN,
            f"Plan taking a cohort of {code} live, and ask the gate. Cohort and first month stand in the run's configuration.",
        ),
        flip_job_name(service): (
            FLIP_ASSET,
            f"Take an armed cohort of {code} live, charge it or take it back. Plan, person, count and amounts stand in the "
            "run's configuration, as they were armed; the act asks the gate again.",
        ),
        live_job_name(service): (LIVE_INVOICES, f"Bill what falls due in a month of live subscriptions of {code}."),
        guard_job_name(service): (
            LIVE_GUARD,
            f"Look for what is billed twice and what nobody bills of live subscriptions of {code}, and complete flips.",
        ),
    }
    return dg.Definitions(
        jobs=[
            dg.define_asset_job(name, selection=dg.AssetSelection.assets(key(service, asset)), description=words)
            for name, (asset, words) in described.items()
        ]
    )


def _deliver_job(service: Service) -> dg.Definitions:
    """What sends messages; a sensor starts it whenever any is due."""

    @dg.op(name=f"{service.code}_send_messages")
    def send_messages(context: dg.OpExecutionContext, connections: dg.ResourceParam[Connections]) -> None:
        """Send what is due to every endpoint, and tell an operator what is to be told."""
        senders = Senders(
            settings=connections.settings.webhooks, db=connections.database(), service=service.code, clock=wall_clock
        )
        work = asyncio.run(send_due(senders))
        context.add_output_metadata({**work.sent.outcomes, "attempts": work.sent.attempts, "told": work.told})
        if work.problem is not None:
            context.log.warning(f"an operator could not be told: {work.problem}")

    words = f"Send the messages of {service.code} that are due, to every endpoint; what fails is tried again when it is time."

    @dg.job(name=deliver_job_name(service), description=words)
    def deliver() -> None:
        send_messages()

    return dg.Definitions(jobs=[deliver])


RETENTION = "usage_retention"


def shared_jobs() -> dg.Definitions:
    """What is done once for all services: old usage events are dropped where `fcb.toml` says how long they are kept."""

    @dg.op(name="drop_expired_usage")
    def drop_expired_usage(context: dg.OpExecutionContext, connections: dg.ResourceParam[Connections]) -> None:
        """Drop the events of months that are old enough and whose bills are all closed; a month that must stay is named."""
        keep = connections.settings.usage_retention_months
        if keep is None:
            context.log.info("every usage event is kept for ever: fcb.toml has no usage_retention_months")
            return
        db, last = connections.database(), last_expired(connections.settings.services.values(), connections.now, keep)
        dropped = drop_expired(db, last, keep_months=keep, by=RETENTION, now=connections.now)
        stays = [{"month": one.period, "why": one.why_kept} for one in expired_months(db, last)]
        context.add_output_metadata(
            {"dropped": table({"month": one.period, "events": one.events} for one in dropped), "stays": table(stays)}
        )

    @dg.job(name=RETENTION, description="Drop the usage events of old, closed months, where fcb.toml says how long they stay.")
    def retention() -> None:
        drop_expired_usage()

    monthly = dg.ScheduleDefinition(
        name=f"{RETENTION}_monthly", job_name=RETENTION, cron_schedule="0 5 5 * *", description="Once a month, on the fifth."
    )
    return dg.Definitions(jobs=[retention], schedules=[monthly])


def _schedules(service: Service, months: dg.MonthlyPartitionsDefinition) -> list[dg.ScheduleDefinition]:
    """The schedules of a service: snapshot and import, the dual run of open months, live billing, the guards."""
    nightly = dg.ScheduleDefinition(
        name=f"{service.code}_import_nightly",
        job_name=import_job_name(service),
        cron_schedule="0 2 * * *",
        execution_timezone=service.zone.key,
        description="Snapshot and import, each night.",
    )
    dual_run = dg.ScheduleDefinition(
        name=f"{service.code}_dual_run_nightly",
        job_name=dual_run_job_name(service),
        cron_schedule="0 3 * * *",
        execution_timezone=service.zone.key,
        execution_fn=_due_periods(service, months),
        description="Dual run of the open and the last closed period, each night after the import.",
    )
    live = dg.ScheduleDefinition(
        name=f"{service.code}_live_monthly",
        job_name=live_job_name(service),
        cron_schedule="0 6 3 * *",
        execution_timezone=service.zone.key,
        execution_fn=_this_month(service, months),
        description="Bill what falls due in the month of live subscriptions, on its third day; close the month before first.",
    )
    guard = dg.ScheduleDefinition(
        name=f"{service.code}_guard_daily",
        job_name=guard_job_name(service),
        cron_schedule="0 5 * * *",
        execution_timezone=service.zone.key,
        description="Guards over both systems, each day after the import and the dual run; an open alarm fails the run.",
    )
    return [nightly, dual_run, live, guard]


def _this_month(
    service: Service, months: dg.MonthlyPartitionsDefinition
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest]]:
    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        when = context.scheduled_execution_time
        for month in months.get_partition_keys(current_time=when)[-1:]:
            yield dg.RunRequest(run_key=f"{month}@{when.date().isoformat()}", partition_key=month)

    return requests


def _due_periods(
    service: Service, months: dg.MonthlyPartitionsDefinition
) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest]]:
    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        when = context.scheduled_execution_time
        for month in months.get_partition_keys(current_time=when)[-2:]:
            yield dg.RunRequest(run_key=f"{month}@{when.date().isoformat()}", partition_key=month)

    return requests
