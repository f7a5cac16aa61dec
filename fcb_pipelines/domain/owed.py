"""Owed: which invoices are billed money, and which are not owed any more by what is on record.

Owns: what confirms a void, and of which invoices in a chain the newest counts alone. Does not own: the lines (actual), what a
second claim on an instance is (matching).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.invoices import Invoice, InvoiceStatus

_BILLED = frozenset(
    {InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID}
)
REPLACES = frozenset({"credit_note", "reissue"})
"""Kinds of records that link an invoice to the one that it gives back or stands in the place of."""


def _confirmed_voids(evidence: Iterable[Evidence]) -> Iterable[str]:
    """Ids of invoices that a record says are not owed: confirmed by the provider, credited, or issued anew."""
    for record in evidence:
        if record.subject_kind == "invoice":
            if record.kind == "void_confirmation":
                yield record.subject_id
            elif record.kind in REPLACES and (original := record.data.get("original_invoice")):
                yield str(original)


def _issued_anew(invoices: Iterable[Invoice], evidence: Sequence[Evidence]) -> Iterable[str]:
    """Ids of invoices in whose place a later one was issued, where the provider confirms that they are not owed any more.

    A reissue alone does not end its original while that is open or paid: until somebody confirms it, both ask for the money.
    """
    known = {invoice.external_invoice_id: invoice for invoice in invoices}
    confirmed = {one.subject_id for one in evidence if (one.kind, one.subject_kind) == ("void_confirmation", "invoice")}
    for record in evidence:
        anew = known.get(record.subject_id) if (record.kind, record.subject_kind) == ("reissue", "invoice") else None
        original = known.get(str(record.data.get("original_invoice")))
        if anew is None or original is None or original.external_invoice_id not in confirmed:
            continue
        if anew.status in _BILLED - {InvoiceStatus.VOID} and place(original) < place(anew):
            yield original.external_invoice_id


def place(invoice: Invoice) -> tuple[datetime, str]:
    """Its place among all invoices: by issue, then by id."""
    return invoice.issued_at, invoice.external_invoice_id


class NotOwed(NamedTuple):
    """Which invoices are not owed, by id."""

    confirmed: Collection[str]
    """If they are void."""
    issued_anew: Collection[str]
    """Whatever their status says."""

    @classmethod
    def told(cls, invoices: Sequence[Invoice], evidence: Sequence[Evidence]) -> "NotOwed":
        """By what is on record."""
        return cls(frozenset(_confirmed_voids(evidence)), frozenset(_issued_anew(invoices, evidence)))


def counts_as_billed(invoice: Invoice, not_owed: NotOwed) -> bool:
    """Whether an invoice is billed money: drafts and deleted ones are not, a void is until a record confirms it."""
    is_confirmed_void = invoice.status is InvoiceStatus.VOID and invoice.external_invoice_id in not_owed.confirmed
    return invoice.status in _BILLED and not is_confirmed_void and invoice.external_invoice_id not in not_owed.issued_anew
