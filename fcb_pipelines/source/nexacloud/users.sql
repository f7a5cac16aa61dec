-- Customers of NexaCloud. Its own test accounts are marked, so that nobody is billed for them.
SELECT
    id::text                               AS external_user_id,
    full_name                              AS name,
    NULLIF(btrim(email), '')               AS email,
    NULLIF(btrim(company), '')             AS company,
    NULLIF(btrim(country), '')             AS country,
    NULLIF(btrim(state), '')               AS state,
    NULLIF(btrim(stripe_customer_id), '')  AS stripe_customer_id,
    is_active                              AS is_active,
    is_internal                            AS is_internal
FROM users
ORDER BY users.id
