-- Months whose events are no longer kept in detail. Series, identities, running totals and counted values stay.

CREATE TABLE usage_dropped (
    period     text PRIMARY KEY,
    events     bigint NOT NULL, -- how many went, late ones that came after the first time too
    dropped_at timestamptz NOT NULL, -- the last time
    dropped_by text NOT NULL
);
