"""What guards are told of Odoo: its invoices of watched subscriptions, read back instance by instance.

Owns: which invoices are looked at, and what a line of one bills. Does not own: reading Odoo (odoo/invoices, odoo/order_bills),
the rules (domain/guards).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fcb_pipelines.domain.external_ids import Entity, external_id, part_key
from fcb_pipelines.domain.guards import DueInstance, OdooBilled, instance_of
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.live_keys import live_key
from fcb_pipelines.domain.period import midnight
from fcb_pipelines.domain.read_back_drafts import POSTED, DraftSeen
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.invoices import invoices_seen, ledger
from fcb_pipelines.odoo.order_bills import OrderBill, order_bills
from fcb_pipelines.services import Service
from fcb_pipelines.store.imports import OdooRecord

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InOdoo:
    """What Odoo bills."""

    billed: tuple[OdooBilled, ...]
    carried: Mapping[str, str]
    """Line of the source → the posted invoice that bills it in Odoo too."""


def in_odoo(
    odoo: Odoo,
    service: Service,
    *,
    watched: Collection[str],
    due: Iterable[DueInstance],
    invoices: Mapping[Entity, Iterable[OdooRecord]],
    orders: Mapping[int, str],
) -> InOdoo:
    """Read back invoices of ours of watched subscriptions, and what was invoiced of orders; `orders` is whose each is.

    Drafts for comparison bill nothing; one that somebody posted does.
    """
    looking = _Looking(odoo, service, due, watched)
    return InOdoo(
        billed=(
            *looking.drafted(Entity.LIVE_INVOICE, invoices[Entity.LIVE_INVOICE]),
            *(one for one in looking.drafted(Entity.INVOICE, invoices[Entity.INVOICE]) if one.is_posted),
            *looking.of_orders(orders),
        ),
        carried=dict(looking.carried(invoices[Entity.SOURCE_INVOICE])),
    )


class _Looking:
    """Odoo's invoices while they are read back."""

    def __init__(self, odoo: Odoo, service: Service, due: Iterable[DueInstance], watched: Collection[str]) -> None:
        self._odoo, self._service, self._watched = odoo, service, watched
        self._ends = {(one.external_subscription_id, one.charge, one.service_from): one.service_to for one in due}

    def drafted(self, entity: Entity, records: Iterable[OdooRecord]) -> Iterator[OdooBilled]:
        """What invoices of ours bill; the id of each says of which subscription it is."""
        of = {one.external_id: live_key(one.source_id).external_subscription_id for one in records}
        for xid, seen in self._seen(entity, [one for one in records if of[one.external_id] in self._watched]).items():
            for line in seen.lines:
                key = part_key(xid, line)
                yield from self._billed(xid, of[xid], key or "", is_posted=seen.state == POSTED)

    def carried(self, records: Iterable[OdooRecord]) -> Iterator[tuple[str, str]]:
        """Lines of the source that stand on a posted invoice of their own."""
        of = {one.external_id: one.source_id.rpartition("/")[0] for one in records}
        for xid, seen in self._seen(Entity.SOURCE_INVOICE, records).items():
            for line in seen.lines if seen.state == POSTED else ():
                yield f"{of[xid]}/{part_key(xid, line)}", f"invoice {xid}"

    def of_orders(self, orders: Mapping[int, str]) -> Iterator[OdooBilled]:
        """What Odoo, or somebody in it, invoiced of orders."""
        for one in order_bills(self._odoo, list(orders)):
            subscription = orders[one.order_id]
            whole = one.order_line.rpartition("_")[0]
            if whole.startswith(external_id(self._service.code, Entity.USAGE_LINE, f"{subscription}/")):
                yield from self._billed(one.name, subscription, part_key(whole, one.order_line) or "", is_posted=one.is_posted)
            elif one.order_line:
                yield self._flat(one, subscription)

    def _seen(self, entity: Entity, records: Iterable[OdooRecord]) -> dict[str, DraftSeen]:
        """Those that bill anything: not cancelled, and not given back in full."""
        ids = {one.external_id: one.odoo_id for one in records}
        if not ids:
            return {}
        seen = invoices_seen(self._odoo, ledger(self._odoo).kind(entity), ids).seen
        return {xid: one for xid, one in seen.items() if one.billed is None or one.billed.gross}

    def _billed(self, reference: str, subscription: str, key: str, *, is_posted: bool) -> Iterator[OdooBilled]:
        told = instance_of(key)
        if told is not None:
            start = midnight(told[1], self._service.zone)
            yield self._of(reference, subscription, told[0], start, is_posted=is_posted)

    def _flat(self, one: OrderBill, subscription: str) -> OdooBilled:
        """The order's own line: of the range that the day is in, as Odoo says no more."""
        day = midnight(one.starts_on, self._service.zone)
        ranges = [(start, end) for (who, charge, start), end in self._ends.items() if (who, charge) == (subscription, FLAT)]
        start = next((start for start, end in ranges if start <= day < end), day)
        return self._of(one.name, subscription, FLAT, start, is_posted=one.is_posted)

    def _of(self, reference: str, subscription: str, charge: str, start: datetime, *, is_posted: bool) -> OdooBilled:
        return OdooBilled(
            reference=reference,
            external_subscription_id=subscription,
            charge=charge,
            service_from=start,
            service_to=self._ends.get((subscription, charge, start), start + _DAY),
            is_posted=is_posted,
        )
