-- Tables that were posted with a job. The files lie beside its results: [{name, file, size_bytes}, …].
SET LOCAL ROLE epntap_owner;

ALTER TABLE uws.job ADD COLUMN parts jsonb NOT NULL DEFAULT '[]';
