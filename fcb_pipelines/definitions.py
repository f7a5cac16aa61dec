"""The composition root: everything Dagster shows, put together from the settings.

Owns: `build_defs` and nothing else. Tests and the command line build their own with other settings or connections.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from fcb_pipelines.assets.closing import closing_assets
from fcb_pipelines.assets.flip import flip_assets
from fcb_pipelines.assets.invoices import invoice_assets
from fcb_pipelines.assets.live import live_assets
from fcb_pipelines.assets.odoo_invoices import odoo_invoice_assets
from fcb_pipelines.assets.partners import partner_assets
from fcb_pipelines.assets.plans import plan_assets
from fcb_pipelines.assets.rating import rating_assets
from fcb_pipelines.assets.reconciliation import reconciliation_assets
from fcb_pipelines.assets.source import source_assets
from fcb_pipelines.assets.subscriptions import subscription_assets
from fcb_pipelines.assets.usage import usage_assets
from fcb_pipelines.checks.adjustments import adjustment_checks
from fcb_pipelines.checks.clean import clean_checks
from fcb_pipelines.checks.contradictions import contradiction_checks
from fcb_pipelines.checks.flip import flip_checks
from fcb_pipelines.checks.imports import import_checks
from fcb_pipelines.checks.live import live_checks
from fcb_pipelines.checks.odoo_invoices import invoice_checks
from fcb_pipelines.checks.periods import period_checks
from fcb_pipelines.checks.source import source_checks
from fcb_pipelines.jobs import service_jobs, shared_jobs
from fcb_pipelines.partitions import months
from fcb_pipelines.resources import ConnectionsResource
from fcb_pipelines.sensors import service_sensors
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings, load


def build_defs(*, settings: Settings | None = None, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors of every service.

    Steps run in the process of their run: a process each would import everything anew (docs/decisions).
    """
    folder = Path.cwd()
    found = settings or load(os.environ, folder=folder)
    parts = [_service_defs(found, service) for service in found.services.values()]
    shared = dg.Definitions(
        resources=resources or {"connections": ConnectionsResource(folder=str(folder))},
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(shared, shared_jobs(), *parts)


def _service_defs(settings: Settings, service: Service) -> dg.Definitions:
    partitions = months(settings, service)
    chain = [*source_assets(service), *partner_assets(service), *plan_assets(service), *subscription_assets(service)]
    period_assets = [
        *usage_assets(service, partitions),
        *rating_assets(service, partitions),
        *invoice_assets(service, partitions),
        *reconciliation_assets(service, partitions),
        *odoo_invoice_assets(service, partitions),
        *closing_assets(service, partitions),
        *live_assets(service, partitions),
    ]
    shown = dg.Definitions(
        assets=[*chain, *period_assets, *flip_assets(service)],
        asset_checks=[
            *source_checks(service),
            *import_checks(service),
            *period_checks(service, partitions),
            *clean_checks(service, partitions),
            *adjustment_checks(service, partitions),
            *contradiction_checks(service, partitions),
            *invoice_checks(service, partitions),
            *flip_checks(service),
            *live_checks(service, partitions),
        ],
        sensors=service_sensors(service),
    )
    return dg.Definitions.merge(shown, service_jobs(service, partitions))


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads."""
    return build_defs()
