"""The acts behind `fcb doctor`: every connection and setting, what to do, and doing what Odoo's settings need.

Owns: which parts are looked at, and in which order. Does not own: what is found there (source/check, odoo/check), how a remedy
is applied (odoo/remedies). Only `fix` writes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.doctor_webhooks import webhooks
from fcb_pipelines.acts.read_back import objections
from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.domain.findings import Finding, Fixed, Level, error, ok, warning
from fcb_pipelines.domain.period import add_months
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.domain.tax import TaxRate, TaxUndecided, rates_due
from fcb_pipelines.odoo import check as odoo_check
from fcb_pipelines.odoo.check import Needs
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.remedies import apply, require_company
from fcb_pipelines.odoo.rights import Act
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings
from fcb_pipelines.source import check as source_check
from fcb_pipelines.store import partners, read_back
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.imports import latest_runs
from fcb_pipelines.store.schema import pending_migrations

IMPORTED = (Part.PARTNERS, Part.PLANS, Part.SUBSCRIPTIONS)
STORE, STORE_URL = "our database", "FCB_DATABASE_URL"
"""What findings on our own database are about."""

SHOWN = 5
"""How many objections a finding shows."""


def diagnose(connections: Connections, *, company: int | None = None) -> Iterator[Finding]:
    """Look at everything, one finding at a time; what cannot be reached is a finding and stops no other.

    `company` is the id in Odoo of that whose settings are looked at; without it, that of the user at hand.
    """
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
        odoo = _odoo(connections, store)
    except FcbError as failure:
        yield error("FCB_ODOO_URL", str(failure))
        return
    yield from odoo_check.check(odoo, replace(_needs(connections), company=company))


def fix(
    connections: Connections,
    findings: Sequence[Finding],
    *,
    is_wanted: Callable[[Finding], bool] = lambda _: True,
    company: int | None = None,
) -> Iterator[Fixed]:
    """Apply the remedies wanted of what `diagnose` found, one by one, each read back; what is refused is an outcome too.

    `company` must be that of the diagnosis. Raises `InvalidInput` where the user at hand sees several and none is given, or
    not that one, and `InvalidSettings` where Odoo has no address.
    """
    if not any(finding.remedy for finding in findings):
        return
    odoo = _odoo(connections, findings)
    require_company(odoo, company)
    for finding in findings:
        if finding.remedy is not None and is_wanted(finding):
            yield apply(odoo, finding.about, finding.remedy)


def _odoo(connections: Connections, findings: Iterable[Finding]) -> Odoo:
    """Odoo, whose calls are counted unless our own database, which does that, is among what is wrong."""
    is_store_away = any(one.level is Level.ERROR and one.about in {STORE, STORE_URL} for one in findings)
    return connections.odoo(is_counted=not is_store_away)


def _needs(connections: Connections) -> Needs:
    """What our settings ask of Odoo, with our customers there as far as the store can be asked."""
    settings, services = connections.settings, connections.settings.services.values()
    return Needs(
        currencies=tuple(service.currency for service in services),
        rates=tuple(_rates(connections)),
        roundings=tuple(service.conventions.tax_rounding for service in services),
        acts=_acts(settings),
        partners=tuple(_customers(connections)),
        next_draft=min(_last_closed(service, connections.now) for service in services),
        now=connections.now,
    )


def _acts(settings: Settings) -> tuple[Act, ...]:
    """What we do in Odoo as it is switched; the embedded one's user is made for everything."""
    switched = {
        Act.DRAFT_INVOICES: settings.odoo_draft_invoices,
        Act.SOURCE_INVOICES: settings.odoo_source_invoices,
        Act.FLIP: settings.odoo_confirm_orders or settings.odoo_attach_tokens or settings.odoo_post_invoices,
    }
    return (Act.IMPORT, *(act for act, is_on in switched.items() if is_on or settings.is_odoo_embedded))


def _last_closed(service: Service, now: datetime) -> date:
    """The first day of the period before the open one, which is invoiced next."""
    open_from = service.open_period(now).start.astimezone(service.zone).date()
    return add_months(open_from, -1)


def _customers(connections: Connections) -> set[int]:
    try:
        with connections.database().transaction() as conn:
            found = [partners.links(conn, code).values() for code in connections.settings.services]
    except FcbError:
        return set()
    return {link.odoo_id for links in found for link in links if link.odoo_id is not None}


def _read_back(conn: Connection, service: Service) -> Iterator[Finding]:
    """What Odoo has otherwise, as of the last read-back of each part; an import that was never made is no finding."""
    seen = read_back.overview(conn, service.code)
    parts = dict.fromkeys([(one.part, one.period) for one, _ in seen])
    if latest_runs(conn, service.code):
        parts |= dict.fromkeys((part, "") for part in IMPORTED)
    for part, period in parts:
        about = f"read-back of {service.code} {part} {period}".strip()
        why = objections(conn, service.code, part, period)
        if why:
            more = f" (and {len(why) - SHOWN} more)" if len(why) > SHOWN else ""
            yield warning(about, f"nothing may be posted: {'; '.join(why[:SHOWN])}{more}")
        else:
            yield ok(about, "Odoo has everything as it must be")


def _store(connections: Connections) -> Iterator[Finding]:
    try:
        pending = pending_migrations(connections.database().url)
    except FcbError as failure:
        yield error(STORE_URL, str(failure))
        return
    if pending:
        yield error(STORE, f"{len(pending)} migrations are pending; run: fcb migrate")
    else:
        yield ok(STORE, "connected, no migration pending")
        with connections.database().transaction() as conn:
            for service in connections.settings.services.values():
                yield from _read_back(conn, service)
        yield from webhooks(connections)


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
