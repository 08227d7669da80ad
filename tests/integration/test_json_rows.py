"""JSON as objects, in a list or in lines: the values are those of the other JSON, whatever is in them."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd
import pytest

from tests.support.asking import request
from tests.support.server import Server

ALL = "SELECT * FROM illu67p.epn_core ORDER BY granule_uid"
AWKWARD = r"""
SELECT granule_uid, granule_uid, 'a "quoted" \\ text' AS "50% of ""x"", \", time_min, POWER(10.0, 400.0 - 400.0) AS one,
       LOG(CAST(1 AS DOUBLE PRECISION)) AS zero, COALESCE(target_region, 'é') AS r
FROM amdadb.epn_core ORDER BY granule_uid
"""


def answer(server: Server, query: str, form: str, **more: str) -> str:
    status, _, text = request(
        server, "POST", "/tap/sync", {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": form, **more}
    )
    assert status == 200, text
    return text


def rows_of(document: str) -> tuple[list[str], list[list[Any]]]:
    read = json.loads(document)
    return [column["name"] for column in read["columns"]], read["data"]


@pytest.mark.parametrize("query", [ALL, AWKWARD])
def test_objects_hold_what_arrays_hold(served: Server, query: str) -> None:
    names, data = rows_of(answer(served, query, "json"))
    records = json.loads(answer(served, query, "records"))
    assert [list(record.values()) for record in records] == data
    if len(set(names)) == len(names):
        assert list(records[0]) == names
    lines = answer(served, query, "ndjson").splitlines()
    assert [json.loads(line) for line in lines] == records


def test_equal_names_are_numbered(served: Server) -> None:
    (first, *_) = json.loads(answer(served, AWKWARD, "records"))
    assert list(first) == ["granule_uid", "granule_uid_2", '50% of "x", \\', "time_min", "one", "zero", "r"]
    assert first["granule_uid"] == first["granule_uid_2"] == "syna-mag_20161229"


def test_nothing_is_an_empty_list_and_no_line(served: Server) -> None:
    none = "SELECT granule_uid FROM amdadb.epn_core WHERE granule_uid = 'none'"
    assert json.loads(answer(served, none, "records")) == []
    assert answer(served, none, "ndjson") == ""
    assert json.loads(answer(served, ALL, "records", MAXREC="0")) == []


def test_pandas_reads_both(served: Server) -> None:
    for form, lines in (("records", False), ("ndjson", True)):
        frame = pd.read_json(io.StringIO(answer(served, ALL, form)), orient="records", lines=lines)
        assert len(frame) == 540
        assert frame["granule_uid"].is_unique


def test_a_cut_answer_says_so_in_a_header(served: Server) -> None:
    _, headers, text = request(
        served,
        "POST",
        "/tap/sync",
        {"LANG": "ADQL", "QUERY": "SELECT granule_uid FROM amdadb.epn_core", "FORMAT": "ndjson", "MAXREC": "5"},
    )
    assert (headers["X-Overflow"], text.count("\n")) == ("true", 5)
