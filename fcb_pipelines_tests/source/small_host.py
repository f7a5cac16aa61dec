"""A host of a few rows whose tables already have the canonical columns, with a mapping that a test can bend.

Owns: the tables, their rows, the mapping folder of one test.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from fcb_pipelines.services import Service
from fcb_pipelines_tests.kept import KeptStore

TORONTO = ZoneInfo("America/Toronto")

TABLES = """
    CREATE TYPE state_of_life AS ENUM ('active', 'cancelled');
    CREATE TABLE users (external_user_id integer, name text, email text, company text, country text, state text,
                        stripe_customer_id text, is_active boolean, is_internal boolean);
    CREATE TABLE plans (external_plan_id text, name text, currency text, price_monthly numeric, price_yearly numeric,
                        included_quantity integer, unit_price numeric, unit_batch integer, is_active boolean,
                        valid_from timestamptz);
    CREATE TABLE subscriptions (external_subscription_id uuid, external_deployment_id uuid, external_user_id integer,
                                external_plan_id text, billing_interval text, status state_of_life, started_at timestamptz,
                                ended_at timestamptz, contract_price numeric, discount_percent numeric);
    CREATE TABLE usage (external_subscription_id uuid, metric text, quantity numeric, started_at timestamptz,
                        ended_at timestamptz, source_event_id text);
    CREATE TABLE invoices (external_invoice_id text, external_user_id integer, external_subscription_id text,
                           issued_at timestamptz, status text, currency text, subtotal numeric, tax numeric, total numeric,
                           provider_id text, created_by text, lines jsonb);
    CREATE TABLE evidence (kind text, subject_kind text, subject_id text, valid_from timestamptz, valid_to timestamptz,
                           data jsonb, reference text);
"""
FIRST, SECOND = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
ROWS = f"""
    INSERT INTO users VALUES (1, 'Ada', 'ada@example.org', 'Engine Ltd', 'ca', 'on', 'cus_1', true, false),
                             (2, 'Bob', NULL, NULL, NULL, NULL, NULL, true, true);
    INSERT INTO plans VALUES ('s', 'Small', 'CAD', 9.140, NULL, 1000, 0.0075, 3600, true, NULL),
                             ('l', 'Large', NULL, 20, 200.00, 5000, 0.0075, 3600, false, '2026-01-01 00:00-05');
    INSERT INTO subscriptions VALUES
        ('{FIRST}', NULL, 1, 's', 'monthly', 'active', '2026-03-15 04:00Z', NULL, NULL, NULL),
        ('{SECOND}', NULL, 2, 'l', 'yearly', 'cancelled', '2026-01-01 05:00Z', '2026-04-20 04:00Z', 150, 10);
    INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 100.5, '2026-03-20 10:00Z', '2026-03-20 11:00Z', NULL),
                             ('{FIRST}', 'cpu_seconds', 0.000001, '2026-04-01 03:59:59Z', NULL, NULL),
                             ('{FIRST}', 'cpu_seconds', 7, '2026-04-01 04:00Z', NULL, 'e-7'),
                             ('{SECOND}', 'cpu_seconds', 3, '2026-04-10 00:00Z', NULL, NULL);
    INSERT INTO invoices VALUES
        ('in_1', 1, '', '2026-04-01 12:00Z', 'paid', 'CAD', 9.14, 1.19, 10.33, 'in_1', 'stripe',
         '[{{"description": "Small × 1", "amount": "9.14", "service_from": "2026-03-15T00:00:00-04:00",
            "service_to": "2026-04-01T00:00:00-04:00"}}]');
    INSERT INTO evidence VALUES ('contract', 'subscription', '{SECOND}', NULL, NULL, '{{"price": 150.00}}', 'contract 7');
"""
COLUMNS = "SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0"
ENTITIES = ("users", "plans", "subscriptions", "usage", "invoices", "evidence")


class SmallHost:
    """One database of this host, and the mapping folder that reads it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.run(TABLES, ROWS)
        for entity in ENTITIES:
            self.map(entity, f"TABLE {entity};")
        self.map("usage", "SELECT * FROM usage WHERE started_at >= %(start)s AND started_at < %(end)s -- half open")

    def run(self, *statements: str) -> None:
        """Change the host's data."""
        with KeptStore(self.url).transaction() as conn:
            for statement in statements:
                conn.execute(statement)

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Look at the host's data."""
        with KeptStore(self.url).transaction() as conn:
            return conn.execute(statement).fetchall()

    def map(self, entity: str, statement: str) -> None:
        """Replace a file of the mapping."""
        (self.folder / f"{entity}.sql").write_text(statement, encoding="utf-8")

    def remap(self, entity: str, column: str, expression: str | None) -> None:
        """Let a column of an entity be an expression, or leave it out."""
        (names,) = self.rows(COLUMNS.format(entity))
        others = [name for name in names[0] if name != column]
        given = [] if expression is None else [f"{expression} AS {column}"]
        where = "WHERE started_at >= %(start)s AND started_at < %(end)s" if entity == "usage" else ""
        self.map(entity, "\n".join(["SELECT", ", ".join(others + given), "FROM", entity, where]))

    def service(self, **changes: Any) -> Service:
        """The settings of this host."""
        given: dict[str, Any] = {
            "code": "small",
            "mapping": str(self.folder),
            "zone": TORONTO,
            "currency": "CAD",
            "first_period": "2026-03",
            "source_url": SecretStr(self.url),
            "is_demo": False,
        }
        return Service(**(given | changes))
