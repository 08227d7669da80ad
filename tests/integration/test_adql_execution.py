"""Translated queries, run: PostgreSQL takes them, hands over the types that were promised, and says what ADQL means."""

from __future__ import annotations

import math
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from epntap.adql import translate
from epntap.connection import Connection
from epntap.db.pool import Database
from tests.support.adql_cases import CASES, Case
from tests.support.adql_sample import BASE_URL, CATALOG
from tests.support.adql_tables import create_tables, type_names
from tests.support.databases import named_database


@pytest.fixture(scope="module")
def tables(postgres_server: Database, template_database: str) -> Iterator[Connection]:
    """The tables of the sample catalogue with a few rows, seen by the role that runs the queries of users."""
    name = f"adql_{template_database[-8:]}"
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template_database))
        )
        with psycopg.connect(
            named_database(postgres_server, name).url, cursor_factory=psycopg.ClientCursor
        ) as connection:
            create_tables(connection, [t for t in CATALOG.tables if t.schema != "tap_schema"])
            _fill(connection)
            for schema in {t.schema for t in CATALOG.tables}:
                connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO epntap_reader").format(sql.Identifier(schema)))
                connection.execute(
                    sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO epntap_reader").format(sql.Identifier(schema))
                )
            connection.execute("SET ROLE epntap_reader")
            connection.execute("SET search_path = pg_catalog")
            connection.commit()
            yield connection
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _fill(connection: Connection) -> None:
    connection.execute("INSERT INTO lab.parts VALUES (1, 'bolt', 0.5), (2, 'nut', 0.25), (3, NULL, NULL)")
    connection.execute(
        "INSERT INTO lab.things (id, tiny, huge, x, t, name, label, taken, valid) VALUES"
        " (1, 1, 10, 1.5, 2, 'a_b', 'Été', '2024-01-01 12:00', true),"
        " (2, 2, 20, -1.5, 4, 'acb', 'x\\y', '2024-06-30 23:59:59.5', false)"
    )
    connection.execute(
        "INSERT INTO amdadb.epn_core"
        " (granule_uid, target_name, time_min, time_max, creation_date, access_url, s_region) VALUES"
        " ('g1', 'Jupiter#Io', 100, 101, '2024-01-01T00:00:00', '/data/g1.cdf', 'Circle ICRS 10 20 1'),"
        " ('g2', 'jupiter', 101, 102, '2024-02-01T10:30:00.250', '/data/g2.cdf',"
        "  'Polygon UNKNOWNFrame 0 0 10 0 10 10 0 10'),"
        " ('g3', NULL, NULL, NULL, NULL, NULL, 'Union (Circle 1 2 3)')"
    )


def rows(connection: Connection, query: str, row_limit: int | None = None) -> list[tuple[object, ...]]:
    result = translate(query, CATALOG, base_url=BASE_URL, row_limit=row_limit)
    with connection.transaction(force_rollback=True):
        return connection.execute(result.statement, result.params).fetchall()


def value(connection: Connection, expression: str) -> object:
    ((found,),) = rows(connection, f"SELECT TOP 1 {expression} FROM lab.parts")
    return found


