-- Who bills an item that is carried, after the flip; rows are only added, and the last of an item counts.
CREATE TABLE successor (
    successor_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service          text NOT NULL,
    external_user_id text NOT NULL,
    item             text NOT NULL,
    heir             text NOT NULL CHECK (heir IN ('odoo', 'source', 'ended')),
    owner            text CHECK ((heir = 'source') = (owner IS NOT NULL)),
    ended_on         date CHECK ((heir = 'ended') = (ended_on IS NOT NULL)),
    text             text NOT NULL CHECK (btrim(text) <> ''),
    author           text NOT NULL,
    made_at          timestamptz NOT NULL
);
CREATE INDEX successor_of_item ON successor (service, external_user_id, item, successor_id DESC);


CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON successor EXECUTE FUNCTION refuse_change();
ALTER TABLE successor ENABLE ALWAYS TRIGGER append_only;
REVOKE UPDATE, DELETE, TRUNCATE ON successor FROM PUBLIC, CURRENT_USER;
