"""The demo decided by two people: terms adopted, successors named, the rest accepted and approved.

Owns: the script, in the commands that people type. Does not own: any expectation.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines_tests.acceptance.fixtures import PERIODS, AllPlans
from fcb_pipelines_tests.acceptance.project import Project
from fcb_pipelines_tests.acceptance.warm import Done

NOT_ADOPTED = {"timezone_boundary"}
"""Causes that no term can follow: they are accepted."""
SIGNED = ("--reason", "write_off", "--text", "looked at with the customer", "--bears", "us", "--expires", "2026-12-31")


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What the demo is once everything is decided."""

    status: Any
    rows: dict[str, list[Any]]
    remedies: list[Any]
    acceptances: list[Any]
    prices: dict[str, float]
    """Of some orders in Odoo, by subscription."""
    unapproved_coverage: Decimal
    """Of May, while what was accepted above the limit waited for its approval."""
    verified: Done


@pytest.fixture(scope="session")
def decided(demo_to_change: Project, all_plans: AllPlans) -> Decided:
    """Everything decided, after what a second import and a second run leave was seen."""
    assert all_plans.nothing_left["prunable"] == []
    project = demo_to_change
    for period in PERIODS:
        _adopt(project, period)
    assert project.fcb("import").code == 0
    carried = [one["row_id"] for one in _remedies(project) if one["remedy"] == "carry"]
    kept = ("--source", "billing desk", "--text", "stays there until its own product is in Odoo", "--as", "ada")
    assert project.fcb("carry", *carried, *kept).code == 0
    _run(project)
    decisions = [decision for period in PERIODS if (decision := _accept(project, period))]
    _run(project)
    unapproved = project.fcb("status", "--json").answer["services"]["nexacloud"]["periods"]["2026-05"]["coverage_money"]["CAD"]
    for decision in decisions:
        assert project.fcb("acceptances", "approve", decision, "--as", "ada").code == 1, "nobody approves their own"
        assert project.fcb("acceptances", "approve", decision, "--as", "grace").code == 0
    _run(project)
    return Decided(
        status=project.fcb("status", "--json").answer,
        rows={period: _rows(project, period) for period in PERIODS},
        remedies=_remedies(project),
        acceptances=project.fcb("acceptances", "list", "--json").answer,
        prices=_prices(project),
        unapproved_coverage=Decimal(unapproved),
        verified=project.fcb("audit", "verify"),
    )


def _adopt(project: Project, period: str) -> None:
    """Adopt what explains a month; a term that another row brought already is not written again."""
    for one in _remedies(project):
        if one["period"] == period and one["remedy"] == "fix_model" and set(one["causes"]) - NOT_ADOPTED:
            done = project.fcb("adopt", one["row_id"], "--as", "ada")
            assert done.code == 0 or "already" in done.err, done.err
    _run(project)


def _accept(project: Project, period: str) -> str | None:
    """Sign for what is left of a month, in one decision; its id, or None where nothing is left."""
    asking = ("fix_model", "fix_source")
    left = [
        row["row_id"]
        for row in _rows(project, period)
        if any(each["verdict"] == "unexplained" or each["open_remedy"] in asking for each in row["instances"])
    ]
    if not left:
        return None
    done = project.fcb("accept", *left, *SIGNED, "--as", "ada", "--json")
    assert done.code == 0, done.err
    decision: str = done.answer["decision"]
    return decision


def _run(project: Project) -> None:
    for period in PERIODS:
        assert project.fcb("run", "--period", period).code == 0


def _rows(project: Project, period: str) -> list[Any]:
    found: list[Any] = project.fcb("rows", "--period", period, "--json").answer
    return found


def _remedies(project: Project) -> list[Any]:
    found: list[Any] = project.fcb("remedies", "--json").answer
    return found


def _prices(project: Project) -> dict[str, float]:
    wanted = ["SUB-1015", "SUB-1017", "SUB-1019", "SUB-1021", "SUB-1031"]
    odoo = project.odoo()
    orders = {row["id"]: row["client_order_ref"] for row in odoo.search_read("sale.order", [], ["client_order_ref"])}
    lines = odoo.search_read("sale.order.line", [("order_id", "in", list(orders))], ["order_id", "price_unit"])
    return {name: row["price_unit"] for row in lines if (name := orders[row["order_id"][0]]) in wanted}
