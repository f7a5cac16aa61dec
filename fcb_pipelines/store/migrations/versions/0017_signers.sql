-- People who sign on the pages of the report. Of a secret only its hash is kept.
CREATE TABLE signer (
    signer_id  text PRIMARY KEY, -- s_3f9a61c20b7e
    service    text NOT NULL,
    name       text NOT NULL CHECK (btrim(name) <> ''),
    person     text NOT NULL CHECK (person <> ''), -- the name in the form in which names are compared
    digest     bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32), -- SHA-256 of the secret
    last_four  text NOT NULL,
    added_at   timestamptz NOT NULL,
    added_by   text NOT NULL,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX signer_live ON signer (service, person) WHERE revoked_at IS NULL;

-- Wrong secrets of the last minutes, by who sent them: the id of a link or of an API key.
CREATE TABLE wrong_secret (
    reader text NOT NULL,
    at     timestamptz NOT NULL
);
CREATE INDEX wrong_secret_of_reader ON wrong_secret (reader, at);

-- Who made the secret that a decision was signed with; nobody where a login name was signed.
ALTER TABLE acceptance_decision ADD COLUMN secret_made_by text CHECK (btrim(secret_made_by) <> '');
