"""What checks found, as runs of Dagster hand it to the command."""

from typing import Any

import dagster as dg

from fcb_pipelines.checks.remedies import WHAT_TO_DO


def warning(check: str, period: str | None = "2026-03", said: str = "look", **otherwise: Any) -> dg.AssetCheckEvaluation:
    """A check of `shop` that warned, unless it is told otherwise; what to do names the month."""
    given: dict[str, Any] = {
        "asset_key": dg.AssetKey(["shop", "usage_totals"]),
        "check_name": check,
        "passed": False,
        "severity": dg.AssetCheckSeverity.WARN,
        "partition": period,
        "description": said,
        "metadata": {WHAT_TO_DO: f"fcb run --service shop --period {period}"},
    }
    return dg.AssetCheckEvaluation(**given | otherwise)
