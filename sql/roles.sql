-- Three roles: the owner makes tables, the service fills them, the reader runs the queries of users. Run before each
-- upgrade. Roles belong to the whole server, so another database may have made them already: whoever has other names
-- for them (EPNTAP_ROLE_PREFIX) has them in the place of these.
DO $roles$
DECLARE
    role_name text;
    -- since PostgreSQL 16 who makes a role is a member of it, but may not act as it
    needed text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['epntap_owner', 'epntap_service', 'epntap_reader'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- made by another session a moment ago
        END;
        IF NOT pg_has_role(current_user, role_name, needed) THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', role_name, current_user);
            EXCEPTION WHEN unique_violation THEN
                NULL;  -- granted by another session a moment ago
            END;
        END IF;
    END LOOP;
END
$roles$;

-- Their rights in this very database, which a copy or a restored backup does not inherit.
DO $database$
BEGIN
    EXECUTE format('GRANT CREATE, CONNECT, TEMPORARY ON DATABASE %I TO epntap_owner', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO epntap_service, epntap_reader', current_database());
    IF EXISTS (
        SELECT FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS granted
        WHERE nspname = 'public' AND granted.grantee = 0 AND granted.privilege_type = 'CREATE'
    ) THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    END IF;
END
$database$;
