"""Owed: which invoices are billed money, and which are not owed any more by what is on record.

Owns: what confirms a void, and of which invoices in a chain the newest counts alone. Does not own: the lines (actual), what a
second claim on an instance is (matching).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.invoices import Invoice, InvoiceStatus
from fcb_pipelines.domain.money import ZERO

_BILLED = frozenset(
    {InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID}
)
_OWED = _BILLED - {InvoiceStatus.VOID}
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
    confirmed = {one.subject_id for one in evidence if (one.kind, one.subject_kind) == ("void_confirmation", "invoice")}
    for original, _, credits_of in _reissues(invoices, evidence):
        if original.external_invoice_id in confirmed and not _is_given_back(original, credits_of):
            yield original.external_invoice_id


def _credited(invoices: Iterable[Invoice], evidence: Sequence[Evidence]) -> Iterable[str]:
    """Ids of invoices that were given back in full and issued anew, of what gave them back, and of what came in their place."""
    for original, anew, credits_of in _reissues(invoices, evidence):
        if original.status in _OWED and _is_given_back(original, credits_of):
            yield from (each.external_invoice_id for each in (original, anew, *credits_of))


def _reissues(
    invoices: Iterable[Invoice], evidence: Sequence[Evidence]
) -> Iterable[tuple[Invoice, Invoice, Sequence[Invoice]]]:
    """Each invoice in whose place a later one was issued, that one, and the credits that records link to the first."""
    known = {invoice.external_invoice_id: invoice for invoice in invoices}
    reissues: list[tuple[Invoice, Invoice]] = []
    credits_of: dict[str, dict[str, Invoice]] = defaultdict(dict)
    for record in evidence if known else ():
        later, original = known.get(record.subject_id), known.get(str(record.data.get("original_invoice")))
        is_link = record.kind in REPLACES and record.subject_kind == "invoice"
        if not is_link or later is None or original is None or later.status not in _OWED or place(original) >= place(later):
            continue
        if record.kind == "reissue":
            reissues.append((original, later))
        else:
            credits_of[original.external_invoice_id][later.external_invoice_id] = later
    for original, anew in reissues:
        yield original, anew, list(credits_of[original.external_invoice_id].values())


def _is_given_back(original: Invoice, credits_of: Sequence[Invoice]) -> bool:
    """Whether credits come to all of an invoice, net and tax."""
    sums = [(one.subtotal, one.tax) for one in credits_of if one.currency == original.currency]
    back = sum((net for net, _ in sums), ZERO), sum((tax for _, tax in sums), ZERO)
    return len(sums) == len(credits_of) > 0 and back == (-original.subtotal, -original.tax)


def place(invoice: Invoice) -> tuple[datetime, str]:
    """Its place among all invoices: by issue, then by id."""
    return invoice.issued_at, invoice.external_invoice_id


class NotOwed(NamedTuple):
    """Which invoices are not owed, by id."""

    confirmed: Collection[str]
    """If they are void."""
    issued_anew: Collection[str]
    """Whatever their status says."""
    credited: Collection[str] = ()
    """Owed, but given back in full and issued anew: with what gave them back and what came in their place they bill once."""

    @classmethod
    def told(cls, invoices: Sequence[Invoice], evidence: Sequence[Evidence]) -> "NotOwed":
        """By what is on record."""
        return cls(
            confirmed=frozenset(_confirmed_voids(evidence)),
            issued_anew=frozenset(_issued_anew(invoices, evidence)),
            credited=frozenset(_credited(invoices, evidence)),
        )


def counts_as_billed(invoice: Invoice, not_owed: NotOwed) -> bool:
    """Whether an invoice is billed money: drafts and deleted ones are not, a void is until a record confirms it."""
    is_confirmed_void = invoice.status is InvoiceStatus.VOID and invoice.external_invoice_id in not_owed.confirmed
    return invoice.status in _BILLED and not is_confirmed_void and invoice.external_invoice_id not in not_owed.issued_anew
