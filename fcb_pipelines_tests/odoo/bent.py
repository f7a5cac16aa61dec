"""A sandbox of its own that a test may bend, and what the doctor says about it."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fcb_pipelines.domain.findings import Finding, Level
from fcb_pipelines.domain.tax import TaxRate
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.check import Needs, check
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.rights import Act
from fcb_pipelines.odoo.sandbox.access import all_implied
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import COMMUNITY_19
from fcb_pipelines.odoo.sandbox.env import Edition
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving

NOW = datetime(2026, 6, 2, 16, tzinfo=UTC)
HST = TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1))
EVERYTHING = (Act.IMPORT, Act.DRAFT_INVOICES, Act.SOURCE_INVOICES)
NEEDS = Needs(currencies=("CAD",), rates=(HST,), acts=EVERYTHING, next_draft=date(2026, 5, 1), now=NOW)
"""Those of a service in Ontario that draws up invoices."""


class Server:
    """A sandbox that a test may bend."""

    def __init__(self, url: str, database_url: str) -> None:
        self.url, self.database_url = url, database_url
        self.database = str(conninfo_to_dict(database_url)["dbname"])

    @property
    def admin(self) -> Odoo:
        """The port, as the administrator."""
        return connect(self.url, self.database, "admin", ADMIN_KEY)

    @property
    def importer(self) -> Odoo:
        """The port, as the user with the least rights."""
        return connect(self.url, self.database, "importer", IMPORTER_KEY)

    def run(self, statement: str) -> None:
        """Change what no client may."""
        with psycopg.connect(self.database_url) as conn:
            conn.execute(statement.encode())

    def having(self, groups: Collection[str]) -> Odoo:
        """The port, as an importer who has just these groups and what they bring along."""
        everything = {each for group in groups for each in all_implied(group)}
        for field, names in (("group_ids", groups), ("all_group_ids", everything)):
            listed = ", ".join(f"'{name}'" for name in names)
            ids = f"SELECT res_id FROM ir_model_data WHERE module || '.' || name IN ({listed})"
            self.run(f"UPDATE res_users SET {field} = ARRAY({ids}) WHERE login = 'importer'")
        return self.importer


@contextmanager
def served(database: str, edition: Edition = COMMUNITY_19) -> Iterator[Server]:
    keys = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}
    with serving(create_app(database, keys, clock=lambda: datetime(2026, 6, 2, tzinfo=UTC), edition=edition)) as url:
        yield Server(url, database)


@contextmanager
def installed(postgres_url: str) -> Iterator[str]:
    """The name of a database with a new installation for Canada, to be copied."""
    name = f"test_{secrets.token_hex(6)}"
    _run(postgres_url, f"CREATE DATABASE {name}")
    with served(in_database(postgres_url, name)):
        pass
    yield name
    _run(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def copied(postgres_url: str, template: str) -> Iterator[Server]:
    """A sandbox on a copy of an installation."""
    name = f"{template}_{secrets.token_hex(3)}"
    _run(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    with served(in_database(postgres_url, name)) as server:
        yield server
    _run(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement.encode())


def findings(odoo: Odoo, **needs: Any) -> dict[str, Finding]:
    """What is found, by what it is about."""
    return {one.about: one for one in check(odoo, replace(NEEDS, **needs))}


def bad(found: dict[str, Finding]) -> dict[str, Level]:
    """What is not in order."""
    return {about: one.level for about, one in found.items() if one.level is not Level.OK}
