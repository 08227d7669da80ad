-- A distance to nowhere is unknown. LEAST passes over NULL and takes 1 for less than NaN, which made it 180 degrees.
SET LOCAL ROLE epntap_owner;

CREATE OR REPLACE FUNCTION udf.distance(lon_a double precision, lat_a double precision, lon_b double precision, lat_b double precision)
    RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$
        SELECT CASE WHEN nullif(lon_a + lat_a + lon_b + lat_b, 'NaN') IS NOT NULL THEN 2 * asind(least(1, sqrt(
            power(sind((lat_b - lat_a) / 2), 2) + cosd(lat_a) * cosd(lat_b) * power(sind((lon_b - lon_a) / 2), 2)))) END
    $body$;
