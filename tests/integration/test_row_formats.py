"""What goes into the database comes out of every format as an independent reader reads it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from astropy.io import votable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg_pool import ConnectionPool

from epntap.answer import ResultColumn
from epntap.db.pool import Connection, Database, Role, open_pool
from epntap.db.stream import RowStream
from epntap.formats.base import AnswerFacts, RowFormat
from epntap.formats.delimited import Csv, Tsv
from epntap.formats.projection import project
from epntap.formats.tabledata import TableData

COLUMNS = (
    ResultColumn("name", "unicodeChar", "*", pg_type="text"),
    ResultColumn("x", "double", pg_type="double precision", unit="nT", ucd="phys.magField"),
    ResultColumn("n", "long", pg_type="bigint"),
    ResultColumn("b", "boolean", pg_type="boolean"),
    ResultColumn("when", "char", "*", xtype="timestamp", pg_type="timestamp"),
    ResultColumn("v", "double", "*", pg_type="double precision[]"),
)
TYPES = ("text", "float8", "int8", "boolean", "timestamp", "float8[]")

Row = tuple[Any, ...]

#: PostgreSQL text holds every character but NUL; surrogates are no characters
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
rows = st.tuples(
    st.one_of(st.none(), texts),
    st.one_of(st.none(), st.floats()),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.datetimes().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))),
    st.one_of(st.none(), st.lists(st.floats(), min_size=1, max_size=4)),
)


@pytest.fixture(scope="module")
def pool(postgres_server: Database) -> Iterator[ConnectionPool[Connection]]:
    with open_pool(postgres_server, Role.ADMIN, size=1, name="formats") as opened:
        yield opened


def document(pool: ConnectionPool[Connection], form: RowFormat, values: Sequence[Row]) -> bytes:
    params: dict[str, Any] = {}
    tuples = []
    for i, row in enumerate(values):
        cells = []
        for j, (value, kind) in enumerate(zip(row, TYPES, strict=True)):
            params[f"p{i}_{j}"] = value
            cells.append(sql.SQL("({})::" + kind).format(sql.Placeholder(f"p{i}_{j}")))
        tuples.append(sql.SQL("({})").format(sql.SQL(", ").join(cells)))
    statement = sql.SQL("SELECT * FROM (VALUES {}) AS t").format(sql.SQL(", ").join(tuples))
    stream = RowStream(
        pool,
        project(statement, COLUMNS, form.spelling),
        params,
        copy_options=form.copy_options,
        maxrec=10**6,
        timeout_s=60,
    )
    transform = form.transform(COLUMNS)
    facts = AnswerFacts(infos=[("QUERY", "a < b & c \x00", "")])
    body = b"".join(transform(block) for block in stream)
    assert stream.outcome is not None
    return form.header(COLUMNS, facts) + body + form.trailer(stream.outcome, facts)


def xml_can_say(text: str) -> str:
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=5))
def test_tabledata_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    table = votable.parse(io.BytesIO(document(pool, TableData(), values)), verify="exception").get_first_table()
    assert len(table.array) == len(values)
    for read, (name, x, n, b, when, vector) in zip(table.array, values, strict=True):
        # NULL and '' look alike in TABLEDATA; astropy drops white space around a cell and masks NaN
        assert (read["name"] or "").strip() == xml_can_say(name or "").strip()
        if x is None or math.isnan(x):
            assert read["x"] is np.ma.masked or np.isnan(read["x"])
        else:
            assert same(read["x"], x)
        assert (read["n"] is np.ma.masked) if n is None else (read["n"] == n)
        assert (read["b"] is np.ma.masked) if b is None else (bool(read["b"]) == b)
        assert (read["when"] or "") == (when.isoformat(timespec="milliseconds") if when else "")
        if vector is not None:
            assert len(read["v"]) == len(vector)
            assert all(same(a, b) for a, b in zip(np.ma.getdata(read["v"]), vector, strict=True) if not math.isnan(b))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=5))
def test_csv_round_trip(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    text = document(pool, Csv(), values).decode()
    head, *read = list(csv.reader(io.StringIO(text, newline="")))
    assert head == [column.name for column in COLUMNS]
    assert len(read) == len(values)
    for cells, (name, x, n, b, when, _vector) in zip(read, values, strict=True):
        assert cells[0] == (name or "")
        assert (cells[1] == "") if x is None else same(float(cells[1]), x)
        assert cells[2] == ("" if n is None else str(n))
        assert cells[3] == ("" if b is None else "t" if b else "f")
        assert cells[4] == (when.isoformat(timespec="milliseconds") if when else "")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=5))
def test_tsv_has_one_line_a_row(pool: ConnectionPool[Connection], values: list[Row]) -> None:
    lines = document(pool, Tsv(), values).decode().removesuffix("\n").split("\n")
    assert len(lines) == len(values) + 1
    assert all(line.count("\t") == len(COLUMNS) - 1 for line in lines)
    for line, row in zip(lines[1:], values, strict=True):
        if row[0] is not None and row[0].isalnum():
            assert line.split("\t")[0] == row[0]


def test_null_and_empty_differ_in_csv(pool: ConnectionPool[Connection]) -> None:
    body = document(pool, Csv(), [(None,) * 6, ("", *(None,) * 5)])
    assert body.splitlines()[1:] == [b",,,,,", b'"",,,,,']


def test_infinity_in_a_text_stays_a_text(pool: ConnectionPool[Connection]) -> None:
    body = document(pool, TableData(), [("-Infinity", -math.inf, None, None, None, [math.inf, math.nan])])
    assert b"<TD>-Infinity</TD><TD>-Inf</TD>" in body
    assert b"<TD>+Inf NaN</TD>" in body
