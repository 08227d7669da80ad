-- Whoever gets the name of somebody who is forgotten gets nothing of theirs.
SET LOCAL ROLE epntap_owner;

CREATE FUNCTION archive.forget_own() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $body$
DECLARE
    name text := 'own_' || left(encode(sha256(convert_to(OLD.name, 'UTF8')), 'hex'), 24);
BEGIN
    DELETE FROM archive.event_table WHERE owner = OLD.name;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', name);
    RETURN NULL;
END
$body$;
REVOKE EXECUTE ON FUNCTION archive.forget_own() FROM PUBLIC;
CREATE TRIGGER own_events_go AFTER DELETE ON account.person FOR EACH ROW EXECUTE FUNCTION archive.forget_own();
