"""Plain subscriptions: those of which nothing is to be judged in a month, compared without leaving the database.

Owns: which subscriptions are plain, and the temporary tables that say so and live as long as the transaction: `of_source` (all
subscriptions of the snapshot), `compared` (instances, each with the
line that bills it and nothing else, where there is one), `doubtful`, `plain`. Does not own: their rows
(plain_storing), the rules for everything else (domain/reconciliation), which give the same rows for these.

A subscription is plain where each of its instances is billed by exactly one line of exactly its amount, or nothing is due and
nothing was billed, and where no record and no other line could be about any of it. When in doubt it is not: then it is judged.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import INTERNAL
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.store import invoices, rating
from fcb_pipelines.store.database import Connection, in_bulk

PAIRED_KINDS = (LineKind.PLAN, LineKind.OVERAGE)
"""Lines that bill an instance by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What is looked at, and what is known of it beforehand."""

    service: str
    period: str
    snapshot_id: int
    period_start: datetime
    period_end: datetime
    closes_at: datetime
    tax_rounding: str
    kinds: Collection[str]
    """Kinds of records about a subscription or its customer that have to be judged."""
    currencies: Mapping[str, str]
    """Plan → its currency."""
    digits: Mapping[str, int]
    """Currency → how many decimals it has."""
    now: datetime | None = None
    """The time of the work, whose claims of Odoo count; without one all that ever stood."""

    @property
    def parameters(self) -> dict[str, Any]:
        """As statements name them."""
        return {
            "service": self.service,
            "period": self.period,
            "snapshot_id": self.snapshot_id,
            "period_start": self.period_start,
            "period_end": self.period_end,
            "closes_at": self.closes_at,
            "tax_rounding": self.tax_rounding,
            "kinds": list(self.kinds),
            "plans": list(self.currencies),
            "plan_currencies": list(self.currencies.values()),
            "currencies": list(self.digits),
            "digits": list(self.digits.values()),
            "paired_kinds": list(PAIRED_KINDS),
            "internal": INTERNAL,
            "now": self.now,
        }


OF_SOURCE = """
    CREATE TEMPORARY TABLE of_source ON COMMIT DROP AS
    SELECT read.*, started_at < %(period_end)s AND coalesce(ended_at > %(period_start)s, true) AS is_alive
      FROM (SELECT data->>'external_subscription_id' AS external_subscription_id, data->>'external_user_id' AS external_user_id,
                   data->>'external_plan_id' AS external_plan_id, data->>'billing_interval' AS billing_interval,
                   data->>'instalments' AS instalments, (data->>'started_at')::timestamptz AS started_at, record_hash,
                   CASE WHEN data->>'ended_at' NOT LIKE '9999-%%' THEN (data->>'ended_at')::timestamptz END AS ended_at
              FROM snapshot_record JOIN source_record USING (record_hash)
             WHERE snapshot_id = %(snapshot_id)s AND entity = 'subscriptions') AS read
"""
COMPARED = """
    CREATE TEMPORARY TABLE compared ON COMMIT DROP AS
    SELECT e.line_key, e.external_subscription_id, e.external_user_id, e.charge, e.service_from, e.service_to, e.due_at,
           e.currency, e.net, e.tax, e.gross, e.is_due, e.notes, a.external_invoice_id, a.ordinal, a.net AS actual_net,
           a.tax AS actual_tax, a.gross AS actual_gross
      FROM expected_line AS e
      LEFT JOIN actual_line AS a
        ON (a.service, a.period, a.external_subscription_id, a.charge, a.service_from, a.service_to)
         = (e.service, e.period, e.external_subscription_id, e.charge, e.service_from, e.service_to)
       AND (a.external_user_id, a.currency, a.net) = (e.external_user_id, e.currency, e.net)
       AND a.counts AND a.kind = ANY(%(paired_kinds)s) AND a.notes = '{}' AND a.issued_at < %(closes_at)s
       AND (e.tax = a.tax OR (%(tax_rounding)s = ANY(a.tax_fits) AND e.net <> 0))
       AND NOT %(internal)s = ANY(e.notes)
     WHERE e.service = %(service)s AND e.period = %(period)s
