"""What starts by itself when something happened.

Owns: the sensors of each service. Does not own: what they start (jobs), whether anything happened (acts). Sensors are off until
somebody turns them on.
"""

from collections.abc import Iterator

import dagster as dg

from fcb_pipelines.acts.closing import usage_changes
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.jobs import dual_run_job_name
from fcb_pipelines.services import Service

PARTITION = "dagster/partition"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
SECONDS_BETWEEN = 60
"""A host pushes all the time: a period is rated again at most so often."""


def service_sensors(service: Service) -> list[dg.SensorDefinition]:
    """The sensors of a service."""
    job = dual_run_job_name(service)

    @dg.sensor(
        name=f"{service.code}_usage_changed",
        job_name=job,
        minimum_interval_seconds=SECONDS_BETWEEN,
        description="Meter, rate and reconcile open periods again whose usage changed since.",
    )
    def usage_changed(
        context: dg.SensorEvaluationContext, connections: dg.ResourceParam[Connections]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        changed = usage_changes(connections.database(), service)
        if not changed:
            yield dg.SkipReason("the usage of every open period is what it was metered with")
        for one in changed:
            if _is_running(context.instance, job, one.period):
                yield dg.SkipReason(f"{one.period} changed and is being metered already")
            else:
                # What was asked for once is not asked for again: where its run fails, the nightly one comes, or more usage.
                yield dg.RunRequest(run_key=f"{one.period}@{one.usage_hash}", partition_key=one.period)

    return [usage_changed]


def _is_running(instance: dg.DagsterInstance, job: str, period: str) -> bool:
    runs = dg.RunsFilter(job_name=job, tags={PARTITION: period}, statuses=UNFINISHED)
    return bool(instance.get_runs_count(runs))
