SELECT reference AS external_user_id, name, NULL AS email, name AS company, 'NL' AS country, NULL AS state,
       NULL AS stripe_customer_id, NOT is_closed AS is_active, false AS is_internal
  FROM customers
