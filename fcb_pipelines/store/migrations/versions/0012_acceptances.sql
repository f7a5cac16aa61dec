-- What people decided about differences. Nothing here is ever changed or deleted: an approval and a withdrawal are rows of their own,
-- and each act is in the audit log as well.

CREATE SEQUENCE acceptance_decision_number;
CREATE SEQUENCE acceptance_number;

-- What one person signed at once, about one row or several.
CREATE TABLE acceptance_decision (
    decision_id    text PRIMARY KEY, -- D-1
    service        text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('row', 'standing')),
    reason         text NOT NULL,
    text           text NOT NULL CHECK (btrim(text) <> ''),
    bearer         text NOT NULL,
    expires_on     date NOT NULL, -- in the billing timezone; the first day on which it no longer holds
    author         text NOT NULL CHECK (btrim(author) <> ''),
    made_at        timestamptz NOT NULL,
    needs_approval boolean NOT NULL -- by the limits as they were then
);
CREATE INDEX acceptance_decision_of_service ON acceptance_decision (service);

CREATE TABLE acceptance (
    acceptance_id            text PRIMARY KEY, -- A-1
    decision_id              text NOT NULL REFERENCES acceptance_decision,
    period                   text NOT NULL, -- the first that it holds in
    row_id                   text NOT NULL, -- that was looked at
    external_subscription_id text,
    external_user_id         text NOT NULL,
    charge                   text, -- of a standing one
    places                   integer[] NOT NULL CHECK (cardinality(places) > 0), -- of the instances in the row, from 1
    currency                 text NOT NULL,
    amount                   numeric NOT NULL CHECK (amount >= 0),
    exposure                 numeric NOT NULL CHECK (exposure >= amount),
    residual                 numeric, -- of a standing one: expected - actual, net
    binding                  text NOT NULL
);
CREATE INDEX acceptance_of_decision ON acceptance (decision_id);

CREATE TABLE acceptance_approval (
    decision_id text PRIMARY KEY REFERENCES acceptance_decision,
    person      text NOT NULL CHECK (btrim(person) <> ''),
    at          timestamptz NOT NULL
);

CREATE TABLE acceptance_withdrawal (
    acceptance_id text PRIMARY KEY REFERENCES acceptance,
    person        text NOT NULL CHECK (btrim(person) <> ''),
    at            timestamptz NOT NULL,
    text          text NOT NULL CHECK (btrim(text) <> '')
);

-- The periods that a standing acceptance decided something in, each once.
CREATE TABLE acceptance_application (
    acceptance_id text NOT NULL REFERENCES acceptance,
    period        text NOT NULL,
    row_id        text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (acceptance_id, period)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON acceptance_decision EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON acceptance EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON acceptance_approval EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON acceptance_withdrawal EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON acceptance_application EXECUTE FUNCTION refuse_change();

-- In a session that replays a replica they hold too.
ALTER TABLE acceptance_decision ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE acceptance ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE acceptance_approval ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE acceptance_withdrawal ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE acceptance_application ENABLE ALWAYS TRIGGER append_only;

-- Whoever adds a row that refers to another needs the right to update that one, to hold it: there the trigger alone refuses.
REVOKE UPDATE, DELETE, TRUNCATE ON acceptance_approval, acceptance_withdrawal, acceptance_application FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON acceptance_decision, acceptance FROM PUBLIC, CURRENT_USER;
