"""Values that must not come out other than they are: NULL and NaN, what two columns become, times, sums, units.

The right values follow from SQL, VOTable and arithmetic and are written here; the binary answers are read by astropy
and pyarrow.
"""

from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse_single_table

from tests.support.multipart import query
from tests.support.server import Server
from tests.support.votables import votable

csv.field_size_limit(1_000_000)

E = "amdadb.epn_core"
ONE = "FROM tap_schema.schemas WHERE schema_index = 1000"
#: of no row is the position known
NOWHERE = "POINT(c1min, c2min)"


def cells(server: Server, text: str, **uploads: bytes) -> list[list[str]]:
    """The rows of an answer as CSV."""
    reply = query(server, text, response_format="csv", **uploads)
    assert reply.status == 200, reply.body
    return list(csv.reader(io.StringIO(reply.body.decode())))[1:]


def table(fields: str, *rows: str) -> bytes:
    """A VOTable; the cells of a row are parted by |."""
    made = "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row.split("|")) + "</TR>" for row in rows)
    return votable(fields, made)


def column(name: str, datatype: str, more: str = "") -> str:
    return f'<FIELD name="{name}" datatype="{datatype}" {more}/>'


# -- NULL and NaN


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"DISTANCE({NOWHERE}, POINT(0, 0))", ""),
        (f"DISTANCE(POINT(0, 0), {NOWHERE})", ""),
        ("DISTANCE(c1min, c2min, 0, 0)", ""),
        ("DISTANCE(NULL, 0, 0, 0)", ""),
        ("DISTANCE(0, NULL, 0, 0)", ""),
        ("DISTANCE(0, 0, NULL, 0)", ""),
        ("DISTANCE(0, 0, 0, NULL)", ""),
        (f"CONTAINS({NOWHERE}, CIRCLE(10, 20, 179))", ""),
        (f"CONTAINS({NOWHERE}, POLYGON(0, 0, 1, 0, 1, 1))", ""),
        (f"CONTAINS({NOWHERE}, BOX(10, 20, 5, 5))", ""),
        ("CONTAINS(POINT(1, 2), CIRCLE(c1min, c2min, 180))", ""),
        ("CONTAINS(POINT(1, 2), CIRCLE(1, 2, c1min))", ""),
        ("CONTAINS(CIRCLE(c1min, c2min, 1), CIRCLE(1, 2, 180))", ""),
        (f"INTERSECTS({NOWHERE}, CIRCLE(10, 20, 180))", ""),
        ("INTERSECTS(CIRCLE(1, 2, 3), CIRCLE(c1min, c2min, 180))", ""),
        ("INTERSECTS(CIRCLE(c1min, c2min, 3), POLYGON(0, 0, 1, 0, 1, 1))", ""),
        (f"COORD1({NOWHERE})", ""),
        ("AREA(CIRCLE(c1min, c2min, 1))", ""),
        ("POINT(NULL, 1)", ""),
        ("POINT(1, NULL)", ""),
        ("CONTAINS(NULL, CIRCLE(0, 0, 1))", ""),
        ("INTERSECTS(CIRCLE(0, 0, 1), NULL)", ""),
        ("DISTANCE(NULL, POINT(0, 0))", ""),
        ("ivo_interval_overlaps(c1min, 2, 1, 3)", ""),
        ("DISTANCE(POINT(0, 0), POINT(180, 0))", "180"),
        ("CONTAINS(POINT(10, 20), CIRCLE(10, 20, 0))", "1"),
    ],
)
def test_of_an_unknown_position_nothing_is_known(served: Server, value: str, expected: str) -> None:
    found = {row[0] for row in cells(served, f"SELECT {value} AS v, 1 AS one FROM {E}")}
    assert found == {expected}


