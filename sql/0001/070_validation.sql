-- Rows that an ingestion kept out of a published table until somebody has looked at them, with the rules they break.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.quarantine (
    -- deferred: on a first ingestion the rows are looked at before the service is recorded
    schema_name text NOT NULL REFERENCES archive.service ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    granule_uid text,
    rules       text[] NOT NULL,
    -- the row as it would have been published, without its NULLs
    content     jsonb NOT NULL,
    -- how many granules are like this one: a dataset is set aside as a whole, with one or two of its rows
    granules    bigint NOT NULL DEFAULT 1,
    since       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quarantine_by_granule ON archive.quarantine (schema_name, granule_uid);

GRANT SELECT, INSERT, DELETE ON archive.quarantine TO epntap_service;
