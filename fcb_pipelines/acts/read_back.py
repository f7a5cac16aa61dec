"""Read-back: what an import wrote is read from Odoo again and compared, and the outcome kept.

Owns: the act `read_back`, which ends each import, and `objections`, which whatever posts must ask. Does not own: the rules
(domain/read_back, domain/read_back_orders), the reading (odoo/read_back).

An import forgets the last read-back of its part before it writes, and keeps a new one when it ends: one that dies in between
leaves a part that was never read back, which blocks posting like a difference does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from fcb_pipelines.acts.imports import Decided, Reading, Shelf
from fcb_pipelines.domain.changes import FieldChange, Fields, Value
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.partners import supply_place
from fcb_pipelines.domain.read_back import Difference, Part, Why, fields_differing, why_field
from fcb_pipelines.domain.read_back import objections as objected
from fcb_pipelines.domain.read_back_orders import LineSent, OrderSent, follows
from fcb_pipelines.domain.tax import tax_on
from fcb_pipelines.odoo import read_back as reading_back
from fcb_pipelines.odoo.batches import Applied
from fcb_pipelines.odoo.records import read
from fcb_pipelines.odoo.subscriptions import line_id
from fcb_pipelines.store import read_back as stored
from fcb_pipelines.store.database import Connection

_FOLLOWING = {Part.PARTNERS: (Part.SUBSCRIPTIONS,), Part.PLANS: (Part.SUBSCRIPTIONS,)}
"""What else of the import follows from a part: an order's taxes from its partner's address and its product."""


def forget(reading: Reading, part: Part) -> None:
    """Forget what was read back of a part, and of what follows from it, because the part is about to be written."""
    with reading.db.transaction() as conn:
        for each in (part, *_FOLLOWING.get(part, ())):
            stored.forget(conn, reading.service.code, each)


def read_back(reading: Reading, part: Part, decided: Decided, applied: Sequence[Applied]) -> tuple[Difference, ...]:
    """Read what an import wanted back from Odoo, compare, and keep what differs.

    Records that Odoo refused to make are the import's own failures and no difference. What the import did not touch is
    compared as it was read before; orders are read again as a whole, because their taxes and totals follow from more than
    what is sent.
    """
    why = _why(reading)
    if part is Part.SUBSCRIPTIONS:
        found = tuple(_orders(reading, decided, applied, why))
    else:
        pairs = zip(decided.shelves, applied, strict=True)
        found = tuple(one for shelf, each in pairs for one in _fields(reading, shelf, _ids(shelf, each), why))
    records = sum(len(_ids(*each)) for each in zip(decided.shelves, applied, strict=True) if not each[0].is_part)
    done = stored.ReadBack(part=part, period="", records=records, read_at=reading.now)
    with reading.db.transaction() as conn:
        stored.replace(conn, reading.service.code, done, found)
    return found


def objections(conn: Connection, service: str, part: Part, period: str = "") -> tuple[str, ...]:
    """Why nothing of a part may be posted; empty is the permission. `period` is empty for a part that has none.

    It tells what the last read-back found: an act that posts reads back first, then asks, then posts.
    """
    last = stored.last(conn, service, part, period)
    read_at = None if last is None else last.read_at
    return objected(part, period, read_at, stored.differences(conn, service, part, period))


def require_read_back(conn: Connection, service: str, parts: Iterable[tuple[Part, str]]) -> None:
    """Raise `RuleViolation` with every objection to posting, where there is one; parts with their period or ""."""
    found = [why for part, period in parts for why in objections(conn, service, part, period)]
    if found:
        raise RuleViolation(f"nothing of {service} may be posted: {'; '.join(found)}")


def _why(reading: Reading) -> Why:
    cutting = reading_back.cutting(reading.odoo)

    def why(change: FieldChange) -> str:
        return why_field(cutting, change)

    return why


def _ids(shelf: Shelf, applied: Applied) -> dict[str, int]:
    """Where the wanted records are that are in Odoo."""
    return {xid: odoo_id for xid, odoo_id in {**shelf.present.ids, **applied.ids}.items() if xid in shelf.wanted}


def _fields(reading: Reading, shelf: Shelf, ids: Mapping[str, int], why: Why) -> Iterator[Difference]:
    """What differs in the fields that were sent; what was not touched is as it was read before."""
    untouched = {xid: shelf.present.fields[xid] for xid in shelf.made.unchanged}
    again = read(reading.odoo, shelf.kind, {xid: odoo_id for xid, odoo_id in ids.items() if xid not in untouched})
    return fields_differing({xid: shelf.wanted[xid] for xid in ids}, {**untouched, **again.fields}, why)


def _orders(reading: Reading, decided: Decided, applied: Sequence[Applied], why: Why) -> Iterator[Difference]:
    own, lines = decided.shelves
    ids = _ids(own, applied[0])
    seen = reading_back.orders_seen(reading.odoo, ids, lines.wanted, lines.present.ids)
    yield from _fields(reading, own, ids, why)
    yield from _fields(reading, lines, {line_id(xid): seen.lines.get(line_id(xid), 0) for xid in ids}, why)
    ours, odoos = reading.service.conventions.tax_rounding, reading_back.tax_rounding(reading.odoo)
    places = _places(reading)
    for xid, order in seen.orders.items():
        try:
            sent = _sent(reading, own.wanted[xid], {line_id(xid): lines.wanted[line_id(xid)]}, places[own.source_ids[xid]])
        except InvalidInput as error:
            yield Difference(external_id=xid, field="total", sent=None, stored=str(order.total), why=str(error))
        else:
            yield from follows(xid, sent, order, ours=ours, odoos=odoos)


def _places(reading: Reading) -> dict[str, str | None]:
    """Where the customer of each subscription is taxed."""
    users = {user.external_user_id: user for user in reading.records.users}
    default = reading.service.place_of_supply
    return {
        one.external_subscription_id: supply_place(users.get(one.external_user_id), default)[0]
        for one in reading.records.subscriptions
    }


def _sent(reading: Reading, order: Fields, lines: Mapping[str, Fields], place: str | None) -> OrderSent:
    """What an order must come to as of today; raises `InvalidInput` for a currency that we do not bill in."""
    currency = str(order["currency"])
    sent = {xid: LineSent(quantity=_number(line["quantity"]), price=_number(line["price"])) for xid, line in lines.items()}
    nets = [line.net(currency) for line in sent.values()]
    today = reading.now.astimezone(reading.service.zone).date()
    taxed = tax_on(nets, place, today, reading.taxes, reading.service.conventions.tax_rounding)
    return OrderSent(currency=currency, place=place, taxed=taxed, lines=sent)


def _number(value: Value) -> Decimal:
    assert isinstance(value, Decimal)  # noqa: S101 - what the kind of a line says
    return value
