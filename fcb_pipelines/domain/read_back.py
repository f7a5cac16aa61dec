"""Read-back: whether Odoo stored what we sent, and what follows from it.

Owns: the record of a difference, the parts of our work that are read back, the comparison field by field, and what a part's
last read-back objects to posting. Does not own: what must follow from an order (read_back_orders), or reading Odoo.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.changes import FieldChange, Fields, Value, changes
from fcb_pipelines.domain.money import plain, round_half_up


class Part(StrEnum):
    """A part of what we write to Odoo, read back as a whole."""

    PARTNERS = "partners"
    PLANS = "plans"
    SUBSCRIPTIONS = "subscriptions"
    DRAFT_INVOICES = "draft_invoices"
    LIVE_INVOICES = "live_invoices"
    USAGE_LINES = "usage_lines"
    SOURCE_INVOICES = "source_invoices"


RECORD = "record"
"""The field of a difference that is about the whole record."""

IMPORT_AGAIN = "then import again"
GONE = "it is not in Odoo after it was written: somebody deleted it, or the import says why Odoo refused it; import again"
CHANGED = "somebody, or a module of Odoo, changes what is stored: import again, and if it stays, find out who writes it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that Odoo has otherwise than it was sent or than must follow from it. Any one blocks posting."""

    external_id: str
    field: str
    """In our words, such as `quantity`, `currency` or `tax`."""
    sent: str | None
    """What it should be; None for nothing at all."""
    stored: str | None
    """What Odoo has."""
    why: str
    """The cause, as far as it is known, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How many decimals Odoo keeps of numbers; None where it keeps them in full."""

    quantity: int | None = None
    price: int | None = None
    quantity_setting: str
    """What Odoo calls the setting."""
    price_setting: str = "Product Price"


Why = Callable[[FieldChange], str]
"""The cause of a field that differs: `before` is what Odoo has, `after` what was sent."""


def fields_differing(sent: Mapping[str, Fields], stored: Mapping[str, Fields], why: Why) -> Iterator[Difference]:
    """Compare records by external id and field by field; one that was sent and is not there is one difference."""
    found = changes(sent, stored)
    for xid in found.create:
        yield Difference(external_id=xid, field=RECORD, sent="there", stored=None, why=GONE)
    for xid, each in found.update.items():
        for change in each:
            after, before = text(change.after), text(change.before)
            yield Difference(external_id=xid, field=change.field, sent=after, stored=before, why=why(change))


def why_field(cutting: Cutting, change: FieldChange) -> str:
    """The likely cause of a field that is not as it was sent, and what to do."""
    if change.field == "quantity" and is_cut(change, cutting.quantity):
        return _cut(cutting.quantity, "a quantity", cutting.quantity_setting)
    if change.field == "price" and is_cut(change, cutting.price):
        return _cut(cutting.price, "a price", cutting.price_setting)
    if change.field == "price":
        return (
            "Odoo puts the list price back where a quantity, unit or product is written without the price, by a person or a "
            "module: import again"
        )
    if change.field == "currency":
        return f"the order took a price list in {change.before}: make one in {change.after} (fcb doctor --fix), {IMPORT_AGAIN}"
    if change.field in {"country", "state"}:
        return "taxes follow from the customer's address: import again, and do not change it in Odoo but in the source"
    return CHANGED


def objections(part: Part, period: str, read_at: datetime | None, differences: Sequence[Difference]) -> tuple[str, ...]:
    """Why nothing of a part may be posted: it was never read back since it was last written, or a difference stands.

    What was read back of a period counts until the period is built anew from other inputs, or comes out otherwise.
    `period` is empty for a part that has none; `read_at` is None where there is no read-back.
    """
    about = f"{part} of {period}" if period else f"{part}"
    if read_at is None:
        since = "since they were last written" + (", or since the month was rated anew" if period else "")
        return (f"{about}: never read back from Odoo {since}",)
    return tuple(
        f"{about}: {one.external_id} has {one.field} {one.stored or 'none'} and not {one.sent or 'none'}: {one.why}"
        for one in differences
    )


def text(value: Value) -> str | None:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    return None if value is None else str(value)


def is_cut(change: FieldChange, decimals: int | None) -> bool:
    """Whether what is stored is exactly what was sent, cut to the decimals that Odoo keeps."""
    sent = change.after
    return decimals is not None and isinstance(sent, Decimal) and round_half_up(sent, decimals) == change.before


def _cut(decimals: int | None, what: str, setting: str) -> str:
    return (
        f"Odoo keeps {decimals} decimals of {what} (decimal accuracy {setting!r}): fcb doctor --fix raises it, {IMPORT_AGAIN}"
    )
