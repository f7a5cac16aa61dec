"""The steps that take a subscription live, and those after: what each of them does and reads back.

Owns: the steps of the parts `flip`, `charge` and `complete`. Does not own: their order and journal (flip_run), whether they may
be taken (flip). With `unflip_steps`, `credits` and `live_invoices` it alone may use `odoo.live`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fcb_pipelines.acts import claims
from fcb_pipelines.acts.flip_run import Asking, Doing, Looking, Run, Storing, Told, refused, waiting
from fcb_pipelines.acts.unflip_plan import picture_of
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import Step, course
from fcb_pipelines.domain.flip_plans import ChargePlan, SubscriptionPlan
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.period import moved_on
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.edition import missing_plan
from fcb_pipelines.odoo.moves_now import moves_now
from fcb_pipelines.odoo.order_now import OrderNow, order_now, tokens_of
from fcb_pipelines.odoo.pictures import picture
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection

ATTESTATION = "attestation"
"""In what the journal says of a step that rests on what a person signed: its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the steps are told of the source and by people, as of the last snapshot and now."""

    snapshot_id: int
    taken_at: datetime
    billing: Mapping[str, BillingState]
    """By subscription, who bills it; absent where the source does not say."""
    attested: Callable[[Statement, str], Attestation | None]
    """The attestation of a subject that holds now."""
    resumed: Mapping[str, datetime]
    """By subscription, when it was last said that the source bills it again after an unflip."""
    billed_to: Callable[[str], Mapping[str, tuple[datetime, str]]]
    """Of a subscription, by charge left to the source: up to when all of it is billed or not due, and what proves that."""
    plans: Mapping[int, int]
    """By how many months a recurring plan of Odoo bills, its id; empty where orders do not run as subscriptions."""


def steps(evidence: Evidence, *, armed_at: datetime | None) -> Mapping[Step, Doing]:
    """The steps of the way forth; `armed_at`: a snapshot from before the arming says nothing of what was stopped for it."""
    return {
        Step.SOURCE_STOPPED: Looking(lambda run, one: source_stopped(evidence, one, armed_at)),
        Step.CLAIMED: Storing(claimed),
        Step.PLAN_SET: Asking(
            lambda run, one: _before_plan(evidence, run, one), lambda run, one: _plan_set(evidence, run, one), overtaken
        ),
        Step.CONFIRMED: Asking(lambda run, one: {"order": one.order_id}, _confirmed, overtaken),
        Step.PREVIEWED: Looking(_previewed),
        Step.TOKEN_ATTACHED: Asking(
            lambda run, one: _before_token(evidence, run, one), lambda run, one: _token_attached(evidence, run, one), overtaken
        ),
        Step.FINAL_BILL_SEEN: Looking(lambda run, one: _final_bill_seen(evidence, one)),
        Step.COMPLETE: Looking(lambda run, one: Told(data={})),
    }


def source_stopped(evidence: Evidence, one: SubscriptionPlan, armed_at: datetime | None) -> Told:
    """Whether the source will not bill it again: by its own word since the flip was armed, or by a person's."""
    subscription = one.external_subscription_id
    there = evidence.billing.get(subscription)
    is_new = armed_at is not None and evidence.taken_at >= armed_at
    seen = {"snapshot": evidence.snapshot_id, "biller": there.biller, "auto_renew": there.auto_renew} if there else {}
    if is_new and there is not None and (there.biller == Biller.ODOO or not there.auto_renew):
        return Told(data=seen)
    said = evidence.attested(Statement.SOURCE_STOPPED, subscription)
    if said is not None and said.is_since(evidence.resumed.get(subscription)):
        return Told(data={"attestation": said.attestation_id, "author": said.author})
    if there is None:
        why = "the source does not say who bills it"
    elif is_new:
        why = "by the last snapshot the source bills it on"
    else:
        why = "the last snapshot is from before the flip was armed: take a new one (fcb import)"
    if said is not None:
        why = f"{why}, and what {said.author} signed is from before it was resumed ({said.attestation_id})"
    return waiting(f"{why}; stop it there, or sign that it is stopped:  fcb attest source_stopped {subscription} --text WHY")


def claims_of(one: SubscriptionPlan, flip_id: str) -> Iterator[Claim]:
    """What a flip claims: Odoo's first range of each charge, and for the source what is still its to bill."""
    for charge in one.charges:
        if charge.final_from is not None and charge.final_from < charge.boundary:
            yield _claim(one, charge, charge.final_from, charge.boundary, biller=charge.final_biller, flip_id=flip_id)
        if charge.boundary < charge.first_to:
            yield _claim(one, charge, charge.boundary, charge.first_to, biller=Biller.ODOO, flip_id=flip_id)


def _claim(one: SubscriptionPlan, charge: ChargePlan, start: datetime, end: datetime, *, biller: Biller, flip_id: str) -> Claim:
    return Claim(
        external_subscription_id=one.external_subscription_id,
        charge=charge.charge,
        service_from=start,
        service_to=end,
        biller=biller,
        reference=flip_id,
    )


