-- Price lists of NexaCloud, in CAD. A price that is NULL is on request: it stays NULL and never becomes 0.00.
-- CPU time above the quota costs 0.0075 per core-hour on every plan; quotas are in seconds a month.
-- `list_interval` is not the interval of the price but evidence about it (evidence.sql). Plans carry no date.
SELECT
    id::text                    AS external_plan_id,
    name                        AS name,
    'CAD'::text                 AS currency,
    price_monthly::numeric      AS price_monthly,
    price_yearly::numeric       AS price_yearly,
    cpu_seconds_quota::numeric  AS included_quantity,
    0.0075::numeric             AS unit_price,
    3600::numeric               AS unit_batch,
    is_active                   AS is_active,
    NULL::timestamptz           AS valid_from
FROM plans
ORDER BY plans.id