@pytest.mark.parametrize("case", [c for c in CASES if not c.is_refused], ids=lambda case: f"{case.file}:{case.line}")
def test_postgres_takes_the_statement_and_gives_the_types(case: Case, tables: Connection) -> None:
    result = translate(case.query, CATALOG, base_url=BASE_URL, row_limit=10)
    with tables.transaction(force_rollback=True), tables.cursor() as cursor:
        try:
            cursor.execute(result.statement, result.params)
        except psycopg.DataError:  # a CAST of the rows that are there; the statement itself was accepted
            return
        assert type_names(cursor) == [column.pg_type for column in result.columns]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ROUND(2455197.123456789, -2)", 2455200.0),
        ("ROUND(2455197.123456789, 8)", 2455197.12345679),
        ("TRUNCATE(-1.57, 1)", -1.5),
        ("TRUNCATE(1.99)", 1.0),
        ("TRUNCATE(-157, -1)", -150.0),
        ("MOD(-7, 3)", -1),
        ("MOD(7, -3)", 1),
        ("MOD(-7.5, 2)", -1.5),
        ("LOG(EXP(1))", 1.0),
        ("LOG10(1000)", 3.0),
        ("CEILING(1.2)", 2.0),
        ("FLOOR(-1.2)", -2.0),
        ("ATAN2(1, -1)", 3 * math.pi / 4),
        ("COT(0.5)", 1 / math.tan(0.5)),
        ("DEGREES(PI())", 180.0),
        ("POWER(2, 10)", 1024.0),
        ("3 / 2", 1),
        ("3.0 / 2", 1.5),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("-2 - -3", 1),
        ("'a' || 'b''c' || '%s'", "ab'c%s"),
        ("CAST(CAST('2024-01-01' AS TIMESTAMP) AS VARCHAR)", "2024-01-01T00:00:00"),
        ("CAST('  abc' AS CHAR(4))", "  ab"),
        ("CAST('2455197.5' AS DOUBLE PRECISION)", 2455197.5),
        ("CAST(7 AS VARCHAR)", "7"),
        ("COALESCE(NULL, 'x')", "x"),
        ("NULLIF(1, 1)", None),
        ("CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END", "b"),
        ("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END", "b"),
        ("ivo_hashlist_has('red#green#blue', 're')", 0),
        ("ivo_hashlist_has('Red#green', 'red')", 1),
        ("ivo_hashlist_has('Red#green', 'red#green')", 0),
        ("ivo_nocasematch('Jupiter', 'JUP%')", 1),
        ("ivo_hasword('Solar wind, fast', 'WIND solar')", 1),
        ("ivo_hasword('Solar wind', 'sol')", 0),
        ("ivo_interval_overlaps(1, 2, 2, 3)", 1),
        ("ivo_interval_overlaps(1, 2, 3, 4)", 0),
        ("ivo_interval_overlaps(2, 1, 0, 5)", 0),
        ("ivo_to_jd('1910-12-31T06:00:00')", 2419036.75),
        ("ivo_to_mjd(CAST('2000-01-02T12:00:00' AS TIMESTAMP))", 51545.5),
        ("ivo_to_jd(NULL)", None),
        ("CAST(ivo_from_jd(2419036.75) AS VARCHAR)", "1910-12-31T06:00:00"),
        ("CAST(ivo_from_jd(ivo_to_jd('2016-12-31T23:59:59.987')) AS VARCHAR)", "2016-12-31T23:59:59.987"),
        ("CAST(ivo_from_jd(ivo_to_jd('0001-01-01T00:00:00')) AS VARCHAR)", "0001-01-01T00:00:00"),
        ("CAST(ivo_from_mjd(51545.5) AS VARCHAR)", "2000-01-02T12:00:00"),
        ("CAST(ivo_from_mjd(-678575) AS VARCHAR)", "0001-01-01T00:00:00"),
        ("ivo_from_jd(0)", None),
        ("ivo_from_jd(1e300)", None),
        ("ivo_from_jd(NULL)", None),
        ("IN_UNIT(weight, 'g')", 500.0),
        ("DISTANCE(0, 0, 180, 0)", 180.0),
        ("DISTANCE(POINT(10, 20), POINT(10, 21))", 1.0),
        ("CONTAINS(POINT(10, 20), CIRCLE(10, 21, 1))", 1),
        ("CONTAINS(POINT(10, 20), CIRCLE(10, 21.1, 1))", 0),
        ("CONTAINS(CIRCLE(10, 21, 1), CIRCLE(10, 21, 2))", 1),
        ("CONTAINS(CIRCLE(10, 21, 2), CIRCLE(10, 21, 1))", 0),
        ("CONTAINS(POINT(5, 5), POLYGON(0, 0, 10, 0, 10, 10, 0, 10))", 1),
        ("CONTAINS(POINT(5, 5), POLYGON(0, 0, 0, 10, 10, 10, 10, 0))", 1),
        ("CONTAINS(POINT(5, 0), POLYGON(0, 0, 10, 0, 10, 10, 0, 10))", 1),
        ("CONTAINS(POINT(5, 5), POLYGON(0, 0, 10, 0, 10, 10, 0, 10, 0, 0))", 1),
        ("CONTAINS(POINT(20, 5), POLYGON(0, 0, 10, 0, 10, 10, 0, 10, 0, 0))", 0),
        ("CONTAINS(POINT(185, -5), POLYGON(0, 0, 10, 0, 10, 10, 0, 10))", 0),
        ("CONTAINS(POINT(0, 90), POLYGON(0, 80, 270, 80, 180, 80, 90, 80))", 1),
        ("CONTAINS(POINT(0, -90), POLYGON(0, 80, 270, 80, 180, 80, 90, 80))", 0),
        ("CONTAINS(POINT(100, 1), BOX(180, 0, 300, 20))", 1),
        ("CONTAINS(POINT(1, 1), BOX(180, 0, 300, 20))", 0),
        ("INTERSECTS(CIRCLE(0, 0, 1), CIRCLE(0, 2, 1))", 1),
        ("INTERSECTS(CIRCLE(20, 5, 9), POLYGON(0, 0, 10, 0, 10, 10, 0, 10))", 0),
        ("INTERSECTS(CIRCLE(20, 5, 10), POLYGON(0, 0, 10, 0, 10, 10, 0, 10))", 1),
        ("INTERSECTS(BOX(5, 5, 2, 30), BOX(5, 5, 30, 2))", 1),
        ("INTERSECTS(POINT(5, 5), BOX(5, 5, 30, 2))", 1),
        ("AREA(POINT(1, 2))", 0.0),
        ("AREA(POLYGON(0, 0, 90, 0, 0, 90))", 5156.620156177408),
        ("COORD2(CENTROID(CIRCLE(1, 2, 3)))", 2.0),
        ("COORDSYS(POINT('GALACTIC', 1, 2))", "GALACTIC"),
        ("REGION('Box ICRS 10 20 4 2')", [8, 19, 12, 19, 12, 21, 8, 21]),
        ("CAST(' 12.3  45.6 ' AS POINT)", [12.3, 45.6]),
        ("POINT(CAST(NULL AS REAL), 1)", None),
    ],
)
def test_a_value_is_what_the_standard_says(expression: str, expected: object, tables: Connection) -> None:
    found = value(tables, expression)
    assert found == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name LIKE 'a_b'", [1, 2]),
        ("name LIKE 'A%'", []),
        ("name ILIKE 'A%'", [1, 2]),
        ("label LIKE 'x\\y'", [2]),
        ("label LIKE '%\\%'", [2]),
        ("label LIKE 'É_é'", [1]),
        ("LOWER(label) = 'été'", [1]),
        ("id IN (2, 3, -1)", [2]),
        ("id NOT IN (2, 3)", [1]),
        ("x IN (1.5, 7)", [1]),
        ("name NOT IN ('acb', 'x')", [1]),
        ("NOT x BETWEEN 0 AND 2", [2]),
        ("taken BETWEEN '2024-01-01' AND '2024-01-02'", [1]),
        ("taken IN ('2024-01-01T12:00:00', '2023-01-01')", [1]),
        ("taken < '2024-06-30T23:59:60'", [1, 2]),
        ("taken > '2024-06-30T23:59:59Z'", [2]),
        ("valid = 1", [1]),
        ("NULL = x", []),
        ("EXISTS (SELECT * FROM lab.parts p WHERE p.id = things.id + 1)", [1, 2]),
        ("id IN (SELECT id FROM lab.parts WHERE weight > 0.3)", [1]),
        ("RAND() <= 1", [1, 2]),
    ],
)
def test_a_condition_selects_what_the_standard_says(condition: str, expected: list[int], tables: Connection) -> None:
    assert [row[0] for row in rows(tables, f"SELECT id FROM lab.things WHERE {condition} ORDER BY id")] == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("1 = ivo_hashlist_has(lower(target_name), lower('Jupiter'))", ["g1", "g2"]),
        ("1 = ivo_hashlist_has(target_name, 'io')", ["g1"]),
        ("0 = ivo_hashlist_has(target_name, 'io')", ["g2", "g3"]),
        ("NOT 1 = ivo_hashlist_has(target_name, 'io')", ["g2", "g3"]),
        ("target_name = 'Jupiter#Io'", ["g1"]),
        ("target_name = 'jupiter'", ["g2"]),
        ("NOT target_name = 'jupiter'", ["g1"]),
        ("NOT target_name IN ('jupiter', 'x')", ["g1"]),
        ("1 = ivo_interval_overlaps(time_min, time_max, 100.5, 100.7)", ["g1"]),
        ("creation_date > '2024-01-15'", ["g2"]),
        ("creation_date <= '2024-02-01T10:30:00.25'", ["g1", "g2"]),
        ("access_url = 'https://data.example.org/data/g1.cdf'", ["g1"]),
        ("access_url IS NULL", ["g3"]),
        ("1 = CONTAINS(POINT(10.5, 20), s_region)", ["g1"]),
        ("1 = INTERSECTS(s_region, BOX(5, 5, 1, 1))", ["g2"]),
        ("INTERSECTS(s_region, POLYGON('UNKNOWNFrame', 5, 5, 20, 5, 10, 25)) = 1", ["g1", "g2"]),
    ],
)
def test_granules_are_found(condition: str, expected: list[str], tables: Connection) -> None:
    query = f"SELECT granule_uid FROM amdadb.epn_core WHERE {condition} ORDER BY granule_uid"
    assert [row[0] for row in rows(tables, query)] == expected


