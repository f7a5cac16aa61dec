"""Removing records of ours from Odoo.

Owns: what uses a product or a partner, which partners are archived rather than deleted, and deleting or archiving in batches
where Odoo may refuse some. Does not own: which are not needed any more (acts/prune).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.batches import refused_alone
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.plans import VARIANT
from fcb_pipelines.odoo.records import rows_where

_ORDERS, _ORDER_LINES = "sale.order", "sale.order.line"
_ORDER_PARTNERS = ("partner_id", "partner_invoice_id", "partner_shipping_id")
_PARTNERS = "res.partner"
_INVOICES, _INVOICE_LINES = "account.move", "account.move.line"


FIRST_THAT_LEAVES_ORDERS = 19
"""Before, Odoo deletes draft and cancelled orders with their partner, those too that our user may not see."""
TAKES_ORDERS = "this version of Odoo deletes the draft orders of a partner with it, those too that we cannot see"
CHANGED_BY_OTHERS = "somebody else changed it last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiving:
    """Which partners are archived rather than deleted."""

    reasons: Mapping[int, str]
    done: frozenset[int]
    """Those that are archived already, with which nothing is left to do; who changed one before that is not told any more."""


@dataclass(slots=True, kw_only=True)
class Removed:
    """What became of records that were to be removed, by external id."""

    gone: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def names(odoo: Odoo, model: str, ids: Collection[int]) -> dict[int, str]:
    """What Odoo calls these records."""
    return {row["id"]: str(row["name"]) for row in rows_where(odoo, model, "id", ids, ["name"])}


def drafts_without_invoice(odoo: Odoo, orders: Collection[int]) -> frozenset[int]:
    """Which of these orders are drafts that no invoice came of."""
    rows = rows_where(odoo, _ORDERS, "id", orders, ["invoice_ids"], also=[("state", "=", "draft")])
    return frozenset(row["id"] for row in rows if not row["invoice_ids"])


def used_products(odoo: Odoo, templates: Collection[int], *, ignoring: Collection[int]) -> frozenset[int]:
    """Which of these product templates stand on an order, other than those ignored, or on an invoice."""
    variants = rows_where(odoo, VARIANT, "product_tmpl_id", templates, ["product_tmpl_id"])
    template_of = {row["id"]: row["product_tmpl_id"][0] for row in variants}
    ordered = rows_where(
        odoo, _ORDER_LINES, "product_id", template_of, ["product_id"], also=[("order_id", "not in", sorted(ignoring))]
    )
    invoiced = rows_where(odoo, _INVOICE_LINES, "product_id", template_of, ["product_id"])
    return frozenset(template_of[row["product_id"][0]] for row in (*ordered, *invoiced))


def used_partners(odoo: Odoo, partners: Collection[int], *, ignoring: Collection[int]) -> frozenset[int]:
    """Which of these partners have an order, other than those ignored, or an invoice.

    An order that only names one as where to bill or deliver counts too: 18 would delete it, if it is a draft, with the partner.
    """
    others = [("id", "not in", sorted(ignoring))]
    ordered = {name: rows_where(odoo, _ORDERS, name, partners, [name], also=others) for name in _ORDER_PARTNERS}
    invoiced = rows_where(odoo, _INVOICES, "partner_id", partners, ["partner_id"])
    found = {row["partner_id"][0] for row in invoiced}
    return frozenset(found.union(row[name][0] for name, rows in ordered.items() for row in rows))


def archiving(odoo: Odoo, partners: Collection[int]) -> Archiving:
    """Which of these partners are archived rather than deleted: what somebody else put into one would be lost."""
    takes_orders = odoo.version().major < FIRST_THAT_LEAVES_ORDERS
    us, reasons = odoo.user_id(), dict[int, str]()
    done: set[int] = set()
    for row in rows_where(odoo, _PARTNERS, "id", partners, ["active", "write_uid"]):
        done |= set() if row["active"] else {row["id"]}
        is_others = not row["write_uid"] or row["write_uid"][0] != us
        if is_others or takes_orders:
            reasons[row["id"]] = CHANGED_BY_OTHERS if is_others else TAKES_ORDERS
    return Archiving(reasons=reasons, done=frozenset(done))


def archive(odoo: Odoo, model: str, ids: Mapping[str, int], pace: Pace) -> Removed:
    """Archive records; where Odoo refuses some of a batch, the others go."""
    done = Removed()

    def hide(xids: Sequence[str]) -> None:
        odoo.write(model, [ids[xid] for xid in xids], {"active": False})
        done.gone += xids

    for batch in pace.batches(list(ids)):
        done.refused |= refused_alone(batch, hide, pace)
    return done


def remove(odoo: Odoo, model: str, ids: Mapping[str, int], pace: Pace) -> Removed:
    """Delete records; where Odoo refuses some of a batch, the others go. What is gone already counts as removed."""
    done = Removed()

    def unlink(xids: Sequence[str]) -> None:
        _unlink(odoo, model, [ids[xid] for xid in xids])
        done.gone += xids

    for batch in pace.batches(list(ids)):
        done.refused |= refused_alone(batch, unlink, pace)
    return done


def _unlink(odoo: Odoo, model: str, ids: Sequence[int]) -> None:
    try:
        odoo.unlink(model, ids)
    except Refused:
        # Odoo refuses a call with a record that is no more, as all are where a call before this one was carried out unheard.
        there = [row["id"] for row in rows_where(odoo, model, "id", ids, ["id"])]
        if len(there) == len(ids):
            raise
        odoo.unlink(model, there)
