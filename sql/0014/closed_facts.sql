-- What is said of the inside of files is forgotten when one of them is closed: it was told with its values. The next
-- summary of the dataset tells it again, without those of the closed file.
SET LOCAL ROLE epntap_owner;

CREATE FUNCTION archive.forget_closed_facts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $body$
DECLARE
    instant text := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
    one record;
BEGIN
    FOR one IN
        SELECT DISTINCT n.schema_name, n.dataset_id
        FROM after_change n JOIN before_change o USING (schema_name, root, path)
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
