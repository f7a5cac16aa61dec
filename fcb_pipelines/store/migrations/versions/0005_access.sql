-- API keys, and the two logs: who came in (access_log) and what people did (audit_log).

-- The key itself is nowhere: only its SHA-256, and what people recognize it by.
CREATE TABLE api_key (
    key_id       text PRIMARY KEY,
    service      text NOT NULL,
    name         text NOT NULL,
    digest       bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    last_four    text NOT NULL CHECK (length(last_four) = 4),
    scopes       text[] NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz, -- the first moment at which it is refused
    revoked_at   timestamptz,
    last_used_at timestamptz, -- to the minute
    rotated_from text REFERENCES api_key
);
CREATE INDEX api_key_of_name ON api_key (service, name);

-- Each row's hash binds it to all rows before it (domain/audit.py); positions have no gap.
CREATE TABLE access_log (
    position bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    key_id   text, -- no reference: the log outlives keys, and costs nothing else
    service  text,
    address  text NOT NULL,
    method   text NOT NULL,
    route    text NOT NULL, -- the template, not the path
    scope    text,
    outcome  text NOT NULL, -- allowed, or why not
    status   smallint NOT NULL,
    hash     bytea NOT NULL
);

CREATE TABLE audit_log (
    position bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    act      text NOT NULL,
    service  text,
    subject  text NOT NULL,
    data     jsonb NOT NULL,
    hash     bytea NOT NULL
);

-- Where each log ends, so that rows cut off at the end are missed; whoever appends holds its row until the commit.
CREATE TABLE log_head (
    log   text PRIMARY KEY,
    count bigint NOT NULL,
    hash  bytea NOT NULL
) WITH (fillfactor = 50);
INSERT INTO log_head (log, count, hash)
VALUES ('access_log', 0, sha256('fcb/access_log')), ('audit_log', 0, sha256('fcb/audit_log'));

-- Append-only in two ways: no right to change rows, for a role that is no superuser; and a refusal for everybody who does not
-- switch it off. The owner can give itself the right again: docs/operations.md tells how to give the logs another owner.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' refused';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON log_head EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_forward BEFORE UPDATE ON log_head FOR EACH ROW
    WHEN (NEW.log <> OLD.log OR NEW.count <= OLD.count) EXECUTE FUNCTION refuse_change();

-- In a session that replays a replica they hold too.
ALTER TABLE access_log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_head ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER only_forward;

REVOKE UPDATE, DELETE, TRUNCATE ON access_log, audit_log FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON log_head FROM PUBLIC, CURRENT_USER;
