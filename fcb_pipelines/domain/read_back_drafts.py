"""Read-back of drafts: whether an invoice in Odoo is what we drafted, and why not.

Owns: the comparison of fields, lines and totals, and the cause of a total that differs: rounding, digits, a person, or unknown.
Does not own: which totals follow from which lines (drafts), reading Odoo.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from fcb_pipelines.domain.changes import FieldChange, Fields
from fcb_pipelines.domain.drafts import Draft, DraftLine, Totals, totals_in_odoo
from fcb_pipelines.domain.money import amount_text, round_half_up
from fcb_pipelines.domain.read_back import CHANGED, GONE, RECORD, Difference, fields_differing
from fcb_pipelines.domain.tax import TaxRounding

DRAFT = "draft"

_OTHER = {TaxRounding.LINE: TaxRounding.TOTAL, TaxRounding.TOTAL: TaxRounding.LINE}
_WAYS = {TaxRounding.LINE: "per line", TaxRounding.TOTAL: "globally"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSent:
    """A draft, and the fields in which it was written, lines by external id."""

    draft: Draft
    header: Fields
    lines: Mapping[str, Fields]
    line_of: Mapping[str, DraftLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSeen:
    """An invoice of ours as Odoo has it."""

    state: str
    header: Fields
    lines: Mapping[str, Fields]
    """Those with an external id of ours."""
    strangers: Mapping[int, str]
    """Lines that are not ours, by Odoo's id: what each says."""
    totals: Totals | None
    """None where the invoice is in a currency that we do not know."""


def differences(xid: str, sent: DraftSent, seen: DraftSeen | None, rounding: TaxRounding) -> Iterator[Difference]:
    """Everything in which an invoice is not what we drafted; `rounding` is how its company rounds taxes.

    The declared rounding of ours is per line (services.Conventions), which is what the draft's own taxes are made by.
    """
    if seen is None:
        yield Difference(external_id=xid, field=RECORD, sent="there", stored=None, why=GONE)
        return
    yield from fields_differing({xid: sent.header}, {xid: seen.header}, lambda change: why_field(change, seen.state))
    yield from fields_differing(sent.lines, seen.lines, lambda change: why_field(change, seen.state))
    yield from _more_lines(xid, sent, seen)
    if seen.totals is not None and seen.totals.net.currency == sent.draft.currency:
        yield from _totals(xid, sent, seen, seen.totals, rounding)


def is_rounded_otherwise(sent: DraftSent, seen: DraftSeen, rounding: TaxRounding) -> bool:
    """Whether a draft still has the totals of the other way to round: Odoo keeps them when its company changes the way."""
    if seen.lines != sent.lines or seen.strangers:
        return False
    now, before = (totals_in_odoo(sent.draft.lines, sent.draft.currency, each) for each in (rounding, _OTHER[rounding]))
    return seen.totals == before and before != now


def left_over(xid: str, reference: str, why: str) -> Difference:
    """An invoice that is there and should not be, or that could not be made anew."""
    return Difference(external_id=xid, field=RECORD, sent=None, stored=reference, why=why)


def predicted(xid: str, draft: Draft, rounding: TaxRounding) -> Iterator[Difference]:
    """Which totals of a draft Odoo would round otherwise than we do, told before it is written."""
    stored = totals_in_odoo(draft.lines, draft.currency, rounding)
    return _amounts(xid, draft.totals, stored, _why_rounded(draft.totals, stored, rounding))


def _more_lines(xid: str, sent: DraftSent, seen: DraftSeen) -> Iterator[Difference]:
    for line_id in sorted(seen.lines.keys() - sent.lines.keys()):
        stored = str(seen.lines[line_id].get("description"))
        yield Difference(external_id=line_id, field=RECORD, sent=None, stored=stored, why=_frozen(seen.state) or CHANGED)
    for odoo_id, text in sorted(seen.strangers.items()):
        why = "somebody added this line to our draft: it is left there, and nothing of it may be posted until it is gone"
        yield Difference(external_id=xid, field=f"line {odoo_id}", sent=None, stored=text, why=why)


def _totals(xid: str, sent: DraftSent, seen: DraftSeen, stored: Totals, rounding: TaxRounding) -> Iterator[Difference]:
    return _amounts(xid, sent.draft.totals, stored, _why_totals(sent, seen, stored, rounding))


def _amounts(xid: str, ours: Totals, stored: Totals, why: str) -> Iterator[Difference]:
    for name in ("net", "tax", "gross"):
        due, there = getattr(ours, name), getattr(stored, name)
        if due != there:
            sent, found = (amount_text(one.amount, one.currency) for one in (due, there))
            yield Difference(external_id=xid, field=name, sent=sent, stored=found, why=why)


def _why_totals(sent: DraftSent, seen: DraftSeen, stored: Totals, rounding: TaxRounding) -> str:
    draft = sent.draft
    if seen.strangers or seen.lines.keys() != sent.lines.keys():
        return "it holds other lines than those of ours"
    if totals_in_odoo(draft.lines, draft.currency, rounding) == stored:
        return _why_rounded(draft.totals, stored, rounding)
    if totals_in_odoo(_as_stored(sent, seen), draft.currency, rounding) == stored:
        return "digits: it follows from the quantities and prices that Odoo cut, which are named by themselves"
    if any(sent.lines[line_id] != fields for line_id, fields in seen.lines.items()):
        return "it follows from what differs on its lines"
    return (
        "unknown: neither how Odoo rounds taxes nor what it stored of the lines makes this amount: look in Odoo at discounts, "
        "cash rounding, and taxes that are included in the price or raise the base of others"
    )


def _as_stored(sent: DraftSent, seen: DraftSeen) -> list[DraftLine]:
    return [
        replace(line, quantity=_number(seen.lines[line_id], "quantity"), unit_price=_number(seen.lines[line_id], "price"))
        for line_id, line in sent.line_of.items()
    ]


def _number(fields: Fields, name: str) -> Decimal:
    value = fields[name]
    return value if isinstance(value, Decimal) else Decimal(0)


def _why_rounded(ours: Totals, stored: Totals, rounding: TaxRounding) -> str:
    its, own = (f"net {one.net}, tax {one.tax}" for one in (stored, ours))
    per_line = 'set its rounding of taxes to "Round per Line" (fcb doctor --fix, or Settings > Invoicing), then run again'
    return f"Odoo rounds taxes {_WAYS[rounding]}: {its}; ours {_WAYS[TaxRounding.LINE]}: {own}: {per_line}"


def why_field(change: FieldChange, state: str) -> str:
    """The likely cause of a field that differs; `state` is where the record stands, empty for what can still be written."""
    frozen = _frozen(state)
    if frozen:
        return frozen
    before, after = change.before, change.after
    if isinstance(before, Decimal) and isinstance(after, Decimal):
        decimals = max(0, -int(before.as_tuple().exponent))
        if round_half_up(after, decimals) == before:
            return f"digits: Odoo keeps {decimals} decimals of a {change.field}: raise its decimal accuracy (fcb doctor --fix)"
    return CHANGED


def _frozen(state: str) -> str:
    """Why an invoice that is no longer a draft is only compared; empty for a draft."""
    if state in {DRAFT, ""}:
        return ""
    return f"it is no longer a draft but {state!r}, so it is never written again: settle the difference by a credit note"
