"""Plans: every plan in scope as two products in Odoo, one for the flat price and one for usage.

Owns: the act `import_plans` and the decision it rests on, which the import of subscriptions asks too. Does not own: which
plans are in scope (domain/imports), the fields (odoo/plans).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fcb_pipelines.acts.imports import Decided, Reading, Report, Shelf, apply, keep
from fcb_pipelines.acts.read_back import forget, read_back
from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import Imported, failed, plans_to_skip, skipped, subscriptions_in_scope
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo import plans
from fcb_pipelines.odoo.records import Kind, require_decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansDecided:
    """The products of every plan in scope, and why some have none."""

    decided: Decided
    failed: Mapping[str, str]
    """Why a plan in scope has no products, by its id in the source."""


def import_plans(reading: Reading, *, take_all: bool, dry_run: bool, report: Report) -> Imported:
    """Make or change the two products of every plan in scope, of all plans if `take_all`.

    Raises `RuleViolation` if another import of the service is running, and what the port to Odoo raises.
    """
    with reading.exclusive(dry_run=dry_run):
        plan = decide(reading, take_all=take_all)
        if dry_run:
            return plan.decided.imported({})
        forget(reading, Part.PLANS)
        applied = [apply(reading, shelf, None, report) for shelf in plan.decided.shelves]
        with reading.db.transaction() as conn:
            done = keep(conn, reading, plan.decided, applied)
        read_back(reading, Part.PLANS, plan.decided, applied)
        return done


def decide(reading: Reading, *, take_all: bool) -> PlansDecided:
    """Read what decides, then decide; changes nothing anywhere."""
    source = reading.records
    active = subscriptions_in_scope(source.subscriptions, source.invoices, reading.metered(), *reading.scope())
    left_out = plans_to_skip(source.plans, source.subscriptions, active, take_all=take_all)
    catalogue = plans.catalogue(reading.odoo)
    products, reasons = _products(catalogue, [plan for plan in source.plans if plan.external_plan_id not in left_out])
    flat = _shelf(reading, catalogue.flat, {plan_id: both[0] for plan_id, both in products.items()})
    usage = _shelf(reading, catalogue.usage, {plan_id: both[1] for plan_id, both in products.items()})
    everything = {plan.external_plan_id for plan in source.plans}
    bad = reading.bad("plans")
    decided = Decided(
        entity=Entity.PLAN,
        shelves=(flat, usage),
        issues=(*skipped(left_out), *bad, *failed(reasons)),
        gone=reading.gone(Entity.PLAN, flat.present, everything, bad)
        | reading.gone(Entity.PLAN_USAGE, usage.present, everything, bad),
    )
    return PlansDecided(decided=decided, failed=reasons)


def _products(catalogue: plans.Catalogue, wanted: list[Plan]) -> tuple[dict[str, tuple[Fields, Fields]], dict[str, str]]:
    """The flat and the usage product of each plan, and why some have none."""
    found: dict[str, tuple[Fields, Fields]] = {}
    reasons: dict[str, str] = {}
    for plan in wanted:
        try:
            found[plan.external_plan_id] = _both(catalogue, plan)
        except InvalidInput as error:
            reasons[plan.external_plan_id] = str(error)
    return found, reasons


def _both(catalogue: plans.Catalogue, plan: Plan) -> tuple[Fields, Fields]:
    both = catalogue.products(plan)
    for product in both:
        require_decimals(product["price"], catalogue.decimals)
    return both


def _shelf(reading: Reading, kind: Kind, products: Mapping[str, Fields]) -> Shelf:
    source_ids = {reading.xid(kind.entity, plan_id): plan_id for plan_id in products}
    present, forgotten = reading.present(kind, source_ids.keys())
    return Shelf(
        kind=kind,
        source_ids=source_ids,
        wanted={xid: products[plan_id] for xid, plan_id in source_ids.items()},
        present=present,
        forgotten=forgotten,
    )
