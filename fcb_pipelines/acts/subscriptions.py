"""Shadow subscriptions: every subscription in scope as a draft order in Odoo.

Owns: the act `import_subscriptions`. Does not own: which subscriptions are in scope (domain/imports), the fields
(odoo/subscriptions), the proof that they are inert (`inert`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from fcb_pipelines.acts import partners, plans
from fcb_pipelines.acts.imports import Decided, Reading, Report, Shelf, apply, keep, send
from fcb_pipelines.acts.read_back import forget, read_back
from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.changes import Fields, Value
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import Imported, failed, skipped, subscriptions_in_scope
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.domain.recurring import recurring_price
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.odoo import subscriptions as orders
from fcb_pipelines.odoo.batches import Applied
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.plans import variants
from fcb_pipelines.odoo.records import Kind, Present, decimals_kept, require_decimals
from fcb_pipelines.store import flips

OUT_OF_SCOPE = "out of scope: not alive, invoiced or metered in any period since the first one"


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What an order points to: Odoo ids by source id, and why some records of the source have none.

    In a dry run a record that is still to be made is its external id, so that the whole chain can be shown at once.
    """

    partners: Mapping[str, int | str]
    products: Mapping[str, int | str]
    plans: Mapping[str, Plan]
    reasons: Mapping[tuple[Entity, str], str]
    currencies: orders.Currencies
    decimals: int | None
    adopted: Records
    """The terms that people adopted."""
    at: datetime
    """The day whose price stands on an order."""
    zone: ZoneInfo

    def partner(self, user_id: str) -> int | str:
        """The partner of a user; raises `InvalidInput` with the reason where there is none."""
        return self._of(self.partners, Entity.USER, user_id)

    def product(self, plan_id: str) -> int | str:
        """The product of a plan's flat price; raises `InvalidInput` with the reason where there is none."""
        return self._of(self.products, Entity.PLAN, plan_id)

    def _of(self, found: Mapping[str, int | str], entity: Entity, source_id: str) -> int | str:
        reason = self.reasons.get((entity, source_id))
        if reason is None and source_id in found:
            return found[source_id]
        why = reason or "it is not in Odoo: run the whole import (fcb import), and see what that says of it"
        raise InvalidInput(f"its {entity} {source_id}: {why}")


@dataclass(slots=True, kw_only=True)
class _Wanted:
    """Orders and lines as they shall be, and why some subscriptions have none."""

    orders: dict[str, Fields] = field(default_factory=dict)
    lines: dict[str, Fields] = field(default_factory=dict)
    source_ids: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def import_subscriptions(reading: Reading, *, dry_run: bool, report: Report) -> Imported:
    """Make or change a draft order for every subscription in scope; an order that is no longer a draft is never touched.

    One that a flip took live is skipped: it is Odoo's. One that is confirmed after it was read is refused by Odoo, as every
    change brings its pricelist along. Raises `RuleViolation` if another import of the service is running, and what the port to
    Odoo raises.
    """
    with reading.exclusive(dry_run=dry_run):
        decided = decide(reading, dry_run=dry_run)
        if dry_run:
            return decided.imported({})
        forget(reading, Part.SUBSCRIPTIONS)
        applied = _apply(reading, decided, report)
        with reading.db.transaction() as conn:
            done = keep(conn, reading, decided, applied)
        read_back(reading, Part.SUBSCRIPTIONS, decided, applied)
        return done


def decide(
    reading: Reading,
    *,
    dry_run: bool,
    people: partners.PartnersDecided | None = None,
    catalogue: plans.PlansDecided | None = None,
) -> Decided:
    """Read what decides, then decide; changes nothing anywhere. Two shelves: the orders and their lines.

    Partners and plans are decided too where whoever asks has not just done so.
    """
    source = reading.records
    scope = subscriptions_in_scope(source.subscriptions, source.invoices, reading.metered(), *reading.scope())
    flipped = _flipped(reading)
    chosen = [one for one in source.subscriptions if one.external_subscription_id in scope - flipped.keys()]
    people = people or partners.decide(reading)
    catalogue = catalogue or plans.decide(reading, take_all=False)
    references = _references(reading, people, catalogue, dry_run=dry_run)
    kind = orders.kind(references.currencies)
    present, forgotten = reading.present(kind, {reading.xid(Entity.SUBSCRIPTION, each) for each in scope})
    wanted = _wanted(reading, chosen, references, present)
    everything = {one.external_subscription_id for one in source.subscriptions}
    bad = reading.bad("subscriptions")
    return Decided(
        entity=Entity.SUBSCRIPTION,
        shelves=_shelves(reading, kind, wanted, present, forgotten),
        issues=(*skipped({**dict.fromkeys(everything - scope, OUT_OF_SCOPE), **flipped}), *bad, *failed(wanted.failed)),
        gone=reading.gone(Entity.SUBSCRIPTION, present, everything, bad),
    )


def _flipped(reading: Reading) -> dict[str, str]:
    """Subscriptions whose order a flip confirmed, or is about to, and why no import touches it."""
    with reading.db.transaction() as conn:
        taken = flips.subscriptions_in_odoo(conn, reading.service.code)
    return {
        each: f"{one.state} by {one.flip_id}: Odoo bills it, and no import touches its order" for each, one in taken.items()
    }


