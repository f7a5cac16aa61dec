-- What a closing was made of, the usage that came too late for its own bill, and what each part of it changes.

ALTER TABLE usage_closing
    ADD COLUMN snapshot_id bigint NOT NULL, -- that its bill was made from
    ADD COLUMN usage_hash  text NOT NULL; -- of the usage that its bill is made of

-- A month's usage that an earlier bill had otherwise, on the first bill that was open when it was told.
CREATE TABLE late_usage (
    service                  text NOT NULL,
    period                   text NOT NULL, -- the bill
    of_period                text NOT NULL, -- the month in which it was used
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    old_quantity             numeric NOT NULL, -- as the bills before have it
    new_quantity             numeric NOT NULL,
    old_events               bigint NOT NULL,
    new_events               bigint NOT NULL,
    PRIMARY KEY (service, period, of_period, external_subscription_id, metric),
    CHECK (of_period < period)
);

-- The old rating and the new one side by side; what lies between them is the rated line of the same key.
CREATE TABLE adjustment (
    service                  text NOT NULL,
    period                   text NOT NULL,
    line_key                 text NOT NULL,
    external_subscription_id text NOT NULL,
    metric                   text NOT NULL,
    of_period                text NOT NULL,
    currency                 text NOT NULL,
    old_quantity             numeric NOT NULL,
    new_quantity             numeric NOT NULL,
    included_quantity        numeric NOT NULL,
    unit_price               numeric NOT NULL,
    unit_batch               numeric NOT NULL,
    old_net                  numeric, -- absent where no record says which terms held
    new_net                  numeric,
    PRIMARY KEY (service, period, line_key)
);

ALTER TABLE rated_line ADD COLUMN adjusts text; -- the month whose usage it adjusts
