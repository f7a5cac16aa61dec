"""The act behind `fcb doctor`: every connection and setting, and what to do.

Owns: which parts are looked at, and in which order. Does not own: what is found there (source/check, odoo/check).
"""

from collections.abc import Iterator

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.domain.findings import Finding, Level, error, ok, warning
from fcb_pipelines.domain.tax import TaxRate, TaxUndecided, rates_due
from fcb_pipelines.odoo import check as odoo_check
from fcb_pipelines.settings import Settings
from fcb_pipelines.source import check as source_check
from fcb_pipelines.store.schema import pending_migrations


def diagnose(connections: Connections) -> Iterator[Finding]:
    """Look at everything, one finding at a time; what cannot be reached is a finding and stops no other."""
    settings = connections.settings
    yield ok(
        "settings", f"{settings.config_file.name} and FCB_* variables are well formed; services: {', '.join(settings.services)}"
    )
    yield from _terms(settings)
    store = tuple(_store(connections))
    yield from store
    for service in settings.services.values():
        yield from source_check.check(service)
    try:
        odoo = connections.odoo(is_counted=all(one.level is not Level.ERROR for one in store))
    except FcbError as failure:
        yield error("FCB_ODOO_URL", str(failure))
        return
    currencies = [service.currency for service in settings.services.values()]
    yield from odoo_check.check(odoo, currencies, _rates(connections))


def _store(connections: Connections) -> Iterator[Finding]:
    try:
        pending = pending_migrations(connections.database().url)
    except FcbError as failure:
        yield error("FCB_DATABASE_URL", str(failure))
        return
    if pending:
        yield error("our database", f"{len(pending)} migrations are pending; run: fcb migrate")
    else:
        yield ok("our database", "connected, no migration pending")


def _terms(settings: Settings) -> Iterator[Finding]:
    for code, service in settings.services.items():
        about = f"terms of {code}"
        if service.terms_assumed_from is None:
            yield warning(
                about, "no terms_assumed_from: prices without a date of their own are unknown, and so is what they make due"
            )
        else:
            yield ok(about, f"undated prices are attested to hold since {service.terms_assumed_from.isoformat()}")


def _rates(connections: Connections) -> list[TaxRate]:
    """The rates of each service's attested place that hold today."""
    found: list[TaxRate] = []
    for service in connections.settings.services.values():
        today = connections.now.astimezone(service.zone).date()
        due = rates_due(service.place_of_supply, today, connections.settings.tax_table)
        found += () if isinstance(due, TaxUndecided) else due
    return list(dict.fromkeys(found))