def _shelves(reading: Reading, kind: Kind, wanted: _Wanted, present: Present, forgotten: frozenset[str]) -> tuple[Shelf, Shelf]:
    there = {xid: odoo_id for xid, odoo_id in present.ids.items() if xid in wanted.orders}
    own = Shelf(kind=kind, source_ids=wanted.source_ids, wanted=wanted.orders, present=present, forgotten=forgotten)
    lines = Shelf(
        kind=orders.LINE,
        source_ids={orders.line_id(xid): source_id for xid, source_id in wanted.source_ids.items()},
        wanted=wanted.lines,
        present=orders.lines_of(reading.odoo, there),
        is_part=True,
    )
    return own, lines


def _references(
    reading: Reading, people: partners.PartnersDecided, catalogue: plans.PlansDecided, *, dry_run: bool
) -> References:
    """Where the partners and products of the chain's earlier imports are, and why some are missing."""
    bought = _products(reading.odoo, catalogue.decided.shelves[0])
    known = {user_id: link.odoo_id for user_id, link in people.links.items() if link.odoo_id is not None}
    source = reading.records
    return References(
        partners={**(_to_be_made(people.decided.shelves[0]) if dry_run else {}), **known},
        products={**(_to_be_made(catalogue.decided.shelves[0]) if dry_run else {}), **bought},
        plans={plan.external_plan_id: plan for plan in source.plans},
        reasons=_reasons(reading, people.failed, catalogue.failed),
        currencies=orders.currencies(reading.odoo, {plan.currency for plan in source.plans}),
        decimals=decimals_kept(reading.odoo, orders.LINE_MODEL, orders.PRICE),
        adopted=Records(term.evidence(reading.service.zone) for term in reading.service.terms),
        at=reading.now,
        zone=reading.service.zone,
    )


def _products(odoo: Odoo, shelf: Shelf) -> dict[str, int]:
    """The product that stands on an order's line, by plan."""
    found = variants(odoo, shelf.present.ids.values())
    ids = {shelf.source_ids[xid]: odoo_id for xid, odoo_id in shelf.present.ids.items() if xid in shelf.source_ids}
    return {plan_id: found[odoo_id] for plan_id, odoo_id in ids.items() if odoo_id in found}


def _to_be_made(shelf: Shelf) -> dict[str, str]:
    return {shelf.source_ids[xid]: xid for xid in shelf.made.create}


def _reasons(reading: Reading, users: Mapping[str, str], plans_failed: Mapping[str, str]) -> dict[tuple[Entity, str], str]:
    bad_users = {issue.external_id: issue.reason for issue in reading.bad("users")}
    bad_plans = {issue.external_id: issue.reason for issue in reading.bad("plans")}
    return {(Entity.USER, each): reason for each, reason in (bad_users | dict(users)).items()} | {
        (Entity.PLAN, each): reason for each, reason in (bad_plans | dict(plans_failed)).items()
    }


def _wanted(reading: Reading, chosen: Sequence[Subscription], references: References, present: Present) -> _Wanted:
    found = _Wanted()
    for one in chosen:
        xid = reading.xid(Entity.SUBSCRIPTION, one.external_subscription_id)
        try:
            _require_draft(present.fields.get(xid, {}).get(orders.STATE, orders.DRAFT))
            order, line = _order(one, references)
        except InvalidInput as error:
            found.failed[one.external_subscription_id] = str(error)
            continue
        found.orders[xid], found.lines[orders.line_id(xid)] = order, line
        found.source_ids[xid] = one.external_subscription_id
    return found


def _require_draft(state: Value) -> None:
    if state != orders.DRAFT:
        raise InvalidInput(f"its order in Odoo is no longer a draft but {state!r}: somebody changed that, so it is left alone")


def _order(one: Subscription, references: References) -> tuple[Fields, Fields]:
    """The order and its line; raises `InvalidInput` with the reason why there can be none."""
    partner, product = references.partner(one.external_user_id), references.product(one.external_plan_id)
    plan = references.plans[one.external_plan_id]
    references.currencies.require(plan.currency)
    price = recurring_price(one, plan, references.adopted, at=references.at, zone=references.zone)
    line = orders.line(one, plan, product, price)
    require_decimals(line["price"], references.decimals)
    return orders.order(one, plan, partner), line


def _apply(reading: Reading, decided: Decided, report: Report) -> tuple[Applied, Applied]:
    """Make new orders together with their lines, change orders that differ, then lines that differ or were lost."""
    own, lines = decided.shelves
    empty = orders.kept_empty(reading.odoo) if own.made.create else ()
    own_done = apply(reading, own, orders.loading(own.kind, own.made.create, lines.wanted, empty), report)
    lines_done = send(reading, "lines of subscriptions", orders.loading_lines(own.kind, _differing(own, lines)), report)
    # The ids that this load answers are those of the orders.
    return (
        Applied(ids=own_done.ids, failed=orders.confirmed_meanwhile(own_done.failed)),
        Applied(failed=orders.confirmed_meanwhile(lines_done.failed)),
    )


def _differing(own: Shelf, lines: Shelf) -> dict[str, orders.Line]:
    """The lines of orders that are there which are lost or otherwise; a new order brings its own."""
    at = {orders.line_id(xid): xid for xid in own.present.ids.keys() & own.wanted.keys()}
    return {
        xid: orders.Line(
            order=own.present.ids[at[xid]],
            currency=own.wanted[at[xid]][orders.CURRENCY],
            fields=lines.wanted[xid],
        )
        for xid in (*lines.made.create, *lines.made.update)
        if xid in at
    }
