-- What only a person can know, said for a time. Rows are only added; a withdrawal is a row of its own.
CREATE SEQUENCE attestation_number;
CREATE TABLE attestation (
    attestation_id text PRIMARY KEY, -- T-1
    service        text NOT NULL,
    statement      text NOT NULL,
    subject        text NOT NULL, -- a subscription, a customer, subscription/charge, customer/currency, a row; empty for the service
    value          text CHECK (btrim(value) <> ''),
    text           text NOT NULL CHECK (btrim(text) <> ''),
    author         text NOT NULL CHECK (btrim(author) <> ''),
    made_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > made_at)
);
CREATE INDEX attestation_of_subject ON attestation (service, statement, subject);
CREATE TABLE attestation_withdrawal (
    attestation_id text PRIMARY KEY REFERENCES attestation,
    person         text NOT NULL CHECK (btrim(person) <> ''),
    at             timestamptz NOT NULL,
    text           text NOT NULL CHECK (btrim(text) <> '')
);

-- A number for service, subscription and charge, so that a range of numbers can stand for it in the constraint of the claims.
CREATE TABLE claim_charge (
    claim_charge_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service                  text NOT NULL,
    external_subscription_id text NOT NULL CHECK (external_subscription_id <> ''),
    charge                   text NOT NULL CHECK (charge <> ''),
    UNIQUE (service, external_subscription_id, charge)
);

-- Who bills a charge over a time. While it is not released, no other claim on the charge overlaps it, whoever would bill.
CREATE TABLE claim (
    claim_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claim_charge_id bigint NOT NULL REFERENCES claim_charge,
    service_range   tstzrange NOT NULL CHECK (NOT isempty(service_range) AND lower_inc(service_range) AND NOT upper_inc(service_range)
                                              AND NOT lower_inf(service_range) AND NOT upper_inf(service_range)),
    biller          text NOT NULL CHECK (biller IN ('source', 'odoo')),
    reference       text NOT NULL CHECK (btrim(reference) <> ''), -- the line of the source's invoice, or the flip
    claimed_at      timestamptz NOT NULL,
    released_at     timestamptz, -- by an unflip
    released_by     text CHECK (btrim(released_by) <> ''),
    CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CONSTRAINT one_biller EXCLUDE USING gist (
        int8range(claim_charge_id, claim_charge_id, '[]') WITH &&, service_range WITH &&
    ) WHERE (released_at IS NULL)
);

-- Who bills what stands outside the model: each line of the source once.
CREATE TABLE carried_claim (
    service    text NOT NULL,
    line_key   text NOT NULL,
    biller     text NOT NULL CHECK (biller IN ('source', 'odoo')),
    reference  text NOT NULL CHECK (btrim(reference) <> ''),
    claimed_at timestamptz NOT NULL,
    PRIMARY KEY (service, line_key)
);

-- A cohort that is to go live, as it was planned; the plan never changes.
CREATE TABLE flip (
    flip_id    text PRIMARY KEY, -- F-3f9a61c20b7e, of the hash of its plan
    service    text NOT NULL,
    plan       jsonb NOT NULL,
    plan_hash  text NOT NULL,
    planned_at timestamptz NOT NULL,
    planned_by text NOT NULL CHECK (btrim(planned_by) <> ''),
    ended_at   timestamptz -- once it is complete, or undone
);
CREATE TABLE flip_subscription (
    flip_id                  text NOT NULL REFERENCES flip,
    external_subscription_id text NOT NULL,
    PRIMARY KEY (flip_id, external_subscription_id)
);
CREATE INDEX flip_of_subscription ON flip_subscription (external_subscription_id);

-- Who armed what, and who approved it; `act` is what was armed: flip, charge or unflip.
CREATE TABLE flip_arming (
    arming_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flip_id        text NOT NULL REFERENCES flip,
    act            text NOT NULL CHECK (act IN ('flip', 'charge', 'unflip')),
    person         text NOT NULL CHECK (btrim(person) <> ''),
    secret_made_by text CHECK (btrim(secret_made_by) <> ''),
    count          integer NOT NULL,
    amounts        jsonb NOT NULL, -- as they were typed, by currency
    armed_at       timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > armed_at),
    needs_approval boolean NOT NULL
);
CREATE TABLE flip_approval (
    arming_id bigint PRIMARY KEY REFERENCES flip_arming,
    person    text NOT NULL CHECK (btrim(person) <> ''),
    at        timestamptz NOT NULL
);

