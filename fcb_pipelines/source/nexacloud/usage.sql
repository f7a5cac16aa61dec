-- CPU time by record, of records that start in [start, end). The meter keeps its times in UTC without saying so.
-- The service gives its records no id: a subscription and a time name one.
SELECT
    subscription_id::text        AS external_subscription_id,
    'cpu_seconds'::text          AS metric,
    cpu_hours::numeric * 3600    AS quantity,
    period_start                 AS started_at,
    period_end                   AS ended_at,
    NULL::text                   AS source_event_id
FROM usage_records
WHERE period_start >= (%(start)s::timestamptz AT TIME ZONE 'UTC')
  AND period_start < (%(end)s::timestamptz AT TIME ZONE 'UTC')
ORDER BY subscription_id, period_start
