-- What the last drafting of each period and kind of draft did: its counts, issues, totals and differences as shown to people.
CREATE TABLE odoo_drafted (
    service      text NOT NULL,
    part         text NOT NULL,
    period       text NOT NULL,
    snapshot_id  bigint NOT NULL REFERENCES source_snapshot,
    drafted_at   timestamptz NOT NULL,
    outcome      jsonb NOT NULL,
    PRIMARY KEY (service, part, period)
);
