"""The server over HTTP as clients use it: answers, errors, limits, documents."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from tests.support.server import Server


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def fetch(address: str, form: dict[str, str] | None = None, method: str | None = None) -> Answer:
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(address, body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, dict(answer.headers.items()), answer.read())
    except urllib.error.HTTPError as failure:
        with failure:
            return Answer(failure.code, dict(failure.headers.items()), failure.read())


def ask(served: Server, query: str, **params: str) -> Answer:
    return fetch(f"{served.tap}/sync", {"LANG": "ADQL", "QUERY": query, **params})


def status_of(document: bytes) -> list[str]:
    found = etree.fromstring(document).findall(".//{*}INFO[@name='QUERY_STATUS']")
    return [str(info.get("value")) for info in found]


def rows_of(document: bytes) -> int:
    return len(etree.fromstring(document).findall(".//{*}TR"))


def test_get_and_post_answer_alike(served: Server) -> None:
    query = "SELECT TOP 3 granule_uid FROM amdadb.epn_core ORDER BY granule_uid"
    posted = ask(served, query, RESPONSEFORMAT="csv")
    address = urllib.parse.urlencode({"lang": "adql", "query": query, "responseformat": "csv"})
    assert fetch(f"{served.tap}/sync?{address}").body == posted.body
    assert posted.status == 200
    assert len(posted.text.splitlines()) == 4


def test_the_old_address_of_a_dachs_installation_answers(served: Server) -> None:
    query = "SELECT COUNT(*) AS n FROM tap_schema.key_columns"
    address = urllib.parse.urlencode({"LANG": "ADQL", "request": "doQuery", "format": "tsv", "query": query})
    assert fetch(f"{served.base}/__system__/tap/run/sync?{address}").text == "n\n5\n"


@pytest.mark.parametrize(
    ("query", "maxrec", "status", "rows"),
    [
        ("SELECT TOP 5 granule_uid FROM amdadb.epn_core", "5", ["OK"], 5),
        ("SELECT granule_uid FROM amdadb.epn_core", "5", ["OK", "OVERFLOW"], 5),
        ("SELECT TOP 3 granule_uid FROM amdadb.epn_core", "5", ["OK"], 3),
        ("SELECT TOP 9 granule_uid FROM amdadb.epn_core", "5", ["OK", "OVERFLOW"], 5),
        ("SELECT granule_uid FROM amdadb.epn_core", "0", ["OK", "OVERFLOW"], 0),
    ],
)
def test_overflow_is_said_only_when_maxrec_cut(
    served: Server, query: str, maxrec: str, status: list[str], rows: int
) -> None:
    body = ask(served, query, MAXREC=maxrec).body
    assert status_of(body) == status
    assert rows_of(body) == rows


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"QUERY": "SELECT 1 AS a"}, "LANG is missing"),
        ({"LANG": "SQL", "QUERY": "SELECT 1 AS a"}, "Unknown query language 'SQL'"),
        ({"LANG": "ADQL"}, "QUERY is missing"),
        ({"LANG": "ADQL", "QUERY": "SELECT 1 AS a", "MAXREC": "-1"}, "MAXREC must be a whole number"),
        ({"LANG": "ADQL", "QUERY": "SELECT 1 AS a", "MAXREC": "ten"}, "MAXREC must be a whole number"),
        ({"LANG": "ADQL", "QUERY": "SELECT 1 AS a", "RESPONSEFORMAT": "votabel"}, "Did you mean 'votable'"),
        ({"LANG": "ADQL", "QUERY": "SELECT 1 AS a", "REQUEST": "getCapabilities"}, "REQUEST='getCapabilities'"),
        ({"LANG": "ADQL", "QUERY": "SELECT * FROM amdadb.epn_cor"}, "epn_core"),
        ({"LANG": "ADQL", "QUERY": "SELECT targetname FROM amdadb.epn_core"}, "target_name"),
        ({"LANG": "ADQL", "QUERY": "SELECT * FORM amdadb.epn_core"}, "FROM"),
        ({"LANG": "ADQL", "QUERY": "SELECT 1/(c1min-c1min) FROM amdadb.epn_core LIMIT 3"}, "TOP"),
    ],
)
def test_a_wrong_request_is_a_dali_error(served: Server, params: dict[str, str], sentence: str) -> None:
    answer = fetch(f"{served.tap}/sync", params)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/x-votable+xml"
    assert status_of(answer.body) == ["ERROR"]
    message = etree.fromstring(answer.body).findtext(".//{*}INFO[@name='QUERY_STATUS']")
    assert message is not None
    assert sentence in message
    assert "Traceback" not in answer.text


def test_a_repeated_parameter_is_an_error(served: Server) -> None:
    answer = fetch(f"{served.tap}/sync?LANG=ADQL&QUERY=SELECT+1&QUERY=SELECT+2")
    assert answer.status == 400
    assert "QUERY is given 2 times" in answer.text


def test_an_error_is_text_when_csv_was_asked_for(served: Server) -> None:
    answer = ask(served, "SELECT", RESPONSEFORMAT="csv")
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_query_that_fails_while_running_is_said_without_sql(served: Server) -> None:
    answer = ask(served, "SELECT 1 / (processing_level - processing_level) AS x FROM amdadb.epn_core")
    assert answer.status == 400
    assert "division by zero" in answer.text
    assert "%(" not in answer.text


def test_head_runs_no_query(served: Server) -> None:
    query = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": "SELECT * FROM amdadb.epn_core"})
    answer = fetch(f"{served.tap}/sync?{query}", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert "Content-Length" not in answer.headers, "0 would be the length of another answer (RFC 9110 §8.6)"


@pytest.mark.parametrize(
    ("path", "is_sized"),
    [
        ("/datalink/links?ID=syna-mag_20161231", False),
        ("/datalink/bulk?ID=syna-mag_20161231", False),
        ("/datalink/soda/sync?ID=syna-mag_20161231&FORMAT=csv", False),
        ("/data/syna-mag_20161231.cdf", True),
    ],
)
def test_head_says_what_is_known_of_the_length(served: Server, path: str, is_sized: bool) -> None:
    head, whole = fetch(f"{served.base}{path}", method="HEAD"), fetch(f"{served.base}{path}")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert head.headers.get("Content-Length") == (str(len(whole.body)) if is_sized else None)


@pytest.mark.shared
@pytest.mark.parametrize(
    "path", ["capabilities", "tables", "tables?detail=min", "tables/amdadb.epn_core", "availability"]
)
def test_metadata_documents_are_valid(served: Server, shared: Path, path: str) -> None:
    answer = fetch(f"{served.tap}/{path}")
    assert answer.status == 200
    schema = shared / "standards" / "schemas" / "local" / "umbrella-vosi.xsd"
    etree.XMLSchema(etree.parse(str(schema))).assertValid(etree.fromstring(answer.body))


def test_tables_and_tap_schema_agree(served: Server) -> None:
    document = etree.fromstring(fetch(f"{served.tap}/tables").body)
    from_document = {
        (table.findtext("name"), column.findtext("name"), column.findtext("unit") or "", column.findtext("ucd") or "")
        for table in document.findall(".//table")
        for column in table.findall("column")
    }
    answer = ask(served, "SELECT table_name, column_name, unit, ucd FROM tap_schema.columns", RESPONSEFORMAT="tsv")
    from_schema = {tuple(line.split("\t")) for line in answer.text.splitlines()[1:]}
    assert from_document == from_schema


def test_an_unknown_table_and_an_unknown_address_are_404(served: Server) -> None:
    assert fetch(f"{served.tap}/tables/amdadb.nothing").status == 404
    answer = fetch(f"{served.base}/nowhere")
    assert answer.status == 404
    assert answer.text.startswith("There is nothing at /nowhere")


def test_the_front_page_says_how_to_connect(served: Server) -> None:
    text = fetch(f"{served.base}/").text
    assert f'pyvo.dal.TAPService("{served.tap}")' in text
    assert "amdadb.epn_core" in text


def test_health_and_log(served: Server) -> None:
    answer = fetch(f"{served.base}/health")
    assert json.loads(answer.body)["status"] == "ok"
    number = answer.headers["X-Request-Id"]
    deadline = time.monotonic() + 10  # the line is written when the answer has been sent
    while number not in served.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    entry = next(line for line in lines if line.get("request_id") == number)
    assert (entry["path"], entry["status"]) == ("/health", 200)
    assert re.fullmatch(r"[0-9a-f]{16}", number)
