"""Pictures of a cohort in Odoo, and what is different between two of them: the proof that a flip can be taken back.

Owns: the rule which differences a flip and its way back must leave behind, and which are faults. Does not own: taking a picture
(odoo/pictures).

Measured on Odoo: an order that was confirmed and made a quotation again has the moment of its confirmation as its date, and
keeps the invoices that came of it; on 18 the customer follows it from then on. A posted invoice keeps its number, and stays.

In a picture is also what a flip never writes: a customer's data and payment tokens, and drafts that the runs of each month
write and take away, for comparison, for a bill of the source, or for another subscription of the same customer. What changes
there meanwhile is shown and is no fault: nobody could put it right, and a way back would never end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]
"""Field → value as JSON without floats."""

Picture = Mapping[str, Mapping[str, Fields]]
"""Kind of record (`orders`, `order_lines`, `partners`, `tokens`, `moves`, `move_lines`) → id in Odoo → its fields."""

ORDERS, MOVES, MOVE_LINES = "orders", "moves", "move_lines"
PARTNERS, TOKENS = "partners", "tokens"
OF_FLIP = "of_flip"
"""Of an invoice: whether a flip of the orders in the picture may have written it; no field of it that could differ.

Pictures that were taken before this was told do not have it.
"""
POSTED, CANCELLED = "posted", "cancel"

GROWS: Mapping[tuple[str, str], str] = {
    ("orders", "invoice_ids"): "an order keeps the invoices that came of it",
    ("orders", "transaction_ids"): "an order keeps the payments that were tried for it",
    ("orders", "message_partner_ids"): "Odoo lets the customer follow an order that was confirmed",
}
"""Lists that only grow: what was in them before must still be in them."""

WRITTEN_ONCE: Mapping[tuple[str, str], str] = {
    ("orders", "date_order"): "the order's date is the moment of its confirmation from then on",
}

SETTLED = frozenset({"payment_state", "amount_residual"})
"""Of a posted invoice, all that may still change."""

ARCHIVED = "what was in use is archived, never deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of one record that is not as it was; a record that came or went is a difference of `""`."""

    kind: str
    record: str
    """Its id in Odoo."""
    name: str
    """What Odoo calls it."""
    field: str
    before: Any
    after: Any
    must_remain: bool
    """Whether it cannot be otherwise."""
    why: str
    """Why it remains; else empty."""
    is_of_others: bool
    """Whether no flip can have made it."""

    @property
    def is_fault(self) -> bool:
        """Whether it should not be, and is the flip's."""
        return not self.must_remain and not self.is_of_others


def differences(before: Picture, after: Picture) -> tuple[Difference, ...]:
    """Everything that is not as it was, by kind and id."""
    return tuple(_Pair(before, after).differences())


def faults(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Those that should not be."""
    return tuple(each for each in found if each.is_fault)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two pictures."""

    before: Picture
    after: Picture

    def differences(self) -> Iterator[Difference]:
        for kind in sorted({*self.before, *self.after}):
            old, new = self.before.get(kind, {}), self.after.get(kind, {})
            for record in sorted({*old, *new}, key=lambda each: (len(each), each)):
                yield from self._of_record(kind, record, old.get(record), new.get(record))

    def _of_record(self, kind: str, record: str, old: Fields | None, new: Fields | None) -> Iterator[Difference]:
        shown = _name(new or old or {}, record)
        if old is None or new is None:
            why = "" if new is None else self._why_new(kind, new)
            changes = [("", old, new, why)]
        else:
            fields = [each for each in sorted({*old, *new} - {OF_FLIP}) if old.get(each) != new.get(each)]
            changes = [(each, old.get(each), new.get(each), self._why(kind, each, old, new)) for each in fields]
        for field, was, now, why in changes:
            yield Difference(
                kind=kind,
                record=record,
                name=shown,
                field=field,
                before=was,
                after=now,
                must_remain=bool(why),
                why=why,
                is_of_others=not why and self._is_of_others(kind, field, record, new or old or {}),
            )

    def _is_of_others(self, kind: str, field: str, record: str, fields: Fields) -> bool:
        """Whether no flip can have made it: of a partner it writes no field, and their balance follows the invoices."""
        if kind == PARTNERS:
            return field not in {"", "credit"}
        if kind in {MOVES, MOVE_LINES}:
            return self._is_draft_of_others(record if kind == MOVES else str(fields.get("move_id")))
        return kind == TOKENS

    def _is_draft_of_others(self, move: str) -> bool:
        """Whether an invoice is a draft that no flip writes; where that is not told, one that no order knew and is gone."""
        was, now = (each.get(MOVES, {}).get(move, {}) for each in (self.before, self.after))
        told = now.get(OF_FLIP, was.get(OF_FLIP))
        if was.get("state") == POSTED:
            return False
        if told is not None:
            return not told
        known = {str(each) for order in self.before.get(ORDERS, {}).values() for each in order.get("invoice_ids") or ()}
        return bool(was) and not now and move not in known and not was.get("reversed_entry_id")

    def _why_new(self, kind: str, new: Fields) -> str:
        """Why a record that was not there remains; empty where it should not."""
        move = _move(self.after, kind, new)
        if move is not None:
            return _booked(move)
        return ARCHIVED if new.get("active") is False else ""

    def _why(self, kind: str, field: str, old: Fields, new: Fields) -> str:
        """Why a field remains as it is now; empty where it should be as before."""
        if (kind, field) in GROWS:
            is_kept = {*(old.get(field) or ())} <= {*(new.get(field) or ())}
            return GROWS[kind, field] if is_kept else ""
        if (kind, field) in WRITTEN_ONCE:
            return WRITTEN_ONCE[kind, field] if old.get(field) and new.get(field) else ""
        was, now = _move(self.before, kind, old), _move(self.after, kind, new)
        if was is None or now is None:
            return ""
        may_change = kind == MOVES and field in SETTLED and now.get("state") == POSTED
        return _booked(now) if was.get("state") != POSTED or may_change else ""


def _booked(move: Fields) -> str:
    """Why an invoice or credit note, or a line of one, stays; empty for a draft, which nobody needs."""
    if move.get("state") == POSTED:
        return "what was posted stays in the books"
    return "Odoo cancels the draft invoices of an order that is cancelled" if move.get("state") == CANCELLED else ""


def _move(picture: Picture, kind: str, fields: Fields) -> Fields | None:
    """The invoice that a record is, or stands on; None for other records."""
    if kind == MOVES:
        return fields
    return picture.get(MOVES, {}).get(str(fields.get("move_id")), {}) if kind == MOVE_LINES else None


def _name(fields: Fields, record: str) -> str:
    return str(fields.get("name") or fields.get("display_name") or record)
