-- What an amount of usage was priced from, where quota, unit price and batch do not say it all: the charge, what of its quota
-- counted, discounts. And how the amount was rounded, so that late usage is rounded as its bill was.
ALTER TABLE rated_line
    ADD COLUMN metered  jsonb,
    ADD COLUMN rounding text NOT NULL DEFAULT 'half_up' CHECK (rounding IN ('half_up', 'half_even'));
ALTER TABLE billed_usage
    ADD COLUMN metered  jsonb,
    ADD COLUMN rounding text NOT NULL DEFAULT 'half_up' CHECK (rounding IN ('half_up', 'half_even'));
