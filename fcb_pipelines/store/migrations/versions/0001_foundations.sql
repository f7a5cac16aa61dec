-- The first tables: what was read from the source, what was made in Odoo, and each period's way from usage to reconciliation.
-- Money and quantities are `numeric` without a scale, so that nothing is cut; times are `timestamptz`.

-- The source -----------------------------------------------------------------------------------------------------------

CREATE TABLE source_snapshot (
    snapshot_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service         text NOT NULL,
    taken_at        timestamptz NOT NULL,
    is_demo         boolean NOT NULL,
    content_hash    bytea NOT NULL,
    refused_because text -- why a suite found that nothing may be built on it
);
CREATE INDEX source_snapshot_latest ON source_snapshot (service, snapshot_id DESC);

-- A row as the mapping returned it, stored once however many snapshots hold it.
CREATE TABLE source_record (
    record_hash bytea PRIMARY KEY,
    data        jsonb NOT NULL
);

CREATE TABLE snapshot_record (
    snapshot_id bigint NOT NULL REFERENCES source_snapshot,
    entity      text NOT NULL,
    ordinal     integer NOT NULL,
    external_id text NOT NULL,
    record_hash bytea NOT NULL REFERENCES source_record,
    PRIMARY KEY (snapshot_id, entity, ordinal)
);

-- The usage of one period as one snapshot saw it; the events themselves are usage_event.
CREATE TABLE snapshot_usage (
    snapshot_id  bigint NOT NULL REFERENCES source_snapshot,
    period       text NOT NULL,
    events       bigint NOT NULL, -- distinct good ones; rows read = events + duplicates + rejected
    duplicates   bigint NOT NULL, -- the same event again in the same reading
    new_events   bigint NOT NULL,
    conflicts    bigint NOT NULL,
    rejected     bigint NOT NULL,
    absent       bigint NOT NULL, -- stored before, and no longer in the source
    standing     bigint NOT NULL, -- stored first, and not read again because only other content of them came
    quantities   jsonb NOT NULL, -- metric -> sum over events, as text
    offered_quantities  jsonb NOT NULL, -- the same over what was read and contradicts what is stored
    standing_quantities jsonb NOT NULL, -- the same over what stands in its place
    absent_quantities   jsonb NOT NULL, -- the same over absent
    content_hash bytea NOT NULL,
    PRIMARY KEY (snapshot_id, period)
);

-- A row of the source that could not be used, kept whole.
CREATE TABLE source_issue (
    issue_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    snapshot_id bigint NOT NULL REFERENCES source_snapshot,
    entity      text NOT NULL,
    external_id text NOT NULL,
    reason      text NOT NULL,
    period      text, -- of usage: whose reading brought it
    data        jsonb NOT NULL
);
CREATE INDEX source_issue_of_snapshot ON source_issue (snapshot_id, entity);

-- Usage ----------------------------------------------------------------------------------------------------------------

CREATE TABLE usage_event (
    service                  text NOT NULL,
    feed                     text NOT NULL,
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    idempotency_key          text NOT NULL,
    quantity                 numeric NOT NULL,
    started_at               timestamptz NOT NULL,
    ended_at                 timestamptz,
    content_hash             bytea NOT NULL,
    snapshot_id              bigint NOT NULL REFERENCES source_snapshot, -- the one that first brought it
    CONSTRAINT usage_event_identity
        PRIMARY KEY (service, feed, external_subscription_id, metric, idempotency_key)
);
CREATE INDEX usage_event_in_time ON usage_event (service, started_at);

-- The same identity came again with other content; what was stored first stands.
CREATE TABLE usage_conflict (
    snapshot_id              bigint NOT NULL REFERENCES source_snapshot,
    service                  text NOT NULL,
    feed                     text NOT NULL,
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    idempotency_key          text NOT NULL,
    quantity                 numeric NOT NULL,
    started_at               timestamptz NOT NULL,
    ended_at                 timestamptz,
    content_hash             bytea NOT NULL
);
CREATE INDEX usage_conflict_of_snapshot ON usage_conflict (snapshot_id);

