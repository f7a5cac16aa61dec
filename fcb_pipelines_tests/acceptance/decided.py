"""The demo decided by two people, and then a customer of it taken live, billed and taken back.

Owns: the order of the steps on the demo that tests may change, as people type them (local/operators). Does not own: any
expectation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.local.operators import ADA, GRACE, Ended, Operators
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.local.rehearsal import Rehearsal
from fcb_pipelines.local.sandbox import administrator
from fcb_pipelines.local.warm import Done
from fcb_pipelines.settings import load
from fcb_pipelines_tests.acceptance.fixtures import PERIODS, AllPlans
from fcb_pipelines_tests.acceptance.project import Project


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What the demo is once everything is decided."""

    people: Operators
    status: Any
    rows: dict[str, list[Any]]
    remedies: list[Any]
    acceptances: list[Any]
    prices: dict[str, float]
    """Of some orders in Odoo, by subscription."""
    unapproved_coverage: Decimal
    """Of May, while what was accepted above the limit waited for its approval."""
    verified: Done


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A customer taken live, billed for a month and taken back."""

    flip_id: str
    objections: int
    """That stood against it before anybody signed."""
    refused: Mapping[str, Any]
    """What it said to go while nothing was armed."""
    posted: Mapping[str, int]
    while_live: Mapping[str, Any]
    """The status, the guards and the rows of the month while they were live."""
    remains: Sequence[str]
    journal: Mapping[str, Any]
    verified: Done


@pytest.fixture(scope="session")
def decided(demo_to_change: Project, all_plans: AllPlans) -> Decided:
    """Everything decided, after what a second import and a second run leave was seen."""
    assert all_plans.nothing_left["prunable"] == []
    project, people = demo_to_change, _people(demo_to_change)
    for period in PERIODS:
        people.adopt(period)
        people.run_months(PERIODS)
    people.fcb("import")
    people.carry()
    people.run_months(PERIODS)
    decisions = [decision for period in PERIODS if (decision := people.accept(period))]
    people.run_months(PERIODS)
    unapproved = project.fcb("status", "--json").answer["services"]["nexacloud"]["periods"]["2026-05"]["coverage_money"]["CAD"]
    for decision in decisions:
        assert project.fcb("acceptances", "approve", decision, *ADA).code == 1, "nobody approves their own"
        people.fcb("acceptances", "approve", decision, *GRACE)
    people.run_months(PERIODS)
    return Decided(
        people=people,
        status=project.fcb("status", "--json").answer,
        rows={period: people.answer("rows", "--period", period) for period in PERIODS},
        remedies=people.answer("remedies"),
        acceptances=project.fcb("acceptances", "list", "--json").answer,
        prices=_prices(project),
        unapproved_coverage=Decimal(unapproved),
        verified=project.fcb("audit", "verify"),
    )


@pytest.fixture(scope="session")
def rehearsed(demo_to_change: Project, decided: Decided) -> Rehearsed:
    """The chapters of the rehearsal that follow, but for the flip of everybody."""
    people, script = decided.people, _script(demo_to_change, decided.people)
    script.name_the_fee()
    objections, flip_id = script.flip_the_canary()
    posted = script.bill_a_month(flip_id)
    while_live = {
        "status": people.answer("status")["services"]["nexacloud"],
        "guard": people.answer("guard"),
        "rows": people.answer("rows", "--period", "2026-06"),
    }
    refused = people.answer("flip", "--go", flip_id, *ADA, ok=(1,))
    remains = script.take_it_back(flip_id)
    return Rehearsed(
        flip_id=flip_id,
        objections=objections,
        refused=refused,
        posted=posted,
        while_live=while_live,
        remains=remains,
        journal=people.answer("journal", flip_id),
        verified=demo_to_change.fcb("audit", "verify"),
    )


def _people(project: Project) -> Operators:
    def run(args: Sequence[str], more: Mapping[str, str]) -> Ended:
        done = project.fcb(*args, **more)
        return Ended(code=done.code, out=done.out, err=done.err)

    return Operators(run=run, paper=project.folder / "to-sign.csv", say=lambda _: None)


def _script(project: Project, people: Operators) -> Rehearsal:
    settings = load({"FCB_STATE_DIR": str(project.state)}, folder=project.folder)
    assert settings.database_url is not None
    assert settings.odoo is not None
    return Rehearsal(
        people=people,
        source_url=in_database(settings.database_url.get_secret_value(), "nexacloud"),
        config=project.folder / "fcb.toml",
        administrator={"FCB_ODOO_URL": settings.odoo.url, "FCB_ODOO_DB": settings.odoo.db, **administrator(project.state)},
    )


def _prices(project: Project) -> dict[str, float]:
    wanted = ["SUB-1015", "SUB-1017", "SUB-1019", "SUB-1021", "SUB-1031"]
    odoo = project.odoo()
    orders = {row["id"]: row["client_order_ref"] for row in odoo.search_read("sale.order", [], ["client_order_ref"])}
    lines = odoo.search_read("sale.order.line", [("order_id", "in", list(orders))], ["order_id", "price_unit"])
    return {name: row["price_unit"] for row in lines if (name := orders[row["order_id"][0]]) in wanted}
