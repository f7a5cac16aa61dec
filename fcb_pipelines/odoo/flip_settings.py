"""What of Odoo's settings decides whether our customers may be billed there: facts for the gate, read and never judged.

Owns: which models and fields tell. Does not own: what stands against a flip (domain/objections). Read-only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.odoo.check_books import LOCKS
from fcb_pipelines.odoo.check_settings import COMPANY, company_at
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import PLAN_MODEL, USER, OdooEdition
from fcb_pipelines.odoo.read_back import QUANTITY, tax_rounding
from fcb_pipelines.odoo.records import decimals_kept
from fcb_pipelines.odoo.rights import INVOICING, Act, lacking
from fcb_pipelines.odoo.subscriptions import LINE_MODEL, PRICE

SALES = "sales_team.group_sale_salesman"

CLOSES_AFTER, MAILS_WITH = "auto_close_limit", "invoice_mail_template_id"
"""Of a recurring plan, in Odoo Enterprise's subscriptions."""

SENDING_PARAMETER = "sale.automatic_invoice"
"""Makes Odoo e-mail the invoice of an order that was paid online."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """A recurring plan."""

    odoo_id: int
    name: str
    closes_after_days: int | None
    """A subscription of it is closed so many days after its invoice was due and not paid; None: never."""
    is_mailed: bool
    """Whether Odoo sends each invoice of it by e-mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipSettings:
    """What is set."""

    edition: OdooEdition
    quantity_decimals: int | None
    """Decimals kept of a quantity; None: none is cut."""
    price_decimals: int | None
    """The same of a unit price."""
    tax_rounding: TaxRounding
    locks: Mapping[str, date]
    """Lock date by its name in Odoo; books are closed up to and with that day. Only those that are set."""
    plans: tuple[PlanFacts, ...] | None
    """None where orders cannot run as subscriptions."""
    sends_by_itself: bool | None
    """Whether Odoo e-mails invoices of orders that were paid online; None where our user may not see the setting."""
    has_email: bool
    """Whether our user has an e-mail address: without one Odoo refuses to post what it then writes a note about on an order."""
    sees_tokens: bool
    """Whether our user sees payment tokens of customers: Odoo shows none to who is neither of sales nor of invoicing."""
    lacks: Mapping[str, str]
    """Model → what our user may not do that a flip does, and which group may."""

    def closed(self, first_day: date) -> dict[str, date]:
        """Lock dates that reach the first day that Odoo is to invoice: it would book later than that, without a word."""
        return {name: day for name, day in self.locks.items() if day >= first_day}


def flip_settings(odoo: Odoo, edition: OdooEdition) -> FlipSettings:
    """Read them, of the company of our user."""
    (user,) = odoo.search_read(USER, [("id", "=", odoo.user_id())], ["email"])
    return FlipSettings(
        edition=edition,
        quantity_decimals=decimals_kept(odoo, LINE_MODEL, QUANTITY),
        price_decimals=decimals_kept(odoo, LINE_MODEL, PRICE),
        tax_rounding=tax_rounding(odoo),
        locks=_locks(odoo),
        plans=_plans(odoo) if edition.has_subscriptions else None,
        sends_by_itself=_sends(odoo),
        has_email=bool(user["email"]),
        sees_tokens=any(odoo.call(USER, "has_group", [odoo.user_id()], group) for group in (INVOICING, SALES)),
        lacks=lacking(odoo, edition, Act.FLIP),
    )


def _locks(odoo: Odoo) -> dict[str, date]:
    names = [name for name in LOCKS if name in odoo.fields(COMPANY)]
    company = company_at(odoo, names, None) if names else {}
    return {name: date.fromisoformat(company[name]) for name in names if company[name]}


def _plans(odoo: Odoo) -> tuple[PlanFacts, ...]:
    names = [name for name in ("name", CLOSES_AFTER, MAILS_WITH) if name in odoo.fields(PLAN_MODEL)]
    return tuple(
        PlanFacts(
            odoo_id=row["id"],
            name=row["name"],
            closes_after_days=row.get(CLOSES_AFTER) or None,
            is_mailed=bool(row.get(MAILS_WITH)),
        )
        for row in odoo.search_read(PLAN_MODEL, [("active", "=", True)], names)
    )


def _sends(odoo: Odoo) -> bool | None:
    try:
        rows = odoo.search_read("ir.config_parameter", [("key", "=", SENDING_PARAMETER)], ["value"])
    except Refused:
        return None
    return any(row["value"] not in {"", "False", False} for row in rows)
