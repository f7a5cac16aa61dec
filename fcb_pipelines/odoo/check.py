"""What `fcb doctor` says about Odoo: reached or not, version, rights, settings, taxes, books.

Owns: the order, and what is looked at before anything else can be. Does not own: rights (`rights`), settings
(`check_settings`), books (`check_books`), mending any of it (`remedies`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial

from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.domain.findings import Finding, Level, error, ok, warning
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.tax import TaxRate, TaxRounding
from fcb_pipelines.odoo import check_books, check_settings, rights
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import OdooEdition, detect, subscription_plans
from fcb_pipelines.odoo.rights import Act
from fcb_pipelines.odoo.transport import transport_of

SUPPORTED = (18, 19)
"""Major versions that the rules of this package were measured on."""

Look = Callable[[], Iterable[Finding]]

MODULES = {"sale_management": "Sales", "account": "Invoicing"}
"""Without these apps there is nothing to write to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What our settings ask of an Odoo."""

    currencies: tuple[str, ...]
    """Those that services bill in."""
    rates: tuple[TaxRate, ...]
    """Those that must be found among the server's sale taxes."""
    roundings: tuple[TaxRounding, ...] = (TaxRounding.LINE,)
    acts: tuple[Act, ...] = (Act.IMPORT,)
    partners: tuple[int, ...] = ()
    """Our customers there, as last seen."""
    next_draft: date
    """The earliest day that we still invoice."""
    now: datetime
    company: int | None = None
    """Whose settings are looked at; that of the user at hand if None."""


def check(odoo: Odoo, needs: Needs) -> tuple[Finding, ...]:
    """Look at a server without writing; one that cannot be reached is a finding, not an error."""
    found: list[Finding] = []
    for about, look in (("FCB_ODOO_URL", _version), ("Odoo login", _login), ("Odoo apps", _apps)):
        found += _looked(about, partial(look, odoo))
        if found[-1].level is Level.ERROR:
            return tuple(found)
    for about, section in _sections(odoo, needs):
        found += _looked(about, section)
    return tuple(found)


def _sections(odoo: Odoo, needs: Needs) -> tuple[tuple[str, Look], ...]:
    """What is looked at by itself: where one part cannot be read the others still are."""
    edition = cache(lambda: detect(odoo))
    books = partial(check_books.check, odoo, needs.partners, company=needs.company)
    return (
        ("Odoo rights", lambda: rights.check(odoo, edition(), needs.acts)),
        (
            "Odoo settings",
            lambda: check_settings.check(odoo, edition(), needs.currencies, needs.roundings, needs.company),
        ),
        ("Odoo taxes", lambda: _taxes(odoo, needs.rates)),
        ("Odoo recurring plans", lambda: _plans(odoo, edition())),
        ("Odoo books", lambda: books(next_draft=needs.next_draft, now=needs.now)),
    )


def _looked(about: str, look: Look) -> Iterator[Finding]:
    """What was found, one by one, and what made it end early."""
    try:
        yield from look()
    except FcbError as failure:
        yield error(about, f"not looked at to the end: {failure}")


def _version(odoo: Odoo) -> Iterator[Finding]:
    version = odoo.version()
    edition = "Enterprise" if version.is_enterprise else "Community"
    known = version.major in SUPPORTED
    advice = "" if known else f"; measured are only {' and '.join(map(str, SUPPORTED))}, so compare an import by hand first"
    yield (ok if known else warning)("Odoo version", f"{version.text} {edition}{advice}")


def _login(odoo: Odoo) -> Iterator[Finding]:
    yield ok("Odoo login", f"user id {odoo.user_id()}, over {transport_of(odoo)}")


def _apps(odoo: Odoo) -> Iterator[Finding]:
    rows = odoo.search_read("ir.module.module", [("name", "in", list(MODULES)), ("state", "=", "installed")], ["name"])
    missing = [label for name, label in MODULES.items() if name not in {row["name"] for row in rows}]
    if missing:
        yield error("Odoo apps", f"{' and '.join(missing)} are not installed: install them (Apps), nothing else was looked at")


def _plans(odoo: Odoo, edition: OdooEdition) -> Iterator[Finding]:
    """Of Enterprise: the recurring plan that a subscription will run on once it is live."""
    if not edition.has_subscriptions:
        return
    there = subscription_plans(odoo)
    missing = [interval for interval in Interval if interval not in there]
    if missing:
        yield warning(
            "Odoo recurring plans",
            f"there is none that is {' or '.join(missing)}: make it (Subscriptions > Configuration > Recurring Plans) before a "
            "subscription goes live",
        )
    else:
        yield ok("Odoo recurring plans", ", ".join(there))


def _taxes(odoo: Odoo, rates: Sequence[TaxRate]) -> Iterator[Finding]:
    domain = [("type_tax_use", "=", "sale"), ("amount_type", "=", "percent"), ("active", "=", True)]
    there = {Decimal(str(row["amount"])): row["name"] for row in odoo.search_read("account.tax", domain, ["name", "amount"])}
    for rate in rates:
        about = f"Odoo tax {rate.component} {plain(rate.percent)} %"
        if rate.percent.normalize() in {amount.normalize() for amount in there}:
            yield ok(about, f"sale tax {next(name for amount, name in there.items() if amount == rate.percent)!r}")
        else:
            yield error(
                about,
                f"no sale tax of that rate: set the company's country and province, then choose the localization of "
                f"{rate.place[:2]} (Accounting > Configuration > Settings > Fiscal Localization); installing its module is not "
                "enough",
            )
