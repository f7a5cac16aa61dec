"""Settings of Odoo that decide what our records become there, each with what would mend it.

Owns: decimal accuracy, price lists, where taxes are rounded, and the remedy of each. Does not own: applying one (`remedies`).
"""

from collections.abc import Collection, Iterator
from typing import Any

from fcb_pipelines.domain.findings import Finding, Remedy, Write, error, ok, warning
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import OdooEdition
from fcb_pipelines.odoo.read_back import QUANTITY, ROUNDINGS
from fcb_pipelines.odoo.records import decimals_kept
from fcb_pipelines.odoo.subscriptions import LINE_MODEL, PRICE
from fcb_pipelines.odoo.subscriptions import currencies as ways

DIGITS = 6
"""Decimals that a quantity of core-hours and the price of one need; with fewer, Odoo rounds them without a word."""

PRICE_PRECISION = "Product Price"
PRECISION, CURRENCY, PRICELIST, COMPANY = "decimal.precision", "res.currency", "product.pricelist", "res.company"
ROUNDING = "tax_calculation_rounding_method"

_WHOLE_SERVER = "it holds for every product, order and invoice of this database; what is stored keeps its digits"


def check(
    odoo: Odoo, edition: OdooEdition, currencies: Collection[str], roundings: Collection[TaxRounding]
) -> Iterator[Finding]:
    """Look at each setting; `roundings` are those that our services declare."""
    yield _digits(odoo, QUANTITY, edition.quantity_precision, "quantities of usage")
    yield _digits(odoo, PRICE, PRICE_PRECISION, "prices of usage")
    yield from _currencies(odoo, sorted(set(currencies)))
    yield from _rounding(odoo, sorted(set(roundings)))


def own_company(odoo: Odoo, fields: Collection[str]) -> dict[str, Any]:
    """The company of our user."""
    (user,) = odoo.search_read("res.users", [("id", "=", odoo.user_id())], ["company_id"])
    (company,) = odoo.search_read(COMPANY, [("id", "=", user["company_id"][0])], list(fields))
    return company


def _digits(odoo: Odoo, field: str, setting: str, what: str) -> Finding:
    """How many decimals a line keeps. Read from the field, because only an administrator may read the setting itself."""
    about = f"Odoo precision {setting!r}"
    kept = decimals_kept(odoo, LINE_MODEL, field)
    if kept is None or kept >= DIGITS:
        return ok(about, "numbers are kept in full" if kept is None else f"{kept} digits")
    remedy = Remedy(
        words=f"set the decimal accuracy {setting!r} to {DIGITS}",
        influence=_WHOLE_SERVER,
        writes=(Write(model=PRECISION, where=(("name", "=", setting),), values={"digits": DIGITS}),),
    )
    advice = "Settings > Technical > Decimal Accuracy, or fcb doctor --fix as an administrator"
    return warning(about, f"{kept} digits: {what} would be rounded; raise it to {DIGITS} ({advice})", remedy)


def _currencies(odoo: Odoo, currencies: Collection[str]) -> Iterator[Finding]:
    company = own_company(odoo, ["currency_id"])["currency_id"][1]
    there = ways(odoo, currencies).pricelists
    for code in currencies:
        if code in there:
            yield ok(f"Odoo currency {code}", f"orders come out in it; the company is in {company}")
            continue
        yield error(
            f"Odoo currency {code}",
            f"the company is in {company} and no price list is in {code}: orders would come out in another currency. "
            f"Make a price list in {code} (Sales > Products > Pricelists, or fcb doctor --fix)",
            _pricelist(odoo, code),
        )


def _pricelist(odoo: Odoo, code: str) -> Remedy | None:
    """A price list in a currency, which is activated first; none where Odoo does not know the currency at all."""
    found = odoo.search_read(CURRENCY, [("name", "=", code)], ["active"])
    if not found:
        return None
    words = f"make a price list in {code}"
    activate = Write(model=CURRENCY, where=(("id", "=", found[0]["id"]),), values={"active": True})
    make = Write(
        model=PRICELIST,
        external_id=f"fcb.pricelist_{code.lower()}",
        values={"name": f"Shadow subscriptions in {code}", "currency_id/.id": found[0]["id"]},
    )
    return Remedy(
        words=words if found[0]["active"] else f"activate the currency {code} and {words}",
        influence="people who sell see one more price list; orders that exist keep theirs",
        writes=(make,) if found[0]["active"] else (activate, make),
    )


def _rounding(odoo: Odoo, roundings: Collection[TaxRounding]) -> Iterator[Finding]:
    about = "Odoo tax rounding"
    company = own_company(odoo, ["name", ROUNDING])
    set_to = ROUNDINGS[company[ROUNDING]]
    if not roundings or list(roundings) == [set_to]:
        yield ok(about, f"by {set_to}, as we declare" if roundings else f"by {set_to}")
        return
    if len(roundings) > 1:
        yield error(about, f"services declare different tax_rounding ({', '.join(roundings)}), and a company of Odoo has one")
        return
    (ours,) = roundings
    value = next(name for name, meaning in ROUNDINGS.items() if meaning is ours)
    remedy = Remedy(
        words=f"let company {company['name']!r} round taxes by {ours} ({value})",
        influence="every draft order and invoice of the company, other people's too, is rounded by it as soon as it changes; "
        "what is posted stays",
        writes=(Write(model=COMPANY, where=(("id", "=", company["id"]),), values={ROUNDING: value}),),
    )
    yield warning(
        about,
        f"Odoo rounds taxes by {set_to} and tax_rounding in our settings is {ours}: totals may differ by cents "
        "(Accounting > Configuration > Settings > Taxes, or fcb doctor --fix as an administrator)",
        remedy,
    )
