-- Functions that ADQL queries may call (schema udf). All are immutable and safe to run in parallel.
CREATE SCHEMA IF NOT EXISTS udf AUTHORIZATION epntap_owner;
SET LOCAL ROLE epntap_owner;

-- 1 if item is one of the words of a #-separated list, whatever their case (UDF catalogue 1.2).
CREATE FUNCTION udf.ivo_hashlist_has(hashlist text, item text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT CASE WHEN lower(item) = ANY (string_to_array(lower(hashlist), '#')) THEN 1 ELSE 0 END $body$;

-- A timestamp kept as text in DALI spelling, as a timestamp. DALI has one spelling, so unlike a plain cast
-- the result does not depend on session settings and may stand in an index.
CREATE FUNCTION udf.dali_timestamp(spelling text) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$ SELECT rtrim(spelling, 'Z')::timestamp $body$;