def claimed(run: Run, conn: Connection, one: SubscriptionPlan) -> Told:
    """Claim; what the source's bills claim came first, and raises `RuleViolation` where it is in the way."""
    wanted = tuple(claims_of(one, run.flip.flip_id))
    claims.take(conn, run.service, wanted, run.now)
    return Told(data={"claims": [f"{_range(each)} {each.biller}" for each in wanted]})


def _before_plan(evidence: Evidence, run: Run, one: SubscriptionPlan) -> Mapping[str, Any]:
    """What is about to be set, and everything of theirs in Odoo as it is before anything is: an unflip compares with it."""
    plan = {"plan": evidence.plans.get(one.months), "start_on": _starts_on(run, one), "next_invoice_on": one.next_invoice_on}
    partners = [one.partner_id] if one.partner_id is not None else []
    before = picture(run.odoo, [_order_of(one)], partners)
    return {**{name: str(value) if isinstance(value, date) else value for name, value in plan.items()}, "picture": before}


def _plan_set(evidence: Evidence, run: Run, one: SubscriptionPlan) -> Told:
    order_id = _order_of(one)
    if not evidence.plans:
        return Told(data={"plan": None, "order": order_id, "is_subscription": False})
    plan_id = evidence.plans.get(one.months)
    if plan_id is None:
        return refused(missing_plan(Interval.YEARLY if one.months == Interval.YEARLY.months else Interval.MONTHLY))
    _require_planned(order_now(run.odoo, order_id), one)
    live.run_as_subscription(
        run.odoo, order_id, plan_id=plan_id, start_on=_starts_on(run, one), next_invoice_on=one.next_invoice_on
    )
    there = order_now(run.odoo, order_id)
    wanted = (plan_id, _starts_on(run, one), one.next_invoice_on)
    if (there.plan_id, there.start_on, there.next_invoice_on) != wanted:
        return refused("Odoo keeps another plan or another day than was set", order=shown(there))
    return Told(data=shown(there))


def _confirmed(run: Run, one: SubscriptionPlan) -> Told:
    """Confirm, unless what the order comes to is not what was planned: that is looked at before anything starts."""
    order_id = _order_of(one)
    _require_planned(order_now(run.odoo, order_id), one)
    live.confirm(run.odoo, order_id)
    there = order_now(run.odoo, order_id)
    return Told(data=shown(there)) if there.state == live.SALE else refused("Odoo did not confirm it", order=shown(there))


def overtaken(run: Run, one: SubscriptionPlan) -> None:
    """Take back what came too late, or by half: at an order that another run made a quotation nobody looks before the very end.

    Where the flip goes on instead, by another run, that one finds it done.
    """
    with run.db.transaction() as conn:
        entries = journal.of_flip(conn, run.flip.flip_id).get(one.external_subscription_id, ())
    so_far = course(entries)
    if one.order_id is not None and so_far.is_going_back and Step.UNDONE not in so_far.done:
        live.detach_token(run.bare, one.order_id)
        live.back_to_draft(run.bare, one.order_id)
        live.not_a_subscription(run.bare, one.order_id)


def _previewed(run: Run, one: SubscriptionPlan) -> Told:
    """What Odoo bills, as it computes it, against the plan; in Enterprise with the day of its next invoice.

    The order bills from its confirmation on: where a run was interrupted after it, Odoo may have posted some, and each of them
    moves that day by one interval.
    """
    there = order_now(run.odoo, _order_of(one))
    try:
        _require_planned(there, one)
    except RuleViolation as error:
        return refused(error, order=shown(there))
    made = _posted_since(run, one, there)
    days = moved_on(one.next_invoice_on, one.months, len(made))
    if there.plan_id is not None and there.next_invoice_on not in days:
        after = f" after {', '.join(made)}" if made else ""
        return refused(f"its next invoice is on {there.next_invoice_on}, not {days[0]}{after}", order=shown(there))
    return Told(data=shown(there))


def _posted_since(run: Run, one: SubscriptionPlan, order: OrderNow) -> list[str]:
    """The invoices that Odoo posted of an order since the flip touched it, as it does at night while a run is interrupted."""
    before = picture_of(run.entries[one.external_subscription_id]) or {"moves": ()}
    since = set(order.invoices) - {int(each) for each in before["moves"]}
    return [each.name for each in moves_now(run.odoo, since).values() if each.is_invoice and each.state == live.POSTED]


def _before_token(evidence: Evidence, run: Run, one: SubscriptionPlan) -> Mapping[str, Any]:
    """The payment tokens that the customer has now, because a shadow had none; none where a person said they pay without."""
    if said := _pays_without(evidence, one):
        return {"tokens": [], **said}
    partners = [one.partner_id] if one.partner_id is not None else []
    found = tokens_of(run.odoo, partners)
    return {"tokens": [token.odoo_id for each in found.values() for token in each]}


