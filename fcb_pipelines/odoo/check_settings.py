"""Settings of Odoo that decide what our records become there, each with what would mend it.

Owns: decimal accuracy, price lists, where taxes are rounded, and the remedy of each. Does not own: applying one (`remedies`).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.findings import Finding, Remedy, Write, error, ok, warning
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import OdooEdition
from fcb_pipelines.odoo.read_back import QUANTITY, ROUNDINGS
from fcb_pipelines.odoo.records import decimals_kept, id_of
from fcb_pipelines.odoo.subscriptions import LINE_MODEL, PRICE
from fcb_pipelines.odoo.subscriptions import currencies as ways

DIGITS = 6
"""Decimals that a quantity of core-hours and the price of one need; with fewer, Odoo rounds them without a word."""

PRICE_PRECISION = "Product Price"
PRECISION, CURRENCY, PRICELIST, COMPANY = "decimal.precision", "res.currency", "product.pricelist", "res.company"
ROUNDING = "tax_calculation_rounding_method"

_WHOLE_SERVER = (
    "it holds for every product, order and invoice of this database, of all its companies; what is stored keeps its digits"
)
_ONE_MORE_LIST = "people of that company who sell see one more price list; orders that exist keep theirs"
_MANY_CURRENCIES = (
    "a second active currency switches multi-currency and price lists on for every user of this database, in all companies: "
    "amounts show a currency, customers and orders a price list, and Odoo makes each company a default one that new orders take"
)


def check(
    odoo: Odoo,
    edition: OdooEdition,
    currencies: Collection[str],
    roundings: Collection[TaxRounding],
    company: int | None,
) -> Iterator[Finding]:
    """Look at each setting, of the company or that of our user; `roundings` are those that our services declare."""
    yield _digits(odoo, QUANTITY, edition.quantity_precision, "quantities of usage")
    yield _digits(odoo, PRICE, PRICE_PRECISION, "prices of usage")
    yield from _currencies(odoo, sorted(set(currencies)), company)
    yield from _rounding(odoo, sorted(set(roundings)), company)


def company_at(odoo: Odoo, fields: Collection[str], company: int | None) -> dict[str, Any]:
    """The company, or that of our user; raises `InvalidInput` where our user sees none with that id."""
    if company is None:
        (user,) = odoo.search_read("res.users", [("id", "=", odoo.user_id())], ["company_id"])
        company = id_of(user["company_id"])
    found = odoo.search_read(COMPANY, [("id", "=", company)], list(fields))
    if not found:
        raise InvalidInput(f"this user of Odoo sees no company with id {company}")
    return found[0]


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


def _currencies(odoo: Odoo, currencies: Collection[str], company: int | None) -> Iterator[Finding]:
    ours = company_at(odoo, ["name", "currency_id"], company)
    there = ways(odoo, currencies, ours["id"]).pricelists
    for code in currencies:
        if code in there:
            yield ok(f"Odoo currency {code}", f"orders come out in it; company {ours['name']!r} is in {ours['currency_id'][1]}")
            continue
        yield error(
            f"Odoo currency {code}",
            f"company {ours['name']!r} is in {ours['currency_id'][1]} and no price list of it is in {code}: orders would come "
            "out in another currency. "
            f"Make a price list in {code} (Sales > Products > Pricelists, or fcb doctor --fix)",
            _pricelist(odoo, code, ours),
        )


def _pricelist(odoo: Odoo, code: str, company: Mapping[str, Any]) -> Remedy | None:
    """A company's price list in a currency, which is activated first; none where Odoo does not know the currency at all."""
    found = odoo.search_read(CURRENCY, [("name", "=", code)], ["active"])
    if not found:
        return None
    words = f"make a price list in {code} for company {company['name']!r}"
    activate = Write(model=CURRENCY, where=(("id", "=", found[0]["id"]),), values={"active": True})
    make = Write(
        model=PRICELIST,
        external_id=f"fcb.pricelist_{code.lower()}_{company['id']}",
        values={
            "name": f"Shadow subscriptions in {code}",
            "currency_id/.id": found[0]["id"],
            "company_id/.id": company["id"],
        },
    )
    return Remedy(
        words=words if found[0]["active"] else f"activate the currency {code} and {words}",
        influence=_ONE_MORE_LIST if found[0]["active"] else f"{_MANY_CURRENCIES}; {_ONE_MORE_LIST}",
        writes=(make,) if found[0]["active"] else (activate, make),
    )


def _rounding(odoo: Odoo, roundings: Collection[TaxRounding], at: int | None) -> Iterator[Finding]:
    about = "Odoo tax rounding"
    company = company_at(odoo, ["name", ROUNDING], at)
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
