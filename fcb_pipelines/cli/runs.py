"""Runs jobs of Dagster in this process, so that they appear in its page like any other run.

Owns: the step from a command to a run, and what a failed run tells the operator. Does not own: what a job does (assets).
"""

import os
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import psycopg
from dagster_postgres.utils import DagsterPostgresException
from dagster_shared.error import SerializableErrorInfo
from sqlalchemy.exc import DBAPIError

from fcb_pipelines.checks.remedies import WHAT_TO_DO
from fcb_pipelines.cli.session import connections, folder
from fcb_pipelines.cli.warned import Checked
from fcb_pipelines.definitions import build_defs
from fcb_pipelines.domain.errors import InvalidSettings, Refused, RolledBack, RuleViolation
from fcb_pipelines.jobs import (
    close_job_name,
    dual_run_job_name,
    import_job_name,
    odoo_invoices_job_name,
    snapshot_job_name,
)
from fcb_pipelines.local.databases import DAGSTER_SCHEME
from fcb_pipelines.local.processes import dagster_variables
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings

_STOPPED_BY_CHECK = "DagsterAssetCheckFailedError"
_ENDED = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}
_LOOK = "see its log in the Dagster page"
_CLASS = re.compile(r"^fcb_pipelines(\.\w+)+: ")

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's own log is in its page; the terminal gets our reports."""


def run_import(settings: Settings, service: Service) -> Checked:
    """Take a snapshot and bring the shadow copy up to date; what its checks found.

    Raises `RuleViolation` if a step or a guarding check failed.
    """
    return _run(settings, import_job_name(service))


def run_period(settings: Settings, service: Service, key: str, *, refresh: bool = False) -> Checked:
    """Meter, rate and reconcile a period from the last snapshot, or from a new one; returns and raises like `run_import`."""
    service.period(key)
    read = _run(settings, snapshot_job_name(service)) if refresh else ()
    return [*read, *_run(settings, dual_run_job_name(service), partition_key=key)]


def run_invoices(settings: Settings, service: Service, key: str, *, assets: Sequence[str]) -> Checked:
    """Keep a period's invoices in Odoo as drafts, of the assets named; what the checks found.

    Raises like `run_import` where one of the assets could not be made.

    What Odoo has otherwise fails a check of the run and not the command, which shows it.
    """
    service.period(key)
    chosen = [dg.AssetKey([service.code, name]) for name in assets]
    result = _result(settings, odoo_invoices_job_name(service), partition_key=key, assets=chosen)
    made = {event.asset_key for event in result.get_asset_materialization_events()}
    if not made.issuperset(chosen):
        raise failed(odoo_invoices_job_name(service), result)
    return result.get_asset_check_evaluations()


def run_close(settings: Settings, service: Service, key: str, *, closed_by: str) -> None:
    """Close a period; raises `RuleViolation` with the reason where it may not be closed."""
    config = {"ops": {f"{service.code}__closing": {"config": {"closed_by": closed_by}}}}
    _run(settings, close_job_name(service), partition_key=key, config=config)


def _run(settings: Settings, job: str, *, partition_key: str | None = None, config: Mapping[str, Any] | None = None) -> Checked:
    result = _result(settings, job, partition_key=partition_key, config=config or {})
    if not result.success:
        raise failed(job, result)
    return result.get_asset_check_evaluations()


def _result(
    settings: Settings,
    job: str,
    *,
    partition_key: str | None,
    assets: Sequence[dg.AssetKey] | None = None,
    config: Mapping[str, Any] = MappingProxyType({}),
) -> dg.ExecuteInProcessResult:
    os.environ.update(dagster_variables(settings, folder=folder()))
    _refuse_shared(settings, os.environ["FCB_DAGSTER_URL"])
    _refuse_unreachable(os.environ["FCB_DAGSTER_URL"])
    definitions = build_defs(settings=settings, resources={"connections": connections(settings)})
    try:
        with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
            return definitions.resolve_job_def(job).execute_in_process(
                instance=instance,
                partition_key=partition_key,
                run_config={**QUIET, **config},
                raise_on_error=False,
                asset_selection=assets,
            )
    except (DagsterPostgresException, DBAPIError) as error:
        raise RolledBack(f"{job}: Dagster's database stopped answering. Check FCB_DAGSTER_URL, then run again") from error


def failed(job: str, result: dg.ExecuteInProcessResult) -> RuleViolation:
    """What a failed run ends the command with; raises `KeyboardInterrupt` where somebody ended the run."""
    errors = [event.step_failure_data.error for event in result.get_step_failure_events()]
    if any(error is not None and error.cls_name in _ENDED for error in errors):
        raise KeyboardInterrupt
    return RuleViolation(f"{job} failed (run {result.run_id}): {why(result)}")


def _refuse_shared(settings: Settings, url: str) -> None:
    """Raise `InvalidSettings` where both variables name one database: both keep their revision in a table of one name."""
    ours = settings.database_url.get_secret_value() if settings.database_url is not None else ""
    # Not by `port`, which raises where it is no number: what is no address is told by whoever connects.
    places = [(each.netloc.rpartition("@")[2].removesuffix(":5432"), each.path) for each in map(urlsplit, (url, ours))]
    if places[0] == places[1]:
        raise InvalidSettings(
            "FCB_DAGSTER_URL and FCB_DATABASE_URL name the same database: make a second one for Dagster, which has migrations "
            "of its own, and name it in FCB_DAGSTER_URL"
        )


def _refuse_unreachable(url: str) -> None:
    """Raise `Refused` where nobody answers: Dagster itself would try again for ten seconds and not name the variable."""
    try:
        psycopg.connect(url.replace(f"{DAGSTER_SCHEME}://", "postgresql://", 1), connect_timeout=10).close()
    except psycopg.OperationalError as error:
        reason = str(error).strip().partition("\n")[0]
        raise Refused(f"Dagster's database cannot be reached: {reason}. Check FCB_DAGSTER_URL and the network") from None
    except psycopg.ProgrammingError:
        raise InvalidSettings("FCB_DAGSTER_URL is not a Postgres address: see .env.example") from None


def why(result: dg.ExecuteInProcessResult) -> str:
    """What each check that stopped the run found and what to do, and the message of each other step that failed."""
    errors = [event.step_failure_data.error for event in result.get_step_failure_events()]
    failed = [_message(error) for error in errors if error is None or error.cls_name != _STOPPED_BY_CHECK]
    return "; ".join([*stopped_by(result.get_asset_check_evaluations()), *failed]) or _LOOK


def stopped_by(checked: Checked) -> list[str]:
    """What each check that lets nothing come after it found, and what to do."""
    return [_found(check) for check in checked if _is_blocking(check)]


def _is_blocking(check: dg.AssetCheckEvaluation) -> bool:
    return bool(check.blocking) and not check.passed and check.severity is dg.AssetCheckSeverity.ERROR


def _found(check: dg.AssetCheckEvaluation) -> str:
    """A check in its own words, as the page shows it too."""
    remedy = check.metadata.get(WHAT_TO_DO)
    to_do = f". What to do: {remedy.value}" if remedy is not None else ""
    return f"the check {check.check_name} of {check.asset_key.to_user_string()} says: {check.description or _LOOK}{to_do}"


def _message(error: SerializableErrorInfo | None) -> str:
    """The first message of ours in a chain of causes, because what caused it says not what to do; else the first cause."""
    if error is None:
        return "unknown error"
    if error.cause is None or _CLASS.match(error.message):
        return _CLASS.sub("", error.message.strip())
    return _message(error.cause)
