-- Whose usage the bill of a closed month is made of, whichever feed is billed later. Closings of before are of pulled usage, as it is unless
-- settings say otherwise.

ALTER TABLE usage_closing
    ADD COLUMN billed_feed text NOT NULL DEFAULT 'pulled' CHECK (billed_feed IN ('pulled', 'pushed'));
ALTER TABLE usage_closing ALTER COLUMN billed_feed DROP DEFAULT;
