"""What happened in Odoo to invoices of ours and to the attempts to charge them, since a moment.

Owns: which models and fields tell, and how a moment is asked for so that nothing is missed. Does not own: what follows from it
(domain/payments), remembering how far was read (store/payments). Read-only.

A failed charge shows in its transaction alone (`state` is `error`); the invoice and its `write_date` stay as they were. Whoever
writes a transaction's state past Odoo's own code leaves `last_state_change` as it was, so that here too `write_date` decides.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fcb_pipelines.domain.external_ids import MODULE
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.payments import OPEN_STATES
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import ORDER
from fcb_pipelines.odoo.order_now import money
from fcb_pipelines.odoo.records import rows_where
from fcb_pipelines.odoo.resolution import external_ids

MOVES, TRANSACTIONS = "account.move", "payment.transaction"
INVOICE, REFUND = "out_invoice", "out_refund"

OVERLAP = timedelta(minutes=20)
"""How long before the moment asked for is read again. `write_date` is when a transaction of Odoo's began, so that a long one
turns up behind what was read already; Odoo as installed ends a request after 2 minutes, and its timers' work soon after."""

_MOVE_FIELDS = (
    "name", "ref", "state", "move_type", "payment_state", "currency_id", "partner_id", "amount_total", "amount_residual",
    "invoice_date", "invoice_date_due", "write_date",
)  # fmt: skip
_TRANSACTION_FIELDS = (
    "reference",
    "amount",
    "currency_id",
    "partner_id",
    "state",
    "state_message",
    "last_state_change",
    "invoice_ids",
    "sale_order_ids",
    "write_date",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveNow:
    """An invoice or credit note of ours as it stands."""

    odoo_id: int
    external_id: str
    """Ours; empty for one that Odoo made of an order of ours."""
    name: str
    """Its number; empty for a draft that never had one."""
    is_refund: bool
    partner_id: int | None
    state: str
    """`draft`, `posted` or `cancel`."""
    payment_state: str
    """`not_paid`, `in_payment`, `partial`, `paid`, `reversed` and so on."""
    total: Money
    residual: Money
    """What is still open of it."""
    issued_on: date | None
    due_on: date | None
    written_at: datetime
    """In whole seconds; together with the id it names this state of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionNow:
    """An attempt to charge, as it stands."""

    odoo_id: int
    reference: str
    amount: Money
    partner_id: int | None
    state: str
    """`draft`, `pending`, `authorized`, `done`, `cancel` or `error`."""
    message: str
    """What the payment provider said."""
    changed_at: datetime | None
    """When its state changed last, as far as Odoo noted it."""
    moves: tuple[int, ...]
    """Invoices of ours that it is for."""
    has_invoice: bool
    """Whether it is for any invoice, also of others; Odoo deletes a draft that it could not charge."""
    orders: tuple[int, ...]
    written_at: datetime

    @property
    def is_failed(self) -> bool:
        """Whether it failed for good; `cancel` is what somebody gave up."""
        return self.state == "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What changed since a moment, oldest first, some of it told before: known by id and `written_at`."""

    moves: tuple[MoveNow, ...]
    transactions: tuple[TransactionNow, ...]

    def cursor(self, since: datetime) -> datetime:
        """From where to go on: the newest moment seen, or the one that was asked for."""
        seen = [*(each.written_at for each in self.moves), *(each.written_at for each in self.transactions)]
        return max([since, *seen])


def happened(odoo: Odoo, service: str, since: datetime, *, orders: Collection[int] = ()) -> Happened:
    """Invoices of a service that were written since a moment, less the overlap, and transactions for any invoice of it.

    Of a service are those with an external id of it, and those that came of the orders given, which Odoo may have made itself.
    """
    rows = odoo.search_read(MOVES, [("move_type", "in", [INVOICE, REFUND]), _since(since)], list(_MOVE_FIELDS))
    made = _made_of(odoo, orders)
    named = _named(odoo, service, [row["id"] for row in rows])
    moves = [_move(row, named.get(row["id"], "")) for row in rows if row["id"] in {*named, *made}]
    tried = _transactions(odoo, service, since, made, orders)
    return Happened(moves=tuple(sorted(moves, key=_age)), transactions=tuple(sorted(tried, key=_age)))


def moves_now(odoo: Odoo, ids: Mapping[str, int]) -> dict[str, MoveNow]:
    """These invoices as they are, by external id; one that is gone is left out."""
    rows = {row["id"]: row for row in rows_where(odoo, MOVES, "id", ids.values(), _MOVE_FIELDS)}
    return {xid: _move(rows[odoo_id], xid) for xid, odoo_id in ids.items() if odoo_id in rows}


def open_and_due_before(odoo: Odoo, ids: Collection[int], day: date) -> tuple[MoveNow, ...]:
    """Those of these invoices that are posted, open and were due before a day, whenever they were written last."""
    overdue: list[Any] = [("state", "=", "posted"), ("payment_state", "in", list(OPEN_STATES))]
    also = [*overdue, ("invoice_date_due", "<", day.isoformat())]
    return tuple(_move(row, "") for row in rows_where(odoo, MOVES, "id", ids, _MOVE_FIELDS, also=also))


def _since(moment: datetime) -> tuple[str, str, str]:
    """By whole seconds, as one version of Odoo compares them and another does not: never later than the moment."""
    begin = (moment - OVERLAP).astimezone(UTC)
    return ("write_date", ">=", begin.strftime("%Y-%m-%d %H:%M:%S"))


def _made_of(odoo: Odoo, orders: Collection[int]) -> frozenset[int]:
    return frozenset(each for row in rows_where(odoo, ORDER, "id", orders, ["invoice_ids"]) for each in row["invoice_ids"])


def _named(odoo: Odoo, service: str, ids: Collection[int]) -> dict[int, str]:
    return {each: xid for each, xid in external_ids(odoo, MOVES, ids).items() if xid.startswith(f"{MODULE}.{service}_")}


def _transactions(
    odoo: Odoo, service: str, since: datetime, made: Collection[int], orders: Collection[int]
) -> list[TransactionNow]:
    rows = odoo.search_read(TRANSACTIONS, [_since(since)], list(_TRANSACTION_FIELDS))
    named = _named(odoo, service, {move for row in rows for move in row["invoice_ids"]})
    ours = {*named, *made}
    found = [_transaction(row, ours, orders) for row in rows]
    return [each for each in found if each.moves or each.orders]


def _move(row: Mapping[str, Any], xid: str) -> MoveNow:
    currency = row["currency_id"][1]
    return MoveNow(
        odoo_id=row["id"],
        external_id=xid,
        name=row["name"] or "",
        is_refund=row["move_type"] == REFUND,
        partner_id=row["partner_id"][0] if row["partner_id"] else None,
        state=row["state"],
        payment_state=row["payment_state"] or "",
        total=money(row["amount_total"], currency),
        residual=money(row["amount_residual"], currency),
        issued_on=_day(row["invoice_date"]),
        due_on=_day(row["invoice_date_due"]),
        written_at=moment(row["write_date"]),
    )


def _transaction(row: Mapping[str, Any], ours: Collection[int], orders: Collection[int]) -> TransactionNow:
    return TransactionNow(
        odoo_id=row["id"],
        reference=row["reference"],
        amount=money(row["amount"], row["currency_id"][1]),
        partner_id=row["partner_id"][0] if row["partner_id"] else None,
        state=row["state"],
        message=row["state_message"] or "",
        changed_at=moment(row["last_state_change"]) if row["last_state_change"] else None,
        moves=tuple(each for each in sorted(row["invoice_ids"]) if each in ours),
        has_invoice=bool(row["invoice_ids"]),
        orders=tuple(each for each in sorted(row["sale_order_ids"]) if each in orders),
        written_at=moment(row["write_date"]),
    )


def _age(each: MoveNow | TransactionNow) -> tuple[datetime, int]:
    return each.written_at, each.odoo_id


def moment(text: str) -> datetime:
    """A moment as Odoo writes it: UTC in whole seconds, without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC, microsecond=0)


def _day(raw: Any) -> date | None:
    return date.fromisoformat(raw) if raw else None