def _token_attached(evidence: Evidence, run: Run, one: SubscriptionPlan) -> Told:
    """Attach the one that was there when the step was begun; of several nobody says which, and a signature against it wins."""
    begun = run.course(one.external_subscription_id).begun
    noted = {"tokens": []} if begun is None else begun.data
    there = order_now(run.odoo, _order_of(one))
    if said := _pays_without(evidence, one):
        # An interrupted run may have attached one before it was said.
        live.detach_token(run.odoo, there.odoo_id)
        return Told(data={"token": None, "is_charged": False, "because": "a person said so", **said})
    if ATTESTATION in noted:
        return refused(f"{noted[ATTESTATION]}, which said that they pay without a token, holds no longer: run it again")
    return _attached(run, there, list(noted["tokens"]))


def _attached(run: Run, there: OrderNow, tokens: list[int]) -> Told:
    if not tokens or there.plan_id is None:
        because = {} if not tokens else {"because": "the order does not run as a subscription"}
        return Told(data={"token": None, "is_charged": False, **because})
    if len(tokens) > 1:
        return refused(
            f"the customer has {len(tokens)} payment tokens in Odoo, and nobody says which: archive all but one, or sign that "
            "they pay without (no_token)"
        )
    live.attach_token(run.odoo, there.odoo_id, tokens[0])
    after = order_now(run.odoo, there.odoo_id)
    return Told(data=shown(after)) if after.token_id == tokens[0] else refused("Odoo did not keep it", order=shown(after))


def _pays_without(evidence: Evidence, one: SubscriptionPlan) -> dict[str, Any]:
    """Who said that the customer pays without a token, as the journal has it; empty where nobody did."""
    said = evidence.attested(Statement.NO_TOKEN, one.external_user_id)
    return {} if said is None else {ATTESTATION: said.attestation_id, "author": said.author}


def _final_bill_seen(evidence: Evidence, one: SubscriptionPlan) -> Told:
    """Whether all that was left to the source is in exactly one system: in the source's bills, and not claimed by Odoo."""
    left = [each for each in one.charges if each.final_from is not None and each.final_biller is Biller.SOURCE]
    there = evidence.billed_to(one.external_subscription_id) if left else {}
    missing = [each for each in left if each.charge not in there or there[each.charge][0] < each.boundary]
    if missing:
        said = ", ".join(f"{each.charge} up to {each.boundary.isoformat()}" for each in missing)
        first = missing[0]
        sign = f"{one.external_subscription_id}/{first.charge} --value {first.boundary.date()}"
        return waiting(
            f"by the last snapshot the source has not billed {said} yet: have it bill that and take a snapshot (fcb import), "
            f"or sign up to where it is settled:  fcb attest paid_through {sign} --text WHY"
        )
    return Told(data={"bills": {each.charge: there[each.charge][1] for each in left}})


def _require_planned(order: OrderNow, one: SubscriptionPlan) -> None:
    """Raise `RuleViolation` unless an order comes to what was planned for the flat price, net and tax, to the cent."""
    flat = [each for each in one.charges if each.charge == FLAT]
    unknown = [each for each in flat if each.first_net is None or each.first_tax is None]
    if unknown:
        raise RuleViolation(f"order {order.name}: what it first bills is not known, so it cannot be compared")
    nets, taxes = ([each.first_net for each in flat], [each.first_tax for each in flat])
    wanted = tuple(_sum(amounts, order.currency) for amounts in (nets, taxes))
    if (order.net, order.tax) != wanted:
        raise RuleViolation(
            f"order {order.name} comes to {order.net} and {order.tax} tax in Odoo, and {wanted[0]} and {wanted[1]} were planned"
        )


def _sum(amounts: list[Money | None], currency: str) -> Money:
    return total((each for each in amounts if each is not None), currency)


def _order_of(one: SubscriptionPlan) -> int:
    if one.order_id is None:
        raise RuleViolation(f"{one.external_subscription_id} has no order in Odoo: fcb import")
    return one.order_id


def _starts_on(run: Run, one: SubscriptionPlan) -> date:
    """The day of the boundary of the flat price, else of the first one: from then on Odoo bills."""
    boundary = min((each.charge != FLAT, each.boundary) for each in one.charges)[1]
    return boundary.astimezone(run.service.zone).date()


def _range(one: Claim) -> str:
    return f"{one.charge} {one.service_from.isoformat()} to {one.service_to.isoformat()}"


def shown(order: OrderNow) -> dict[str, Any]:
    """An order as the journal has it."""
    days = {name: str(value) for name in ("start_on", "next_invoice_on") if (value := getattr(order, name)) is not None}
    return {
        "order": order.odoo_id,
        "name": order.name,
        "state": order.state,
        "net": str(order.net),
        "tax": str(order.tax),
        "plan": order.plan_id,
        "subscription_state": order.subscription_state,
        "token": order.token_id,
        "invoices": list(order.invoices),
        **days,
    }
