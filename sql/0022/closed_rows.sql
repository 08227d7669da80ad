-- What only some may see. Whoever runs statements for somebody says who that is for the length of a transaction, in the
-- setting epntap.groups; without it nobody in particular asks. Names of groups have U+001F between them.
SET LOCAL ROLE epntap_owner;

ALTER TABLE archive.dataset
    ADD COLUMN groups text[] NOT NULL DEFAULT '{}',
    ADD COLUMN hidden boolean NOT NULL DEFAULT false;
ALTER TABLE archive.service ADD COLUMN has_closed_rows boolean NOT NULL DEFAULT false;

CREATE FUNCTION archive.caller_groups() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(current_setting('epntap.groups', true), E'\x1f');

-- Whether the caller may have data of these rights now (epntap/access.py).
CREATE FUNCTION archive.may_have(access_rights text, embargoed_until text, groups text[]) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(groups && archive.caller_groups(), false)
        OR access_rights = 'Open' AND (
            embargoed_until IS NULL
            OR embargoed_until COLLATE "C" <= to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
        );

-- Hidden datasets are not there for whoever may not have their data, whatever reads them; what owns the tables, as
-- ingestion does, sees all, and so does whoever says so in the setting epntap.sees_all and then looks after rights
-- itself. The reader of users' queries may not read these tables at all.
ALTER TABLE archive.dataset ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON archive.dataset FOR SELECT USING (
    NOT hidden
    OR archive.may_have(access_rights, embargoed_until, groups)
    OR current_setting('epntap.sees_all', true) = 'on'
);
CREATE POLICY written ON archive.dataset FOR INSERT WITH CHECK (true);
CREATE POLICY changed ON archive.dataset FOR UPDATE USING (true);
CREATE POLICY removed ON archive.dataset FOR DELETE USING (true);

-- Names where there is no room for a service or a dataset are given as if hidden datasets were not there: these have the
-- long names, and nobody else has one because of them.
CREATE OR REPLACE FUNCTION archive.give_public_ids(service text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
    AS $body$
DECLARE
    one record;
    wanted text;
    number integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7240533);
    FOR one IN
        SELECT dataset_id, hidden FROM archive.dataset
        WHERE schema_name = service AND public_id IS NULL ORDER BY dataset_id COLLATE "C"
    LOOP
        wanted := CASE WHEN one.hidden THEN service || '.' ELSE '' END || replace(one.dataset_id, ',', '_');
        number := 1;
        WHILE EXISTS (SELECT FROM archive.dataset WHERE lower(public_id) = lower(wanted)) LOOP
            wanted := service || '.' || replace(one.dataset_id, ',', '_') || CASE number WHEN 1 THEN '' ELSE '.' || number END;
            number := number + 1;
        END LOOP;
        UPDATE archive.dataset SET public_id = wanted WHERE schema_name = service AND dataset_id = one.dataset_id;
    END LOOP;
    WITH shown AS (
        SELECT p.* FROM archive.parameter p JOIN archive.dataset d USING (schema_name, dataset_id)
        WHERE p.schema_name = service AND NOT d.hidden
    )
    UPDATE archive.parameter p SET public_id = p.name FROM shown
    WHERE p.schema_name = service AND p.public_id IS NULL AND shown.dataset_id = p.dataset_id AND shown.name = p.name
        AND NOT EXISTS (SELECT FROM archive.parameter o WHERE o.schema_name = service AND o.public_id = p.name)
        AND p.name IN (SELECT name FROM shown GROUP BY name HAVING count(*) = 1);
    FOR one IN
        SELECT dataset_id, name, coalesce(nullif(variable, ''), name) AS variable FROM archive.parameter
        WHERE schema_name = service AND public_id IS NULL ORDER BY dataset_id COLLATE "C", position, name COLLATE "C"
    LOOP
        wanted := one.dataset_id || '_' || one.variable;
        number := 1;
        WHILE EXISTS (SELECT FROM archive.parameter WHERE schema_name = service AND public_id = wanted) LOOP
            wanted := one.dataset_id || '_' || one.name || CASE number WHEN 1 THEN '' ELSE '_' || number END;
            number := number + 1;
        END LOOP;
        UPDATE archive.parameter SET public_id = wanted
        WHERE schema_name = service AND dataset_id = one.dataset_id AND name = one.name;
    END LOOP;
END
$body$;
