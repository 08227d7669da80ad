"""The columns of an answer: names, types, units and where they come from."""

from __future__ import annotations

import pytest

from epntap.adql import translate
from epntap.answer.model import ResultColumn
from tests.support.adql_sample import BASE_URL, CATALOG


def columns(text: str) -> tuple[ResultColumn, ...]:
    return translate(text, CATALOG, base_url=BASE_URL).columns


def column(value: str, table: str = "lab.things") -> ResultColumn:
    (result,) = columns(f"SELECT {value} FROM {table}")
    return result


def test_a_column_keeps_all_that_the_catalogue_says() -> None:
    assert column("granule_uid", "amdadb.epn_core") == ResultColumn(
        "granule_uid",
        "char",
        "*",
        ucd="meta.id",
        description="Row identifier",
        pg_type="text",
        origin=("amdadb.epn_core", "granule_uid"),
    )


def test_a_column_keeps_its_origin_through_subqueries_and_with() -> None:
    (result,) = columns(
        "WITH w AS (SELECT q.u FROM (SELECT granule_uid AS u FROM amdadb.epn_core) q) SELECT u AS v FROM w"
    )
    assert result.name == "v"
    assert result.origin == ("amdadb.epn_core", "granule_uid")
    assert result.ucd == "meta.id"


def test_names_are_kept_as_written_and_columns_are_named_as_in_the_catalogue() -> None:
    found = columns('SELECT ID, id AS Ident, id "Two words", RA FROM lab.parts, TAP_UPLOAD.mine')
    assert [c.name for c in found] == ["id", "Ident", "Two words", "RA"]


def test_unnamed_expressions_get_names_that_are_free() -> None:
    found = columns("SELECT COUNT(*), id + 1 AS expr_3, MAX(id) + 1, COUNT(id) FROM lab.parts GROUP BY id")
    assert [c.name for c in found] == ["count_1", "expr_3", "expr_4", "count_4"]


@pytest.mark.parametrize(
    ("value", "datatype", "pg_type"),
    [
        ("1", "int", "integer"),
        ("3000000000", "long", "bigint"),
        ("1.5", "double", "double precision"),
        ("'x'", "char", "text"),
        ("'é'", "unicodeChar", "text"),
        ("label || 'x'", "unicodeChar", "text"),
        ("name", "char", "text"),
        ("NULL", "char", "text"),
        ("tiny + 1", "int", "integer"),
        ("tiny + tiny", "int", "integer"),
        ("small_real + small_real", "float", "real"),
        ("small_real + 1", "double", "double precision"),
        ("huge * id", "long", "bigint"),
        ("exact", "double", "double precision"),
        ("SUM(id)", "long", "bigint"),
        ("SUM(huge)", "long", "bigint"),
        ("SUM(small_real)", "double", "double precision"),
        ("AVG(id)", "double", "double precision"),
        ("COUNT(*)", "long", "bigint"),
        ("MIN(label)", "unicodeChar", "text"),
        ("ROUND(id)", "double", "double precision"),
        ("MOD(id, tiny)", "int", "integer"),
        ("MOD(x, 2)", "double", "double precision"),
        ("valid", "boolean", "boolean"),
        ("ivo_to_jd(taken)", "double", "double precision"),
        ("ivo_histogram(x, 0, 1, 3)", "long", "bigint[]"),
        ("COALESCE(id, 1.5)", "double", "double precision"),
        ("CAST(id AS VARCHAR)", "char", "text"),
    ],
)
def test_every_value_has_an_exact_type(value: str, datatype: str, pg_type: str) -> None:
    result = column(value)
    assert (result.datatype, result.pg_type) == (datatype, pg_type)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("x", "m"),
        ("-x", "m"),
        ("x + small_real", "m"),
        ("x - 1", "m"),
        ("x + t", None),
        ("x * t", "m.s"),
        ("x / t", "m/s"),
        ("x * x", "m**2"),
        ("x / x", None),
        ("x * 1000", None),  # a factor may be a conversion
        ("ABS(x)", "m"),
        ("ROUND(x, 2)", "m"),
        ("MAX(x)", "m"),
        ("AVG(x)", "m"),
        ("SQRT(x)", None),
        ("ATAN2(x, t)", "rad"),
        ("DEGREES(x)", "deg"),
        ("ivo_to_mjd(taken)", "d"),
        ("IN_UNIT(x, 'km')", "km"),
        ("DISTANCE(1, 2, 3, 4)", "deg"),
        ("COALESCE(x, small_real)", "m"),
        ("COALESCE(x, t)", None),
    ],
)
def test_units_are_told_where_they_are_certain(value: str, unit: str | None) -> None:
    assert column(value).unit == unit


