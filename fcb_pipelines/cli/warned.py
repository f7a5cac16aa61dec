"""What checks found that stopped nothing, told once after the result of the command that ran them.

Owns: what of it is told, and a line for each check. Does not own: when a check warns and what to do (checks), what is said of a
run that was stopped (runs).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from fcb_pipelines.checks.remedies import WHAT_TO_DO
from fcb_pipelines.cli.session import say

Checked = Sequence[dg.AssetCheckEvaluation]
"""What the checks of one or more runs found, in the order of the runs."""

SHOWN_BY_THE_RESULT = frozenset({"coverage", "import_complete", "reconciliation_clean"})
"""The rows by status and the decided shares, or the counts of records with each bad one, say the same."""
OF_ALL_MONTHS = frozenset({"register_reconciled"})
"""Whichever month they run with they look at every one, so that the last run has the last word."""
ANY_MONTH = "YYYY-MM"


def tell_warnings(checked: Checked) -> None:
    """Tell each check that only warned, and what to do."""
    for line in warnings_of(checked):
        say(line)


def warnings_of(checked: Checked) -> Iterator[str]:
    """A line for each check of a service that only warned; of several months, with what was found in which."""
    has_several = len({one.partition for one in checked if one.partition}) > 1
    found: dict[tuple[str, str], list[dg.AssetCheckEvaluation]] = {}
    for one in _standing(checked):
        if _warns(one):
            found.setdefault((one.asset_key.path[0], one.check_name), []).append(one)
    for (_, name), those in found.items():
        yield f"warning: {name}: {_said(those, has_several=has_several)}{_to_do(those)}"


def _standing(checked: Checked) -> list[dg.AssetCheckEvaluation]:
    """The last evaluation of each check and month."""
    last = {}
    for one in checked:
        last[one.asset_key, one.check_name, "" if one.check_name in OF_ALL_MONTHS else one.partition] = one
    return list(last.values())


def _warns(one: dg.AssetCheckEvaluation) -> bool:
    return not one.passed and one.severity is dg.AssetCheckSeverity.WARN and one.check_name not in SHOWN_BY_THE_RESULT


def _said(those: Checked, *, has_several: bool) -> str:
    months: dict[str, list[str]] = {}
    for one in those:
        which = months.setdefault(one.description or "see its table in the Dagster page", [])
        if has_several and one.partition is not None and one.check_name not in OF_ALL_MONTHS:
            which.append(one.partition)
    return "; ".join(f"{', '.join(which)}: {said}" if which else said for said, which in months.items())


def _to_do(those: Checked) -> str:
    """What to do, with the month put in where there is but one."""
    first = those[0]
    remedy = first.metadata.get(WHAT_TO_DO)
    if remedy is None:
        return ""
    text = str(remedy.value)
    return f"; what to do: {text.replace(first.partition or ANY_MONTH, ANY_MONTH) if len(those) > 1 else text}"
