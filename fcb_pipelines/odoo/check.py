"""What `fcb doctor` says about Odoo: reached or not, version, rights, currency, precision, taxes.

Owns: the findings and their order. Does not own: mending them.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from fcb_pipelines.domain.errors import FcbError, Refused
from fcb_pipelines.domain.findings import Finding, error, ok, warning
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.tax import TaxRate
from fcb_pipelines.odoo.client import Odoo

SUPPORTED = (18, 19)
"""Major versions that the rules of this package were measured on."""

QUANTITY_DIGITS = 6
"""Decimals that a quantity of core-hours needs; with fewer, Odoo rounds it without a word (decimal.precision)."""

PRECISION = {18: "Product Unit of Measure", 19: "Product Unit"}
"""Name of the precision that cuts quantities, by major version."""

RIGHTS = {
    "res.partner": ("read", "create", "write"),
    "product.template": ("read", "create", "write"),
    "sale.order": ("read", "create", "write"),
    "sale.order.line": ("read", "create", "write"),
    "product.pricelist": ("read",),
    "account.tax": ("read",),
}
"""What an import does to each model."""


def check(odoo: Odoo, currencies: Iterable[str], rates: Sequence[TaxRate]) -> tuple[Finding, ...]:
    """Look at a server without writing; one that cannot be reached is a finding, not an error.

    `currencies` are those that services bill in, `rates` those that must be found among the server's sale taxes.
    """
    found: list[Finding] = []
    try:
        version = odoo.version()
        edition = "Enterprise" if version.is_enterprise else "Community"
        known = version.major in SUPPORTED
        advice = "" if known else f"; measured are only {' and '.join(map(str, SUPPORTED))}, so compare an import by hand first"
        found.append((ok if known else warning)("Odoo version", f"{version.text} {edition}{advice}"))
        found.append(ok("Odoo login", f"user id {odoo.user_id()}"))
        found += _rights(odoo)
        found += _currencies(odoo, sorted(set(currencies)))
        found += _precision(odoo, PRECISION.get(version.major, PRECISION[max(PRECISION)]))
        found += _taxes(odoo, rates)
    except FcbError as failure:
        found.append(error("FCB_ODOO_URL", str(failure)))
    return tuple(found)


def _rights(odoo: Odoo) -> Iterator[Finding]:
    for model, operations in RIGHTS.items():
        missing = [operation for operation in operations if not odoo.call(model, "has_access", [], operation)]
        if missing:
            yield error(f"Odoo rights on {model}", f"our user may not {', '.join(missing)}: give it the group that may")
        else:
            yield ok(f"Odoo rights on {model}", ", ".join(operations))


def _currencies(odoo: Odoo, currencies: Sequence[str]) -> Iterator[Finding]:
    companies = odoo.search_read("res.company", [], ["name", "currency_id"])
    company = companies[0]["currency_id"][1] if companies else "none"
    lists = {row["currency_id"][1] for row in odoo.search_read("product.pricelist", [("active", "=", True)], ["currency_id"])}
    for code in currencies:
        if code in lists or code == company:
            yield ok(f"Odoo currency {code}", f"company in {company}, price lists in {', '.join(sorted(lists)) or 'none'}")
        else:
            yield error(
                f"Odoo currency {code}",
                f"the company is in {company} and no price list is in {code}: orders would come out in another currency. "
                f"Make a price list in {code} (Sales > Products > Pricelists)",
            )


def _precision(odoo: Odoo, name: str) -> Iterator[Finding]:
    about = f"Odoo precision {name!r}"
    advice = "Settings > Technical > Decimal Accuracy, or as administrator over RPC"
    try:
        rows = odoo.search_read("decimal.precision", [("name", "=", name)], ["digits"])
    except Refused:
        yield warning(
            about, f"our user may not read it; let an administrator see that it is at least {QUANTITY_DIGITS} ({advice})"
        )
        return
    digits = rows[0]["digits"] if rows else 0
    if digits >= QUANTITY_DIGITS:
        yield ok(about, f"{digits} digits")
    else:
        yield warning(about, f"{digits} digits: quantities of usage would be rounded; raise it to {QUANTITY_DIGITS} ({advice})")


def _taxes(odoo: Odoo, rates: Sequence[TaxRate]) -> Iterator[Finding]:
    domain = [("type_tax_use", "=", "sale"), ("amount_type", "=", "percent"), ("active", "=", True)]
    there = {Decimal(str(row["amount"])): row["name"] for row in odoo.search_read("account.tax", domain, ["name", "amount"])}
    for rate in rates:
        about = f"Odoo tax {rate.component} {plain(rate.percent)} %"
        if rate.percent.normalize() in {amount.normalize() for amount in there}:
            yield ok(about, f"sale tax {next(name for amount, name in there.items() if amount == rate.percent)!r}")
        else:
            yield error(
                about, f"no sale tax of that rate: install the chart of accounts of {rate.place[:2]} in Odoo's settings"
            )
