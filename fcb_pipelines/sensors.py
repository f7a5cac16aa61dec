"""What starts by itself when something happened.

Owns: the sensors of each service. Does not own: what they start (jobs), whether anything happened (acts). Sensors are off until
somebody turns them on.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

import dagster as dg

from fcb_pipelines.acts.closing import Changed, usage_changes
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.order_ends import follow_ends
from fcb_pipelines.acts.payments import follow
from fcb_pipelines.acts.senders import OFF
from fcb_pipelines.jobs import deliver_job_name, dual_run_job_name
from fcb_pipelines.services import Service
from fcb_pipelines.store.deliveries import due as deliveries_due
from fcb_pipelines.store.notices import due as notices_due

PARTITION = "dagster/partition"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
SECONDS_BETWEEN = 60
"""A host pushes all the time: a period is rated again at most so often."""
SECONDS_BETWEEN_DELIVERIES = 15


def service_sensors(service: Service) -> list[dg.SensorDefinition]:
    """The sensors of a service."""
    job = dual_run_job_name(service)

    @dg.sensor(
        name=f"{service.code}_usage_changed",
        job_name=job,
        minimum_interval_seconds=SECONDS_BETWEEN,
        description="Meter, rate and reconcile open periods again whose usage changed since, from the last snapshot. Where "
        "pushed usage is billed and the period is over, feeds_agree blocks that run until a snapshot has what came as well.",
    )
    def usage_changed(
        context: dg.SensorEvaluationContext, connections: dg.ResourceParam[Connections]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        changed = usage_changes(connections.database(), service)
        running = [one.period for one in changed if _is_running(context.instance, job, one.period)]
        # Dagster takes either requests or one reason for none.
        if not changed:
            yield dg.SkipReason("the usage of every open period is what it was metered with")
        elif len(running) == len(changed):
            yield dg.SkipReason(f"changed and being metered already: {', '.join(running)}")
        yield from (_request(one) for one in changed if one.period not in running)

    @dg.sensor(
        name=f"{service.code}_odoo_payments",
        minimum_interval_seconds=SECONDS_BETWEEN,
        description="Follow payments of live subscriptions' invoices and their ends in Odoo, each fact once.",
    )
    def odoo_payments(
        context: dg.SensorEvaluationContext, connections: dg.ResourceParam[Connections]
    ) -> dg.SensorResult | dg.SkipReason:
        since = datetime.fromisoformat(context.cursor) if context.cursor else None
        done = follow(connections.database(), connections.odoo(), service, since, connections.now)
        ended = follow_ends(connections.database(), connections.odoo(), service, connections.now)
        cursor = None if done.cursor is None else done.cursor.isoformat()
        told = f"{len(done.new)} new facts of {done.read} records read, {len(ended)} subscriptions ended"
        return dg.SensorResult(skip_reason=dg.SkipReason(told), cursor=cursor)

    @dg.sensor(
        name=f"{service.code}_messages_due",
        job_name=deliver_job_name(service),
        minimum_interval_seconds=SECONDS_BETWEEN_DELIVERIES,
        description="Send messages as soon as any is due; fcb deliver --watch does so within 2 seconds.",
    )
    def messages_due(
        context: dg.SensorEvaluationContext, connections: dg.ResourceParam[Connections]
    ) -> dg.RunRequest | dg.SkipReason:
        settings = connections.settings.webhooks
        with connections.database().transaction() as conn:
            due = deliveries_due(conn, service.code) if settings.is_on else 0
            untold = notices_due(conn) if settings.tells_operator else 0
        if not due and not untold:
            return dg.SkipReason("no message is due" if settings.is_on else OFF)
        # By what is due, never by what was seen: a message that is committed late has an earlier number.
        if _is_unfinished(context.instance, deliver_job_name(service)):
            return dg.SkipReason(f"{due} messages are due and being sent")
        return dg.RunRequest()

    return [usage_changed, odoo_payments, messages_due]


def _request(changed: Changed) -> dg.RunRequest:
    """What was asked for once is not asked for again: where its run fails, the nightly one comes, or more usage.

    Where the period was metered since, the same usage as once before is news again.
    """
    since = f"{changed.metered_at.isoformat()}..{changed.usage_hash}"
    return dg.RunRequest(run_key=f"{changed.period}@{since}", partition_key=changed.period)


def _is_running(instance: dg.DagsterInstance, job: str, period: str) -> bool:
    return _is_unfinished(instance, job, {PARTITION: period})


def _is_unfinished(instance: dg.DagsterInstance, job: str, tags: Mapping[str, str] = MappingProxyType({})) -> bool:
    runs = dg.RunsFilter(job_name=job, tags=tags, statuses=UNFINISHED)
    return bool(instance.get_runs_count(runs))
