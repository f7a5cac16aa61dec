"""What makes something of ours in Odoo live, or takes it back: the only module that confirms, posts, credits or charges.

Owns: the calls. Does not own: whether they may be made (domain/gate), their order and their journal (acts/flip_steps,
acts/unflip_steps, acts/live_invoices). An import contract lets nobody else use it.

Every call first looks at what is there and does nothing where it is so already, so that after `OutcomeUnknown` it may simply
be made again. Where orders run as subscriptions the plan comes before the confirmation: `run_as_subscription`, then `confirm`.
Such an Odoo confirms no order with a product that is sold by the period and without a plan; a draft with a plan starts nothing.
The way back is `detach_token`, `back_to_draft`, then `not_a_subscription`, for the same reason.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fcb_pipelines.domain.errors import Refused, RuleViolation
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import LINES, MOVES, draft_of, require_creditable
from fcb_pipelines.odoo.edition import ORDER, ORDER_PLAN
from fcb_pipelines.odoo.order_now import NEXT_INVOICE, START, TOKEN, OrderNow, order_now
from fcb_pipelines.odoo.records import rows_where
from fcb_pipelines.odoo.resolution import found

DRAFT, SENT, SALE, CANCEL, POSTED = "draft", "sent", "sale", "cancel", "posted"
AT_ONCE = {"disable_cancel_warning": True}
"""Context of a cancellation, without which 18 opens a dialogue for anything but a draft and cancels nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of invoices that were to be posted."""

    ids: frozenset[int]
    """Those that are posted now, whoever did it."""
    refused: Mapping[int, str]
    """The others, with why; those that are gone too."""


def confirm(odoo: Odoo, order_id: int) -> None:
    """Confirm a draft order; raises `RuleViolation` for one that is cancelled or gone."""
    order = order_now(odoo, order_id)
    if order.state == SALE:
        return
    if order.state not in {DRAFT, SENT}:
        raise RuleViolation(f"order {order.name} in Odoo is {order.state}: make it a quotation again before it is confirmed")
    odoo.call(ORDER, "action_confirm", [order_id])


def run_as_subscription(odoo: Odoo, order_id: int, *, plan_id: int, start_on: date, next_invoice_on: date) -> None:
    """Give an order its recurring plan, its start and the day of its first invoice, in one write; raises `RuleViolation`.

    In one write, because a subscription that runs without the day of its next invoice is billed from its start on.
    """
    order = order_now(odoo, order_id)
    _require_subscriptions(odoo, order)
    if (order.plan_id, order.start_on, order.next_invoice_on) == (plan_id, start_on, next_invoice_on):
        return
    dates = {START: start_on.isoformat(), NEXT_INVOICE: next_invoice_on.isoformat()}
    odoo.write(ORDER, [order_id], {ORDER_PLAN: plan_id, **dates})


def not_a_subscription(odoo: Odoo, order_id: int) -> None:
    """Take an order's recurring plan and its dates away; nothing where orders have no such thing."""
    order = order_now(odoo, order_id)
    if (order.plan_id, order.start_on, order.next_invoice_on) != (None, None, None):
        odoo.write(ORDER, [order_id], {ORDER_PLAN: False, START: False, NEXT_INVOICE: False})


def attach_token(odoo: Odoo, order_id: int, token_id: int) -> None:
    """Let Odoo charge what the order comes to; raises `RuleViolation` for a token that is not the customer's, or archived."""
    order = order_now(odoo, order_id)
    if order.token_id == token_id:
        return
    _require_token(odoo, order, token_id)
    odoo.write(ORDER, [order_id], {TOKEN: token_id})


def detach_token(odoo: Odoo, order_id: int) -> None:
    """Let Odoo charge nothing for the order any more; nothing where orders have no token."""
    if order_now(odoo, order_id).token_id is not None:
        odoo.write(ORDER, [order_id], {TOKEN: False})


def back_to_draft(odoo: Odoo, order_id: int) -> None:
    """Make an order a quotation again: unlocked, cancelled, then drafted, whichever of these it is not yet.

    Odoo cancels the order's draft invoices along with it; posted ones stay and are credited.
    """
    order = order_now(odoo, order_id)
    if order.is_locked:
        odoo.call(ORDER, "action_unlock", [order_id])
    if order.state == SALE:
        odoo.call(ORDER, "action_cancel", [order_id], context=AT_ONCE)
    if order.state != DRAFT:
        odoo.call(ORDER, "action_draft", [order_id])