"""
DOUBTFUL = """
    CREATE TEMPORARY TABLE doubtful ON COMMIT DROP AS
    WITH billed AS (SELECT * FROM actual_line WHERE service = %(service)s AND period = %(period)s AND counts),
         record AS (SELECT data FROM snapshot_record JOIN source_record USING (record_hash)
                     WHERE snapshot_id = %(snapshot_id)s AND entity = 'evidence'),
         looked_at AS (SELECT data->>'subject_id' AS subject_id, lower(btrim(data->>'subject_kind')) AS subject_kind
                         FROM record WHERE lower(btrim(data->>'kind')) = ANY(%(kinds)s)),
         currency_of (external_plan_id, currency) AS (SELECT * FROM unnest(%(plans)s::text[], %(plan_currencies)s::text[])),
         open_customer AS (SELECT DISTINCT external_user_id FROM billed WHERE external_subscription_id IS NULL)
    -- What we expect and was not billed so, or is not of this customer, currency or life.
    SELECT e.external_subscription_id
      FROM compared AS e LEFT JOIN of_source AS s USING (external_subscription_id)
      LEFT JOIN currency_of USING (external_plan_id)
     WHERE e.external_invoice_id IS NULL
           AND (e.net IS NULL OR e.net <> 0 OR e.external_user_id IN (TABLE open_customer))
        OR s.is_alive IS NOT TRUE OR s.external_user_id <> e.external_user_id
        OR currency_of.currency IS DISTINCT FROM e.currency
    -- What was billed and we do not expect so.
    UNION SELECT a.external_subscription_id FROM billed AS a LEFT JOIN compared USING (external_invoice_id, ordinal)
           WHERE line_key IS NULL AND a.external_subscription_id IS NOT NULL
    -- What could be told apart in two ways.
    UNION SELECT external_subscription_id FROM compared
           GROUP BY external_subscription_id, charge, service_from HAVING count(*) > 1
    -- What a record is about.
    UNION SELECT jsonb_array_elements_text(CASE jsonb_typeof(data->'data'->'subscriptions')
                                           WHEN 'array' THEN data->'data'->'subscriptions' ELSE '[]' END) FROM record
    UNION SELECT data->'data'->>'subscription' FROM record WHERE data->'data' ? 'subscription'
    UNION SELECT e.external_subscription_id FROM record JOIN compared AS e ON e.external_invoice_id = data->>'subject_id'
    -- What a cause says of bills that agree, by a record about whose they are.
    UNION SELECT subject_id FROM looked_at WHERE subject_kind = 'subscription'
    UNION SELECT external_subscription_id FROM looked_at JOIN of_source ON external_user_id = subject_id
           WHERE subject_kind = 'user'
    -- What Odoo bills, as it stood at the time of the work.
    UNION SELECT k.external_subscription_id FROM claim AS c JOIN claim_charge AS k USING (claim_charge_id)
           WHERE k.service = %(service)s AND c.biller = 'odoo'
             AND c.claimed_at <= coalesce(%(now)s::timestamptz, 'infinity')
             AND coalesce(c.released_at, 'infinity') > coalesce(%(now)s::timestamptz, c.claimed_at)
"""
PLAIN = """
    CREATE TEMPORARY TABLE plain ON COMMIT DROP AS
    SELECT s.external_subscription_id, s.external_user_id, s.external_plan_id, currency, digits, months, record_hash,
           '{}'::text[] AS notes
      FROM of_source AS s
      JOIN unnest(%(plans)s::text[], %(plan_currencies)s::text[]) AS p (external_plan_id, currency) USING (external_plan_id)
      JOIN unnest(%(currencies)s::text[], %(digits)s::int[]) AS c (currency, digits) USING (currency)
      JOIN unnest(%(intervals)s::text[], %(instalments)s::text[], %(months)s::int[])
           AS i (billing_interval, instalments, months)
        ON s.billing_interval IS NOT DISTINCT FROM i.billing_interval AND s.instalments IS NOT DISTINCT FROM i.instalments
     WHERE is_alive AND NOT EXISTS (SELECT FROM doubtful AS d WHERE d.external_subscription_id = s.external_subscription_id)
