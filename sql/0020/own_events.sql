-- Tables of events with an owner: two people may have tables of one name.
SET LOCAL ROLE epntap_owner;

ALTER TABLE archive.event_table
    DROP CONSTRAINT event_table_pkey,
    DROP CONSTRAINT event_table_number_key,
    ADD PRIMARY KEY (number),
    ADD COLUMN owner text NOT NULL DEFAULT '',
    ADD COLUMN groups text[] NOT NULL DEFAULT '{}',
    ADD UNIQUE (owner, name);
