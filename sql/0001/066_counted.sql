-- Counts of rows as queries read them (epntap/adql/counted.py), and what takes them back.
SET LOCAL ROLE epntap_owner;

-- The counts of published tables for the reader, who has no way into the schema archive. They say nothing that the
-- tables do not say: a query that reads them names the table as well, so it needs the right to read that.
CREATE VIEW udf.value_count AS
    SELECT schema_name, column_name, value, rows FROM archive.value_count;

GRANT SELECT ON udf.value_count TO epntap_service, epntap_reader;

-- Whatever writes to a published table makes its counts untrue. Ingestion writes new ones at the end of its
-- transaction; after anybody else there are none, and queries count the rows.
CREATE FUNCTION archive.forget_counts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $body$
    BEGIN
        DELETE FROM archive.value_count WHERE schema_name = TG_TABLE_SCHEMA;
        RETURN NULL;
    END
    $body$;
