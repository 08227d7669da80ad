"""Every format over HTTP under every name that is declared for it."""

from __future__ import annotations

import http.client
import io
import json
import socket
import urllib.parse
import zlib
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from lxml import etree

from epntap.db.pool import Database
from epntap.errors import ParameterError
from epntap.formats.base import RowFormat
from epntap.formats.negotiate import FORMATS, HTML, choose_format
from tests.support.server import Server, serve

QUERY = "SELECT TOP 7 granule_uid, time_min, processing_level, s_region FROM amdadb.epn_core"


def ask(
    served: Server, response_format: str, *, query: str = QUERY, maxrec: str = "5", name: str = "RESPONSEFORMAT"
) -> tuple[int, dict[str, str], bytes]:
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "MAXREC": maxrec, name: response_format})
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    try:
        connection.request("POST", "/tap/sync", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return answer.status, {name.title(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_every_declared_format_and_alias_is_accepted(served: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("GET", "/tap/capabilities")
    document = etree.fromstring(connection.getresponse().read())
    connection.close()
    declared: dict[str, list[str]] = {}
    for output in document.iter("outputFormat"):
        names = declared.setdefault(str(output.findtext("mime")), [])
        names += [alias.text or "" for alias in output.findall("alias")]
    assert {form.media_type for form in FORMATS} == set(declared)
    for mime, aliases in declared.items():
        for name in (mime, *aliases):
            status, headers, body = ask(served, name)
            assert status == 200, name
            assert body, name
            if "/" not in name or name.startswith("votable/"):
                assert headers["Content-Type"] in declared, name
            else:  # the very type that was asked for, perhaps with its usual parameters (DALI 1.1 §3.4.3)
                assert headers["Content-Type"].startswith(name), name


@pytest.mark.parametrize(
    ("asked", "media_type"),
    [
        ("votable", "application/x-votable+xml"),
        ("VOTable", "application/x-votable+xml"),
        ("text/xml", "text/xml"),
        ("TEXT/XML; charset=UTF-8", "text/xml"),
        ("application/x-votable+xml", "application/x-votable+xml"),
        ('application/x-votable+xml; serialization="TABLEDATA"', "application/x-votable+xml;serialization=tabledata"),
        ("application/x-votable+xml;serialization=BINARY2", "application/x-votable+xml;serialization=binary2"),
        (" application/x-votable+xml ; Serialization = Binary ", "application/x-votable+xml;serialization=binary"),
        ("text/csv", "text/csv;header=present;charset=utf-8"),
        ("text/csv;header=present", "text/csv;header=present;charset=utf-8"),
        ("tsv", "text/tab-separated-values;charset=utf-8"),
        ("txt", "text/plain;charset=utf-8"),
        ("text", "text/plain;charset=utf-8"),
        ("html", "text/html;charset=utf-8"),
        ("fits", "application/fits"),
        ("json", "application/json"),
        ("records", "application/json;profile=records"),
        ("application/json; profile=records", "application/json;profile=records"),
        ("ndjson", "application/x-ndjson"),
        ("jsonl", "application/x-ndjson"),
        ("parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.stream"),
    ],
)
def test_names_and_types(served: Server, asked: str, media_type: str) -> None:
    assert choose_format(asked)[1] == media_type
    for parameter in ("RESPONSEFORMAT", "format"):
        status, headers, _ = ask(served, asked, name=parameter)
        assert (status, headers["Content-Type"]) == (200, media_type)


@pytest.mark.parametrize(
    ("asked", "suggestion"),
    [
        ("votabel", "'votable'"),
        ("application/x-votable+xml;serialization=BINARY3", "serialization=binary"),
        ("parket", "'parquet'"),
    ],
)
def test_what_is_not_offered_is_refused_with_a_suggestion(asked: str, suggestion: str) -> None:
    with pytest.raises(ParameterError, match=suggestion):
        choose_format(asked)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.names[0])
@pytest.mark.parametrize("query", [QUERY, f"{QUERY} WHERE granule_uid = 'none'"])
@pytest.mark.parametrize("maxrec", ["0", "5", "100"])
def test_every_format_answers_with_no_rows_some_and_all(
    served: Server, form: RowFormat, query: str, maxrec: str
) -> None:
    status, _, body = ask(served, form.names[0], query=query, maxrec=maxrec)
    rows = 0 if "WHERE" in query else min(int(maxrec), 7)
    assert status == 200
    match form.names[0]:
        case "csv" | "tsv":
            assert body.count(b"\n") == rows + 1
        case "json":
            read = json.loads(body)
            assert (len(read["data"]), read["rows"]) == (rows, rows)
            cut = maxrec == "0" or (int(maxrec) < 7 and "WHERE" not in query)
            assert read["status"] == ("OVERFLOW" if cut else "OK")
        case "records":
            assert len(json.loads(body)) == rows
        case "ndjson":
            assert [set(json.loads(line)) for line in body.splitlines()] == [
                {"granule_uid", "time_min", "processing_level", "s_region"}
            ] * rows
        case "fits":
            with fits.open(io.BytesIO(body)) as opened:
                assert opened[1].header["NAXIS2"] == rows
        case "parquet":
            assert pq.read_table(io.BytesIO(body)).num_rows == rows
        case "votable" | "votable/b2" | "votable/b":
            etree.fromstring(body)
        case "votable_gzip":
            assert len(etree.fromstring(zlib.decompress(body, 31)).findall(".//{*}TR")) == rows


def test_a_query_that_breaks_while_a_fits_file_is_made_is_an_error_with_a_status(served: Server) -> None:
    rows = "amdadb.epn_core AS a, amdadb.epn_core AS b"
    late = f"SELECT a.granule_uid, 1 / (CASE WHEN b.time_min > 0 THEN 0 ELSE 1 END) AS x FROM {rows}"
    status, headers, body = ask(served, "fits", query=late, maxrec="100000")
    assert status == 400
    assert headers["Content-Type"].startswith("text/plain")
    assert b"division by zero" in body


E = "amdadb.epn_core"
#: more than can be sent in the time that the server below allows
LONG = f"SELECT a.*, b.* FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d"


@pytest.fixture(scope="module")
def impatient(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(demo_database, tmp_path_factory.mktemp("impatient"), sync_timeout_s="2") as server:
        yield server


# pages end before anything breaks
@pytest.mark.parametrize("form", [form for form in FORMATS if form is not HTML], ids=lambda form: form.names[0])
def test_a_broken_answer_is_never_silently_short(impatient: Server, form: RowFormat) -> None:
    body = urllib.parse.urlencode(
        {"LANG": "ADQL", "QUERY": LONG, "MAXREC": "20000000", "RESPONSEFORMAT": form.names[0]}
    )
    received = b""
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=60) as client:
        client.sendall(
            f"POST /tap/sync HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        start = client.recv(12)
        try:
            while block := client.recv(1 << 20):
                received = (received + block)[-100_000:]
        except ConnectionResetError:
            pass
    if form.spools:
        assert start == b"HTTP/1.1 504"
        assert b"took longer than the 2 seconds" in received
        return
    assert start == b"HTTP/1.1 200"
    complete = received.endswith(b"0\r\n\r\n")
    assert complete == form.says_outcome
    if complete and form.content_encoding is None:
        assert b"ERROR" in received
        assert b"took longer than the 2 seconds" in received