@pytest.mark.parametrize(
    "condition",
    [
        f"DISTANCE({NOWHERE}, POINT(10, 20)) > 90",
        f"DISTANCE({NOWHERE}, POINT(10, 20)) < 200",
        f"0 = CONTAINS({NOWHERE}, CIRCLE(10, 20, 179))",
        f"1 = CONTAINS({NOWHERE}, CIRCLE(10, 20, 180))",
        f"1 = INTERSECTS({NOWHERE}, CIRCLE(10, 20, 180))",
        f"0 = CONTAINS({NOWHERE}, POLYGON(0, 0, 1, 0, 1, 1))",
    ],
)
def test_no_row_without_a_position_is_found_by_one(served: Server, condition: str) -> None:
    assert cells(served, f"SELECT COUNT(*) AS n FROM {E} WHERE {condition}") == [["0"]]


def test_distances_to_nowhere_are_null(served: Server) -> None:
    (everything,) = cells(served, f"SELECT COUNT(*) AS n FROM {E}")
    assert cells(served, f"SELECT COUNT(*) AS n FROM {E} WHERE DISTANCE({NOWHERE}, POINT(1, 2)) IS NULL") == [
        everything
    ]


NAN = table(column("a", "double") + column("b", "double"), "2457700|NaN", "1|2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT a FROM TAP_UPLOAD.t WHERE b > 2457753", []),
        ("SELECT MAX(b) AS x, AVG(b) AS y, SUM(b) AS z FROM TAP_UPLOAD.t", [["2", "2", "2"]]),
        (
            f"SELECT COUNT(*) AS n FROM TAP_UPLOAD.t AS u JOIN {E} AS e ON e.time_min < u.b AND e.time_max > u.a",
            [["0"]],
        ),
        ("SELECT COUNT(*) AS n FROM TAP_UPLOAD.t WHERE 1 = CONTAINS(POINT(b, b), CIRCLE(0, 0, 180))", [["1"]]),
        ("SELECT a FROM TAP_UPLOAD.t WHERE b IS NULL", [["2457700"]]),
        ("SELECT COUNT(b) AS n FROM TAP_UPLOAD.t", [["1"]]),
    ],
)
@pytest.mark.parametrize("form", ["votable", "csv"])
def test_nan_of_an_upload_is_no_value(served: Server, text: str, expected: list[list[str]], form: str) -> None:
    upload = NAN if form == "votable" else b"a,b\n2457700,NaN\n1,2\n"
    assert cells(served, text, t=upload) == expected


# -- the column that two columns become


def fields(server: Server, text: str, form: str, **uploads: bytes):  # type: ignore[no-untyped-def]  # astropy's own
    reply = query(server, text, response_format=form, **uploads)
    assert reply.status == 200, reply.body
    return parse_single_table(io.BytesIO(reply.body))


LETTERS = (
    "SELECT schema_name AS n FROM tap_schema.schemas UNION SELECT 'é' FROM tap_schema.schemas",
    "SELECT schema_name AS n FROM tap_schema.schemas UNION ALL SELECT 'é' FROM tap_schema.schemas",
    "SELECT n FROM (SELECT schema_name AS n FROM tap_schema.schemas UNION SELECT 'é' FROM tap_schema.schemas) AS q",
    f"SELECT 'a' AS n {ONE} UNION SELECT 'b' {ONE} UNION SELECT 'é' {ONE}",
    f"SELECT n FROM (SELECT 'a' AS n {ONE}) AS a NATURAL FULL OUTER JOIN (SELECT 'é' AS n {ONE}) AS b",
    f"SELECT COALESCE(CASE WHEN 1 = 0 THEN 'a' END, 'é') AS n {ONE}",
)


@pytest.mark.parametrize("text", LETTERS)
@pytest.mark.parametrize("form", ["votable/b2", "votable/td"])
def test_letters_survive_what_joins_columns(served: Server, text: str, form: str) -> None:
    found = fields(served, text, form)
    assert found.fields[0].datatype == "unicodeChar"
    assert "é" in {str(value) for value in found.array["n"].tolist()}


def test_the_wider_number_is_declared(served: Server) -> None:
    a, b = table(column("k", "unsignedByte"), "200"), table(column("k", "short"), "300")
    text = "SELECT k FROM TAP_UPLOAD.a UNION ALL SELECT k FROM TAP_UPLOAD.b"
    for form in ("votable/b2", "votable/td", "votable/b"):
        found = fields(served, text, form, a=a, b=b)
        assert found.fields[0].datatype == "short"
        assert sorted(found.array["k"].tolist()) == [200, 300]
    parquet = query(served, text, response_format="parquet", a=a, b=b)
    assert sorted(pq.read_table(io.BytesIO(parquet.body)).column(0).to_pylist()) == [200, 300]


