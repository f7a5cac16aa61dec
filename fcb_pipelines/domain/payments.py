"""Payment facts: what Odoo tells of the payment of our invoices, each fact once.

Owns: the record of a fact, and which facts follow from what Odoo has now. Does not own: reading Odoo (odoo/payments), storage
(store/payments), what is sent of it to whom.

A failure is never seen on an invoice: only a payment transaction has it. Where Odoo deletes a draft that it could not charge,
no more than that and the order are left. A fact is told apart from the same one at another time by `happened`: which payments
or credit notes settled the invoice, when the transaction failed, and after how many payments that were taken back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from fcb_pipelines.domain.money import Money, amount_text


class Fact(StrEnum):
    """What can be told."""

    INVOICE_PAID = "invoice_paid"
    INVOICE_REVERSED = "invoice_reversed"
    """It was given back by a credit note, or cancelled, made a draft or deleted after it was told that it is not paid."""
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_TAKEN_BACK = "payment_taken_back"
    """It was paid, given back or cancelled, and is open again."""
    INVOICE_OVERDUE = "invoice_overdue"
    """It is open for longer than the grace after its due date; told once, and once more after each payment taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OurInvoice:
    """An invoice of a live subscription, from its boundary on: only these are followed."""

    xid: str
    external_user_id: str
    external_subscription_id: str | None
    """None of an invoice for several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceNow:
    """An invoice of ours as Odoo has it."""

    move_id: int
    name: str
    partner_id: int
    total: Money
    residual: Money
    payment_state: str
    """`paid`, `in_payment`, `partial`, `not_paid` or `reversed`."""
    settled_by: str
    """What its payments or credit notes are in Odoo; the same as long as the same ones settle it."""
    issued_on: date | None = None
    due_on: date | None = None
    is_cancelled: bool = False
    """Whether it is not posted: cancelled, or a draft, of which nothing is owed either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPayment:
    """A payment transaction of an invoice or of an order that ended in an error."""

    transaction_id: int
    move_id: int | None
    """None where there is no invoice any more, or none yet: then it is the order's."""
    order_id: int | None = None
    amount: Money
    failed_at: str
    """In ISO 8601."""
    message: str
    partner_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was recorded of an invoice before."""

    settled: Fact | None = None
    """Whether it was paid, reversed or its payment taken back, whichever was recorded last."""
    failures: int = 0
    """Attempts to charge it that failed since nothing was owed of it the last time."""
    taken_back: int = 0
    """Payments of it that were taken back."""
    is_overdue: bool = False
    """Whether it was told overdue since the last payment that was taken back."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is owed of it, by what was recorded."""
        return self.settled in (Fact.INVOICE_PAID, Fact.INVOICE_REVERSED)

    @property
    def is_told_owed(self) -> bool:
        """Whether the last that was recorded is that it is not paid, so that a host may have suspended somebody for it."""
        return not self.is_settled and bool(self.failures or self.is_overdue or self.taken_back)


NOTHING_PAST = Past()
NO_MOVE = 0
"""Is no invoice of Odoo's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    """One fact, of one invoice."""

    fact: Fact
    move_id: int
    """In Odoo; `NO_MOVE` of a failure without an invoice."""
    move_xid: str
    transaction_id: int | None
    order_id: int | None = None
    """In Odoo, of a failure without an invoice."""
    happened: str
    external_user_id: str
    external_subscription_id: str | None
    amount: Money
    """Paid, given back, or what could not be charged."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The invoice's full state as it was seen, amounts as text: what a message tells."""
    seen_at: datetime | None = None
    """When it was recorded; None before."""


_SETTLED = {
    "paid": Fact.INVOICE_PAID,
    "in_payment": Fact.INVOICE_PAID,
    "reversed": Fact.INVOICE_REVERSED,
}
CANCELLED = "cancel"
"""Of an invoice in Odoo. Nothing is owed of it, as of one that was given back by a credit note."""
OPEN_STATES = ("not_paid", "partial")
"""Something is owed; by itself that is no fact, for nothing has come to an end."""


