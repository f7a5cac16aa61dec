"""What the embedded parts hold, and under which addresses the project finds it.

Owns: which addresses are not configured, and the databases made for them. Does not own: starting Postgres and the sandbox
(keeper), our schema (store.migrations), the demo service's rows (source.demo).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.local import sandbox
from fcb_pipelines.local.keeper import Part
from fcb_pipelines.local.postgres import ensure_database
from fcb_pipelines.local.state import secret
from fcb_pipelines.services import Service, zones
from fcb_pipelines.settings import load, source_variable
from fcb_pipelines.source.demo.seed import create_reader, seed
from fcb_pipelines.store.schema import migrate
from fcb_pipelines.webhook_settings import new_key

DEMO_MAPPING = "nexacloud"
DAGSTER_SCHEME = "postgresql+psycopg2"
"""Names the driver: without it SQLAlchemy 2.1 would take one that Dagster's storage breaks on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The addresses that nobody configured."""

    database: bool
    dagster: bool
    odoo: bool
    services: tuple[Service, ...]
    zones: Mapping[str, str]
    """The billing timezone of every service."""

    @property
    def parts(self) -> frozenset[Part]:
        """What must run; the sandbox keeps its records in Postgres."""
        odoo = {Part.ODOO, Part.POSTGRES} if self.odoo else set()
        return frozenset(odoo | ({Part.POSTGRES} if self.database or self.dagster or self.services else set()))

    @property
    def title(self) -> str:
        """The parts as a sentence says them."""
        return "an embedded Postgres and an Odoo sandbox" if self.odoo else "an embedded Postgres"


def need_of(environ: Mapping[str, str], *, folder: Path) -> Need:
    """What is not configured by variables, whatever a stack of an earlier run has written down."""
    bare = load({**environ, "FCB_STATE_DIR": str(folder / "no-addresses-here")}, folder=folder)
    return Need(
        database=bare.database_url is None,
        dagster=bare.dagster_url is None,
        odoo=bare.odoo is None,
        services=tuple(service for service in bare.services.values() if service.source_url is None),
        zones=zones(bare.services),
    )


def addresses_of(state: Path, need: Need, parts: Mapping[str, str]) -> dict[str, str]:
    """Make what is missing in the databases; return the addresses as the `FCB_*` variables would say them."""
    found: dict[str, str] = {}
    if need.database:
        found["FCB_DATABASE_URL"] = ensure_database(parts[Part.POSTGRES], "fcb")
        migrate(found["FCB_DATABASE_URL"], need.zones)
        # Beside the database whose secrets it opens, and never in it.
        found["FCB_WEBHOOK_KEYS"] = secret(state, "webhook_keys", new_key)
    if need.dagster:
        url = ensure_database(parts[Part.POSTGRES], "dagster")
        found["FCB_DAGSTER_URL"] = url.replace("postgresql", DAGSTER_SCHEME, 1)
    for service in need.services:
        found[source_variable(service.code)] = _demo_source(state, parts[Part.POSTGRES], service)
    if need.odoo:
        found |= {"FCB_ODOO_URL": parts[Part.ODOO], "FCB_ODOO_DB": sandbox.DATABASE}
        found |= {"FCB_ODOO_USER": sandbox.USER, "FCB_ODOO_KEY": sandbox.key(state)}
    return found


def _demo_source(state: Path, admin_url: str, service: Service) -> str:
    """The demo service's database, filled once, as its reader sees it."""
    if service.mapping != DEMO_MAPPING:
        variable = source_variable(service.code)
        raise InvalidSettings(f"the service {service.code} has no database: set {variable} (only {DEMO_MAPPING} has a demo)")
    url = ensure_database(admin_url, service.code)
    role, password = f"{service.code}_reader", secret(state, f"{service.code}_reader")
    with psycopg.connect(url) as conn:
        if _is_empty(conn):
            seed(conn)
            create_reader(conn, role, password)
    return f"postgresql://{role}:{password}@{urlsplit(url).netloc.rpartition('@')[2]}/{service.code}"


def _is_empty(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return row == (0,)