-- The first fifty events of a period that are stored and that its reading no longer had; snapshot_usage counts them all.
CREATE TABLE usage_absent (
    snapshot_id              bigint NOT NULL,
    period                   text NOT NULL,
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    idempotency_key          text NOT NULL,
    quantity                 numeric NOT NULL,
    FOREIGN KEY (snapshot_id, period) REFERENCES snapshot_usage
);
CREATE INDEX usage_absent_of_snapshot ON usage_absent (snapshot_id, period);

-- Odoo -----------------------------------------------------------------------------------------------------------------

CREATE TABLE account_link (
    service          text NOT NULL,
    external_user_id text NOT NULL,
    state            text NOT NULL CHECK (state IN ('linked', 'ambiguous', 'unlinked')),
    odoo_id          bigint,
    candidates       bigint[] NOT NULL,
    reason           text NOT NULL,
    linked_at        timestamptz NOT NULL,
    PRIMARY KEY (service, external_user_id),
    CHECK ((state = 'linked') = (odoo_id IS NOT NULL))
);

-- Records of ours in Odoo as last read back; found again there by external id.
CREATE TABLE odoo_record (
    external_id text PRIMARY KEY,
    service     text NOT NULL,
    entity      text NOT NULL,
    source_id   text NOT NULL,
    model       text NOT NULL,
    odoo_id     bigint NOT NULL,
    seen_at     timestamptz NOT NULL
);
CREATE INDEX odoo_record_of_entity ON odoo_record (service, entity, source_id);

CREATE TABLE import_run (
    import_run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service       text NOT NULL,
    entity        text NOT NULL,
    snapshot_id   bigint NOT NULL REFERENCES source_snapshot,
    ran_at        timestamptz NOT NULL,
    created       integer NOT NULL,
    changed       integer NOT NULL,
    unchanged     integer NOT NULL,
    skipped       integer NOT NULL,
    failed        integer NOT NULL
);
CREATE INDEX import_run_latest ON import_run (service, entity, import_run_id DESC);

CREATE TABLE import_issue (
    import_run_id bigint NOT NULL REFERENCES import_run,
    external_id   text NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('skipped', 'failed')),
    reason        text NOT NULL
);
CREATE INDEX import_issue_of_run ON import_issue (import_run_id);

-- Each period ----------------------------------------------------------------------------------------------------------

-- What each stage of a period was last built from; a stage refuses inputs of different snapshots or settings.
CREATE TABLE period_stage (
    service       text NOT NULL,
    period        text NOT NULL,
    stage         text NOT NULL,
    snapshot_id   bigint NOT NULL REFERENCES source_snapshot,
    settings_hash text NOT NULL,
    content_hash  text NOT NULL,
    built_at      timestamptz NOT NULL,
    PRIMARY KEY (service, period, stage)
);

CREATE TABLE usage_total (
    service                  text NOT NULL,
    period                   text NOT NULL,
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    quantity                 numeric NOT NULL,
    events                   bigint NOT NULL,
    PRIMARY KEY (service, period, external_subscription_id, metric)
);

-- An exact amount is a fraction: a price per core-hour of cpu-seconds need not end in decimals.
CREATE TABLE rated_line (
    service                  text NOT NULL,
    period                   text NOT NULL,
    line_key                 text NOT NULL,
    external_subscription_id text NOT NULL,
    charge                   text NOT NULL,
    service_from             timestamptz NOT NULL,
    service_to               timestamptz NOT NULL,
    due_at                   timestamptz NOT NULL,
    currency                 text NOT NULL,
    quantity                 numeric NOT NULL,
    included_quantity        numeric NOT NULL,
    unit_price               numeric NOT NULL,
    unit_batch               numeric NOT NULL,
    exact_numerator          numeric, -- absent where no record says which terms held
    exact_denominator        numeric CHECK (exact_denominator > 0),
    is_due                   boolean NOT NULL,
    notes                    text[] NOT NULL,
    PRIMARY KEY (service, period, line_key),
    CHECK (service_from < service_to)
);

