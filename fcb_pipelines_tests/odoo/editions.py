"""Sandboxes of each edition, and what the Odoo under test calls things: expectations are written in the names of 19."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from fcb_pipelines.domain.money import round_half_up
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import LINE, OdooEdition, detect
from fcb_pipelines.odoo.records import decimals_kept
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import EDITIONS
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving

NOW = datetime(2026, 6, 2, 16, 0, 0, 250_000, tzinfo=UTC)
USUAL = os.environ.get("FCB_TEST_SANDBOX_EDITION", "community-19")
"""The edition that the contract tests run on: any other can be asked for by hand."""

OLD = 18
"""The version that has names, digits and words of its own."""

USERS = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}


@contextmanager
def sandbox_of(postgres_url: str, edition: str, database: str) -> Iterator[str]:
    """The address of a sandbox of that edition, with a database of its own that goes with it."""
    _run(postgres_url, f"CREATE DATABASE {database}")
    with serving(create_app(in_database(postgres_url, database), USERS, clock=lambda: NOW, edition=EDITIONS[edition])) as url:
        yield url
    _run(postgres_url, f"DROP DATABASE {database} WITH (FORCE)")


def as_user(url: str, database: str, user: str = "admin") -> Odoo:
    """The port, as one of the two users."""
    return connect(url, database, user, USERS[user], transport="jsonrpc")


@contextmanager
def prices_kept_whole(odoo: Odoo) -> Iterator[None]:
    """An 18 set up as our imports need it, which cut prices to cents when it was installed; others are as they are."""
    if odoo.version().major > OLD:
        yield
        return
    (price,) = odoo.search_read("decimal.precision", [("name", "=", "Product Price")], ["digits"])
    odoo.write("decimal.precision", [price["id"]], {"digits": 6})
    yield
    odoo.write("decimal.precision", [price["id"]], {"digits": price["digits"]})


def _run(postgres_url: str, statement: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(statement.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How the Odoo under test says what 19 says in other words."""

    edition: OdooEdition
    decimals: int | None
    """Decimals that it keeps of a unit price; None if it cuts none."""

    @property
    def is_18(self) -> bool:
        """Whether it is a version 18, which cuts prices and words refusals otherwise."""
        return self.edition.version.major == OLD

    @property
    def line(self) -> Mapping[str, str]:
        """Field of an order's line in 19 → its name here."""
        return {"tax_ids": self.edition.line_taxes, "product_uom_id": self.edition.line_unit}

    def here(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of an order's line by the names that they have here."""
        return {self.line.get(name, name): value for name, value in values.items()}

    def fields(self, names: Sequence[str]) -> list[str]:
        """Names of an order's line's fields here."""
        return [self.line.get(name, name) for name in names]

    def in_19(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """An order's line that was read, by the names of 19."""
        back = {here: name for name, here in self.line.items()}
        return {back.get(name, name): value for name, value in row.items()}

    def price(self, value: float | str) -> float:
        """What is left of a unit price."""
        exact = Decimal(str(value))
        return float(exact if self.decimals is None else round_half_up(exact, self.decimals))

    def either(self, in_19: Any, in_18: Any) -> Any:
        """What to expect of this one."""
        return in_18 if self.is_18 else in_19


_KNOWN: dict[str, OdooEdition] = {}


def names_of(odoo: Odoo, url: str) -> Names:
    """Ask a server once what it is, and each time how it cuts prices, which a setting decides."""
    if url not in _KNOWN:
        _KNOWN[url] = detect(odoo)
    return Names(
        edition=_KNOWN[url], decimals=decimals_kept(odoo, LINE, "price_unit") if _KNOWN[url].version.major <= OLD else None
    )
