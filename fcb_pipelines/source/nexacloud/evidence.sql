-- Records that may say why an amount differs from its list price. Days are Toronto's; a `valid_to` is the first day on which
-- a record no longer holds. Amounts inside `data` are text, so that they stay exact in JSON.
SELECT kind, subject_kind, subject_id, valid_from, valid_to, data, reference
FROM (
    SELECT
        'list_interval'      AS kind,
        'plan'               AS subject_kind,
        id::text             AS subject_id,
        NULL::date           AS valid_from,
        NULL::date           AS valid_to,
        jsonb_build_object('interval', list_interval) AS data,
        'plans/' || id       AS reference
    FROM plans
    WHERE NULLIF(btrim(list_interval), '') IS NOT NULL
    UNION ALL
    SELECT
        'contract_price', 'subscription', subscription_id::text, valid_from, valid_to,
        jsonb_build_object('price', price::text, 'interval', billing_cycle, 'document', document),
        'contract_prices/' || id
    FROM contract_prices
    UNION ALL
    SELECT
        'discount', 'subscription', redemption.subscription_id::text, redemption.valid_from, redemption.valid_to,
        jsonb_build_object('coupon', coupon.code, 'percent', coupon.percent_off::text, 'max_uses', coupon.max_uses),
        'coupon_redemptions/' || coupon.code || '/' || redemption.subscription_id
    FROM coupon_redemptions AS redemption
    JOIN coupons AS coupon USING (code)
    UNION ALL
    SELECT
        'trial', 'subscription', subscription_id::text, starts_on, ends_on,
        '{}'::jsonb,
        'trials/' || subscription_id
    FROM trials
    UNION ALL
    SELECT
        'credit_note', 'invoice', invoice_id::text, NULL, NULL,
        jsonb_build_object('original_invoice', original_invoice_id, 'subscription', subscription_id, 'reason', reason),
        'credit_notes/' || invoice_id
    FROM credit_notes
    UNION ALL
    SELECT
        'void_confirmation', 'invoice', invoice_id::text, (confirmed_at AT TIME ZONE 'America/Toronto')::date, NULL,
        jsonb_build_object('reference', reference),
        'void_confirmations/' || invoice_id
    FROM void_confirmations
    UNION ALL
    SELECT
        'account_credit', 'user', user_id::text, (booked_at AT TIME ZONE 'America/Toronto')::date, NULL,
        jsonb_build_object('amount', amount::text, 'currency', 'CAD', 'invoice', invoice_id, 'note', note),
        'account_credits/' || id
    FROM account_credits
    UNION ALL
    SELECT
        -- Which subscriptions a line paid for, as the billing desk noted it; line 0 is an invoice without items.
        'line_reference', 'invoice', invoice_id::text, NULL, NULL,
        jsonb_build_object('line', position, 'subscriptions', jsonb_agg(subscription_id::text ORDER BY subscription_id)),
        'invoice_subscriptions/' || invoice_id || '/' || position
    FROM invoice_subscriptions
    GROUP BY invoice_id, position
) AS record
ORDER BY kind, subject_id, reference
