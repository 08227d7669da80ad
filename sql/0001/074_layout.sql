-- What a file holds along which time axis: a text table has one axis, and a form offers the names that there are.
SET LOCAL ROLE epntap_owner;

-- a line for each axis: its name, then the names of what is measured along it, with tabs between; empty when it is not
-- known (yet: the next ingestion looks)
ALTER TABLE archive.file ADD COLUMN layout text NOT NULL DEFAULT '';
ALTER TABLE archive.scanned_file ADD COLUMN layout text NOT NULL DEFAULT '';