-- What the gate said each time that somebody asked it; of a plan, or of the service as a whole.
CREATE TABLE gate_asked (
    asked_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service    text NOT NULL,
    flip_id    text REFERENCES flip,
    part       text NOT NULL CHECK (part IN ('flip', 'charge')),
    asked_by   text NOT NULL CHECK (btrim(asked_by) <> ''),
    asked_at   timestamptz NOT NULL,
    objections jsonb NOT NULL
);
CREATE INDEX gate_asked_of_flip ON gate_asked (service, flip_id, asked_id);

-- Every step of every subscription, before and after.
CREATE TABLE flip_journal (
    entry_id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flip_id                  text NOT NULL REFERENCES flip,
    external_subscription_id text NOT NULL,
    step                     text NOT NULL,
    phase                    text NOT NULL CHECK (phase IN ('before', 'after', 'waiting', 'refused')),
    at                       timestamptz NOT NULL,
    actor                    text NOT NULL CHECK (btrim(actor) <> ''),
    data                     jsonb NOT NULL
);
CREATE INDEX flip_journal_of_flip ON flip_journal (flip_id, external_subscription_id, entry_id);

-- The kill switch: the last row of a service counts. While it says stopped, no act that moves money does anything.
CREATE TABLE stop_switch (
    stop_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service    text NOT NULL,
    is_stopped boolean NOT NULL,
    person     text NOT NULL CHECK (btrim(person) <> ''),
    at         timestamptz NOT NULL,
    text       text NOT NULL CHECK (btrim(text) <> '')
);
CREATE INDEX stop_switch_of_service ON stop_switch (service, stop_id);

-- Usage of the time between flip and unflip that the source is to bill, and late usage from before a boundary.
CREATE TABLE hand_back (
    service                  text NOT NULL,
    external_subscription_id text NOT NULL,
    charge                   text NOT NULL,
    service_range            tstzrange NOT NULL,
    quantity                 numeric NOT NULL,
    because                  text NOT NULL,
    reference                text NOT NULL, -- the flip
    noted_at                 timestamptz NOT NULL,
    PRIMARY KEY (service, external_subscription_id, charge, service_range, reference)
);

-- What Odoo tells of payments, each fact once however often it is read.
CREATE TABLE payment_fact (
    payment_fact_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service         text NOT NULL,
    fact            text NOT NULL CHECK (fact IN ('invoice_paid', 'invoice_reversed', 'payment_failed')),
    move_id         bigint NOT NULL, -- in Odoo
    move_xid        text NOT NULL,
    transaction_id  bigint, -- of a failure
    happened        text NOT NULL, -- tells one time from another that the same happens, such as last_state_change
    external_user_id text NOT NULL,
    external_subscription_id text,
    currency        text NOT NULL,
    amount          numeric NOT NULL,
    data            jsonb NOT NULL,
    seen_at         timestamptz NOT NULL
);
CREATE UNIQUE INDEX payment_fact_once ON payment_fact (service, fact, move_id, coalesce(transaction_id, 0), happened);

-- What wakes a person: raised once, until it is cleared.
CREATE TABLE alarm (
    alarm_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service    text NOT NULL,
    kind       text NOT NULL,
    subject    text NOT NULL,
    words      text NOT NULL,
    evidence   jsonb NOT NULL,
    raised_at  timestamptz NOT NULL,
    cleared_at timestamptz,
    cleared_by text CHECK (btrim(cleared_by) <> ''),
    CHECK ((cleared_at IS NULL) = (cleared_by IS NULL))
);
CREATE UNIQUE INDEX alarm_once ON alarm (service, kind, subject) WHERE cleared_at IS NULL;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attestation EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attestation_withdrawal EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flip_arming EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flip_approval EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gate_asked EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flip_journal EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stop_switch EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hand_back EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_fact EXECUTE FUNCTION refuse_change();
ALTER TABLE attestation ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE attestation_withdrawal ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE flip_arming ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE flip_approval ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE gate_asked ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE flip_journal ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE stop_switch ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE hand_back ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE payment_fact ENABLE ALWAYS TRIGGER append_only;
REVOKE UPDATE, DELETE, TRUNCATE ON attestation_withdrawal, flip_approval, gate_asked, flip_journal, stop_switch, hand_back, payment_fact
  FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON attestation, flip_arming FROM PUBLIC, CURRENT_USER;
