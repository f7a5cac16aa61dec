-- What Odoo stored otherwise than it was sent, as of the last time each part was read back.
-- `period` is empty for parts that have none (partners, plans, subscriptions).
CREATE TABLE odoo_read_back (
    service  text NOT NULL,
    part     text NOT NULL,
    period   text NOT NULL,
    records  integer NOT NULL, -- how many were compared
    read_at  timestamptz NOT NULL,
    PRIMARY KEY (service, part, period)
);

CREATE TABLE odoo_difference (
    service     text NOT NULL,
    part        text NOT NULL,
    period      text NOT NULL,
    external_id text NOT NULL,
    field       text NOT NULL,
    sent        text,
    stored      text,
    why         text NOT NULL,
    PRIMARY KEY (service, part, period, external_id, field),
    FOREIGN KEY (service, part, period) REFERENCES odoo_read_back ON DELETE CASCADE
);
