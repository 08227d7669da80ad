"""What goes into the database comes out of every format as an independent reader reads it."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import math
import re
import tracemalloc
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits, votable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html
from psycopg import sql
from psycopg_pool import ConnectionPool

from epntap.answer.model import OutcomeStatus, ResultColumn
from epntap.connection import Connection
from epntap.db.pool import Database, Role, open_pool
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.stream import RowStream
from epntap.errors import ParameterError
from epntap.formats.base import AnswerFacts, RowFormat
from epntap.formats.binary.arrow import Arrow
from epntap.formats.binary.binary2 import Binary, Binary2
from epntap.formats.binary.fits import Fits
from epntap.formats.binary.parquet import Parquet
from epntap.formats.gzip import GzippedVotable
from epntap.formats.negotiate import FORMATS
from epntap.formats.projection import project
from epntap.formats.textual.delimited import Csv, Tsv
from epntap.formats.textual.html import Html
from epntap.formats.textual.json import Json, NdJson, Records
from epntap.formats.textual.tabledata import TableData
from epntap.formats.textual.text import Text
from tests.support.examples import examples

COLUMNS = (
    ResultColumn("name", "unicodeChar", "*", pg_type="text"),
    ResultColumn("x", "double", pg_type="double precision", unit="nT", ucd="phys.magField", description="a < b"),
    ResultColumn("n", "long", pg_type="bigint"),
    ResultColumn("b", "boolean", pg_type="boolean"),
    ResultColumn("when", "char", "*", xtype="timestamp", pg_type="timestamp"),
    ResultColumn("v", "double", "*", pg_type="double precision[]"),
    ResultColumn("code", "char", "*", pg_type="text"),
    ResultColumn("i", "int", pg_type="integer"),
    ResultColumn("s", "short", pg_type="smallint"),
    ResultColumn("f", "float", pg_type="real"),
    ResultColumn("raw", "unsignedByte", "*", pg_type="bytea"),
    ResultColumn("w", "long", "*", pg_type="bigint[]"),
    ResultColumn("position", "double", "2", xtype="point", pg_type="double precision[]"),
)
TYPES = (
    "text", "float8", "int8", "boolean", "timestamp", "float8[]", "text", "int4", "int2", "float4", "bytea", "int8[]",
    "float8[]",
)  # fmt: skip
NAMES = [column.name for column in COLUMNS]
Row = tuple[Any, ...]
EMPTY: Row = (None,) * len(COLUMNS)

#: PostgreSQL text holds every character but NUL; surrogates are no characters
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
ascii_texts = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=20)
moments = st.datetimes().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


rows = st.tuples(
    maybe(texts),
    maybe(st.floats()),
    maybe(integers(64)),
    maybe(st.booleans()),
    maybe(moments),
    maybe(st.lists(st.floats(), min_size=1, max_size=4)),
    maybe(ascii_texts),
    maybe(integers(32)),
    maybe(integers(16)),
    maybe(st.floats(width=32)),
    maybe(st.binary(min_size=1, max_size=5)),
    maybe(st.lists(integers(64), min_size=1, max_size=3)),
    maybe(st.lists(st.floats(), min_size=2, max_size=2)),
)
tables = st.lists(rows, min_size=1, max_size=5)
tried = settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def pool(postgres_server: Database) -> Iterator[ConnectionPool[Connection]]:
    with open_pool(postgres_server, Role.ADMIN, size=1, name="formats") as opened:
        yield opened


def answer(
    pool: ConnectionPool[Connection],
    form: RowFormat,
    statement: sql.Composable,
    columns: Sequence[ResultColumn],
    params: dict[str, Any],
    maxrec: int = 10**6,
) -> bytes:
    stream = RowStream(
        pool,
        CopyStatement(project(statement, columns, form.spelling), params, form.copy_options(columns)),
        pack=form.pack,
        maxrec=maxrec,
        timeout_s=60,
    )
    writer = form.writer(columns, AnswerFacts(infos=[("QUERY", "a < b & c \x00", "")]))
    try:
        body = writer.header() + b"".join(map(writer.rows, stream))
        assert stream.outcome is not None
        return body + b"".join(writer.trailer(stream.outcome))
    finally:
        writer.close()


def document(
    pool: ConnectionPool[Connection], form: RowFormat, values: Sequence[Row], columns: Sequence[ResultColumn] = COLUMNS
) -> bytes:
    params: dict[str, Any] = {}
    tuples = []
    for i, row in enumerate(values):
        cells = []
        for j, (value, kind) in enumerate(zip(row, TYPES, strict=True)):
            params[f"p{i}_{j}"] = value
            cells.append(sql.SQL("({})::" + kind).format(sql.Placeholder(f"p{i}_{j}")))
        tuples.append(sql.SQL("({})").format(sql.SQL(", ").join(cells)))
    statement = sql.SQL("SELECT * FROM (VALUES {}) AS t").format(sql.SQL(", ").join(tuples))
    return answer(pool, form, statement, columns, params)


def xml_can_say(text: str) -> str:
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text)


def same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def iso(when: datetime | None) -> str | None:
    return when.isoformat(timespec="milliseconds") if when else None


def spoken(row: Row) -> list[Any]:
    """The row with its time as text."""
    return [iso(cell) if isinstance(cell, datetime) else cell for cell in row]


def parsed(body: bytes) -> Any:  # astropy has no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", votable.exceptions.VOWarning)
        return votable.parse(io.BytesIO(body), verify="exception").get_first_table()


@tried
@given(tables)
def test_tabledata_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    table = parsed(document(pool, TableData(), values))
    assert len(table.array) == len(values)
    for read, row in zip(table.array, values, strict=True):
        name, x, n, b, when, vector, code = row[:7]
        # NULL and '' look alike in TABLEDATA; astropy drops white space around a cell and masks NaN
        assert (read["name"] or "").strip() == xml_can_say(name or "").strip()
        assert (read["code"] or "").strip() == xml_can_say(code or "").strip()
        if x is None or math.isnan(x):
            assert read["x"] is np.ma.masked or np.isnan(read["x"])
        else:
            assert same(read["x"], x)
        for whole, number in (("n", n), ("i", row[7]), ("s", row[8])):
            assert (read[whole] is np.ma.masked) if number is None else (read[whole] == number)
        assert (read["b"] is np.ma.masked) if b is None else (bool(read["b"]) == b)
        assert (read["when"] or "") == (iso(when) or "")
        if vector is not None:
            assert len(read["v"]) == len(vector)
            assert all(same(a, b) for a, b in zip(np.ma.getdata(read["v"]), vector, strict=True) if not math.isnan(b))


def cells_of(read: Any, mask: Any) -> list[Any]:
    """A row of astropy as Python values, None where it is masked."""
    found: list[Any] = []
    for column in COLUMNS:
        cell = read[column.name]
        masked = mask[column.name]
        if column.arraysize is not None and column.datatype not in {"char", "unicodeChar"}:
            elements = np.ma.getdata(cell).tolist()
            found.append(bytes(elements) if column.name == "raw" else elements)
        elif np.all(masked):
            found.append(None)
        elif isinstance(cell, str):
            found.append(cell)
        else:
            found.append(np.ma.getdata(cell).item())
    return found


@tried
@given(tables)
def test_binary2_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    table = parsed(document(pool, Binary2(), values))
    assert len(table.array) == len(values)
    for read, mask, row in zip(table.array.data, table.array.mask, values, strict=True):
        for name, cell, wanted in zip(NAMES, cells_of(read, mask), spoken(row), strict=True):
            if wanted is None and name in {"v", "w", "raw"}:
                assert len(cell) == 0
            elif wanted is None and name in {"name", "code", "when"}:
                assert cell == ""
            elif wanted is None and name == "position":
                assert all(map(math.isnan, cell))
            elif isinstance(wanted, float) and math.isnan(wanted):
                assert cell is None or math.isnan(cell)  # astropy masks NaN
            else:
                assert same(cell, wanted), name


@tried
@given(tables)
def test_binary_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    least = {"s": -(2**15), "i": -(2**31), "n": -(2**63)}
    named = [dict(zip(NAMES, spoken(row), strict=True)) for row in values]
    if any(row[name] == value for row in named for name, value in least.items()):
        with pytest.raises(ParameterError, match="says NULL in BINARY"):
            document(pool, Binary(), values)
        return
    table = parsed(document(pool, Binary(), values))
    for read, mask, row in zip(table.array.data, table.array.mask, values, strict=True):
        for name, cell, wanted in zip(NAMES, cells_of(read, mask), spoken(row), strict=True):
            if name in {"name", "when", "code"}:
                assert (cell or "") == (wanted or "")
            elif wanted is None and name in {"v", "w", "raw"}:
                assert len(cell) == 0
            elif name == "position":
                assert same(cell, wanted) if wanted else all(map(math.isnan, cell))
            elif wanted is None or (isinstance(wanted, float) and math.isnan(wanted)):
                assert cell is None or math.isnan(cell)
            else:
                assert same(cell, wanted), name


@tried
@given(tables)
def test_parquet_and_arrow_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    parquet = pq.read_table(io.BytesIO(document(pool, Parquet(), values)))
    arrow = pa.ipc.open_stream(document(pool, Arrow(), values)).read_all()
    for table in (parquet, arrow):
        table.validate(full=True)
        assert table.column_names == NAMES
        assert table.num_rows == len(values)
        for read, row in zip(table.to_pylist(), values, strict=True):
            for name, wanted in zip(NAMES, spoken(row), strict=True):
                cell = bytes(read[name]) if name == "raw" and read[name] is not None else read[name]
                assert same(cell, wanted), name


def _in_fits(letter: str) -> str:
    """What a letter may be read as: one that ASCII has not takes no more room than in UTF-8."""
    if letter.isascii():
        return re.escape(letter)
    # any space is one, and is gone at the end of a cell
    return "[ -~]{0,4}" if unicodedata.category(letter) == "Zs" else "[ -~]{1,4}"


@pytest.mark.parametrize(
    ("letter", "read"),
    [("\u00b4", "?"), ("\u00a8a", "?a"), ("é", "e"), ("a\u00a0b", "a b"), ("\u00a0", ""), ("\ufb01", "fi")],
)
def test_no_letter_is_gone_in_fits(pool: ConnectionPool[Connection], letter: str, read: str) -> None:
    with fits.open(io.BytesIO(document(pool, Fits(), [(letter, *EMPTY[1:])]))) as opened:
        assert opened[1].data["name"][0] == read


@tried
@given(tables)
def test_fits_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    body = io.BytesIO(document(pool, Fits(), values))
    with fits.open(body, character_as_bytes=True, logical_as_bytes=True) as opened:
        opened.verify("exception")
        table = opened[1]
        assert table.header["NAXIS2"] == len(values)
        for read, row in zip(table.data, values, strict=True):
            for n, (name, wanted) in enumerate(zip(NAMES, spoken(row), strict=True), start=1):
                cell = read[name]
                if name in {"name", "code", "when"}:
                    printable = re.sub("[\x01-\x1f\x7f]", "?", re.sub("[\t\n\r]", " ", wanted or ""))
                    letters = [_in_fits(letter) for letter in printable.rstrip(" ")]
                    assert re.fullmatch("".join(letters) + " *", bytes(cell).decode("ascii"))
                elif name in {"n", "i", "s"}:
                    assert cell == (table.header[f"TNULL{n}"] if wanted is None else wanted)
                elif name == "b":
                    assert bytes(cell) == {None: b"", True: b"T", False: b"F"}[wanted]
                elif name == "raw":
                    assert bytes(cell) == (wanted or b"")
                elif name in {"v", "w"}:
                    assert same(cell.tolist(), wanted or [])
                elif name == "position":
                    assert same(cell.tolist(), wanted or [math.nan, math.nan])
                else:
                    assert same(float(cell), math.nan if wanted is None else wanted)


@tried
@given(tables)
def test_json_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    read = json.loads(document(pool, Json(), values), parse_constant=refuse)
    assert [column["name"] for column in read["columns"]] == NAMES
    assert (read["status"], read["rows"]) == ("OK", len(values))
    for cells, row in zip(read["data"], values, strict=True):
        for column, cell, wanted in zip(COLUMNS, cells, spoken(row), strict=True):
            if wanted is None:
                assert cell is None
            elif column.datatype == "double" and column.arraysize:
                assert same([float(one) for one in cell], wanted)
            elif column.datatype in {"double", "float"}:
                assert same(float(cell), wanted) or (
                    column.datatype == "float" and np.float32(float(cell)) == np.float32(wanted)
                )
            elif column.name == "raw":
                assert bytes.fromhex(cell) == wanted
            else:
                assert same(cell, wanted), column.name


def test_json_of_texts_that_look_like_the_frame(pool: ConnectionPool[Connection]) -> None:
    others = len(COLUMNS) - 1
    texts = [
        "".join(map(chr, range(1, 0x80))),
        "\x01" * others + "\n",
        "a\n" + "\x01" * others,
        '"', '""', '\\"', "\\", "\\\\", '\x01"', '"\x01', "\\\x01", "\x02", "\x03\x02", "null", "NaN",
        "\x01NaN\x01", "\v\\v",
    ]  # fmt: skip
    rows = [(text, 1.0, None, None, None, [math.nan, 1.5, -math.inf], *EMPTY[6:]) for text in texts]
    read = json.loads(document(pool, Json(), rows))["data"]
    assert [row[0] for row in read] == texts
    assert all(row[5] == ["NaN", 1.5, "-Infinity"] for row in read)
    assert [
        row[0] for row in json.loads(document(pool, Json(), [(text, *EMPTY[1:]) for text in texts]))["data"]
    ] == texts


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("ARRAY['a\"b\\c', 'd,e', NULL]", ['a"b\\c', "d,e", None]),
        ("'2020-01-02'::date", "2020-01-02"),
        ("1.50::numeric", 1.5),
        ("'a\"b'::varchar", 'a"b'),
    ],
)
def test_json_of_other_types(pool: ConnectionPool[Connection], value: LiteralString, wanted: Any) -> None:
    columns = (ResultColumn("x", "char", "*", pg_type="other"), ResultColumn("t", "char", "*", pg_type="text"))
    statement = sql.SQL("SELECT " + value + ", 'a\"b' UNION ALL SELECT NULL, NULL")
    assert json.loads(answer(pool, Json(), statement, columns, {}))["data"] == [[wanted, 'a"b'], [None, None]]


def html_can_say(text: str) -> str:
    return re.sub("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text.replace("\r", "\n").replace("\v", ""))


@tried
@given(tables)
def test_html_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    page = lxml_html.document_fromstring(document(pool, Html(), values).decode())
    body = page.findall(".//tbody/tr")
    assert [button.text for button in page.findall(".//th/button")] == NAMES
    assert len(body) == len(values)
    for line, row in zip(body, values, strict=True):
        cells = line.findall("td")
        assert len(cells) == len(COLUMNS)
        for column, cell, wanted in zip(COLUMNS, cells, spoken(row), strict=True):
            text = "".join(map(str, cell.itertext()))
            if wanted is None:
                assert text == ""
            elif isinstance(wanted, str):
                # a reader may take characters that HTML does not allow for others
                if all(c >= " " and c != "\x7f" and not 0x7F <= ord(c) < 0xA0 and ord(c) < 0xFDD0 for c in wanted):
                    assert text == wanted
            elif column.arraysize is None and not isinstance(wanted, bool):
                assert same(float(text), float(wanted)) or column.datatype == "float"


@tried
@given(tables)
def test_csv_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    text = document(pool, Csv(), values).decode()
    head, *read = list(csv.reader(io.StringIO(text, newline="")))
    assert head == NAMES
    assert len(read) == len(values)
    for cells, (name, x, n, b, when, *_) in zip(read, values, strict=True):
        assert cells[0] == (name or "")
        assert (cells[1] == "") if x is None else same(float(cells[1]), x)
        assert cells[2] == ("" if n is None else str(n))
        assert cells[3] == ("" if b is None else "t" if b else "f")
        assert cells[4] == (iso(when) or "")


@tried
@given(tables)
def test_tsv_has_one_line_a_row(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    lines = document(pool, Tsv(), values).decode().removesuffix("\n").split("\n")
    assert len(lines) == len(values) + 1
    assert all(line.count("\t") == len(COLUMNS) - 1 for line in lines)
    for line, row in zip(lines[1:], values, strict=True):
        if row[0] is not None and row[0].isalnum():
            assert line.split("\t")[0] == row[0]


def text_cells(line: str) -> list[str]:
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', line)
    return [bare or re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in words]


@tried
@given(tables)
def test_text_has_one_line_a_row_and_quotes_what_needs_it(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    lines = document(pool, Text(), values).decode().removesuffix("\n").split("\n")
    assert lines[0].startswith("# name")
    assert len(lines) == len(values) + 1
    for line, row in zip(lines[1:], values, strict=True):
        cells = text_cells(line)
        assert len(cells) == len(COLUMNS)
        code = row[6]
        if code is None or code.isprintable():
            assert cells[6] == (code or "")
        assert cells[2] == ("" if row[2] is None else str(row[2]))


def test_null_and_empty_differ_where_the_format_can_say_it(pool: ConnectionPool[Connection]) -> None:
    values = [EMPTY, ("", *EMPTY[1:])]
    assert document(pool, Csv(), values).splitlines()[1:] == [b",,,,,,,,,,,,", b'"",,,,,,,,,,,,']
    assert [row[0] for row in json.loads(document(pool, Json(), values))["data"]] == [None, ""]
    assert pq.read_table(io.BytesIO(document(pool, Parquet(), values)))["name"].to_pylist() == [None, ""]
    # astropy does not tell empty texts from NULL here, so the masks are looked at themselves
    stream = re.search(rb'encoding="base64">(.*)</STREAM>', document(pool, Binary2(), values), re.DOTALL)
    assert stream is not None
    written = base64.b64decode(stream[1])
    half = len(written) // 2
    assert (written[:2], written[half : half + 2]) == (b"\xff\xf8", b"\x7f\xf8")


def test_infinity_in_a_text_stays_a_text(pool: ConnectionPool[Connection]) -> None:
    row = ("-Infinity", -math.inf, None, None, None, [math.inf, math.nan], "NaN", *EMPTY[7:])
    body = document(pool, TableData(), [row])
    assert b"<TD>-Infinity</TD><TD>-Inf</TD>" in body
    assert b"<TD>+Inf NaN</TD>" in body
    cells = json.loads(document(pool, Json(), [row]))["data"][0]
    assert (cells[0], cells[1], cells[6]) == ("-Infinity", "-Infinity", "NaN")


@pytest.mark.parametrize("form", [Binary2(), Fits(), Parquet(), Arrow()])
def test_other_characters_in_a_column_that_promises_ascii(pool: ConnectionPool[Connection], form: RowFormat) -> None:
    values = [("é", *EMPTY[1:6], "Encelade été \U0001f600!", *EMPTY[7:]), (*EMPTY[:6], "Io", *EMPTY[7:])]
    body = document(pool, form, values)
    if isinstance(form, Binary2):
        assert parsed(body).array["code"].tolist() == ["Encelade ?t? ?!", "Io"]
        assert parsed(body).array["name"].tolist()[0] == "é"
    elif isinstance(form, Fits):
        with fits.open(io.BytesIO(body)) as opened:
            assert opened[1].data["code"].tolist() == ["Encelade ete ?!", "Io"]
            assert opened[1].data["name"].tolist()[0] == "e"
            assert "letters lost their accents" in " ".join(opened[1].header["COMMENT"])
            assert str(opened[1].header["COMMENT"][-1]).endswith("in name, code")
        assert b"became ?, in name, code" in body
    else:
        table = pq.read_table(io.BytesIO(body)) if isinstance(form, Parquet) else pa.ipc.open_stream(body).read_all()
        assert table["code"].to_pylist() == [values[0][6], "Io"]


def test_datatypes_of_the_catalogue_win_over_those_of_the_database(pool: ConnectionPool[Connection]) -> None:
    columns = (
        ResultColumn("small", "short", pg_type="bigint"),
        ResultColumn("byte", "unsignedByte", pg_type="integer"),
        ResultColumn("single", "float", pg_type="double precision"),
        ResultColumn("letter", "char", pg_type="text"),
        ResultColumn("date", "char", "10", pg_type="text"),
        ResultColumn("three", "double", "3", pg_type="double precision[]"),
    )
    statement = sql.SQL(
        "VALUES (7::bigint, 255::int, 0.5::float8, 'xyz', '2024-01-01T00:00:00', ARRAY[1,2]::float8[]),"
        " (NULL, NULL, NULL, NULL, NULL, NULL), (1, 0, 1, '', '2024', ARRAY[1,2,3,4])"
    )
    body = answer(pool, Binary2(), statement, columns, {})
    table = parsed(body).array
    assert table["small"].tolist() == [7, None, 1]
    assert table["byte"].tolist() == [255, None, 0]
    assert table["single"].tolist() == [0.5, None, 1]
    assert table["date"].tolist()[0] == "2024-01-01"
    assert table["date"].tolist()[2] == "2024"
    assert same(table["three"].data[0].tolist(), [1, 2, math.nan])
    assert table["three"].data[2].tolist() == [1, 2, 3]
    with fits.open(io.BytesIO(answer(pool, Fits(), statement, columns, {}))) as opened:
        assert opened[1].data["byte"].tolist() == [255, 254, 0]  # 255 is there, so 254 says NULL
        assert opened[1].data["date"].tolist() == ["2024-01-01", "", "2024"]


SERIES = sql.SQL(
    "SELECT i AS n, CASE WHEN i %% 3 = 0 THEN NULL ELSE repeat('x', i %% 50) END AS t,"
    " CASE WHEN i %% 2 = 0 THEN i / 7.0::float8 END AS x FROM generate_series(1, {}) AS i"
)
SERIES_COLUMNS = (
    ResultColumn("n", "int", pg_type="integer"),
    ResultColumn("t", "char", "*", pg_type="text"),
    ResultColumn("x", "double", pg_type="double precision"),
)


def rows_read(form: RowFormat, body: bytes) -> int:
    match form:
        case GzippedVotable():
            return len(parsed(gzip.decompress(body)).array)
        case TableData() | Binary() | Binary2():
            return len(parsed(body).array)
        case Csv() | Tsv():
            return body.count(b"\n") - 1
        case Text():
            return sum(not line.startswith(b"#") for line in body.splitlines())
        case Html():
            return len(lxml_html.document_fromstring(body.decode()).findall(".//tbody/tr"))
        case NdJson():
            return len(body.splitlines())
        case Records():
            return len(json.loads(body))
        case Json():
            return len(json.loads(body)["data"])
        case Fits():
            with fits.open(io.BytesIO(body)) as opened:
                return len(opened[1].data)
        case Parquet():
            return int(pq.read_table(io.BytesIO(body)).num_rows)
        case Arrow():
            return int(pa.ipc.open_stream(body).read_all().num_rows)
    raise AssertionError(form)


def says_overflow(form: RowFormat, body: bytes) -> bool | None:
    match form:
        case GzippedVotable():
            return b'value="OVERFLOW"' in gzip.decompress(body)
        case Csv() | Tsv() | Records() | NdJson():
            return None
        case Parquet():
            content = pq.read_metadata(io.BytesIO(body)).metadata[b"IVOA.VOTable-Parquet.content"]
            return b'value="OVERFLOW"' in content
        case Arrow():
            reader = pa.ipc.open_stream(body)
            said = [reader.read_next_batch_with_custom_metadata().custom_metadata for _ in _batches(body)]
            return any(one is not None and one[b"QUERY_STATUS"] == b"OVERFLOW" for one in said)
        case _:
            return b"OVERFLOW" in body


def _batches(body: bytes) -> list[pa.RecordBatch]:
    return list(pa.ipc.open_stream(body))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.names[0])
@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 7])
def test_overflow_is_said_only_when_rows_are_left_out(
    pool: ConnectionPool[Connection], form: RowFormat, count: int
) -> None:
    body = answer(pool, form, SERIES.format(sql.Literal(min(count, 6))), SERIES_COLUMNS, {}, maxrec=5)
    assert rows_read(form, body) == min(count, 5)
    assert says_overflow(form, body) in {None, count > 5}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.names[0])
def test_many_blocks(pool: ConnectionPool[Connection], form: RowFormat) -> None:
    count = 100_000
    body = answer(pool, form, SERIES.format(sql.Literal(count)), SERIES_COLUMNS, {})
    assert rows_read(form, body) == count
    table: Any = None
    if isinstance(form, (Binary, Binary2)):
        table = parsed(body).to_table()
    elif isinstance(form, Fits):
        with fits.open(io.BytesIO(body)) as opened:
            table = {name: np.array(opened[1].data[name]) for name in ("n", "x")}
    elif isinstance(form, Parquet):
        table = pq.read_table(io.BytesIO(body)).to_pydict()
    if table is not None:
        assert list(table["n"]) == list(range(1, count + 1))
        assert float(table["x"][9]) == 10 / 7


def test_fits_of_texts_that_grow(pool: ConnectionPool[Connection], tmp_path: Path) -> None:
    """One text is long, late; the number that says NULL is found at the end; memory does not grow with either."""
    count, long = 6000, 20_000
    statement = sql.SQL(
        "SELECT i AS n, repeat(chr(97 + i %% 26), CASE WHEN i = {count} - 7 THEN {long} WHEN i %% 5 = 0 THEN 0"
        " ELSE i * 20 / {count} END) AS t, CASE WHEN i %% 7 > 0 THEN i - {count} - 26769 END AS s,"
        " CASE WHEN i %% 3 > 0 THEN i %% 2 = 0 END AS b, CASE WHEN i %% 4 > 0 THEN ARRAY[i, i / 2.0]::float8[] END AS v"
        " FROM generate_series(1, {count}) AS i"
    ).format(count=sql.Literal(count), long=sql.Literal(long))
    columns = (
        ResultColumn("n", "int", pg_type="integer"),
        ResultColumn("t", "char", "*", pg_type="text"),
        ResultColumn("s", "short", pg_type="integer"),
        ResultColumn("b", "boolean", pg_type="boolean"),
        ResultColumn("v", "double", "*", pg_type="double precision[]"),
    )
    stream = RowStream(
        pool,
        CopyStatement(project(statement, columns, Fits.spelling), {}, sql.SQL(Fits.options)),
        pack=Fits.pack,
        maxrec=count,
        timeout_s=60,
    )
    writer = Fits().writer(columns, AnswerFacts())
    tracemalloc.start()
    with (tmp_path / "grown.fits").open("wb") as file:
        for block in stream:
            writer.rows(block)
        assert stream.outcome is not None
        file.writelines(writer.trailer(stream.outcome))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        writer.close()
        assert file.tell() > count * long
        assert peak < 64e6  # a piece of 4 MB a few times, and Python
    with fits.open(tmp_path / "grown.fits", logical_as_bytes=True) as opened:
        table, null = opened[1].data, opened[1].header["TNULL3"]
        raw = np.asarray(table)  # astropy would make letters of four bytes of all texts
        assert table["n"].tolist() == list(range(1, count + 1))
        for i in (1, 5, 6, 7, 2999, 4001, count - 8, count - 7, count):
            letters = long if i == count - 7 else 0 if i % 5 == 0 else i * 20 // count
            assert raw["t"][i - 1] == chr(97 + i % 26).encode() * letters
            assert table["v"][i - 1].tolist() == ([i, i / 2] if i % 4 else [])
        expected = [null if i % 7 == 0 else i - count - 26769 for i in range(1, count + 1)]
        assert table["s"].tolist() == expected
        assert null not in {i - count - 26769 for i in range(1, count + 1) if i % 7}
        assert raw["b"][:6].tobytes() == b"FT\0TF\0"


def test_parquet_describes_its_columns(pool: ConnectionPool[Connection]) -> None:
    body = document(pool, Parquet(), [EMPTY])
    metadata = pq.read_metadata(io.BytesIO(body)).metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    described = parsed(metadata[b"IVOA.VOTable-Parquet.content"])
    assert [field.name for field in described.fields] == NAMES
    assert str(described.get_field_by_id("x").ucd) == "phys.magField"


def test_fits_carries_the_votable(pool: ConnectionPool[Connection]) -> None:
    with fits.open(io.BytesIO(document(pool, Fits(), [EMPTY]))) as opened:
        assert opened[0].header["VOTMETA"] is True
        assert opened[0].header["QSTATUS"] == OutcomeStatus.OK.value
        described = parsed(opened[0].data.tobytes())
        assert [field.name for field in described.fields] == NAMES
        assert opened[1].header["TUNIT2"] == "nT"


def test_links_in_html_can_be_followed_and_nothing_breaks_out(pool: ConnectionPool[Connection]) -> None:
    values = [
        ('https://example.org/?a=1&b="><script>alert(1)</script>', *EMPTY[1:]),
        ("https://example.org/x?a=1&b=2", *EMPTY[1:]),
    ]
    page = lxml_html.document_fromstring(document(pool, Html(), values).decode())
    links = [link.get("href") for link in page.findall(".//td/a")]
    assert links == [row[0] for row in values]
    assert len(page.findall(".//script")) == 1
