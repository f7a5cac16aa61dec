"""Instances of plain subscriptions that stand for others like them, to be asked what siblings say (domain/explaining).

Owns: which instances are alike: same plan, charge, amount, price fields of the subscription, and between the same bounds of
what is on record of plans. One that has records of its own, or that is paid for in part, stands for itself. Does not own: what
they say.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.store import rating
from fcb_pipelines.store.database import Connection, in_bulk
from fcb_pipelines.store.plain_rows import Looked


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedBounds:
    """Terms that people adopted."""

    subjects: Collection[str]
    """Subscriptions and customers that have one of their own."""
    bounds: Sequence[datetime]
    """Where one begins or ends to hold."""


_RECORDS = """
    record AS MATERIALIZED (
        SELECT entity, data, lower(btrim(data->>'subject_kind')) AS subject_kind, lower(btrim(data->>'kind')) AS kind
          FROM snapshot_record JOIN source_record USING (record_hash)
         WHERE snapshot_id = %(snapshot_id)s AND entity IN ('evidence', 'history')
    ),
    -- That somebody can be charged says nothing of a price.
    own AS (SELECT data->>'subject_id' AS subject_id FROM record
             WHERE subject_kind IN ('subscription', 'user') AND kind IS DISTINCT FROM 'payment_method'
             UNION SELECT unnest(%(subjects)s::text[])),
    moved AS (SELECT data->>'subject_id' AS subject_id FROM record
               WHERE entity = 'history' AND subject_kind = 'subscription' AND lower(btrim(data->>'field')) = 'plan'),
    bound AS (SELECT DISTINCT at FROM record
               CROSS JOIN LATERAL unnest(ARRAY[data->>'valid_from', data->>'valid_to']) AS given (text)
               CROSS JOIN LATERAL (SELECT text::timestamptz AS at) AS read
               WHERE subject_kind NOT IN ('subscription', 'user', 'invoice') AND text IS NOT NULL
              UNION SELECT unnest(%(bounds)s::timestamptz[]))
"""
KIN = f"""
    WITH {_RECORDS},
    told AS (
        SELECT e.line_key, p.external_plan_id, e.charge, e.net, s.billing_interval, s.instalments, r.quantity,
               source.data->>'contract_price' AS contract_price, source.data->>'discount_percent' AS discount_percent,
               s.started_at >= e.service_from OR coalesce(s.ended_at < e.service_to, false) AS is_cut,
               p.external_subscription_id IN (TABLE own) OR p.external_user_id IN (TABLE own) AS has_own,
               p.external_subscription_id IN (TABLE moved) AS was_moved,
               (SELECT count(*) FROM bound WHERE at <= e.service_from) AS bounds_from,
               (SELECT count(*) FROM bound WHERE at <= e.due_at) AS bounds_due
          FROM plain AS p
          JOIN of_source AS s USING (external_subscription_id)
          JOIN source_record AS source ON source.record_hash = p.record_hash
          JOIN compared AS e ON e.external_subscription_id = p.external_subscription_id AND e.net <> 0
          LEFT JOIN rated_line AS r ON r.service = %(service)s AND r.period = %(period)s AND r.line_key = e.line_key
    ),
    alike AS (
        SELECT min(line_key COLLATE "C") AS line_key, count(*) AS count
          FROM told
         WHERE external_plan_id = ANY(%(shared_plans)s) OR was_moved
            OR ((is_cut OR has_own) AND external_plan_id = ANY(%(cut_plans)s))
         GROUP BY external_plan_id, charge, net, billing_interval, instalments, quantity, contract_price, discount_percent,
                  bounds_from, bounds_due, CASE WHEN is_cut OR has_own THEN line_key END
    )
    SELECT {rating.EXPECTED_COLUMNS}, count
      FROM alike JOIN expected_line AS line USING (line_key)
     WHERE service = %(service)s AND period = %(period)s
     ORDER BY line_key COLLATE "C"
"""  # noqa: S608 - our own


def kin(
    conn: Connection, looked: Looked, terms: AdoptedBounds, *, shared: Collection[str], cut: Collection[str]
) -> tuple[tuple[ExpectedLine, int], ...]:
    """Instances that stand for all whose plan is among the shared ones, with how many each stands for.

    Of other plans those that were on another one before and, of the `cut` ones, those that may be paid for in part.
    """
    given: dict[str, Any] = {"subjects": list(terms.subjects), "bounds": list(terms.bounds)}
    given |= {"shared_plans": list(shared), "cut_plans": list(cut)}
    with in_bulk(conn), conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(KIN, looked.parameters | given)
        return tuple((rating.expected_line(row), count) for row in found for count in [row.pop("count")])