@pytest.mark.parametrize(
    ("first", "second", "datatype", "arraysize", "values"),
    [
        (("double", "2", "1 2"), ("double", "3", "3 4 5"), "double", "*", [[1, 2], [3, 4, 5]]),
        (("short", "2", "1 2"), ("long", "2", "3 100000"), "long", "2", [[1, 2], [3, 100000]]),
        (("float", "2", "1 2"), ("double", "2", "1e300 1"), "double", "2", [[1, 2], [1e300, 1]]),
    ],
)
@pytest.mark.parametrize("form", ["votable/b2", "votable/td"])
def test_arrays_keep_all_elements(
    served: Server,
    first: tuple[str, str, str],
    second: tuple[str, str, str],
    datatype: str,
    arraysize: str,
    values: list[list[float]],
    form: str,
) -> None:
    a, b = (table(column("k", one[0], f'arraysize="{one[1]}"'), one[2]) for one in (first, second))
    found = fields(served, "SELECT k FROM TAP_UPLOAD.a UNION ALL SELECT k FROM TAP_UPLOAD.b", form, a=a, b=b)
    assert (found.fields[0].datatype, found.fields[0].arraysize) == (datatype, arraysize)
    assert sorted([float(x) for x in row] for row in found.array["k"].tolist()) == values


@pytest.mark.parametrize("word", ["UNION", "UNION ALL"])
def test_days_and_seconds_make_no_unit(served: Server, word: str) -> None:
    text = f"SELECT time_min AS t FROM {E} {word} SELECT time_sampling_step_min FROM {E}"
    field = fields(served, text, "votable/td").fields[0]
    assert (field.unit, field.ucd, field.description) == (None, None, None)
    same = fields(served, f"SELECT time_min AS t FROM {E} {word} SELECT time_max FROM {E}", "votable/td").fields[0]
    assert str(same.unit) == "d"


# -- timestamps

SPELLINGS = ("2016-12-31T12:34:56Z", "2016-12-31T12:34:56.5", "2016-12-31T01:00:00", "2016-12-31 23:00:00",
             "2016-12-31T00:00", "2016-12-31")  # fmt: skip
TIMES = table(column("t", "char", 'arraysize="*" xtype="timestamp"'), *SPELLINGS)
LATEST = "2016-12-31T23:00:00.000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT MAX(t) AS m FROM TAP_UPLOAD.t", [[LATEST]]),
        ("SELECT MIN(t) AS m FROM TAP_UPLOAD.t", [["2016-12-31T00:00:00.000"]]),
        ("SELECT COUNT(DISTINCT t) AS n FROM TAP_UPLOAD.t", [["5"]]),
        ("SELECT COUNT(*) AS n FROM (SELECT DISTINCT t FROM TAP_UPLOAD.t) AS q", [["5"]]),
        (
            "SELECT t, COUNT(*) AS n FROM TAP_UPLOAD.t GROUP BY t HAVING COUNT(*) > 1",
            [["2016-12-31T00:00:00.000", "2"]],
        ),
        ("SELECT COUNT(*) AS n FROM (SELECT t FROM TAP_UPLOAD.t UNION SELECT t FROM TAP_UPLOAD.t) AS q", [["5"]]),
        ("SELECT COUNT(*) AS n FROM TAP_UPLOAD.t AS a JOIN TAP_UPLOAD.t AS b USING (t)", [["8"]]),
        ("SELECT LOWER(t) AS l FROM TAP_UPLOAD.t GROUP BY t ORDER BY t DESC OFFSET 4", [["2016-12-31t00:00:00"]]),
        ("SELECT t || 'x' AS l FROM TAP_UPLOAD.t GROUP BY t ORDER BY t DESC OFFSET 4", [["2016-12-31T00:00:00x"]]),
    ],
)
def test_timestamps_of_an_upload_are_instants(served: Server, text: str, expected: list[list[str]]) -> None:
    assert cells(served, text, t=TIMES) == expected


