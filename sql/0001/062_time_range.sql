-- Intervals of Julian dates, for overlap in an index.
SET LOCAL ROLE epntap_owner;

CREATE TYPE udf.timerange AS RANGE (
    subtype = double precision, subtype_diff = float8mi, multirange_type_name = udf.timemultirange
);

-- The closed interval between two times, whichever comes first; NULL when one is not known. An unknown bound would
-- stand for all times, and bounds in the wrong order would be an error. With a and b, c and d in any order,
-- a <= d AND b >= c implies udf.time_span(a, b) && udf.time_span(c, d), and so does a >= c AND b <= d.
CREATE FUNCTION udf.time_span(a double precision, b double precision) RETURNS udf.timerange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$
        SELECT CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN udf.timerange(least(a, b), greatest(a, b), '[]') END
    $body$;
