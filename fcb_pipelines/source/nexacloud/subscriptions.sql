-- One subscription per deployment. Contract prices and coupons are agreements on record (evidence.sql), not columns here,
-- so that a bill that follows one is explained by it.
SELECT
    id::text                           AS external_subscription_id,
    NULLIF(btrim(deployment_id), '')   AS external_deployment_id,
    user_id::text                      AS external_user_id,
    plan_id::text                      AS external_plan_id,
    billing_cycle                      AS billing_interval,
    status                             AS status,
    started_at                         AS started_at,
    cancelled_at                       AS ended_at,
    NULL::numeric                      AS contract_price,
    NULL::numeric                      AS discount_percent
FROM subscriptions
ORDER BY subscriptions.id
