-- Answers that are given again to the same request, and subscriptions that a host said have ended.

-- A row is written in the transaction of what the request did, so it is there exactly when that is.
CREATE TABLE idempotency_request (
    service         text NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint     bytea NOT NULL CHECK (octet_length(fingerprint) = 32), -- SHA-256 of route and body
    status          smallint NOT NULL,
    media_type      text NOT NULL,
    content         bytea NOT NULL,
    answered_at     timestamptz NOT NULL,
    PRIMARY KEY (service, idempotency_key)
);
CREATE INDEX idempotency_request_by_age ON idempotency_request (answered_at);

CREATE TABLE subscription_termination (
    service                  text NOT NULL,
    external_subscription_id text NOT NULL,
    ended_at                 timestamptz NOT NULL,
    reason                   text,
    key_id                   text NOT NULL, -- whose word it is
    recorded_at              timestamptz NOT NULL,
    PRIMARY KEY (service, external_subscription_id)
);
