-- A closed month's usage as its bill has it: under which terms, in which currency, for which customer. Late usage is rated by
-- it, whatever prices and owners become.
CREATE TABLE billed_usage (
    service                  text NOT NULL,
    period                   text NOT NULL,
    external_subscription_id text NOT NULL,
    charge                   text NOT NULL,
    external_user_id         text NOT NULL,
    line_key                 text NOT NULL,
    service_from             timestamptz NOT NULL,
    service_to               timestamptz NOT NULL,
    due_at                   timestamptz NOT NULL,
    currency                 text NOT NULL,
    quantity                 numeric NOT NULL,
    included_quantity        numeric NOT NULL,
    unit_price               numeric NOT NULL,
    unit_batch               numeric NOT NULL,
    exact_numerator          numeric NOT NULL,
    exact_denominator        numeric NOT NULL CHECK (exact_denominator > 0),
    is_due                   boolean NOT NULL,
    notes                    text[] NOT NULL,
    PRIMARY KEY (service, period, external_subscription_id, charge)
);
