-- e to the power of x. PostgreSQL refuses results that are closer to zero than a double can be; here they are zero.
SET LOCAL ROLE epntap_owner;

CREATE OR REPLACE FUNCTION udf.exponential(x double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT CASE WHEN x < -745.2 THEN 0 ELSE exp(x) END $body$;
