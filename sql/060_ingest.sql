-- What one row of epn_core stands for, by dataset: it tells a granule_uid that ends in a date from a file name that does.
SET LOCAL ROLE epntap_owner;

ALTER TABLE archive.dataset
    ADD COLUMN granule text NOT NULL DEFAULT 'file' CHECK (granule IN ('day', 'month', 'file'));
