-- Usage that grows: identities for ever in one table, events in one partition for each month, running totals beside them.

-- One stream of events: what they say of which subscription, by which feed, and how they become one quantity of a month.
CREATE TABLE usage_series (
    series_id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service                  text NOT NULL,
    feed                     text NOT NULL,
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    aggregation              text NOT NULL CHECK (aggregation IN ('sum', 'max', 'last', 'unique_count')),
    UNIQUE (service, feed, external_subscription_id, metric)
);

-- That an event was stored, for ever, whatever becomes of the event itself. Nobody deletes a series, and to check that each
-- one is there would be a fifth of the time that storing takes.
CREATE TABLE usage_identity (
    series_id       integer NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    content_hash    bytea NOT NULL,
    period          text NOT NULL, -- where the event is
    booked_in       text NOT NULL,
    voided_by       text, -- the key of the event that takes it back
    PRIMARY KEY (series_id, idempotency_key)
);

CREATE TABLE usage_closing (
    service   text NOT NULL,
    period    text NOT NULL,
    closed_at timestamptz NOT NULL,
    closed_by text NOT NULL,
    PRIMARY KEY (service, period)
);

ALTER TABLE usage_event RENAME TO usage_event_before;
ALTER TABLE usage_event_before RENAME CONSTRAINT usage_event_identity TO usage_event_before_identity;
DROP INDEX usage_event_in_time;

CREATE TABLE usage_event (
    period          text NOT NULL, -- its own month
    series_id       integer NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    quantity        numeric NOT NULL, -- of one that voids another: what it takes back, negative
    value           text, -- what is counted where distinct values are
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    booked_in       text NOT NULL, -- the month whose bill it is on: its own, or the first open one where that was closed
    voids           text, -- the key of the event of the series that it takes back
    snapshot_id     bigint, -- the one that first brought it; absent where it was pushed
    stored_at       timestamptz NOT NULL
) PARTITION BY LIST (period);
CREATE INDEX usage_event_of_series ON usage_event (series_id, started_at);
CREATE INDEX usage_event_voids ON usage_event (series_id, voids) WHERE voids IS NOT NULL;

-- A month's usage as the bill of `booked_in` has it: all events booked up to then.
CREATE TABLE usage_running (
    series_id   integer NOT NULL REFERENCES usage_series,
    period      text NOT NULL,
    booked_in   text NOT NULL,
    aggregation text NOT NULL, -- as of its series
    quantity    numeric NOT NULL,
    events      bigint NOT NULL, -- standing ones
    last_at     timestamptz, -- of the event whose quantity is the last, with its key
    last_key    text COLLATE "C",
    PRIMARY KEY (series_id, period, booked_in)
) WITH (fillfactor = 70);
CREATE INDEX usage_running_of_bill ON usage_running (booked_in, period);

-- The distinct values of a month that are counted, for unique_count.
CREATE TABLE usage_value (
    series_id integer NOT NULL REFERENCES usage_series,
    period    text NOT NULL,
    value     text COLLATE "C" NOT NULL,
    PRIMARY KEY (series_id, period, value)
);

-- One partition of usage_event for a month, made when it is first needed. Attached rather than created in place, which
-- would wait for everybody who reads or writes usage.
CREATE FUNCTION usage_partition(period text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'usage_event_' || replace(period, '-', '_');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(name, 0));
    EXECUTE 'CREATE TABLE ' || quote_ident(name) || ' (LIKE usage_event INCLUDING ALL)';
    EXECUTE 'ALTER TABLE usage_event ATTACH PARTITION ' || quote_ident(name)
         || ' FOR VALUES IN (' || quote_literal(period) || ')';
EXCEPTION WHEN duplicate_table THEN
    -- Somebody else made it, attached and committed it while this one waited for the lock.
    RETURN;
END $$;
