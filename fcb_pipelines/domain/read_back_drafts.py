"""Read-back of drafts: whether an invoice in Odoo is what we drafted, and why not.

Owns: the comparison of fields, lines and totals, the cause of a total that differs (rounding, digits, a person, or unknown),
and which invoices are final: a final one is compared by what it bills, and by its form only where that differs. Does not own:
which totals follow from which lines (drafts), reading Odoo.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from fcb_pipelines.domain.changes import FieldChange, Fields, changes
from fcb_pipelines.domain.drafts import Draft, DraftLine, Kept, Totals, totals_in_odoo
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.read_back import CHANGED, GONE, RECORD, Difference, Why, fields_differing, is_cut
from fcb_pipelines.domain.tax import TaxRounding

DRAFT, POSTED = "draft", "posted"

_OTHER = {TaxRounding.LINE: TaxRounding.TOTAL, TaxRounding.TOTAL: TaxRounding.LINE}
_WAYS = {TaxRounding.LINE: "per line", TaxRounding.TOTAL: "globally"}
KEPT_WHOLE = Kept()
_WHOM = ("type", "partner", "currency")
"""What of a final invoice must be as it was sent, whatever it comes to."""
_RESET = (
    "it was posted once and reset to draft, so a customer may have it and it is never written again: post it again and settle "
    "the difference by a credit note, or delete it in Odoo and run again"
)


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
    was_posted: bool
    """Whether it ever was, also if it was reset since."""
    is_refund: bool
    header: Fields
    lines: Mapping[str, Fields]
    """Those with an external id of ours."""
    strangers: Mapping[int, str]
    """Lines that are not ours, by Odoo's id: what each says."""
    totals: Totals | None
    """None where the invoice is in a currency that we do not know."""
    credited: Totals | None = None
    """What posted credit notes that reverse it take off."""

    @property
    def is_frozen(self) -> bool:
        """Whether it is never written again."""
        return self.state != DRAFT or self.was_posted

    @property
    def is_void(self) -> bool:
        """Whether it bills nothing and never will, being neither a draft nor posted."""
        return self.state not in {DRAFT, POSTED}

    @property
    def left(self) -> Totals | None:
        """What it comes to after the credit notes."""
        return self.totals if self.totals is None or self.credited is None else self.totals.less(self.credited)

    @property
    def billed(self) -> Totals | None:
        """What it adds to what is billed: a credit note takes off, a cancelled invoice adds nothing."""
        left = self.left
        return None if left is None or self.is_void else left.negated if self.is_refund else left


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What the causes of differences follow from."""

    rounding: TaxRounding
    """How the company rounds taxes; ours is per line (services.Conventions), which the draft's own taxes are made by."""
    kept: Kept
    refused: str = ""
    """Why Odoo refused to make or change this one."""


def differences(xid: str, sent: DraftSent, seen: DraftSeen | None, comparing: Comparing) -> Iterator[Difference]:
    """Everything in which an invoice is not what we drafted."""
    if seen is None:
        yield Difference(external_id=xid, field=RECORD, sent="there", stored=None, why=GONE)
    elif seen.is_void:
        why = f"it is {seen.state!r} in Odoo: nothing bills this; reset it to draft or delete it, then run again"
        yield Difference(external_id=xid, field="state", sent=DRAFT, stored=seen.state, why=why)
    elif not seen.is_frozen or seen.left != sent.draft.totals:
        yield from _form(xid, sent, seen, comparing)
        yield from _totals(xid, sent, seen, comparing)
    else:
        whom = {name: sent.header[name] for name in _WHOM}
        yield from fields_differing({xid: whom}, {xid: seen.header}, _why(seen, comparing))


def is_rounded_otherwise(sent: DraftSent, seen: DraftSeen, rounding: TaxRounding) -> bool:
    """Whether a draft still has the totals of the other way to round: Odoo keeps them when its company changes the way."""
    if seen.lines != sent.lines or seen.strangers:
        return False
    now, before = (totals_in_odoo(sent.draft.lines, sent.draft.currency, each) for each in (rounding, _OTHER[rounding]))
    return seen.totals == before and before != now


def why_kept(seen: DraftSeen) -> str | None:
    """Why an invoice stays for which nothing is due; empty where it can go, None where it bills nothing and may stay."""
    if seen.is_void or (seen.is_frozen and seen.left is not None and not (seen.left.net or seen.left.gross)):
        return None
    if seen.state != DRAFT:
        return f"and it is no longer a draft but {seen.state!r}: settle it by a credit note"
    if seen.was_posted:
        return "and it was posted once and reset to draft: delete or cancel it in Odoo"
    return "but somebody added lines to it: delete it in Odoo" if seen.strangers else ""


def left_over(xid: str, reference: str, why: str) -> Difference:
    """An invoice that is there and should not be, or that could not be made anew."""
    return Difference(external_id=xid, field=RECORD, sent=None, stored=reference, why=why)


