"""Paying: what records say that lines pay for, which lines no record tells of, and who ever paid.

Owns: the reading of line references and linked credits, as pure functions of a snapshot's records. Does not own: how lines and
instances meet (matching).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.invoices import Invoice, InvoiceStatus
from fcb_pipelines.domain.matching import BESIDE, PaysFor
from fcb_pipelines.domain.money import ZERO

_PAID = frozenset({InvoiceStatus.PAID, InvoiceStatus.PARTIALLY_PAID})


def pays_for(evidence: Sequence[Evidence], lines: Iterable[ActualLine]) -> dict[str, PaysFor]:
    """Line key → what a record says that it pays for: references of lines, and credits linked to what they give back."""
    found = {}
    for record in evidence:
        if record.kind == "line_reference" and record.data.get("subscriptions"):
            subscriptions = tuple(dict.fromkeys(map(str, record.data["subscriptions"])))
            key = f"{record.subject_id}/{record.data.get('line', 0)}"
            found[key] = PaysFor(subscriptions=subscriptions, references=(record.reference,))
    credited = {one.subject_id: one for one in evidence if one.kind == "credit_note" and one.data.get("subscription")}
    for line in lines:
        credit = credited.get(line.external_invoice_id)
        if credit is not None:
            known = found.get(line.line_key)
            found[line.line_key] = PaysFor(
                subscriptions=known.subscriptions if known else (str(credit.data["subscription"]),),
                references=(*(known.references if known else ()), credit.reference),
                is_credit=True,
            )
    return found


def untold(lines: Iterable[ActualLine], told: Mapping[str, PaysFor]) -> dict[str, list[ActualLine]]:
    """Customer → lines that may pay for an instance of theirs, as no record says for which.

    Those without a range or without a subscription, but for what no charge of ours is billed by.
    """
    found: dict[str, list[ActualLine]] = defaultdict(list)
    for line in lines:
        is_open = line.service_from is None or line.external_subscription_id is None
        if line.counts and is_open and line.line_key not in told and line.kind not in BESIDE:
            found[line.external_user_id].append(line)
    return found


def payers(invoices: Iterable[Invoice], evidence: Iterable[Evidence]) -> frozenset[str]:
    """Who ever paid, or could be charged: an account that did is nobody's test."""
    paid = {invoice.external_user_id for invoice in invoices if invoice.status in _PAID and invoice.total > ZERO}
    return frozenset(paid | {one.subject_id for one in evidence if one.kind == "payment_method"})


def billed_at(lines: Iterable[ActualLine], told: Mapping[str, PaysFor]) -> dict[tuple[str, str], datetime]:
    """(subscription, charge) → when it was first billed by these lines, by their ids and by records."""
    found: dict[tuple[str, str], datetime] = {}
    for line in lines:
        record = told.get(line.line_key)
        named = (line.external_subscription_id,) if line.external_subscription_id else record.subscriptions if record else ()
        for subscription in named if line.charge else ():
            place = subscription, line.charge or ""
            found[place] = min(found.get(place, line.issued_at), line.issued_at)
    return found
