-- The hash of a row's published form (domain/revisions): the content hash of a revision is that of its rows' hashes, and what
-- changed between two revisions is found by it. Absent in revisions of before.
ALTER TABLE reconciliation_row ADD COLUMN row_hash bytea;
