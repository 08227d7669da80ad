-- Sources that describe each row: what was found in their files, and what the rows were made from.
SET LOCAL ROLE epntap_owner;

ALTER TABLE archive.scanned_file
    -- of the way in which the file was looked into: another edition may find something else in the same file
    ADD COLUMN edition text NOT NULL DEFAULT '';

-- What the rows of a service were made from. The same fingerprint makes the same rows, so that nothing need be read.
CREATE TABLE archive.row_state (
    schema_name text PRIMARY KEY REFERENCES archive.service ON DELETE CASCADE,
    fingerprint text NOT NULL,
    rows        bigint NOT NULL,
    -- what the report said of things that are left out, to be said again
    said        json NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON archive.row_state TO epntap_service;
