-- Who bills a subscription now, and the first day that is not paid for (a day of Toronto).
SELECT
    subscription_id::text                        AS external_subscription_id,
    biller                                       AS biller,
    auto_renew                                   AS auto_renew,
    paid_through                                 AS paid_through,
    cancel_at                                    AS cancel_at,
    NULLIF(btrim(stripe_subscription_id), '')    AS provider_id
FROM billing_states
ORDER BY subscription_id