def not_made(xid: str, key: str, why: str) -> Difference:
    """A draft that is due and could not be made or changed."""
    return Difference(external_id=xid, field=RECORD, sent=key, stored=None, why=why)


def predicted(xid: str, draft: Draft, rounding: TaxRounding) -> Iterator[Difference]:
    """Which totals of a draft Odoo would round otherwise than we do, told before it is written."""
    stored = totals_in_odoo(draft.lines, draft.currency, rounding)
    return _amounts(xid, draft.totals, stored, _why_rounded(draft.totals, stored, rounding))


def _form(xid: str, sent: DraftSent, seen: DraftSeen, comparing: Comparing) -> Iterator[Difference]:
    why = _why(seen, comparing)
    yield from fields_differing({xid: sent.header}, {xid: seen.header}, why)
    yield from fields_differing(sent.lines, seen.lines, why)
    for line_id in sorted(seen.lines.keys() - sent.lines.keys()):
        stored, cause = str(seen.lines[line_id].get("description")), _frozen(seen) or _changed(comparing)
        yield Difference(external_id=line_id, field=RECORD, sent=None, stored=stored, why=cause)
    for odoo_id, text in sorted(seen.strangers.items()):
        cause = "somebody added this line to our draft: it is left there, and nothing of it may be posted until it is gone"
        yield Difference(external_id=xid, field=f"line {odoo_id}", sent=None, stored=text, why=cause)


def _totals(xid: str, sent: DraftSent, seen: DraftSeen, comparing: Comparing) -> Iterator[Difference]:
    left = seen.left
    if left is not None and left.net.currency == sent.draft.currency:
        yield from _amounts(xid, sent.draft.totals, left, _why_totals(sent, seen, left, comparing))


def _amounts(xid: str, ours: Totals, stored: Totals, why: str) -> Iterator[Difference]:
    for name in ("net", "tax", "gross"):
        due, there = getattr(ours, name), getattr(stored, name)
        if due != there:
            sent, found = (amount_text(one.amount, one.currency) for one in (due, there))
            yield Difference(external_id=xid, field=name, sent=sent, stored=found, why=why)


def _why_totals(sent: DraftSent, seen: DraftSeen, stored: Totals, comparing: Comparing) -> str:
    draft, rounding = sent.draft, comparing.rounding
    if seen.credited is not None:
        return f"posted credit notes take off {seen.credited.gross}, and what is left is not what is due"
    if seen.strangers or seen.lines.keys() != sent.lines.keys():
        return "it holds other lines than those of ours"
    if totals_in_odoo(draft.lines, draft.currency, rounding) == stored:
        return _why_rounded(draft.totals, stored, rounding)
    if _is_only_cut(sent, seen, comparing.kept):
        if totals_in_odoo(_as_stored(sent, seen), draft.currency, rounding) == stored:
            return "digits: it follows from the quantities and prices that Odoo cut, which are named by themselves"
    elif any(sent.lines[line_id] != fields for line_id, fields in seen.lines.items()):
        return "it follows from what differs on its lines"
    return (
        "unknown: neither how Odoo rounds taxes nor what it stored of the lines makes this amount: look in Odoo at cash "
        "rounding, and taxes that are included in the price or raise the base of others"
    )


def _is_only_cut(sent: DraftSent, seen: DraftSeen, kept: Kept) -> bool:
    """Whether its lines, the same as ours, differ from them in nothing but the decimals that Odoo keeps."""
    found = changes(sent.lines, seen.lines).update.values()
    return all(_is_cut(change, kept) for each in found for change in each)


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


def why_field(change: FieldChange, state: str, kept: Kept = KEPT_WHOLE) -> str:
    """The likely cause of a field that differs; `state` is where the record stands, empty for what can still be written."""
    if state not in {DRAFT, ""}:
        return _final(state)
    if _is_cut(change, kept):
        decimals = getattr(kept, change.field)
        return f"digits: Odoo keeps {decimals} decimals of a {change.field}: raise its decimal accuracy (fcb doctor --fix)"
    return CHANGED


def _why(seen: DraftSeen, comparing: Comparing) -> Why:
    def why(change: FieldChange) -> str:
        cause = _frozen(seen) or why_field(change, DRAFT, comparing.kept)
        return _changed(comparing) if cause == CHANGED else cause

    return why


def _is_cut(change: FieldChange, kept: Kept) -> bool:
    return is_cut(change, {"quantity": kept.quantity, "price": kept.price}.get(change.field))


def _changed(comparing: Comparing) -> str:
    """The cause of what could have been put right and was not."""
    return f"Odoo refused to change it: {comparing.refused}" if comparing.refused else CHANGED


def _frozen(seen: DraftSeen) -> str:
    """Why an invoice that is final is only compared; empty for a draft."""
    if seen.state == DRAFT:
        return _RESET if seen.was_posted else ""
    return _final(seen.state)


def _final(state: str) -> str:
    return f"it is no longer a draft but {state!r}, so it is never written again: settle the difference by a credit note"
