-- The file index holds each folder and each layout once and checksums as bytes. The rows are written anew beside the old
-- ones, which go when all are there; readers wait for the end of it.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.folder (
    folder_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    root text NOT NULL UNIQUE
);
CREATE TABLE archive.phrase (
    phrase_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    phrase text NOT NULL
);

ALTER TABLE archive.file RENAME TO file_before;
ALTER TABLE archive.scanned_file RENAME TO scanned_file_before;

INSERT INTO archive.folder (root)
SELECT root FROM archive.file_before UNION SELECT root FROM archive.scanned_file_before ORDER BY 1;
INSERT INTO archive.phrase (digest, phrase)
SELECT sha256(convert_to(phrase, 'UTF8')), phrase FROM (
    SELECT layout FROM archive.file_before UNION SELECT layout FROM archive.scanned_file_before
    UNION SELECT logical_source FROM archive.scanned_file_before
) AS every (phrase) ORDER BY phrase;

CREATE TABLE archive.file (
    schema_name text NOT NULL,
    dataset_id text NOT NULL,
    folder_no integer NOT NULL,
    path text NOT NULL,
    size_bytes bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    tt2000_min bigint,
    tt2000_max bigint,
    records bigint NOT NULL,
    fill_epochs bigint NOT NULL DEFAULT 0,
    version text NOT NULL DEFAULT '',
    granule_uid text NOT NULL DEFAULT '',
    sha256 bytea NOT NULL DEFAULT '',
    layout_no integer NOT NULL,
    embargoed_until text,
    days text NOT NULL DEFAULT ''
);
INSERT INTO archive.file
SELECT f.schema_name, f.dataset_id, o.folder_no, f.path, f.size_bytes, f.mtime_ns, f.tt2000_min, f.tt2000_max,
       f.records, f.fill_epochs, f.version, f.granule_uid, decode(f.sha256, 'hex'), p.phrase_no, f.embargoed_until,
       f.days
FROM archive.file_before f
JOIN archive.folder o USING (root)
JOIN archive.phrase p ON p.digest = sha256(convert_to(f.layout, 'UTF8'))
ORDER BY f.schema_name, f.dataset_id, f.tt2000_min, f.path;

CREATE TABLE archive.scanned_file (
    schema_name text NOT NULL,
    folder_no integer NOT NULL,
    path text NOT NULL,
    size_bytes bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    sha256 bytea NOT NULL DEFAULT '',
    refusal text,
    logical_source_no integer NOT NULL,
    tt2000_min bigint,
    tt2000_max bigint,
    records bigint NOT NULL DEFAULT 0,
    fill_epochs bigint NOT NULL DEFAULT 0,
    description text,
    edition text NOT NULL DEFAULT '',
    layout_no integer NOT NULL,
    days text NOT NULL DEFAULT ''
);
INSERT INTO archive.scanned_file
SELECT f.schema_name, o.folder_no, f.path, f.size_bytes, f.mtime_ns, decode(f.sha256, 'hex'), f.refusal, s.phrase_no,
       f.tt2000_min, f.tt2000_max, f.records, f.fill_epochs, f.description, f.edition, p.phrase_no, f.days
FROM archive.scanned_file_before f
JOIN archive.folder o USING (root)
JOIN archive.phrase p ON p.digest = sha256(convert_to(f.layout, 'UTF8'))
JOIN archive.phrase s ON s.digest = sha256(convert_to(f.logical_source, 'UTF8'))
ORDER BY f.schema_name, f.path;

-- no row may stay behind
DO $body$
BEGIN
    IF (SELECT count(*) FROM archive.file) <> (SELECT count(*) FROM archive.file_before)
       OR (SELECT count(*) FROM archive.scanned_file) <> (SELECT count(*) FROM archive.scanned_file_before) THEN
        RAISE EXCEPTION 'rows of the file index would be lost';
    END IF;
END
$body$;
-- views of published catalogues read what has its name now; their names, grants and comments stay
DO $body$
DECLARE
    dependent record;
