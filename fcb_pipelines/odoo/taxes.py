"""Taxes in Odoo: which `account.tax` stands for a component of ours.

Owns: the rule that a tax is found by what it is and what it is called, never by its amount alone. Does not own: which taxes are
due (domain/tax), how Odoo computes with them (domain/drafts).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput, Refused
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.read_back import ROUNDINGS

MODEL = "account.tax"
_CALLED = ("name", "invoice_label", "description", "tax_group_id")
"""Where a tax says what it is; which of them there are depends on the version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRecord:
    """One sales tax of our company that could be put on a line."""

    odoo_id: int
    name: str
    percent: Decimal
    called: tuple[str, ...]
    """Its name, its label on invoices, its group: whatever may name the component."""

    def is_called(self, component: str) -> bool:
        """Whether one of its names has the component as a whole word, in any case: `GST` is not in `NOGSTX`."""
        word = re.compile(rf"(?<!\w){re.escape(component)}(?!\w)", re.IGNORECASE)
        return any(word.search(text) for text in self.called)

    def __str__(self) -> str:
        return f"{self.name!r} (id {self.odoo_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxes:
    """The sales taxes of our user's company, how it rounds them, and which of them fcb.toml declares."""

    records: tuple[TaxRecord, ...]
    rounding: TaxRounding
    declared: Mapping[str, int]
    """`CA-ON/HST` → the id behind the external id that fcb.toml gives for it."""

    def of(self, place: str | None, components: Sequence[TaxComponent]) -> tuple[int, ...]:
        """The taxes to put on a line, one a component; raises `InvalidInput` with the candidates where that is not sure."""
        return tuple(sorted(self._one(f"{place}/{each.component}", each) for each in components))

    def _one(self, key: str, component: TaxComponent) -> int:
        percent = plain(component.percent)
        fitting = [record for record in self.records if record.percent == component.percent]
        if key in self.declared:
            odoo_id = self.declared[key]
            if odoo_id not in {record.odoo_id for record in fitting}:
                raise InvalidInput(
                    f"fcb.toml declares under odoo_taxes a record for {key} that is no active sales tax of {percent} % put on "
                    "top in our company: correct it"
                )
            return odoo_id
        found = [record for record in fitting if record.is_called(component.component)]
        if len(found) == 1:
            return found[0].odoo_id
        raise InvalidInput(_unclear(key, percent, found, fitting))


def taxes(odoo: Odoo, declared: Mapping[str, str]) -> Taxes:
    """Read the company's taxes; `declared` is place and component → external id in Odoo.

    Raises `InvalidInput` for a declared external id that Odoo does not have.
    """
    (user,) = odoo.search_read("res.users", [("id", "=", odoo.user_id())], ["company_id"])
    company = user["company_id"][0]
    (row,) = odoo.search_read("res.company", [("id", "=", company)], ["tax_calculation_rounding_method"])
    return Taxes(
        records=tuple(_records(odoo, company)),
        rounding=ROUNDINGS[row["tax_calculation_rounding_method"]],
        declared={key: _declared(odoo, key, xid) for key, xid in declared.items()},
    )


def _records(odoo: Odoo, company: int) -> Iterable[TaxRecord]:
    """Active sales taxes that are a percentage put on top; a group's amount says 100 and means nothing."""
    called = [name for name in _CALLED if name in odoo.fields(MODEL)]
    domain = [
        ("company_id", "=", company),
        ("type_tax_use", "=", "sale"),
        ("amount_type", "=", "percent"),
        ("active", "=", True),
    ]
    for row in odoo.search_read(MODEL, domain, ["amount", "price_include", *called]):
        if not row["price_include"]:
            texts = tuple(_text(row[name]) for name in called if row[name])
            yield TaxRecord(odoo_id=row["id"], name=row["name"], percent=Decimal(str(row["amount"])), called=texts)


def _declared(odoo: Odoo, key: str, xid: str) -> int:
    module, _, name = xid.partition(".")
    try:
        model, odoo_id = odoo.call("ir.model.data", "check_object_reference", module, name)
    except Refused as error:
        raise InvalidInput(f"fcb.toml declares {xid!r} for {key} under odoo_taxes, which Odoo does not have") from error
    if model != MODEL:
        raise InvalidInput(f"fcb.toml declares {xid!r} for {key} under odoo_taxes, which is no tax but a {model}")
    return int(odoo_id)


def _unclear(key: str, percent: str, found: Sequence[TaxRecord], fitting: Sequence[TaxRecord]) -> str:
    declare = f'declare its external id in fcb.toml under odoo_taxes: "{key}" = "account.…"'
    if found:
        return f"several sales taxes in Odoo can be {key} of {percent} %: {', '.join(map(str, found))}; {declare}"
    others = f" (of {percent} % there are {', '.join(map(str, fitting))})" if fitting else ""
    return f"no active sales tax in Odoo of {percent} %, put on top, is called {key.partition('/')[2]}{others}; {declare}"


def _text(value: Any) -> str:
    return str(value[1] if isinstance(value, list) else value)
