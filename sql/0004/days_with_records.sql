-- Files know on which days they hold records: between their first and last epoch there may be years without any.
SET LOCAL ROLE epntap_owner;

ALTER TABLE archive.file ADD COLUMN days text NOT NULL DEFAULT '';
ALTER TABLE archive.scanned_file ADD COLUMN days text NOT NULL DEFAULT '';
