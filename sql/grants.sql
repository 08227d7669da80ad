-- Who may do what within the database, all of it; run after each upgrade, and as often as one likes. What the reader may
-- see of published tables is granted with each of them, by the function below.
SET LOCAL ROLE epntap_owner;

GRANT USAGE ON SCHEMA account, archive, tap_schema, udf, uws TO epntap_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA account, archive, tap_schema, uws TO epntap_service;
GRANT USAGE ON SCHEMA tap_schema, udf TO epntap_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA tap_schema TO epntap_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA udf TO epntap_service, epntap_reader;

-- Lets the reader read a published table, and the service fill it. The owner calls it when it makes the table.
CREATE OR REPLACE FUNCTION archive.grant_published(schema_name text, table_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
    AS $body$
BEGIN
    -- only where it is wanting: two who grant it at the same moment wait for each other, and then one of them fails
    IF NOT (has_schema_privilege('epntap_reader', schema_name, 'USAGE')
            AND has_schema_privilege('epntap_service', schema_name, 'USAGE')) THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO epntap_reader, epntap_service', schema_name);
    END IF;
    EXECUTE format('GRANT SELECT ON %I.%I TO epntap_reader', schema_name, table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO epntap_service', schema_name, table_name);
END
$body$;
REVOKE EXECUTE ON FUNCTION archive.grant_published(text, text) FROM PUBLIC;

-- The schema of what one person owns, made when it is first needed. The service fills it, and lets the reader read its
-- tables: which of them a query may name is decided before, by whoever asks.
CREATE OR REPLACE FUNCTION archive.own_schema(person text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $body$
DECLARE
    name text := 'own_' || left(encode(sha256(convert_to(person, 'UTF8')), 'hex'), 24);
BEGIN
    -- whoever is removed meanwhile waits for what is begun here, and leaves nothing; who has been removed gets nothing
    PERFORM FROM account.person WHERE person.name = own_schema.person FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = 'there is no such account';
    END IF;
    -- two that make or grant it at once would fail, so only who finds it missing does, one after the other
    IF NOT coalesce(has_schema_privilege('epntap_service', to_regnamespace(name)::oid, 'CREATE')
            AND has_schema_privilege('epntap_reader', to_regnamespace(name)::oid, 'USAGE'), false) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(name, 20));
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', name);
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO epntap_service', name);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO epntap_reader', name);
    END IF;
    RETURN name;
END
$body$;
REVOKE EXECUTE ON FUNCTION archive.own_schema(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION archive.own_schema(text) TO epntap_service;

CREATE OR REPLACE FUNCTION archive.grant_own(schema_name text, table_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
    AS $body$
BEGIN
    EXECUTE format('GRANT SELECT ON %I.%I TO epntap_reader, epntap_owner', schema_name, table_name);
END
$body$;
REVOKE EXECUTE ON FUNCTION archive.grant_own(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION archive.grant_own(text, text) TO epntap_service;