def test_addresses_come_out_absolute(tables: Connection) -> None:
    found = rows(
        tables, "SELECT DISTINCT access_url FROM amdadb.epn_core WHERE granule_uid <> 'g3' ORDER BY access_url"
    )
    assert found == [(f"{BASE_URL}/data/g1.cdf",), (f"{BASE_URL}/data/g2.cdf",)]


def test_dali_timestamps_come_out_as_they_are(tables: Connection) -> None:
    found = rows(tables, "SELECT MIN(creation_date), MAX(creation_date), COUNT(creation_date) FROM amdadb.epn_core")
    assert found == [("2024-01-01T00:00:00", "2024-02-01T10:30:00.250", 2)]


def test_offset_counts_before_top(tables: Connection) -> None:
    assert rows(tables, "SELECT TOP 1 id FROM lab.parts ORDER BY id OFFSET 1") == [(2,)]


def test_a_full_join_gives_the_columns_of_using_once(tables: Connection) -> None:
    found = rows(tables, "SELECT id, p.name, t.name FROM lab.parts p FULL JOIN lab.things t USING (id) ORDER BY id")
    assert found == [(1, "bolt", "a_b"), (2, "nut", "acb"), (3, None, None)]


def test_intersect_binds_tighter_than_union(tables: Connection) -> None:
    query = (
        "SELECT id FROM lab.parts UNION ALL SELECT id FROM lab.things INTERSECT SELECT id FROM lab.parts WHERE id = 2"
        " ORDER BY id"
    )
    assert rows(tables, query) == [(1,), (2,), (2,), (3,)]


