-- Tables of events: what is said of each; the events are in tables of their own, in the schema events.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.event_table (
    name        text PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    title       text NOT NULL,
    description text NOT NULL DEFAULT '',
    contact     text NOT NULL DEFAULT '',
    history     text NOT NULL DEFAULT '',
    created     text NOT NULL DEFAULT '',
    modified    text NOT NULL DEFAULT '',
    reference   text NOT NULL DEFAULT '',
    licence     text NOT NULL DEFAULT '',
    authors     text NOT NULL DEFAULT '',
    columns     jsonb NOT NULL,
    rows        bigint NOT NULL,
    first_start timestamp,
    last_stop   timestamp,
    imported    timestamptz NOT NULL DEFAULT now()
);
