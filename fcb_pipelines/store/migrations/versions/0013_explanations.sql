ALTER TABLE actual_line
    ADD COLUMN quantity    numeric,
    ADD COLUMN product     text,
    ADD COLUMN provider_id text,
    ADD COLUMN tax_fits    text[] NOT NULL DEFAULT '{}'; -- conventions under which the invoice's tax follows from its nets

-- Why an instance is as it is: findings with remedies and records, waterfall, what is missing, suggestions. Absent before rule
-- version 2.
ALTER TABLE reconciliation_instance
    ADD COLUMN explanation jsonb,
    ADD COLUMN remedy      text NOT NULL DEFAULT 'none' CHECK (remedy IN ('none', 'fix_model', 'fix_source', 'carry'));
CREATE INDEX reconciliation_instance_to_remedy ON reconciliation_instance (revision_id) WHERE remedy <> 'none';
