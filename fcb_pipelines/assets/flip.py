"""Shells around the acts of a flip: a cohort planned, and taken live, charged or taken back from the page.

Owns: what is typed into a run, and how what came of it is shown. Does not own: the acts, which ask the gate themselves whatever
a run selects, nor who may arm one.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import dagster as dg
from pydantic import Field

from fcb_pipelines.acts.arming import Typed
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip_plan import Wanted
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.acts.flip_runs import do_armed, plan_cohort
from fcb_pipelines.assets.shell import FLIP, ODOO_POOL, asset, key, table
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip import Part, State
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.money import decimal
from fcb_pipelines.services import Service

FLIP_PLAN, FLIP_ASSET = "flip_plan", "flip"
PAGE = "dagster"
"""Who plans and goes where nobody is named: a page of Dagster's knows no people."""


class FlipPlanConfig(dg.Config):
    """Whom to take live, from when on."""

    cohort: list[str]
    """Customers and subscriptions of the source."""
    not_before: str
    """The first month that Odoo is to bill, such as 2026-07."""
    final_usage: str = Biller.SOURCE.value
    """Who bills what is used before: source or odoo."""


class FlipConfig(dg.Config):
    """What is to be done with a plan; count and amounts are typed once more, and must be those of the plan."""

    flip_id: str
    """The plan, such as F-3f9a61c20b7e."""
    act: str = Part.FLIP.value
    """flip, charge or unflip."""
    person: str
    """Who armed it."""
    count: int
    """Of subscriptions."""
    amounts: dict[str, str] = Field(default_factory=dict)
    """By currency, as text: CAD -> "747.50"."""


def flip_assets(service: Service) -> list[dg.AssetsDefinition]:
    """Assets `flip_plan` and `flip` of a service."""

    @asset(
        service,
        FLIP_PLAN,
        group=FLIP,
        kinds=["odoo"],
        deps=[key(service, "shadow_subscriptions"), key(service, "reconciliation")],
        pool=ODOO_POOL,
    )
    def flip_plan(config: FlipPlanConfig, connections: dg.ResourceParam[Connections]) -> dg.MaterializeResult[None]:
        """What taking a cohort live would do, charge by charge; nothing is done but that the plan is kept."""
        wanted = Wanted(asked_for=tuple(config.cohort), not_before=config.not_before, final_usage=Biller(config.final_usage))
        flip_id, plan = plan_cohort(connections, service, wanted, PAGE)
        return dg.MaterializeResult(metadata={"flip": flip_id, **_of_plan(plan)})

    @asset(service, FLIP_ASSET, group=FLIP, kinds=["odoo"], deps=[flip_plan], pool=ODOO_POOL)
    def flip(
        context: dg.AssetExecutionContext, config: FlipConfig, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """Do what was armed: take live, charge, or take back. The gate is asked in here again, whatever was selected.

        A run that is not done for everybody fails, and says of whom and why.
        """
        typed = _typed(config)
        stands, is_new = do_armed(connections, service, typed)
        shown = {"armed in this run": is_new, **_of_stands(stands)}
        said = f"{typed.part} of {config.flip_id}: {_counts(stands)}"
        if not stands.is_done(typed.part):
            raise dg.Failure(f"{said}. What they wait for is below; once it is there, run this again", metadata=shown)
        context.log.info(said)
        return dg.MaterializeResult(metadata=shown)

    return [flip_plan, flip]


def _typed(config: FlipConfig) -> Typed:
    if config.act not in {Part.FLIP, Part.CHARGE, Part.UNFLIP}:
        raise InvalidInput(f"act must be flip, charge or unflip, is {config.act!r}")
    amounts: Mapping[str, Decimal] = {code: decimal(amount) for code, amount in config.amounts.items()}
    return Typed(flip_id=config.flip_id, part=Part(config.act), person=config.person, count=config.count, amounts=amounts)


def _of_plan(plan: FlipPlan) -> Mapping[str, Any]:
    return {
        "subscriptions": len(plan.subscriptions),
        "first invoices": table({"currency": code, "net": str(amount)} for code, amount in plan.totals.items()),
        "charges": table(_charges(plan)),
        "drawn in": table({"subscription": one, "because": why} for one, why in plan.drawn_in.items()),
    }


def _charges(plan: FlipPlan) -> Iterator[Mapping[str, Any]]:
    for one in plan.subscriptions:
        for charge in one.charges:
            yield {
                "subscription": one.external_subscription_id,
                "customer": one.customer,
                "charge": charge.charge,
                "Odoo bills from": charge.boundary.date(),
                "known by": f"{charge.proof} {charge.reference}".strip(),
                "source's last bill": "" if charge.last_bill is None else str(charge.last_bill.net),
                "Odoo's first bill": "" if charge.first_net is None else str(charge.first_net),
            }


def _of_stands(stands: Stands) -> Mapping[str, Any]:
    waits = stands.open()
    rows = (
        {"subscription": one, "state": state.value, "waits for": waits.get(one, "")} for one, state in stands.states.items()
    )
    return {"flip": stands.flip.flip_id, "states": _counts(stands), "subscriptions": table(rows)}


def _counts(stands: Stands) -> str:
    found = [*stands.states.values()]
    return ", ".join(f"{found.count(one)} {one}" for one in State if one in found)