@pytest.mark.parametrize("order", ["t", "1", "x", "ivo_to_jd(t)"])
def test_timestamps_of_an_upload_sort_as_time_and_leave_as_they_came(served: Server, order: str) -> None:
    found = [row[0] for row in cells(served, f"SELECT t AS x FROM TAP_UPLOAD.t ORDER BY {order}", t=TIMES)]
    assert found[2:] == ["2016-12-31T01:00:00", "2016-12-31T12:34:56Z", "2016-12-31T12:34:56.5", "2016-12-31 23:00:00"]


@pytest.mark.parametrize("value", ["LOWER(creation_date)", "creation_date || 'x'", "CAST(creation_date AS VARCHAR)"])
def test_text_of_a_grouped_timestamp(served: Server, value: str) -> None:
    direct = cells(served, f"SELECT DISTINCT {value} AS d FROM {E}")
    assert sorted(cells(served, f"SELECT {value} AS d FROM {E} GROUP BY creation_date")) == sorted(direct)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2016-12-31T12:34:56.789012", "2016-12-31T12:34:56.789012"),
        ("2016-12-31T12:34:56.9996", "2016-12-31T12:34:56.999600"),
        ("2016-12-31T12:34:56", "2016-12-31T12:34:56.000"),
    ],
)
def test_computed_timestamps_keep_microseconds(served: Server, written: str, expected: str) -> None:
    assert cells(served, f"SELECT CAST('{written}' AS TIMESTAMP) AS t {ONE}") == [[expected]]


@pytest.mark.parametrize("wrong", ["2016-13-45", "2016-02-30T00:00:00", "2016-01-01T25:00:00"])
def test_a_timestamp_that_does_not_exist_is_refused(served: Server, wrong: str) -> None:
    reply = query(
        served, "SELECT t FROM TAP_UPLOAD.t", t=table(column("t", "char", 'arraysize="*" xtype="timestamp"'), wrong)
    )
    assert reply.status == 400
    assert f"'{wrong}' is no timestamp" in reply.body.decode()


# -- numbers


def test_sums_of_single_precision_are_double(served: Server) -> None:
    many = table(column("f", "float"), *(["0.1"] * 1000))
    ((total, mean, average),) = cells(
        served, "SELECT SUM(f) AS s, SUM(f) / COUNT(f) AS m, AVG(f) AS a FROM TAP_UPLOAD.t", t=many
    )
    tenth = 0.10000000149011612  # 0.1 in single precision
    assert float(total) == pytest.approx(1000 * tenth, rel=1e-12)
    assert float(mean) == pytest.approx(float(average), rel=1e-12)
    distinct = cells(served, "SELECT SUM(DISTINCT f) AS s FROM TAP_UPLOAD.t", t=many)
    assert float(distinct[0][0]) == pytest.approx(tenth, rel=1e-12)


@pytest.mark.parametrize(("unit", "expected"), [("min", 2.0), ("h", 120 / 3600), ("d", 120 / 86400), ("ms", 120_000.0)])
def test_conversions_are_exact_where_the_units_are(served: Server, unit: str, expected: float) -> None:
    step = "time_sampling_step_min"
    found = cells(served, f"SELECT DISTINCT IN_UNIT({step}, '{unit}') AS v FROM {E} WHERE {step} = 120")
    assert [float(row[0]) for row in found] == [expected]


@pytest.mark.parametrize(
    ("value", "expected"), [("2.5", "3"), ("-2.5", "-3"), ("0.49999999999999994", "0"), ("1e300", "1e+300")]
)
def test_round_is_the_same_with_and_without_places(served: Server, value: str, expected: str) -> None:
    ((one, other),) = cells(served, f"SELECT ROUND({value}) AS a, ROUND({value}, 0) AS b {ONE}")
    assert float(one) == float(other) == float(expected)


def test_a_number_too_large_is_refused(served: Server) -> None:
    reply = query(served, "SELECT x FROM TAP_UPLOAD.t", t=table(column("x", "double"), "1e400"))
    assert reply.status == 400
    assert "1e400 does not fit into double" in reply.body.decode()


