"""Answers as common readers take them: pandas, pyarrow, astropy, requests lose nothing and refuse nothing."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import requests
from astropy.io.votable import parse_single_table
from astropy.table import Table

from tests.support.multipart import Reply, query
from tests.support.server import Server
from tests.support.votables import votable

E = "amdadb.epn_core"
ONE = "FROM tap_schema.schemas WHERE schema_index = 1000"
LEAST = {"ub": 255, "s": -(2**15), "i": -(2**31), "l": -(2**63)}
FIELDS = "".join(
    f'<FIELD name="{name}" datatype="{kind}"/>'
    for name, kind in (("ub", "unsignedByte"), ("s", "short"), ("i", "int"), ("l", "long"))
)


def row(*cells: object) -> str:
    return "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in cells) + "</TR>"


SCHEMAS = ("schema_name", "utype", "description", "schema_index")
EXTREMES = votable(FIELDS, row(*LEAST.values()))
EXTREMES_AND_NULL = votable(FIELDS, row(*LEAST.values()) + row("", "", "", ""))


def answer(server: Server, text: str, form: str, **uploads: bytes) -> Reply:
    return query(server, text, response_format=form, **uploads)


def test_null_alone_in_a_row_is_a_row(served: Server) -> None:
    text = "SELECT NULLIF(schema_name, 'tap_schema') AS s FROM tap_schema.schemas"
    body = answer(served, text, "csv").body
    rows = len(parse_single_table(io.BytesIO(answer(served, text, "votable/b2").body)).array)
    found = pd.read_csv(io.BytesIO(body))
    assert len(found) == rows
    assert found["s"].isna().sum() == 1
    assert len(Table.read(body.decode(), format="ascii.csv")) == rows


@pytest.mark.parametrize("name", ["c1min", "time_min", "target_name"])
def test_one_column_has_all_rows(served: Server, name: str) -> None:
    count = int(pd.read_csv(io.BytesIO(answer(served, f"SELECT COUNT(*) AS n FROM {E}", "csv").body))["n"][0])
    found = pd.read_csv(io.BytesIO(answer(served, f"SELECT {name} FROM {E}", "csv").body))
    assert len(found) == count


def test_one_column_of_truth_values_is_spelled_as_several_are(served: Server) -> None:
    upload = votable('<FIELD name="b" datatype="boolean"/>', row("true") + row("false"))
    alone = answer(served, "SELECT b FROM TAP_UPLOAD.t", "csv", t=upload).body
    beside = answer(served, "SELECT b, 1 AS one FROM TAP_UPLOAD.t", "csv", t=upload).body
    assert [line.split(b",")[0] for line in beside.splitlines()] == alone.splitlines()


@pytest.mark.parametrize("form", ["csv", "tsv", "text"])
def test_texts_say_their_encoding(served: Server, form: str) -> None:
    reply = requests.get(
        f"{served.tap}/sync", {"LANG": "ADQL", "QUERY": f"SELECT 'é' AS e {ONE}", "FORMAT": form}, timeout=30
    )
    assert reply.encoding is not None
    assert reply.encoding.lower() == "utf-8"
    assert "é" in reply.text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"SELECT 1 AS a, 2 AS a {ONE}", ["a", "a_2"]),
        (f"SELECT 1 AS a, 2 AS a, 3 AS a_2 {ONE}", ["a", "a_3", "a_2"]),
        (
            "SELECT * FROM tap_schema.schemas AS a JOIN tap_schema.schemas AS b ON a.schema_name = b.schema_name",
            [f"{name}{number}" for number in ("", "_2") for name in SCHEMAS],
        ),
    ],
)
def test_columns_of_one_name_can_be_told_apart(served: Server, text: str, names: list[str]) -> None:
    assert pq.read_table(io.BytesIO(answer(served, text, "parquet").body)).column_names == names
    fits = Table.read(io.BytesIO(answer(served, text, "fits").body), format="fits", hdu=1)
    assert fits.colnames == names


def test_names_that_differ_by_case_only_differ_in_fits(served: Server) -> None:
    reply = answer(served, f'SELECT 1 AS "a", 2 AS "A" {ONE}', "fits")
    assert Table.read(io.BytesIO(reply.body), format="fits", hdu=1).colnames == ["a", "A_2"]


@pytest.mark.parametrize("form", ["votable/b2", "votable/td"])
def test_the_least_numbers_are_numbers(served: Server, form: str) -> None:
    array = parse_single_table(io.BytesIO(answer(served, "SELECT * FROM TAP_UPLOAD.t", form, t=EXTREMES).body)).array
    assert {name: int(array[name][0]) for name in LEAST} == LEAST
    assert not any(np.ma.getmaskarray(array[name])[0] for name in LEAST)


def test_binary_refuses_what_it_cannot_tell_from_null(served: Server) -> None:
    reply = answer(served, "SELECT * FROM TAP_UPLOAD.t", "votable/b", t=EXTREMES)
    assert reply.status == 400
    assert b'value="ERROR">The column ub holds 255, which says NULL in BINARY' in reply.body


def test_fits_finds_a_number_for_null(served: Server) -> None:
    reply = answer(served, "SELECT * FROM TAP_UPLOAD.t ORDER BY l", "fits", t=EXTREMES_AND_NULL)
    found = Table.read(io.BytesIO(reply.body), format="fits", hdu=1)
    assert {name: int(found[name][0]) for name in LEAST} == LEAST
    assert all(found[name].mask.tolist() == [False, True] for name in LEAST)


def test_arrays_of_several_dimensions_keep_their_shape_in_fits(served: Server) -> None:
    upload = votable('<FIELD name="m" datatype="double" arraysize="2x3"/>', row("1 2 3 4 5 6"))
    found = Table.read(io.BytesIO(answer(served, "SELECT m FROM TAP_UPLOAD.t", "fits", t=upload).body), hdu=1)
    assert found["m"].tolist() == [[[1, 2], [3, 4], [5, 6]]]


def test_descriptions_of_tables_may_hold_any_letter(served: Server) -> None:
    reply = answer(served, "SELECT description FROM tap_schema.columns", "votable/b2")
    assert parse_single_table(io.BytesIO(reply.body)).fields[0].datatype == "unicodeChar"
