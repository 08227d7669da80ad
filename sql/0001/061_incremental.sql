-- What an ingestion remembers, so that the next one looks only at what has moved.
SET LOCAL ROLE epntap_owner;

ALTER TABLE archive.file
    -- of the whole content; empty when the source does without checksums
    ADD COLUMN sha256 text NOT NULL DEFAULT '';

ALTER TABLE archive.dataset
    -- of everything that the rows of the dataset are made from: the same fingerprint makes the same rows
    ADD COLUMN fingerprint text NOT NULL DEFAULT '',
    ADD COLUMN granule_count bigint NOT NULL DEFAULT 0;

-- Every file that was ever opened and is still there, with what was found: readable ones, refused ones, and those that
-- no dataset claims. Emptying this table does no harm; the next ingestion opens all files again.
CREATE TABLE archive.scanned_file (
    -- not a reference: files are written down while the first ingestion of a service is still looking for them
    schema_name    text NOT NULL,
    root           text NOT NULL,
    path           text NOT NULL,
    size_bytes     bigint NOT NULL,
    mtime_ns       bigint NOT NULL,
    sha256         text NOT NULL DEFAULT '',
    -- why the file cannot be used; NULL when it can
    refusal        text,
    logical_source text NOT NULL DEFAULT '',
    tt2000_min     bigint,
    tt2000_max     bigint,
    records        bigint NOT NULL DEFAULT 0,
    fill_epochs    bigint NOT NULL DEFAULT 0,
    -- what the file says about its dataset, kept for files that were asked
    description    text,
    PRIMARY KEY (schema_name, root, path)
);

-- Datasets that were taken back. Their rows and files are gone; this is what remains known.
CREATE TABLE archive.withdrawn_dataset (
    schema_name  text NOT NULL REFERENCES archive.service ON DELETE CASCADE,
    dataset_id   text NOT NULL,
    title        text NOT NULL,
    resource_id  text,
    granules     bigint NOT NULL,
    withdrawn_at timestamp NOT NULL,
    PRIMARY KEY (schema_name, dataset_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON archive.scanned_file, archive.withdrawn_dataset TO epntap_service;