def post(odoo: Odoo, move_ids: Collection[int]) -> Posted:
    """Post those that are drafts; where Odoo refuses some, the others are posted. What fails otherwise may be tried again.

    One that repeats by itself is never posted: Odoo would make the next one on its own.
    """
    states = _states(odoo, move_ids)
    refused = {each: "it is not in Odoo any more" for each in move_ids if each not in states}
    refused |= {each: reason for each, row in states.items() if (reason := _unpostable(row))}
    drafts = [each for each, row in states.items() if row["state"] == DRAFT and each not in refused]
    refused |= _post(odoo, drafts)
    done = frozenset(each for each, row in _states(odoo, states).items() if row["state"] == POSTED)
    return Posted(ids=done, refused={each: reason for each, reason in refused.items() if each not in done})


def credit(odoo: Odoo, move_id: int, xid: str, *, reason: str, on: date) -> int:
    """Take a posted invoice back with a credit note of all its lines, under our external id; answers the note's id.

    Posted on its day and matched against what is still open of the invoice. What the customer has paid of it is then open on
    the credit note, in their favour: giving it back is for a person. Raises `RuleViolation` where a credit note that is not
    ours takes something off the invoice already, because all its lines again would be too much; where it is not posted, or no
    invoice; and, before anything is posted, where the note does not come to what the invoice comes to.
    """
    note = found(odoo, MOVES, xid)
    if note is None:
        require_creditable(odoo, move_id)
        note = draft_of(odoo, move_id, xid, reason=reason, on=on)
    require_creditable(odoo, move_id, by=note)
    refused = post(odoo, [note]).refused
    if refused:
        raise Refused(f"the credit note of invoice {move_id} is not posted: {refused[note]}")
    _match(odoo, move_id, note)
    return note


def _match(odoo: Odoo, move_id: int, note: int) -> None:
    """Odoo does it when it posts the note; again where the invoice was open for another reason then, or is again."""
    residuals = rows_where(odoo, MOVES, "id", [move_id, note], ["amount_residual"])
    if all(row["amount_residual"] for row in residuals):
        also = [("display_type", "=", "payment_term"), ("reconciled", "=", False)]
        for line in rows_where(odoo, LINES, "move_id", [note], ["id"], also=also):
            odoo.call(MOVES, "js_assign_outstanding_line", [move_id], line["id"])


def _require_subscriptions(odoo: Odoo, order: OrderNow) -> None:
    if ORDER_PLAN not in odoo.fields(ORDER):
        raise RuleViolation(f"order {order.name} cannot run as a subscription: this Odoo has no app Subscriptions")


def _require_token(odoo: Odoo, order: OrderNow, token_id: int) -> None:
    if TOKEN not in odoo.fields(ORDER):
        raise RuleViolation(f"order {order.name} cannot have a payment token: this Odoo has no app Subscriptions")
    rows = rows_where(odoo, "payment.token", "id", [token_id], ["partner_id", "active"])
    partners = rows_where(odoo, "res.partner", "id", [order.partner_id], ["commercial_partner_id"])
    owners = {order.partner_id, *(row["commercial_partner_id"][0] for row in partners if row["commercial_partner_id"])}
    if not rows or not rows[0]["active"]:
        raise RuleViolation(f"payment token {token_id} is archived, gone, or not ours to see: order {order.name} stays without")
    if rows[0]["partner_id"][0] not in owners:
        raise RuleViolation(f"payment token {token_id} belongs to somebody else than the customer of order {order.name}")


def _states(odoo: Odoo, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in rows_where(odoo, MOVES, "id", ids, ["state", "name", "auto_post"])}


def _unpostable(row: Mapping[str, Any]) -> str:
    if row["state"] == CANCEL:
        return "it is cancelled"
    if row["state"] == DRAFT and row["auto_post"] not in {"no", False}:
        return f"it posts itself (auto_post is {row['auto_post']}): set Auto-post to No"
    return ""


def _post(odoo: Odoo, drafts: Sequence[int]) -> dict[int, str]:
    """Post drafts in one call; where Odoo refuses it, one by one."""
    try:
        if drafts:
            odoo.call(MOVES, "action_post", list(drafts))
    except Refused as error:
        if len(drafts) == 1:
            return {drafts[0]: " ".join(str(error).split())}
        return {each: reason for one in drafts for each, reason in _post(odoo, [one]).items()}
    return {}
