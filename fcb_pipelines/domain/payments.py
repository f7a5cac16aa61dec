"""Payment facts: what Odoo tells of the payment of our invoices, each fact once.

Owns: the record of a fact, and which facts follow from what Odoo has now. Does not own: reading Odoo (odoo/payments), storage
(store/payments), what is sent of it to whom.

A failure is never seen on an invoice: only a payment transaction has it. A fact is told apart from the same one at another time
by `happened`: which payments or credit notes settled the invoice, or when the transaction failed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from fcb_pipelines.domain.money import Money, amount_text


class Fact(StrEnum):
    """What can be told."""

    INVOICE_PAID = "invoice_paid"
    INVOICE_REVERSED = "invoice_reversed"
    PAYMENT_FAILED = "payment_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OurInvoice:
    """An invoice of a live subscription, from its boundary on: only these are followed."""

    xid: str
    external_user_id: str
    external_subscription_id: str | None
    """None of an invoice for several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceNow:
    """A posted invoice of ours as Odoo has it."""

    move_id: int
    name: str
    partner_id: int
    total: Money
    residual: Money
    payment_state: str
    """`paid`, `in_payment`, `partial`, `not_paid` or `reversed`."""
    settled_by: str
    """What its payments or credit notes are in Odoo; the same as long as the same ones settle it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPayment:
    """A payment transaction of an invoice that ended in an error."""

    transaction_id: int
    move_id: int
    amount: Money
    failed_at: str
    """As Odoo writes it."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    """One fact, of one invoice."""

    fact: Fact
    move_id: int
    move_xid: str
    transaction_id: int | None
    happened: str
    external_user_id: str
    external_subscription_id: str | None
    amount: Money
    """Paid, given back, or what could not be charged."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The invoice's full state as it was seen, amounts as text: what a message tells."""
    seen_at: datetime | None = None
    """When it was recorded; None before."""


_OF_STATE = {
    "paid": Fact.INVOICE_PAID,
    "in_payment": Fact.INVOICE_PAID,
    "reversed": Fact.INVOICE_REVERSED,
}
"""Partly paid and not paid are no facts: nothing has come to an end."""


def facts(
    ours: Mapping[int, OurInvoice], invoices: Iterable[InvoiceNow], failed: Iterable[FailedPayment]
) -> Iterator[PaymentFact]:
    """The facts of invoices that are ours; `ours` is by Odoo's id, and everybody else's invoices tell nothing."""
    known = {one.move_id: one for one in invoices if one.move_id in ours}
    for one in known.values():
        fact = _OF_STATE.get(one.payment_state)
        if fact is not None:
            yield _fact(fact, ours[one.move_id], one, one.total, one.settled_by)
    for each in failed:
        if each.move_id in known:
            about = _fact(Fact.PAYMENT_FAILED, ours[each.move_id], known[each.move_id], each.amount, each.failed_at)
            yield _of_transaction(about, each)


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
            "payment_state": now.payment_state,
            "currency": now.total.currency,
            "total": amount_text(now.total.amount, now.total.currency),
            "residual": amount_text(now.residual.amount, now.residual.currency),
        },
    )


def _of_transaction(about: PaymentFact, failed: FailedPayment) -> PaymentFact:
    data = {**about.data, "message": failed.message}
    return replace(about, transaction_id=failed.transaction_id, data=data)
