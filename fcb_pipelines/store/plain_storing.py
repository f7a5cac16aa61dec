"""The rows of plain subscriptions (plain_rows), written where they are, and their sums.

Owns: how such rows and their instances are stored, in the tables of store/reconciliation; the caller owns the transaction. Does
not own: which subscriptions are plain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.plain_form import as_json, instance_text, reference_text, row_text


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSum:
    """The plain rows in one currency."""

    currency: str
    rows: int
    matches: int
    """Of the rows: those of which something is due and billed; nothing is due of the others."""
    due: int
    """Of the rows: those of which something is due."""
    net: Decimal
    """Σ net that was billed; as much was expected."""
    billed: Decimal
    """Σ|net| that was billed."""


MOMENTS = "SELECT DISTINCT at FROM compared CROSS JOIN LATERAL unnest(ARRAY[service_from, service_to, due_at]) AS at"
# Row ids are compared as bytes everywhere, whatever the collation of the database.
STORE = f"""
    WITH moment AS MATERIALIZED (SELECT * FROM unnest(%(moments)s::timestamptz[], %(texts)s::text[]) AS given (at, text)),
    one AS MATERIALIZED (
        SELECT e.external_subscription_id, %(prefix)s || e.external_subscription_id AS row_id,
               row_number() OVER (PARTITION BY e.external_subscription_id
                                      ORDER BY e.service_from, e.charge <> 'flat', e.charge COLLATE "C") AS ordinal,
               e.charge, e.service_from, e.service_to, e.due_at, e.currency, e.net AS expected_net, e.tax AS expected_tax,
               e.gross AS expected_gross, actual_net, actual_tax, actual_gross, e.is_due, e.notes, digits, external_invoice_id,
               coalesce(abs(actual_net), 0) AS billed, CASE WHEN e.net = 0 THEN 'nothing_due' ELSE 'match' END AS verdict,
               external_invoice_id || '/' || e.ordinal AS actual_key, began.text AS service_from_text,
               ended.text AS service_to_text, due.text AS due_at_text
          FROM plain
          JOIN compared AS e USING (external_subscription_id)
          JOIN moment AS began ON began.at = e.service_from
          JOIN moment AS ended ON ended.at = e.service_to
          JOIN moment AS due ON due.at = e.due_at
    ),
    stored AS (
        INSERT INTO reconciliation_instance (revision_id, row_id, ordinal, charge, service_from, service_to, due_at, currency,
                                             expected_net, expected_tax, expected_gross, actual_net, actual_tax, actual_gross,
                                             difference, status, verdict, is_due, billed, notes, evidence, explanation, remedy)
        SELECT %(revision_id)s, row_id, ordinal, charge, service_from, service_to, due_at, currency, expected_net, expected_tax,
               expected_gross, actual_net, actual_tax, actual_gross, expected_net - coalesce(actual_net, 0), verdict, verdict,
               is_due, billed, notes, CASE WHEN actual_key IS NULL THEN '[]' ELSE '[' || {reference_text()} || ']' END::jsonb,
               'null', 'none'
          FROM one
    ),
    told AS (
        SELECT %(prefix)s || external_subscription_id AS row_id, external_subscription_id, external_user_id, plain.currency,
               plain.digits, plain.notes, instances, evidence, expected_net, expected_tax, expected_gross, actual_net,
               actual_tax, actual_gross, coalesce(external_invoice_ids, '{{}}') AS external_invoice_ids,
               coalesce(is_due, false) AS is_due, CASE WHEN is_match THEN 'match' ELSE 'nothing_due' END AS verdict
          FROM plain
          LEFT JOIN (SELECT external_subscription_id, sum(expected_net) AS expected_net,
                            CASE WHEN count(expected_tax) = count(*) THEN sum(expected_tax) END AS expected_tax,
                            CASE WHEN count(expected_tax) = count(*) THEN sum(expected_gross) END AS expected_gross,
                            sum(actual_net) AS actual_net, sum(actual_tax) AS actual_tax, sum(actual_gross) AS actual_gross,
                            bool_or(verdict = 'match') AS is_match, bool_or(is_due) AS is_due,
                            array_agg(DISTINCT external_invoice_id COLLATE "C")
                                FILTER (WHERE external_invoice_id IS NOT NULL) AS external_invoice_ids,
                            string_agg({instance_text()}, ',' ORDER BY ordinal) AS instances,
                            string_agg({reference_text()}, ',' ORDER BY ordinal)
                                FILTER (WHERE actual_key IS NOT NULL) AS evidence
                       FROM one GROUP BY external_subscription_id) AS found USING (external_subscription_id)
    ),
    added AS (
        INSERT INTO reconciliation_row (revision_id, row_id, external_subscription_id, external_user_id, currency, line_key,
                                        external_invoice_ids, expected_net, expected_tax, expected_gross, actual_net,
                                        actual_tax, actual_gross, difference, abs_difference, status, verdict, is_due, notes,
                                        row_hash)
        SELECT %(revision_id)s, row_id, external_subscription_id, external_user_id, currency, NULL, external_invoice_ids,
               expected_net, expected_tax, expected_gross, actual_net, actual_tax, actual_gross,
               coalesce(expected_net - coalesce(actual_net, 0), 0), 0, verdict, verdict, is_due, notes,
               sha256(convert_to({row_text()}, 'UTF8'))
          FROM told
        RETURNING currency, verdict, is_due, actual_net
    )
    SELECT currency, count(*) AS rows, count(*) FILTER (WHERE verdict = 'match') AS matches,
           count(*) FILTER (WHERE is_due) AS due, coalesce(sum(actual_net), 0) AS net,
           coalesce(min(weight.billed), 0) AS billed
      FROM added LEFT JOIN (SELECT currency, sum(billed) AS billed FROM one GROUP BY currency) AS weight USING (currency)
     GROUP BY currency ORDER BY currency
"""  # noqa: S608 - our own


def moments(conn: Connection) -> tuple[datetime, ...]:
    """Every time that the instances of the month have."""
    return tuple(row[0] for row in conn.execute(MOMENTS))


def store(
    conn: Connection, revision_id: int, service: str, period: str, moments: Mapping[datetime, str]
) -> tuple[PlainSum, ...]:
    """Store the rows of the plain subscriptions in a revision; their sums by currency.

    `moments` is how each time reads in the published form. One statement, so that another thread can use the connection before
    and after it.
    """
    given = {
        "service_json": as_json(service),
        "period_json": as_json(period),
        "revision_id": revision_id,
        "prefix": f"{service}/{period}/subscription/",
        "moments": list(moments),
        "texts": list(moments.values()),
    }
    with conn.cursor(row_factory=class_row(PlainSum)) as cursor:
        return tuple(cursor.execute(STORE, given))