"""
SHAPES = "SELECT DISTINCT billing_interval, instalments FROM of_source"
Shape = tuple[str | None, str | None]
"""Billing interval and instalments of a subscription, as the source has them."""


def find(conn: Connection, looked: Looked, months_of: Callable[[Shape], int | None]) -> None:
    """Find the plain subscriptions of a month.

    `months_of` says how long the ranges of a shape are; None where no subscription can have it.
    """
    with in_bulk(conn):
        _find(conn, looked.parameters, months_of)


def _find(conn: Connection, given: dict[str, Any], months_of: Callable[[Shape], int | None]) -> None:
    for name, statement in (("of_source", OF_SOURCE), ("compared", COMPARED), ("doubtful", DOUBTFUL)):
        conn.execute(statement, given)
        conn.execute(f"ANALYZE {name}")
    shapes = [(*shape, months) for shape in conn.execute(SHAPES) if (months := months_of((shape[0], shape[1]))) is not None]
    columns = [list(column) for column in zip(*shapes, strict=True)] or [[], [], []]
    conn.execute(PLAIN, given | dict(zip(("intervals", "instalments", "months"), columns, strict=True)))
    conn.execute("ANALYZE plain")


JUDGED = """
    SELECT external_subscription_id, external_user_id FROM of_source AS s
     WHERE (is_alive OR EXISTS (SELECT FROM doubtful AS d WHERE d.external_subscription_id = s.external_subscription_id))
       AND NOT EXISTS (SELECT FROM plain WHERE plain.external_subscription_id = s.external_subscription_id)
     ORDER BY external_subscription_id COLLATE "C"
"""
_NOT_PLAIN: LiteralString = """
    WHERE service = %s AND period = %s
      AND NOT EXISTS (SELECT FROM plain WHERE plain.external_subscription_id = line.external_subscription_id)
"""
EXPECTED = f"""
    SELECT {rating.EXPECTED_COLUMNS} FROM expected_line AS line {_NOT_PLAIN} ORDER BY line_key COLLATE "C"
"""  # noqa: S608 - the column list is ours
ACTUAL = f"""
    SELECT {invoices.COLUMNS} FROM actual_line AS line {_NOT_PLAIN} AND counts ORDER BY external_invoice_id COLLATE "C", ordinal
"""  # noqa: S608 - the column lists are ours


def judged(conn: Connection) -> dict[str, str]:
    """The subscriptions of the source that are not plain, with their customers; not those that have nothing in the month."""
    with in_bulk(conn):
        return {row[0]: row[1] for row in conn.execute(JUDGED)}


def judged_expected(conn: Connection, looked: Looked) -> tuple[ExpectedLine, ...]:
    """What we expect of others than plain subscriptions, by line key."""
    with in_bulk(conn), conn.cursor(row_factory=dict_row) as cursor:
        return tuple(rating.expected_line(row) for row in cursor.execute(EXPECTED, [looked.service, looked.period]))


def judged_actual(conn: Connection, looked: Looked) -> tuple[ActualLine, ...]:
    """What was billed and counts, to others than plain subscriptions, by invoice and ordinal."""
    with in_bulk(conn), conn.cursor(row_factory=dict_row) as cursor:
        return tuple(invoices.actual_line(row) for row in cursor.execute(ACTUAL, [looked.service, looked.period]))


LONG = """
    SELECT external_subscription_id, data FROM plain JOIN source_record USING (record_hash)
     WHERE months > 1 OR external_subscription_id = ANY(%s)
"""
NOTE = """
    UPDATE plain SET notes = ARRAY[note]
      FROM unnest(%(ids)s::text[], %(notes)s::text[]) AS given (id, note) WHERE external_subscription_id = id
"""
BATCH = 10_000


def note(conn: Connection, note_of: Callable[[dict[str, Any]], str | None], once_longer: Collection[str]) -> None:
    """Note what `note_of` says of the record of plain subscriptions of more than a month at a time, now or once."""
    notes: dict[str, str] = {}
    with conn.cursor(name="long") as cursor:
        cursor.itersize = BATCH
        for subscription, data in cursor.execute(LONG, [list(once_longer)]):
            said = note_of(data)
            if said is not None:
                notes[subscription] = said
    if notes:
        conn.execute(NOTE, {"ids": list(notes), "notes": list(notes.values())})
