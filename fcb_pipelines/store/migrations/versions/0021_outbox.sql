-- Where messages of a service go.
CREATE TABLE webhook_endpoint (
    endpoint_id      text PRIMARY KEY, -- ep_…
    service          text NOT NULL,
    url              text NOT NULL CHECK (btrim(url) <> ''),
    description      text NOT NULL,
    types            text[] NOT NULL, -- empty: every type
    created_at       timestamptz NOT NULL,
    created_by       text NOT NULL CHECK (btrim(created_by) <> ''),
    failing_since    timestamptz, -- the first failure since the last success
    disabled_at      timestamptz,
    disabled_because text,
    removed_at       timestamptz,
    CHECK ((disabled_at IS NULL) = (disabled_because IS NULL))
);
CREATE INDEX webhook_endpoint_of_service ON webhook_endpoint (service) WHERE removed_at IS NULL;

-- What messages to an endpoint are signed with: sealed, and each until a moment once there is another.
CREATE TABLE webhook_secret (
    secret_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id text NOT NULL REFERENCES webhook_endpoint,
    sealed      bytea NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz
);
CREATE INDEX webhook_secret_of_endpoint ON webhook_secret (endpoint_id);

-- The last number given to a message about a subject; whoever draws one holds it until the fact is committed.
CREATE TABLE message_sequence (
    service text NOT NULL,
    subject text NOT NULL, -- a subscription; empty: about none
    last    bigint NOT NULL CHECK (last > 0),
    PRIMARY KEY (service, subject)
);

-- A fact that others must hear, written in the transaction of the fact; never changed.
CREATE TABLE message (
    message_id  text PRIMARY KEY, -- msg_…
    service     text NOT NULL,
    type        text NOT NULL,
    subject     text NOT NULL,
    sequence    bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    body        text NOT NULL, -- the bytes that are signed and sent, in UTF-8
    UNIQUE (service, subject, sequence)
);
CREATE INDEX message_of_service ON message (service, recorded_at);

-- A message on its way to an endpoint. Waiting ones of a disabled endpoint are held.
CREATE SEQUENCE delivery_lease;
CREATE TABLE delivery (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  text NOT NULL REFERENCES message,
    endpoint_id text NOT NULL REFERENCES webhook_endpoint,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts    integer NOT NULL DEFAULT 0,
    begun_after integer NOT NULL DEFAULT 0, -- attempts before it was replayed: the schedule counts from there
    next_try_at timestamptz NOT NULL,
    lease       bigint, -- whose turn it is: only the holder of the last one may say how it went
    lease_until timestamptz,
    ended_at    timestamptz,
    UNIQUE (message_id, endpoint_id),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX delivery_due ON delivery (endpoint_id, next_try_at, delivery_id) WHERE state = 'waiting';
CREATE INDEX delivery_ended ON delivery (endpoint_id, state, ended_at);

-- Each POST and what became of it, that of a sender too whose lease was over.
CREATE TABLE delivery_attempt (
    delivery_id  bigint NOT NULL REFERENCES delivery,
    lease        bigint NOT NULL,
    started_at   timestamptz NOT NULL,
    milliseconds integer NOT NULL,
    status       integer, -- of the answer; none came where it is absent
    failure      text, -- why none came
    retry_after  text,
    answer       bytea NOT NULL CHECK (length(answer) <= 20000),
    address      text,
    is_late      boolean NOT NULL, -- its lease was over: it changed nothing
    PRIMARY KEY (delivery_id, lease)
);

-- An invoice that is open for too long, and a payment that was taken back, are facts too.
ALTER TABLE payment_fact DROP CONSTRAINT payment_fact_fact_check;
ALTER TABLE payment_fact ADD CONSTRAINT payment_fact_fact_check CHECK (
    fact IN ('invoice_paid', 'invoice_reversed', 'payment_failed', 'payment_taken_back', 'invoice_overdue')
);
ALTER TABLE payment_fact ADD COLUMN order_id bigint; -- in Odoo, of a failure without an invoice: move_id is 0

-- Subscriptions of ours that ended in Odoo, each order once.
CREATE TABLE order_end (
    service                  text NOT NULL,
    external_subscription_id text NOT NULL,
    order_id                 bigint NOT NULL, -- in Odoo
    how                      text NOT NULL CHECK (how IN ('cancelled', 'closed', 'gone')),
    seen_at                  timestamptz NOT NULL,
    PRIMARY KEY (service, external_subscription_id, order_id)
);

-- What an operator is told outside of every page: by e-mail or at an address of theirs.
CREATE TABLE notice (
    notice_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service     text NOT NULL,
    kind        text NOT NULL,
    subject     text NOT NULL,
    words       text NOT NULL CHECK (btrim(words) <> ''),
    raised_at   timestamptz NOT NULL,
    told_at     timestamptz,
    taken_by    text[] NOT NULL DEFAULT '{}', -- the ways that took it: none of them is given it twice
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    lease       bigint,
    lease_until timestamptz,
    problem     text -- why it could not be told the last time
);
CREATE INDEX notice_due ON notice (next_try_at) WHERE told_at IS NULL;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON message EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivery_attempt EXECUTE FUNCTION refuse_change();
ALTER TABLE message ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE delivery_attempt ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_end EXECUTE FUNCTION refuse_change();
ALTER TABLE order_end ENABLE ALWAYS TRIGGER append_only;
REVOKE UPDATE, DELETE, TRUNCATE ON delivery_attempt, order_end FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON message FROM PUBLIC, CURRENT_USER;
