-- This host has billed nothing yet.
SELECT NULL AS external_invoice_id, NULL AS external_user_id, NULL AS external_subscription_id,
       NULL::timestamptz AS issued_at, NULL AS status, NULL AS currency, NULL::numeric AS subtotal, NULL::numeric AS tax,
       NULL::numeric AS total, NULL AS provider_id, NULL AS created_by, NULL::jsonb AS lines
 WHERE false
