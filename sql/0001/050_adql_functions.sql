-- Geometry of ADQL 2.1 section 4.2 without an extension, and a few user defined functions.
-- A geometry is what DALI makes of it, an array of degrees: a point has 2 elements, a circle 3, a polygon 6 or more.
-- Edges of polygons are great circles, the inside is the smaller part, and the border belongs to it.
SET LOCAL ROLE epntap_owner;

-- Great-circle distance of two points in degrees.
CREATE FUNCTION udf.distance(lon_a double precision, lat_a double precision, lon_b double precision, lat_b double precision)
    RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$
        SELECT 2 * asind(least(1, sqrt(
            power(sind((lat_b - lat_a) / 2), 2) + cosd(lat_a) * cosd(lat_b) * power(sind((lon_b - lon_a) / 2), 2))))
    $body$;

CREATE FUNCTION udf.distance(a double precision[], b double precision[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT udf.distance(a[1], a[2], b[1], b[2]) $body$;

-- Unit vector of a point.
CREATE FUNCTION udf.unit_vector(lon double precision, lat double precision) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$ SELECT ARRAY[cosd(lat) * cosd(lon), cosd(lat) * sind(lon), sind(lat)] $body$;

CREATE FUNCTION udf.dot(a double precision[], b double precision[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT a[1] * b[1] + a[2] * b[2] + a[3] * b[3] $body$;

CREATE FUNCTION udf.cross(a double precision[], b double precision[]) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT ARRAY[a[2] * b[3] - a[3] * b[2], a[3] * b[1] - a[1] * b[3], a[1] * b[2] - a[2] * b[1]] $body$;

-- Solid angle on the left of a polygon in steradians, between -2 pi and 2 pi: negative where it runs clockwise.
CREATE FUNCTION udf.solid_angle(polygon double precision[]) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    first double precision[] := udf.unit_vector(polygon[1], polygon[2]);
    a double precision[] := udf.unit_vector(polygon[3], polygon[4]);
    b double precision[];
    total double precision := 0;
BEGIN
    FOR i IN 3 .. array_length(polygon, 1) / 2 LOOP
        b := udf.unit_vector(polygon[2 * i - 1], polygon[2 * i]);
        total := total + 2 * atan2(udf.dot(first, udf.cross(a, b)),
                                   1 + udf.dot(first, a) + udf.dot(a, b) + udf.dot(b, first));
        a := b;
    END LOOP;
    total := total - 4 * pi() * floor(total / (4 * pi()));
    RETURN CASE WHEN total > 2 * pi() THEN total - 4 * pi() ELSE total END;
END
$body$;

-- Whether a polygon holds a point. Triangles from the opposite point to all edges cover the left side of the border
-- when that side does not hold the point; when it does, they cover the rest of the sphere with the other sign.
CREATE FUNCTION udf.polygon_has(polygon double precision[], lon double precision, lat double precision) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    p double precision[] := udf.unit_vector(lon, lat);
    n integer := array_length(polygon, 1) / 2;
    a double precision[] := udf.unit_vector(polygon[2 * n - 1], polygon[2 * n]);
    b double precision[];
    normal double precision[];
    side double precision;
    nearly double precision;
    covered double precision := 0;
BEGIN
    FOR i IN 1 .. n LOOP
        b := udf.unit_vector(polygon[2 * i - 1], polygon[2 * i]);
        normal := udf.cross(a, b);
        side := udf.dot(normal, p);
        nearly := 1e-12 * sqrt(udf.dot(normal, normal));
        IF nearly > 0 AND abs(side) <= nearly AND udf.dot(udf.cross(normal, a), p) >= -nearly
            AND udf.dot(udf.cross(b, normal), p) >= -nearly AND udf.dot(a, p) + udf.dot(b, p) > 0 THEN
            RETURN true;  -- on this edge
        END IF;
        covered := covered + 2 * atan2(-side, 1 - udf.dot(p, a) + udf.dot(a, b) - udf.dot(b, p));
        a := b;
    END LOOP;
    RETURN (covered < 0) = (udf.solid_angle(polygon) > 0);
END
$body$;

-- Distance of a point from the border of a polygon in degrees.
CREATE FUNCTION udf.border_distance(polygon double precision[], lon double precision, lat double precision)
    RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    point double precision[] := udf.unit_vector(lon, lat);
    n integer := array_length(polygon, 1) / 2;
    a double precision[] := udf.unit_vector(polygon[2 * n - 1], polygon[2 * n]);
    b double precision[];
    normal double precision[];
    length double precision;
    best double precision := 180;
BEGIN
    FOR i IN 1 .. n LOOP
        b := udf.unit_vector(polygon[2 * i - 1], polygon[2 * i]);
        best := least(best, udf.distance(lon, lat, polygon[2 * i - 1], polygon[2 * i]));
        normal := udf.cross(a, b);
        length := sqrt(udf.dot(normal, normal));
        -- the foot of the perpendicular lies on the edge when the point is between the ends as seen along it
        IF length > 0 AND udf.dot(udf.cross(normal, a), point) > 0 AND udf.dot(udf.cross(b, normal), point) > 0 THEN
            best := least(best, abs(asind(greatest(-1, least(1, udf.dot(normal, point) / length)))));
        END IF;
        a := b;
    END LOOP;
    RETURN best;
END
$body$;

-- Whether an edge of one polygon crosses an edge of the other.
CREATE FUNCTION udf.borders_cross(first double precision[], second double precision[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    n integer := array_length(first, 1) / 2;
    m integer := array_length(second, 1) / 2;
    a double precision[] := udf.unit_vector(first[2 * n - 1], first[2 * n]);
    b double precision[];
    c double precision[];
    d double precision[];
    ab double precision[];
    cd double precision[];
    s double precision[];
BEGIN
    FOR i IN 1 .. n LOOP
        b := udf.unit_vector(first[2 * i - 1], first[2 * i]);
        ab := udf.cross(a, b);
        c := udf.unit_vector(second[2 * m - 1], second[2 * m]);
        FOR j IN 1 .. m LOOP
            d := udf.unit_vector(second[2 * j - 1], second[2 * j]);
            cd := udf.cross(c, d);
            s := ARRAY[udf.dot(ab, c), udf.dot(ab, d), udf.dot(cd, a), udf.dot(cd, b)];
            -- the ends of each edge lie on both sides of the other, and the edges are not on opposite sides of the sphere
            IF s[1] * s[2] < 0 AND s[3] * s[4] < 0 AND s[1] * s[4] > 0 THEN
                RETURN true;
            END IF;
            c := d;
        END LOOP;
        a := b;
    END LOOP;
    RETURN false;
END
$body$;

-- Whether the first geometry lies wholly in the second.
CREATE FUNCTION udf.contained(inner_one double precision[], outer_one double precision[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    i integer := array_length(inner_one, 1);
    o integer := array_length(outer_one, 1);
    apart double precision;
BEGIN
    IF o IN (2, 3) THEN
        apart := CASE WHEN o = 2 THEN 0 ELSE outer_one[3] END + 1e-12;
        IF i = 2 THEN
            RETURN udf.distance(inner_one[1], inner_one[2], outer_one[1], outer_one[2]) <= apart;
        ELSIF i = 3 THEN
            RETURN udf.distance(inner_one[1], inner_one[2], outer_one[1], outer_one[2]) + inner_one[3] <= apart;
        END IF;
        FOR k IN 1 .. i / 2 LOOP
            IF udf.distance(inner_one[2 * k - 1], inner_one[2 * k], outer_one[1], outer_one[2]) > apart THEN
                RETURN false;
            END IF;
        END LOOP;
        RETURN true;
    END IF;
    IF i = 2 THEN
        RETURN udf.polygon_has(outer_one, inner_one[1], inner_one[2]);
    ELSIF i = 3 THEN
        RETURN udf.polygon_has(outer_one, inner_one[1], inner_one[2])
            AND udf.border_distance(outer_one, inner_one[1], inner_one[2]) >= inner_one[3] - 1e-12;
    END IF;
    FOR k IN 1 .. i / 2 LOOP
        IF NOT udf.polygon_has(outer_one, inner_one[2 * k - 1], inner_one[2 * k]) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN NOT udf.borders_cross(inner_one, outer_one);
END
$body$;

-- Whether two geometries have a point in common.
CREATE FUNCTION udf.overlaps(first double precision[], second double precision[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    n integer := array_length(first, 1);
    m integer := array_length(second, 1);
BEGIN
    IF n = 2 THEN
        RETURN udf.contained(first, second);
    ELSIF m = 2 THEN
        RETURN udf.contained(second, first);
    ELSIF n = 3 AND m = 3 THEN
        RETURN udf.distance(first[1], first[2], second[1], second[2]) <= first[3] + second[3] + 1e-12;
    ELSIF n = 3 THEN
        RETURN udf.polygon_has(second, first[1], first[2])
            OR udf.border_distance(second, first[1], first[2]) <= first[3] + 1e-12;
    ELSIF m = 3 THEN
        RETURN udf.polygon_has(first, second[1], second[2])
            OR udf.border_distance(first, second[1], second[2]) <= second[3] + 1e-12;
    END IF;
    FOR k IN 1 .. n / 2 LOOP
        IF udf.polygon_has(second, first[2 * k - 1], first[2 * k]) THEN
            RETURN true;
        END IF;
    END LOOP;
    FOR k IN 1 .. m / 2 LOOP
        IF udf.polygon_has(first, second[2 * k - 1], second[2 * k]) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN udf.borders_cross(first, second);
END
$body$;

-- Area in square degrees.
CREATE FUNCTION udf.area(geometry double precision[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
        SELECT CASE array_length(geometry, 1)
            WHEN 2 THEN 0
            WHEN 3 THEN 4 * pi() * power(sind(geometry[3] / 2), 2) * power(180 / pi(), 2)
            ELSE abs(udf.solid_angle(geometry)) * power(180 / pi(), 2)
        END
    $body$;

-- Centre of a circle, or the direction of the mean of a polygon's vertices.
CREATE FUNCTION udf.centroid(geometry double precision[]) RETURNS double precision[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    vertex double precision[];
    total double precision[] := ARRAY[0, 0, 0];
    lon double precision;
BEGIN
    IF array_length(geometry, 1) < 6 THEN
        RETURN geometry[1:2];
    END IF;
    FOR i IN 1 .. array_length(geometry, 1) / 2 LOOP
        vertex := udf.unit_vector(geometry[2 * i - 1], geometry[2 * i]);
        total := ARRAY[total[1] + vertex[1], total[2] + vertex[2], total[3] + vertex[3]];
    END LOOP;
    lon := atan2d(total[2], total[1]);
    RETURN ARRAY[CASE WHEN lon < 0 THEN lon + 360 ELSE lon END,
                 atan2d(total[3], sqrt(total[1] * total[1] + total[2] * total[2]))];
END
$body$;

-- Corners of a box, anticlockwise. Wide boxes get more vertices: an edge spans less than 180 degrees.
CREATE FUNCTION udf.box(lon double precision, lat double precision, width double precision, height double precision)
    RETURNS double precision[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
        SELECT array_agg(value ORDER BY side, CASE side WHEN 1 THEN step ELSE -step END, part)
        FROM generate_series(1, 2) AS s(side),
             generate_series(0, greatest(1, ceil(width / 90)::integer)) AS t(step),
             LATERAL (VALUES
                 (1, lon - width / 2 + width * step / greatest(1, ceil(width / 90)::integer)),
                 (2, CASE side WHEN 1 THEN greatest(-90, lat - height / 2) ELSE least(90, lat + height / 2) END)
             ) AS v(part, value)
    $body$;

CREATE FUNCTION udf.box(centre double precision[], width double precision, height double precision)
    RETURNS double precision[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$ SELECT udf.box(centre[1], centre[2], width, height) $body$;

-- A region written as STC-S ('Circle ICRS 10 20 1', 'Polygon UNKNOWNFrame 1 2 3 4 5 6') as an array; NULL when it is none.
CREATE FUNCTION udf.region(stc text) RETURNS double precision[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
DECLARE
    parts text[] := regexp_match(
        stc, '^\s*(position|circle|polygon|box)((?:\s+[a-z][a-z0-9_]*)*)((?:\s+[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)+)\s*$', 'i');
    numbers double precision[] := regexp_split_to_array(btrim(parts[3], E' \t\r\n'), '\s+')::double precision[];
    n integer := array_length(numbers, 1);
BEGIN
    RETURN CASE
        WHEN lower(parts[1]) = 'position' AND n = 2 THEN numbers
        WHEN lower(parts[1]) = 'circle' AND n = 3 THEN numbers
        WHEN lower(parts[1]) = 'polygon' AND n >= 6 AND n % 2 = 0 THEN numbers
        WHEN lower(parts[1]) = 'box' AND n = 4 THEN udf.box(numbers[1], numbers[2], numbers[3], numbers[4])
    END;
END
$body$;

-- A spherical point, circle or polygon of pgSphere in its own spelling (radians) as an array of degrees.
CREATE FUNCTION udf.sphere_array(spelling text) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
        SELECT array_agg(degrees(number[1]::double precision) ORDER BY position)
        FROM regexp_matches(spelling, '[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?', 'gi') WITH ORDINALITY AS r(number, position)
    $body$;

-- A geometry in the spelling of pgSphere.
CREATE FUNCTION udf.sphere_spelling(geometry double precision[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $body$
        SELECT CASE array_length(geometry, 1)
            WHEN 2 THEN '(' || geometry[1] || 'd,' || geometry[2] || 'd)'
            WHEN 3 THEN '<(' || geometry[1] || 'd,' || geometry[2] || 'd),' || geometry[3] || 'd>'
            ELSE (SELECT '{' || string_agg('(' || geometry[2 * i - 1] || 'd,' || geometry[2 * i] || 'd)', ',' ORDER BY i)
                         || '}'
                  FROM generate_series(1, array_length(geometry, 1) / 2) AS s(i))
        END
    $body$;

-- Counts for a histogram: below, the bins, above. What is NULL counts as below (UDF catalogue 1.2).
CREATE FUNCTION udf.histogram(bins integer[], nbins integer) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$
        SELECT array_agg(coalesce(counted.n, 0) ORDER BY bin)
        FROM generate_series(0, nbins + 1) AS b(bin)
        LEFT JOIN (SELECT coalesce(u, 0) AS bin, count(*) AS n FROM unnest(bins) AS t(u) GROUP BY 1) AS counted
            USING (bin)
    $body$;

-- An array of coordinates; NULL when one of them is.
CREATE FUNCTION udf.geometry(coordinates double precision[]) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT CASE WHEN array_position(coordinates, NULL) IS NULL THEN coordinates END $body$;

-- Whether the intervals [a1, b1] and [a2, b2] have a value in common; a reversed one has none (UDF catalogue 1.2).
CREATE FUNCTION udf.interval_overlaps(
    a1 double precision, b1 double precision, a2 double precision, b2 double precision
) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $body$ SELECT a1 <= b1 AND a2 <= b2 AND a1 <= b2 AND b1 >= a2 $body$;