def test_minimum_and_maximum_keep_the_ucd_and_a_count_has_its_own() -> None:
    smallest, count = columns("SELECT MIN(time_min), COUNT(*) FROM amdadb.epn_core")
    assert (smallest.ucd, smallest.unit, smallest.origin) == ("time.start;obs", "d", None)
    assert (count.ucd, count.unit) == ("meta.number", None)


def test_timestamps_kept_as_text_leave_as_they_are() -> None:
    bare, largest, made = columns(
        "SELECT creation_date, MAX(creation_date), COALESCE(creation_date, '2000-01-01') FROM amdadb.epn_core"
        " GROUP BY creation_date"
    )
    assert (bare.xtype, bare.pg_type) == ("timestamp", "text")
    assert (largest.datatype, largest.arraysize, largest.xtype, largest.pg_type) == ("char", "*", "timestamp", "text")
    assert (made.xtype, made.pg_type) == ("timestamp", "timestamp")


def test_addresses_are_published_with_the_base_in_front() -> None:
    result = translate("SELECT access_url FROM amdadb.epn_core", CATALOG, base_url=BASE_URL)
    assert result.params == {"p0": BASE_URL}
    assert result.columns[0].utype == "Access.Reference"
    assert result.columns[0].origin == ("amdadb.epn_core", "access_url")


def test_geometries_are_arrays_with_an_xtype() -> None:
    point, circle, polygon = columns("SELECT POINT(1, 2), CIRCLE(1, 2, 3), POLYGON(1, 2, 3, 4, 5, 6) FROM lab.parts")
    assert (point.datatype, point.arraysize, point.xtype) == ("double", "2", "point")
    assert (circle.arraysize, circle.xtype) == ("3", "circle")
    assert (polygon.arraysize, polygon.xtype, polygon.pg_type) == ("*", "polygon", "double precision[]")


def test_a_set_operation_takes_names_from_the_left_and_says_what_both_sides_are() -> None:
    (result,) = columns("SELECT x AS len FROM lab.things UNION SELECT id FROM lab.parts")
    assert (result.name, result.unit, result.pg_type) == ("len", None, "double precision")
    (result,) = columns(
        "SELECT x AS len FROM lab.things UNION SELECT NULL FROM lab.parts UNION SELECT x FROM lab.things"
    )
    assert (result.name, result.unit, result.pg_type) == ("len", "m", "double precision")


def test_the_tables_that_were_read_are_listed_once() -> None:
    result = translate(
        "WITH w AS (SELECT id FROM lab.parts) SELECT * FROM w, lab.things WHERE EXISTS (SELECT * FROM lab.parts)",
        CATALOG,
    )
    assert result.tables == ("lab.parts", "lab.things")


@pytest.mark.parametrize(
    ("query", "row_limit", "end"),
    [
        ("SELECT id FROM lab.parts", None, '"parts"'),
        ("SELECT id FROM lab.parts", 11, "LIMIT 11"),
        ("SELECT TOP 5 id FROM lab.parts", 11, "LIMIT 5"),
        ("SELECT TOP 50 id FROM lab.parts", 11, "LIMIT 11"),
        ("SELECT TOP 0 id FROM lab.parts", 11, "LIMIT 0"),
        ("SELECT TOP 5 id FROM lab.parts OFFSET 3", 2, "LIMIT 2 OFFSET 3"),
        ("SELECT TOP 5 id FROM lab.parts UNION SELECT TOP 6 id FROM lab.parts", 2, "LIMIT 6) LIMIT 2"),
    ],
)
def test_the_row_limit_and_top_both_hold(query: str, row_limit: int | None, end: str) -> None:
    assert translate(query, CATALOG, row_limit=row_limit).statement.as_string(None).endswith(end)


def test_a_long_list_is_one_parameter() -> None:
    items = ", ".join(f"'item{n}'" for n in range(5000))
    result = translate(f"SELECT id FROM lab.parts WHERE name IN ({items})", CATALOG)
    assert [len(value) for value in result.params.values() if isinstance(value, list)] == [5000]


def test_a_thousand_alternatives_are_no_deeper_than_one() -> None:
    condition = " OR ".join(f"name = 'x{n}'" for n in range(1000))
    assert len(translate(f"SELECT id FROM lab.parts WHERE {condition}", CATALOG).params) == 1000