BEGIN
    FOR dependent IN
        SELECT DISTINCT c.oid::regclass AS name, pg_get_viewdef(c.oid) AS definition
        FROM pg_depend d
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = 'archive.file_before'::regclass
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE VIEW %s AS %s', dependent.name,
            regexp_replace(dependent.definition, '\mfile_before\M', 'file', 'g')
        );
    END LOOP;
END
$body$;
DROP TABLE archive.file_before;
DROP TABLE archive.scanned_file_before;

ALTER TABLE archive.file ADD PRIMARY KEY (schema_name, path, folder_no);
ALTER TABLE archive.file ADD FOREIGN KEY (schema_name, dataset_id)
    REFERENCES archive.dataset (schema_name, dataset_id) ON DELETE CASCADE;
ALTER TABLE archive.file ADD FOREIGN KEY (folder_no) REFERENCES archive.folder (folder_no);
ALTER TABLE archive.file ADD FOREIGN KEY (layout_no) REFERENCES archive.phrase (phrase_no);
CREATE INDEX file_embargoed ON archive.file (embargoed_until) WHERE embargoed_until IS NOT NULL;
CREATE INDEX file_by_time ON archive.file (schema_name, dataset_id, tt2000_min, tt2000_max);
ALTER TABLE archive.scanned_file ADD PRIMARY KEY (schema_name, path, folder_no);
ALTER TABLE archive.scanned_file ADD FOREIGN KEY (folder_no) REFERENCES archive.folder (folder_no);
ALTER TABLE archive.scanned_file ADD FOREIGN KEY (layout_no) REFERENCES archive.phrase (phrase_no);
ALTER TABLE archive.scanned_file ADD FOREIGN KEY (logical_source_no) REFERENCES archive.phrase (phrase_no);

-- with every word in its place, for those who want them
CREATE VIEW archive.file_in_full AS
SELECT f.schema_name, f.dataset_id, o.root, f.path, f.size_bytes, f.mtime_ns, f.tt2000_min, f.tt2000_max, f.records,
       f.fill_epochs, f.version, f.granule_uid, encode(f.sha256, 'hex') AS sha256, p.phrase AS layout,
       f.embargoed_until, f.days
FROM archive.file f
JOIN archive.folder o USING (folder_no)
JOIN archive.phrase p ON p.phrase_no = f.layout_no;

CREATE VIEW archive.scanned_file_in_full AS
SELECT f.schema_name, o.root, f.path, f.size_bytes, f.mtime_ns, encode(f.sha256, 'hex') AS sha256, f.refusal,
       s.phrase AS logical_source, f.tt2000_min, f.tt2000_max, f.records, f.fill_epochs, f.description, f.edition,
       p.phrase AS layout, f.days
FROM archive.scanned_file f
JOIN archive.folder o USING (folder_no)
JOIN archive.phrase p ON p.phrase_no = f.layout_no
JOIN archive.phrase s ON s.phrase_no = f.logical_source_no;

CREATE OR REPLACE FUNCTION archive.forget_closed_facts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $body$
DECLARE
    instant text := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
    one record;
BEGIN
    FOR one IN
        SELECT DISTINCT n.schema_name, n.dataset_id
        FROM after_change n JOIN before_change o USING (schema_name, path, folder_no)
        WHERE n.embargoed_until > instant
          AND (o.embargoed_until IS NULL OR o.embargoed_until < n.embargoed_until)
    LOOP
        DELETE FROM archive.parameter_fact
        WHERE schema_name = one.schema_name AND dataset_id = one.dataset_id;
        DELETE FROM archive.gap
        WHERE schema_name = one.schema_name AND dataset_id = one.dataset_id;
    END LOOP;
    RETURN NULL;
END
$body$;
CREATE TRIGGER forget_closed_facts AFTER UPDATE ON archive.file
REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
FOR EACH STATEMENT EXECUTE FUNCTION archive.forget_closed_facts();
