"""The one partition there is: the month.

Owns: which months Dagster shows. Shards are inside a step, never a partition.
"""

import dagster as dg

from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings


def months(settings: Settings, service: Service) -> dg.MonthlyPartitionsDefinition:
    """All periods of a service from its first in scope to the open one; a moved clock ends them at its own open month."""
    end = None if settings.now is None else service.open_period(settings.now).end
    return dg.MonthlyPartitionsDefinition(
        start_date=service.first_period,
        end_date=None if end is None else end.strftime("%Y-%m"),
        timezone=service.zone.key,
        fmt="%Y-%m",
        end_offset=1 if end is None else 0,
    )
