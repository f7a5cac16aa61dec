-- Changes that the host logged: which plan and status a subscription had from when on.
SELECT
    'subscription'::text    AS subject_kind,
    subscription_id::text   AS subject_id,
    field                   AS field,
    value                   AS value,
    valid_from              AS valid_from
FROM subscription_history
ORDER BY subscription_id, field, valid_from
