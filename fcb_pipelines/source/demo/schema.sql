-- The database of NexaCloud, the demo service: a small host's platform as it grew, not as one would design it today.
-- Its columns are known to nobody but the mapping (source/nexacloud).

CREATE TABLE users (
    id                 integer PRIMARY KEY,
    email              text NOT NULL,
    full_name          text NOT NULL,
    company            text,
    country            text,
    state              text,
    stripe_customer_id text,
    is_active          boolean NOT NULL,
    is_internal        boolean NOT NULL
);

CREATE TABLE plans (
    id                integer PRIMARY KEY,
    name              text NOT NULL,
    price_monthly     numeric(12, 2),      -- NULL: on request, which is not 0.00
    price_yearly      numeric(12, 2),
    cpu_seconds_quota bigint NOT NULL,     -- a month
    is_active         boolean NOT NULL,
    list_interval     text                 -- what the list price really is for, where somebody wrote it down
);

CREATE TABLE subscriptions (
    id            text PRIMARY KEY,
    user_id       integer NOT NULL REFERENCES users,
    plan_id       integer NOT NULL REFERENCES plans,
    deployment_id text NOT NULL UNIQUE,
    status        text NOT NULL,
    billing_cycle text NOT NULL,
    started_at    timestamptz NOT NULL,
    cancelled_at  timestamptz
);

CREATE TABLE usage_records (
    subscription_id text NOT NULL REFERENCES subscriptions,
    period_start    timestamp NOT NULL,    -- UTC
    period_end      timestamp NOT NULL,    -- UTC
    cpu_hours       numeric(12, 4) NOT NULL,
    PRIMARY KEY (subscription_id, period_start)
);

CREATE TABLE invoices (
    id                uuid PRIMARY KEY,
    number            text NOT NULL UNIQUE,
    user_id           integer NOT NULL REFERENCES users,
    subscription_id   text,                -- as the sync wrote it: mostly NULL, once empty
    subtotal          numeric(12, 2) NOT NULL,
    tax               numeric(12, 2) NOT NULL,
    total             numeric(12, 2) NOT NULL,
    status            text NOT NULL,
    currency          text NOT NULL,
    created_at        timestamptz NOT NULL, -- when the sync first saw it
    paid_at           timestamptz,          -- when the sync first saw it paid
    stripe_invoice_id text,                 -- in_… of Stripe, lago:… of Lago
    created_by        text
);

CREATE TABLE invoice_items (
    invoice_id   uuid NOT NULL REFERENCES invoices,
    position     integer NOT NULL,
    description  text NOT NULL,
    quantity     numeric(12, 4),
    amount       numeric(12, 2) NOT NULL,
    period_start date,                     -- first day, in Toronto
    period_end   date,                     -- last day, which is paid for too
    PRIMARY KEY (invoice_id, position)
);

-- Which subscriptions an invoice or one of its items paid for, as far as the billing desk noted it; position 0 is the header.
CREATE TABLE invoice_subscriptions (
    invoice_id      uuid NOT NULL REFERENCES invoices,
    position        integer NOT NULL,
    subscription_id text NOT NULL REFERENCES subscriptions,
    PRIMARY KEY (invoice_id, position, subscription_id)
);

CREATE TABLE contract_prices (
    id              integer PRIMARY KEY,
    subscription_id text NOT NULL REFERENCES subscriptions,
    price           numeric(12, 2) NOT NULL,
    billing_cycle   text NOT NULL,
    valid_from      date NOT NULL,
    valid_to        date,                  -- the first day on which it no longer holds
    document        text NOT NULL
);

CREATE TABLE coupons (
    code        text PRIMARY KEY,
    percent_off numeric(5, 2) NOT NULL,
    max_uses    integer
);

CREATE TABLE coupon_redemptions (
    code            text NOT NULL REFERENCES coupons,
    subscription_id text NOT NULL REFERENCES subscriptions,
    valid_from      date NOT NULL,
    valid_to        date,
    PRIMARY KEY (code, subscription_id)
);

CREATE TABLE trials (
    subscription_id text PRIMARY KEY REFERENCES subscriptions,
    starts_on       date NOT NULL,
    ends_on         date NOT NULL          -- the first day that is no longer free
);

CREATE TABLE credit_notes (
    invoice_id          uuid PRIMARY KEY REFERENCES invoices, -- the credit itself, an invoice below zero
    original_invoice_id uuid NOT NULL REFERENCES invoices,
    subscription_id     text REFERENCES subscriptions,
    reason              text NOT NULL
);

CREATE TABLE void_confirmations (
    invoice_id   uuid PRIMARY KEY REFERENCES invoices,
    confirmed_at timestamptz NOT NULL,
    reference    text NOT NULL
);

CREATE TABLE account_credits (
    id         integer PRIMARY KEY,
    user_id    integer NOT NULL REFERENCES users,
    invoice_id uuid REFERENCES invoices,   -- paid from the balance, after tax
    amount     numeric(12, 2) NOT NULL,
    booked_at  timestamptz NOT NULL,
    note       text NOT NULL
);

CREATE TABLE subscription_history (
    subscription_id text NOT NULL REFERENCES subscriptions,
    field           text NOT NULL,
    value           text,
    valid_from      timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, field, valid_from)
);

CREATE TABLE billing_states (
    subscription_id        text PRIMARY KEY REFERENCES subscriptions,
    biller                 text NOT NULL,
    auto_renew             boolean NOT NULL,
    paid_through           date,           -- the first day that is not paid for, in Toronto
    cancel_at              timestamptz,
    stripe_subscription_id text
);

-- The true causes of everything that was planted. For the tests alone: neither the mapping nor its role reads it.
CREATE TABLE planted_truth (
    subject_kind text NOT NULL,            -- subscription, or invoice_line: invoice id/position, 0 for a header without items
    subject_id   text NOT NULL,
    month        text NOT NULL,            -- the month that the service range starts in
    charge       text NOT NULL,            -- flat or cpu_seconds, or the kind of a billed line that pays for neither
    causes       text[] NOT NULL,          -- in the order of the waterfall; carried: outside the model; unexplained: no record
    note         text NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, month, charge)
);
