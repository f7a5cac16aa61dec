-- What NexaCloud billed. `created_at` is when the sync first saw an invoice, the only date there is.
-- An empty subscription id is none. `period_end` is the last day paid for, so the range ends the day after.
-- Amounts inside `lines` are text, so that they stay exact in JSON.
SELECT
    invoices.id::text                                AS external_invoice_id,
    invoices.user_id::text                           AS external_user_id,
    NULLIF(btrim(invoices.subscription_id::text), '') AS external_subscription_id,
    invoices.created_at                              AS issued_at,
    invoices.status                                  AS status,
    invoices.currency                                AS currency,
    invoices.subtotal::numeric                       AS subtotal,
    invoices.tax::numeric                            AS tax,
    invoices.total::numeric                          AS total,
    NULLIF(btrim(invoices.stripe_invoice_id), '')    AS provider_id,
    NULLIF(btrim(invoices.created_by), '')           AS created_by,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'kind', NULL,
            'description', item.description,
            'quantity', item.quantity::text,
            'amount', item.amount::text,
            'service_from', item.period_start::text,
            'service_to', (item.period_end + 1)::text
        ) ORDER BY item.position), '[]'::jsonb)
        FROM invoice_items AS item
        WHERE item.invoice_id = invoices.id
    )                                                AS lines
FROM invoices
ORDER BY invoices.id
