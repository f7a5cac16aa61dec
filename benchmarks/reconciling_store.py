"""A store in which a month of many subscriptions waits to be reconciled, one in twenty billed otherwise than expected.

Owns: its rows, made by the database. What differs, by the last two digits of a subscription's number: 00 is billed in part by
calendar days where nobody declared that, 01 by a contract price, 02 by a twelfth of a contract's yearly price, 03 not at all,
04 any amount. Records tell of the first three; the others stay unexplained.
"""

from datetime import UTC, datetime

from psycopg import sql

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.services import Service
from fcb_pipelines.store import stages
from fcb_pipelines.store.database import Connection, Database

NOW = datetime(2026, 5, 12, 16, tzinfo=UTC)
PERIOD = "2026-04"
PER_CUSTOMER = 4
DIFFERING = 5
"""Of a hundred."""

_OF = """
    CREATE TEMPORARY TABLE made AS
    SELECT *, CASE kind WHEN 0 THEN round(price * (31 - day) / 30, 2) WHEN 1 THEN contract WHEN 2 THEN round(price * 10 / 12, 2)
                        WHEN 4 THEN round(price * 0.8137 + number % 89 / 100.0, 2) ELSE price END AS billed,
           CASE kind WHEN 0 THEN make_timestamptz(2026, 4, day, 0, 0, 0, 'America/Toronto')
                     ELSE '2026-04-01 00:00 America/Toronto'::timestamptz END AS service_from,
           '2026-05-01 00:00 America/Toronto'::timestamptz AS service_to
      FROM (SELECT number, 's' || number AS subscription, 'u' || number / {per_customer} AS customer,
                   'p' || number % 20 AS plan, number % 100 AS kind, 2 + (number / 100 % 28)::int AS day,
                   10.00 + 5 * (number % 20) AS price,
                   7.00 + 5 * (number % 20) + number / 100 % 50 / 100.0 AS contract
              FROM generate_series(0, {rows} - 1) AS number) AS numbered
"""
_SNAPSHOT = "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('small', %s, false, '')"
_RECORDS = """
    CREATE TEMPORARY TABLE told AS
    SELECT 'subscriptions' AS entity, subscription AS id, jsonb_build_object(
               'external_subscription_id', subscription, 'external_deployment_id', NULL, 'external_user_id', customer,
               'external_plan_id', plan, 'billing_interval', 'monthly', 'status', 'active', 'started_at',
               CASE kind WHEN 0 THEN '2026-04-' || lpad(day::text, 2, '0') || 'T14:00:00+00:00'
                         ELSE '2025-01-05T14:00:00+00:00' END,
               'ended_at', NULL, 'contract_price', NULL, 'discount_percent', NULL) AS data FROM made
    UNION ALL
    SELECT 'invoices', 'i' || number, jsonb_build_object(
               'external_invoice_id', 'i' || number, 'external_user_id', customer, 'external_subscription_id', subscription,
               'issued_at', '2026-04-30T12:00:00+00:00', 'status', 'paid', 'currency', 'CAD', 'subtotal', billed::text,
               'tax', round(billed * 0.13, 2)::text, 'total', (billed + round(billed * 0.13, 2))::text, 'provider_id', NULL,
               'created_by', NULL, 'lines', jsonb_build_array(jsonb_build_object(
                   'description', 'Plan', 'kind', 'plan', 'amount', billed::text, 'service_from',
                   to_char(service_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00'), 'service_to',
                   to_char(service_to AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00')))) FROM made WHERE kind <> 3
    UNION ALL
    SELECT DISTINCT 'users', customer, jsonb_build_object(
               'external_user_id', customer, 'name', customer, 'email', NULL, 'company', NULL, 'country', 'CA', 'state', 'ON',
               'stripe_customer_id', NULL, 'is_active', true, 'is_internal', false) FROM made
    UNION ALL
    SELECT DISTINCT 'plans', plan, jsonb_build_object(
               'external_plan_id', plan, 'name', plan, 'currency', 'CAD', 'price_monthly', price::text,
               'price_yearly', (price * 10)::text, 'included_quantity', '0', 'unit_price', '0', 'unit_batch', '1',
               'is_active', true, 'valid_from', '2020-01-01T00:00:00+00:00') FROM made
    UNION ALL
    SELECT 'evidence', 'e' || number, jsonb_build_object(
               'kind', 'contract_price', 'subject_kind', 'subscription', 'subject_id', subscription, 'valid_from', NULL,
               'valid_to', NULL, 'reference', 'e' || number,
               'data', CASE kind WHEN 1 THEN jsonb_build_object('price', contract::text)
                                 ELSE jsonb_build_object('price', (price * 10)::text, 'interval', 'yearly') END)
      FROM made WHERE kind IN (1, 2)
"""
_STORED = (
    """INSERT INTO source_record (record_hash, data)
       SELECT sha256(convert_to(entity || data::text, 'UTF8')), data FROM told""",
    """INSERT INTO snapshot_record (snapshot_id, entity, ordinal, external_id, record_hash)
       SELECT 1, entity, row_number() OVER (PARTITION BY entity ORDER BY id COLLATE "C"), id,
              sha256(convert_to(entity || data::text, 'UTF8')) FROM told""",
    """INSERT INTO expected_line (service, period, line_key, external_subscription_id, external_user_id, charge, service_from,
                                  service_to, due_at, currency, net, tax, gross, tax_components, place_of_supply, is_due, notes)
       SELECT 'small', '2026-04', subscription || '/flat/' || (service_from AT TIME ZONE 'America/Toronto')::date, subscription,
              customer, 'flat', service_from, service_to, service_from, 'CAD', price, round(price * 0.13, 2),
              price + round(price * 0.13, 2), jsonb_build_array(jsonb_build_object(
                  'component', 'HST', 'percent', '13', 'amount', round(price * 0.13, 2)::text)), 'CA-ON', true, '{}'
         FROM made""",
    """INSERT INTO actual_line (service, period, external_invoice_id, ordinal, external_user_id, external_subscription_id, kind,
                                charge, description, currency, net, tax, gross, issued_at, invoice_status, service_from,
                                service_to, counts, notes, tax_fits)
       SELECT 'small', '2026-04', 'i' || number, 1, customer, subscription, 'plan', 'flat', 'Plan', 'CAD', billed,
              round(billed * 0.13, 2), billed + round(billed * 0.13, 2), '2026-04-30 12:00Z', 'paid', service_from, service_to,
              true, '{}', '{line,total}' FROM made WHERE kind <> 3""",
    "DROP TABLE made, told",
)


def fill(conn: Connection, rows: int) -> None:
    """Put so many subscriptions into a store that holds nothing, as its first snapshot."""
    given = {"rows": sql.Literal(rows), "per_customer": sql.Literal(PER_CUSTOMER)}
    conn.execute(sql.SQL(_OF).format(**given))
    conn.execute(_RECORDS)
    conn.execute(_SNAPSHOT, [NOW])
    for statement in _STORED:
        conn.execute(statement)


def work_on(db: Database, service: Service) -> PeriodWork:
    """The month, with both sides there."""
    taxes = TaxTable(rates=())
    work = PeriodWork(db=db, service=service, period=service.period(PERIOD), taxes=taxes, settings_hash="benchmark", now=NOW)
    with db.transaction() as conn:
        for stage in (stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES):
            stages.record(conn, work.stage(stage, snapshot_id=1, content_hash=""))
    return work
