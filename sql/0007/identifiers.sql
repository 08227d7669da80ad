-- Identifiers that last: what granules were called before, and the names of datasets and parameters where no service
-- is named.
SET LOCAL ROLE epntap_owner;

CREATE TABLE archive.former_uid (
    schema_name text NOT NULL REFERENCES archive.service ON DELETE CASCADE,
    former_uid text NOT NULL,
    granule_uid text NOT NULL,
    PRIMARY KEY (schema_name, former_uid)
);
CREATE INDEX former_by_successor ON archive.former_uid (schema_name, granule_uid);
COMMENT ON TABLE archive.former_uid IS 'Identifiers that are no longer in epn_core and still answer';
COMMENT ON COLUMN archive.former_uid.schema_name IS 'Service';
COMMENT ON COLUMN archive.former_uid.former_uid IS 'What a granule was called, or its superseded file';
COMMENT ON COLUMN archive.former_uid.granule_uid IS 'What has come in its place';

ALTER TABLE archive.file ADD COLUMN granule_uid text NOT NULL DEFAULT '';
COMMENT ON COLUMN archive.file.granule_uid IS 'Identifier of its granule, where that is not its name without suffix';

ALTER TABLE archive.dataset ADD COLUMN public_id text UNIQUE;
COMMENT ON COLUMN archive.dataset.public_id IS
    'Its name where no service is named: given once, and never to another dataset. NULL: not yet given';

ALTER TABLE archive.parameter ADD COLUMN public_id text;
ALTER TABLE archive.parameter ADD UNIQUE (schema_name, public_id);
COMMENT ON COLUMN archive.parameter.public_id IS 'Its name within the service: given once. NULL: not yet given';

-- Gives names to the datasets and parameters of a service that have none: the dataset's own if no other has it, else
-- schema.dataset, without commas, which HAPI does not take; the key of a parameter if it is unique in the service, else
-- dataset_variable. One caller at a time.
CREATE FUNCTION archive.give_public_ids(service text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
    AS $body$
DECLARE
    one record;
    wanted text;
    number integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7240533);
    FOR one IN
        SELECT dataset_id FROM archive.dataset
        WHERE schema_name = service AND public_id IS NULL ORDER BY dataset_id COLLATE "C"
    LOOP
        wanted := replace(one.dataset_id, ',', '_');
        number := 1;
        WHILE EXISTS (SELECT FROM archive.dataset WHERE lower(public_id) = lower(wanted)) LOOP
            wanted := service || '.' || replace(one.dataset_id, ',', '_') || CASE number WHEN 1 THEN '' ELSE '.' || number END;
            number := number + 1;
        END LOOP;
        UPDATE archive.dataset SET public_id = wanted WHERE schema_name = service AND dataset_id = one.dataset_id;
    END LOOP;
    UPDATE archive.parameter p SET public_id = p.name
    WHERE p.schema_name = service AND p.public_id IS NULL
        AND NOT EXISTS (SELECT FROM archive.parameter o WHERE o.schema_name = service AND o.public_id = p.name)
        AND p.name IN (SELECT name FROM archive.parameter WHERE schema_name = service GROUP BY name HAVING count(*) = 1);
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
REVOKE EXECUTE ON FUNCTION archive.give_public_ids(text) FROM PUBLIC;

SELECT archive.give_public_ids(schema_name) FROM (
    SELECT schema_name FROM archive.service ORDER BY first_ingested, schema_name OFFSET 0
) AS s;
