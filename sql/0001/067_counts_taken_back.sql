-- Counts are taken back in turn with ingestions. One that is about to write its counts holds the row of its service, so
-- whoever writes to the table by hand waits for it here, and then deletes what it has written.
SET LOCAL ROLE epntap_owner;

CREATE OR REPLACE FUNCTION archive.forget_counts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $body$
    BEGIN
        PERFORM FROM archive.service WHERE schema_name = TG_TABLE_SCHEMA FOR UPDATE;
        DELETE FROM archive.value_count WHERE schema_name = TG_TABLE_SCHEMA;
        RETURN NULL;
    END
    $body$;
