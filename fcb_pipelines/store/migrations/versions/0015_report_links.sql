-- One-time links to a period's report. Neither the token of a link nor that of the visit that it opens is kept, only their hashes.
CREATE TABLE report_link (
    link_id       text PRIMARY KEY, -- l_3f9a61c20b7e
    service       text NOT NULL,
    period        text NOT NULL,
    digest        bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32), -- SHA-256 of the token
    made_at       timestamptz NOT NULL,
    made_by       text NOT NULL,
    expires_at    timestamptz NOT NULL CHECK (expires_at > made_at),
    opened_at     timestamptz,
    visit_digest  bytea UNIQUE CHECK (octet_length(visit_digest) = 32), -- SHA-256 of the cookie
    visit_ends_at timestamptz,
    CHECK ((opened_at IS NULL) = (visit_digest IS NULL) AND (opened_at IS NULL) = (visit_ends_at IS NULL))
);