def test_an_aggregate_of_text_and_a_histogram(tables: Connection) -> None:
    assert rows(tables, "SELECT ivo_string_agg(name, '+') FROM lab.things WHERE id = 1") == [("a_b",)]
    assert rows(tables, "SELECT ivo_histogram(weight, 0, 1, 4) FROM lab.parts") == [([1, 0, 1, 1, 0, 0],)]


def test_names_with_percent_signs_and_quotes_reach_the_database(tables: Connection) -> None:
    assert rows(tables, 'SELECT "per%cent" AS "a""%b" FROM lab.things WHERE name = \'a%b\'') == []


def test_lists_of_odd_strings_are_lists_of_those_strings(tables: Connection) -> None:
    odd = ["a,b", 'c"d', "e\\f", "{}", "NULL", "", "it's", "%s", "é\n"]
    listed = ", ".join("'" + text.replace("'", "''") + "'" for text in odd)
    for text in odd:
        quoted = "'" + text.replace("'", "''") + "'"
        assert value(tables, f"CASE WHEN {quoted} IN ({listed}) THEN 1 ELSE 0 END") == 1
    assert value(tables, f"CASE WHEN 'a' IN ({listed}) THEN 1 ELSE 0 END") == 0


def test_cone_searches_by_distance_and_by_containment_agree(tables: Connection) -> None:
    query = "SELECT id FROM lab.things WHERE {} ORDER BY id"
    by_distance = rows(tables, query.format("DISTANCE(POINT(x, t), POINT(1, 2)) <= 1"))
    assert by_distance == rows(tables, query.format("1 = CONTAINS(POINT(x, t), CIRCLE(1, 2, 1))")) == [(1,)]