def test_long_cells_of_csv(served: Server) -> None:
    text = "x" * 131_073
    assert cells(served, "SELECT t FROM TAP_UPLOAD.t", t=f"t\n{text}\n".encode()) == [[text]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("EXP(-1000)", 0.0),
        ("EXP(-745)", 5e-324),
        ("EXP(0)", 1.0),
        ("-9223372036854775808", float(-(2**63))),
        ("-9223372036854775808 + 1", float(-(2**63) + 1)),
    ],
)
def test_numbers_at_the_ends_of_their_ranges(served: Server, value: str, expected: float) -> None:
    ((found,),) = cells(served, f"SELECT {value} AS v {ONE}")
    assert float(found) == expected
    assert cells(served, f"SELECT EXP(NULL) AS v, 1 AS one {ONE}") == [["", "1"]]


def test_the_least_long_is_a_long(served: Server) -> None:
    assert cells(served, f"SELECT -9223372036854775808 AS v {ONE}") == [["-9223372036854775808"]]


def test_products_of_small_numbers_fit(served: Server) -> None:
    small = table(column("ub", "unsignedByte") + column("s", "short"), "255|30000")
    text = "SELECT ub * ub AS a, s + s AS b, ub + 0 - ub AS c, s * ub AS d FROM TAP_UPLOAD.t"
    assert cells(served, text, t=small) == [["65025", "60000", "0", "7650000"]]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("ACOS(2)", "such as ACOS(2)"),
        ("CAST(SQRT(2) * 1e308 * 10 AS INTEGER)", "larger than a double precision number can be"),
        ("1e-300 * 1e-300", "closer to zero than a double precision number can be"),
    ],
)
def test_what_left_its_range_is_said(served: Server, value: str, sentence: str) -> None:
    reply = query(served, f"SELECT {value} AS v {ONE}", response_format="csv")
    assert reply.status == 400
    assert sentence in reply.body.decode()


def test_arrays_of_single_precision_have_its_digits(served: Server) -> None:
    upload = table(column("f", "float", 'arraysize="2"'), "0.1 1e30")
    assert cells(served, "SELECT f, 1 AS one FROM TAP_UPLOAD.t", t=upload) == [["0.1 1e+30", "1"]]


@pytest.mark.parametrize(
    ("upload", "expected"),
    [
        (b"a;b\n1;2\n", [["1", "2"]]),
        (b"# %ECSV 1.0\n# ---\n# datatype: []\na,b\n1,2\n", [["1", "2"]]),
        (b"# %ECSV 1.0\n# ---\n# datatype: []\na b\n1 2\n", [["1", "2"]]),
        (b"# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype: []\na,b\n1,2\n", [["1", "2"]]),
        (b"a|b\n1|2\n", [["1", "2"]]),
        (b"a, b\n1, 2\n", [["1", "2"]]),
    ],
)
def test_csv_of_other_programs(served: Server, upload: bytes, expected: list[list[str]]) -> None:
    assert cells(served, "SELECT a + 0 AS a, b + 0 AS b FROM TAP_UPLOAD.t", t=upload) == expected


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        (b'{"a": [1]}', "looks like JSON"),
        ("a,b\n1,2\n".encode("utf-16"), "It is in UTF-16"),
        (b"a,b\n1,2\n3,1e400\n", "Row 2 of the upload, the column b: 1e400 does not fit into double."),
    ],
)
def test_what_is_no_csv_is_called_by_its_name(served: Server, upload: bytes, sentence: str) -> None:
    reply = query(served, "SELECT * FROM TAP_UPLOAD.t", response_format="csv", t=upload)
    assert reply.status == 400
    assert sentence in reply.body.decode()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            f"SELECT 1 AS x FROM {E} AS a, {E} AS b JOIN {E} AS c ON a.obs_id = c.obs_id",
            "write JOIN in place",
        ),
        (f"SELECT LOWER(target_name) AS nix, COUNT(*) AS n FROM {E} GROUP BY nix", "repeat the expression"),
    ],
)
def test_names_that_are_not_seen_yet(served: Server, text: str, sentence: str) -> None:
    reply = query(served, text, response_format="csv")
    assert reply.status == 400
    assert sentence in reply.body.decode()