def facts(
    ours: Mapping[int, OurInvoice],
    invoices: Iterable[InvoiceNow],
    failed: Iterable[FailedPayment],
    past: Mapping[int, Past] = MappingProxyType({}),
    *,
    orders: Mapping[int, OurInvoice] = MappingProxyType({}),
    overdue_before: date | None = None,
) -> Iterator[PaymentFact]:
    """The facts of invoices and orders that are ours; all that is handed in by id is by Odoo's. Everybody else's tell nothing.

    An open invoice that was due before `overdue_before` is overdue. What was recorded and is still so is no new fact: a payment
    that the bank confirms later is the same one.
    """
    known = {one.move_id: one for one in invoices if one.move_id in ours}
    # First, so that what was paid after it is told after it.
    for each in failed:
        if each.move_id is not None and each.move_id in known:
            about = _fact(Fact.PAYMENT_FAILED, ours[each.move_id], known[each.move_id], each.amount, each.failed_at)
            yield _of_transaction(about, each)
        elif each.move_id is None and each.order_id is not None and each.order_id in orders:
            yield _of_order(orders[each.order_id], each)
    for one in known.values():
        before = past.get(one.move_id, NOTHING_PAST)
        if one.is_cancelled:
            # One of which nothing was told needs no word that it is gone.
            if before.is_told_owed:
                yield _fact(Fact.INVOICE_REVERSED, ours[one.move_id], one, one.total, _again(CANCELLED, before))
            continue
        fact = _SETTLED.get(one.payment_state)
        if fact is not None and fact is not before.settled:
            yield _fact(fact, ours[one.move_id], one, one.total, _again(one.settled_by, before))
        elif one.payment_state in OPEN_STATES:
            yield from _open(ours[one.move_id], one, before, overdue_before)


def gone(last: Iterable[PaymentFact], past: Mapping[int, Past]) -> Iterator[PaymentFact]:
    """That nothing is owed of invoices that Odoo has no more, by the last fact that was recorded of each."""
    for one in last:
        before = past.get(one.move_id, NOTHING_PAST)
        if before.is_told_owed:
            yield replace(
                one,
                fact=Fact.INVOICE_REVERSED,
                transaction_id=None,
                happened=_again(CANCELLED, before),
                amount=Money(Decimal(one.data["total"]), one.data["currency"]),
                data={**one.data, "state": CANCELLED, "message": None},
                seen_at=None,
            )


def _open(ours: OurInvoice, one: InvoiceNow, before: Past, overdue_before: date | None) -> Iterator[PaymentFact]:
    if before.is_settled:
        before = replace(before, settled=Fact.PAYMENT_TAKEN_BACK, taken_back=before.taken_back + 1, is_overdue=False)
        yield _fact(Fact.PAYMENT_TAKEN_BACK, ours, one, one.residual, str(before.taken_back))
    is_late = one.due_on is not None and overdue_before is not None and one.due_on < overdue_before
    if is_late and not before.is_overdue:
        yield _fact(Fact.INVOICE_OVERDUE, ours, one, one.residual, _again(str(one.due_on), before))


def _again(happened: str, before: Past) -> str:
    """The same after a payment was taken back is another time."""
    return f"{happened}/{before.taken_back}" if before.taken_back else happened


def _fact(fact: Fact, ours: OurInvoice, now: InvoiceNow, amount: Money, happened: str) -> PaymentFact:
    return PaymentFact(
        fact=fact,
        move_id=now.move_id,
        move_xid=ours.xid,
        transaction_id=None,
        happened=happened,
        external_user_id=ours.external_user_id,
        external_subscription_id=ours.external_subscription_id,
        amount=amount,
        data={
            "invoice": now.name,
            "partner_id": now.partner_id,
            "state": CANCELLED if now.is_cancelled else "posted",
            "payment_state": now.payment_state,
            "currency": now.total.currency,
            "total": amount_text(now.total.amount, now.total.currency),
            "residual": amount_text(now.residual.amount, now.residual.currency),
            "issued_on": _day(now.issued_on),
            "due_on": _day(now.due_on),
        },
    )


def _of_transaction(about: PaymentFact, failed: FailedPayment) -> PaymentFact:
    data = {**about.data, "message": failed.message}
    return replace(about, transaction_id=failed.transaction_id, data=data)


def _of_order(ours: OurInvoice, failed: FailedPayment) -> PaymentFact:
    return PaymentFact(
        fact=Fact.PAYMENT_FAILED,
        move_id=NO_MOVE,
        move_xid="",
        transaction_id=failed.transaction_id,
        order_id=failed.order_id,
        happened=failed.failed_at,
        external_user_id=ours.external_user_id,
        external_subscription_id=ours.external_subscription_id,
        amount=failed.amount,
        data={"partner_id": failed.partner_id, "order_id": failed.order_id, "message": failed.message},
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