-- A charge instance as we would bill it; amounts are absent where a record is missing, and the notes say which.
CREATE TABLE expected_line (
    service                  text NOT NULL,
    period                   text NOT NULL,
    line_key                 text NOT NULL,
    external_subscription_id text NOT NULL,
    external_user_id         text NOT NULL,
    charge                   text NOT NULL,
    service_from             timestamptz NOT NULL,
    service_to               timestamptz NOT NULL,
    due_at                   timestamptz NOT NULL,
    currency                 text NOT NULL,
    net                      numeric,
    tax                      numeric,
    gross                    numeric,
    tax_components           jsonb NOT NULL, -- [{component, percent, amount}]
    place_of_supply          text,
    is_due                   boolean NOT NULL,
    notes                    text[] NOT NULL,
    PRIMARY KEY (service, period, line_key)
);

CREATE TABLE actual_line (
    service                  text NOT NULL,
    period                   text NOT NULL,
    external_invoice_id      text NOT NULL,
    ordinal                  integer NOT NULL,
    external_user_id         text NOT NULL,
    external_subscription_id text,
    kind                     text NOT NULL,
    charge                   text,
    description              text NOT NULL,
    currency                 text NOT NULL,
    net                      numeric NOT NULL,
    tax                      numeric NOT NULL,
    gross                    numeric NOT NULL,
    issued_at                timestamptz NOT NULL,
    invoice_status           text NOT NULL,
    service_from             timestamptz,
    service_to               timestamptz,
    counts                   boolean NOT NULL,
    notes                    text[] NOT NULL,
    PRIMARY KEY (service, period, external_invoice_id, ordinal),
    CHECK (external_subscription_id <> '')
);

CREATE TABLE period_revision (
    revision_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service               text NOT NULL,
    period                text NOT NULL,
    revision              integer NOT NULL,
    snapshot_id           bigint NOT NULL REFERENCES source_snapshot,
    settings_hash         text NOT NULL,
    rule_version          text NOT NULL,
    content_hash          text NOT NULL,
    made_at               timestamptz NOT NULL,
    coverage              jsonb NOT NULL,
    changes               jsonb NOT NULL,
    UNIQUE (service, period, revision)
);

CREATE TABLE reconciliation_row (
    revision_id              bigint NOT NULL REFERENCES period_revision,
    row_id                   text NOT NULL,
    external_subscription_id text,
    external_user_id         text NOT NULL,
    currency                 text NOT NULL,
    line_key                 text,
    external_invoice_ids     text[] NOT NULL,
    expected_net             numeric,
    expected_tax             numeric,
    expected_gross           numeric,
    actual_net               numeric,
    actual_tax               numeric,
    actual_gross             numeric,
    difference               numeric NOT NULL,
    abs_difference           numeric NOT NULL,
    status                   text NOT NULL CHECK (status IN ('match', 'delta', 'only_expected', 'only_actual', 'nothing_due')),
    verdict                  text NOT NULL
        CHECK (verdict IN ('match', 'explained', 'carried', 'accepted', 'unexplained', 'nothing_due')),
    is_due                   boolean NOT NULL,
    notes                    text[] NOT NULL,
    PRIMARY KEY (revision_id, row_id)
);

CREATE TABLE reconciliation_instance (
    revision_id    bigint NOT NULL,
    row_id         text NOT NULL,
    ordinal        integer NOT NULL,
    charge         text NOT NULL,
    service_from   timestamptz,
    service_to     timestamptz,
    due_at         timestamptz,
    currency       text NOT NULL,
    expected_net   numeric,
    expected_tax   numeric,
    expected_gross numeric,
    actual_net     numeric,
    actual_tax     numeric,
    actual_gross   numeric,
    difference     numeric NOT NULL,
    status         text NOT NULL CHECK (status IN ('match', 'delta', 'only_expected', 'only_actual', 'nothing_due')),
    verdict        text NOT NULL
        CHECK (verdict IN ('match', 'explained', 'carried', 'accepted', 'unexplained', 'nothing_due')),
    is_due         boolean NOT NULL,
    billed         numeric NOT NULL, -- sum of |net| of its actual lines
    notes          text[] NOT NULL,
    evidence       jsonb NOT NULL, -- [{kind, reference}]
    PRIMARY KEY (revision_id, row_id, ordinal),
    FOREIGN KEY (revision_id, row_id) REFERENCES reconciliation_row
);
