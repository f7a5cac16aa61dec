"""The steps that take a subscription back: what each of them does and reads back.

Owns: the steps of the part `unflip`. Does not own: their order and journal (flip_run), which credit note is made (credits),
which usage is handed back (hand_back), when they may be taken (unflip). A subscription of which nothing was changed in Odoo is
not touched there now either.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from fcb_pipelines.acts import claims
from fcb_pipelines.acts.credits import credit_all
from fcb_pipelines.acts.flip_run import Asking, Doing, Looking, Run, Storing, Told, customers, refused, waiting
from fcb_pipelines.acts.flip_steps import Evidence, overtaken, shown
from fcb_pipelines.acts.hand_back import HandingBack
from fcb_pipelines.acts.unflip_plan import Billed, billed, live_invoices, picture_of
from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.external_ids import MODULE
from fcb_pipelines.domain.flip import Step
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.pictures import Difference, differences, faults
from fcb_pipelines.domain.unflips import Unflip
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.credit_notes import MOVES
from fcb_pipelines.odoo.lanes import ONE_LANE
from fcb_pipelines.odoo.order_now import order_now
from fcb_pipelines.odoo.pictures import picture
from fcb_pipelines.odoo.removal import remove
from fcb_pipelines.odoo.resolution import external_ids
from fcb_pipelines.odoo.subscriptions import LINE_MODEL
from fcb_pipelines.store.database import Connection

Ask = Callable[[Run, SubscriptionPlan, int, Mapping[str, Any]], Told]
"""Asks Odoo about an order of which there is a picture from before."""
NOT_OF_THE_FLIP = "no flip writes it: it was changed meanwhile"


def steps(evidence: Evidence, plan: Unflip) -> Mapping[Step, Doing]:
    """The steps of the way back; nothing is credited that is not in the plan."""
    credits_ = {one.external_subscription_id: [each.move_id for each in one.credits] for one in plan.undone}

    def credited(run: Run, one: SubscriptionPlan, order_id: int, before: Mapping[str, Any]) -> Told:
        return _credited(run, one, credits_[one.external_subscription_id])

    return {
        Step.TOKEN_DETACHED: Asking(lambda run, one: {"order": one.order_id}, _where_changed(_token_detached)),
        Step.BACK_TO_DRAFT: Asking(lambda run, one: {"order": one.order_id}, _where_changed(_back_to_draft), overtaken),
        Step.CREDITED: Asking(lambda run, one: {"invoices": credits_[one.external_subscription_id]}, _where_changed(credited)),
        Step.CLAIMS_RELEASED: Storing(_claims_released),
        Step.USAGE_HANDED_BACK: HandingBack(evidence),
        # Of a flip whose usage was handed back before anybody had seen it, what was used since.
        Step.SOURCE_RESUMED: HandingBack(evidence),
        Step.UNDONE: Looking(_undone),
    }


def _where_changed(ask: Ask) -> Callable[[Run, SubscriptionPlan], Told]:
    """Ask only where the flip came to change something in Odoo."""

    def asked(run: Run, one: SubscriptionPlan) -> Told:
        before = picture_of(run.entries[one.external_subscription_id])
        if before is None or one.order_id is None:
            return Told(data={"untouched": True})
        return ask(run, one, one.order_id, before)

    return asked


def _token_detached(run: Run, one: SubscriptionPlan, order_id: int, before: Mapping[str, Any]) -> Told:
    live.detach_token(run.odoo, order_id)
    there = order_now(run.odoo, order_id)
    return Told(data=shown(there)) if there.token_id is None else refused("Odoo kept the token", order=shown(there))


def _back_to_draft(run: Run, one: SubscriptionPlan, order_id: int, before: Mapping[str, Any]) -> Told:
    """The order as a quotation without plan and without what we put on it since; no draft of ours stays."""
    live.back_to_draft(run.odoo, order_id)
    drafts = {xid: each.odoo_id for xid, each in _billed(run, one).drafts.items()}
    _remove(run, MOVES, drafts)
    _remove(run, LINE_MODEL, _added_lines(run, order_id, before))
    live.not_a_subscription(run.odoo, order_id)
    there = order_now(run.odoo, order_id)
    if (there.state, there.plan_id, there.token_id) != ("draft", None, None):
        return refused("Odoo did not make it a quotation again", order=shown(there))
    return Told(data={**shown(there), "removed": sorted(drafts.values())})


def _credited(run: Run, one: SubscriptionPlan, planned: Collection[int]) -> Told:
    """Credit what Odoo posted since the flip, which is what was armed: it can make no more of a quotation."""
    posted = _billed(run, one).posted
    if new := [each.name for each in posted if each.odoo_id not in planned]:
        return refused(f"Odoo posted {', '.join(new)} after it was looked at: look again (fcb unflip --plan), and arm it anew")
    return Told(data={"credited": credit_all(run, posted)})


def _claims_released(run: Run, conn: Connection, one: SubscriptionPlan) -> Told:
    released = claims.release(conn, run.service, run.flip.flip_id, [one.external_subscription_id], by=run.actor, now=run.now)
    given = [f"{each.charge} {each.service_from.isoformat()} to {each.service_to.isoformat()}" for each in released]
    return Told(data={"released": given, "source_bills_from": {each.charge: str(each.boundary) for each in one.charges}})


def _undone(run: Run, one: SubscriptionPlan) -> Told:
    """Everything of theirs in Odoo against the picture from before: a difference that need not be is an error."""
    before = picture_of(run.entries[one.external_subscription_id])
    if before is None or one.order_id is None:
        return Told(data={"differences": []})
    others = [each for each in _of_same_customer(run, one) if not _is_back(run, each)]
    if others:
        return waiting(f"{', '.join(others)} of the same customer is not taken back yet")
    after = picture(run.odoo, [one.order_id], [one.partner_id] if one.partner_id is not None else [])
    found = differences(before, after)
    if wrong := faults(found):
        named = "; ".join(f"{each.kind} {each.name} {each.field}: {each.before} before, {each.after} now" for each in wrong)
        return refused(f"in Odoo it is not as it was: {named}. Put it right there, then again", differences=_json(wrong))
    return Told(data={"differences": _json(found)})


def _json(found: tuple[Difference, ...] | list[Difference]) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind,
            "record": one.record,
            "name": one.name,
            "field": one.field,
            "before": one.before,
            "after": one.after,
            "why": one.why or (NOT_OF_THE_FLIP if one.is_of_others else ""),
        }
        for one in found
    ]


def _billed(run: Run, one: SubscriptionPlan) -> Billed:
    before = picture_of(run.entries[one.external_subscription_id])
    return billed(run.odoo, run.service, one, before, live_invoices(run.db, run.odoo, run.service))


def _remove(run: Run, model: str, ids: Mapping[str, int]) -> None:
    """Delete records of ours; raises `Refused` where Odoo keeps some."""
    done = remove(run.odoo, model, ids, ONE_LANE.pace()) if ids else None
    if done is not None and done.refused:
        raise Refused("; ".join(f"{xid}: {why}" for xid, why in done.refused.items()))


def _added_lines(run: Run, order_id: int, before: Mapping[str, Any]) -> dict[str, int]:
    """Lines that we put on an order since, by external id."""
    now = {int(each) for each in picture(run.odoo, [order_id], [])["order_lines"]}
    named = external_ids(run.odoo, LINE_MODEL, now - {int(each) for each in before["order_lines"]})
    return {xid: each for each, xid in named.items() if xid.startswith(f"{MODULE}.")}


def _of_same_customer(run: Run, one: SubscriptionPlan) -> list[str]:
    group = next(each for each in customers(run.flip.plan.subscriptions) if one in each)
    return [other.external_subscription_id for other in group if other is not one]


def _is_back(run: Run, subscription: str) -> bool:
    """Whether nothing of a subscription is to be changed in Odoo any more."""
    so_far = run.course(subscription)
    return Step.CREDITED in so_far.done or not so_far.touched
