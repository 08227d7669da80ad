"""Answers over HTTP: gzip for clients that accept it, and what headers say."""

from __future__ import annotations

import gzip
import http.client
import re
import time
import urllib.parse
import zlib

import pytest
from lxml import etree

from epntap.formats.negotiate import FORMATS
from tests.support.server import Server

E = "amdadb.epn_core"
SHORT = f"SELECT TOP 20 * FROM {E} ORDER BY granule_uid"
LONG = f"SELECT TOP 30000 a.* FROM {E} AS a, {E} AS b, {E} AS c"
ENDLESS = f"SELECT a.*, b.* FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d, {E} AS f"


def ask(
    served: Server, query: str, response_format: str, accept: str = "gzip, deflate", maxrec: str = "100000"
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "MAXREC": maxrec, "RESPONSEFORMAT": response_format})
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": accept}
    connection.request("POST", "/tap/sync", form, headers)
    return connection, connection.getresponse()


def undated(body: bytes) -> bytes:
    """The document without the second in which it was asked for."""
    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"", body)


@pytest.mark.parametrize("query", [SHORT, LONG])
@pytest.mark.parametrize("response_format", ["votable", "votable/b2", "csv", "json", "html", "text"])
def test_the_same_bytes_with_and_without(served: Server, query: str, response_format: str) -> None:
    plain_connection, plain = ask(served, query, response_format, "identity")
    wanted = plain.read()
    plain_connection.close()
    connection, answer = ask(served, query, response_format)
    packed = answer.read()
    connection.close()
    assert plain.getheader("Content-Encoding") is None
    assert plain.getheader("Vary") == "Accept-Encoding"
    assert answer.getheader("Content-Encoding") == "gzip"
    assert answer.getheader("Vary") == "Accept-Encoding"
    assert len(packed) < len(wanted) / 2
    assert len(gzip.decompress(packed)) == len(wanted)
    if query == SHORT:
        assert undated(gzip.decompress(packed)) == undated(wanted)


@pytest.mark.parametrize("response_format", ["parquet", "fits"])
def test_what_is_small_already_is_left_alone(served: Server, response_format: str) -> None:
    connection, answer = ask(served, LONG, response_format)
    answer.read()
    connection.close()
    assert answer.getheader("Content-Encoding") is None


@pytest.mark.parametrize("accept", ["", "identity", "deflate", "gzip;q=0"])
def test_nobody_gets_gzip_unasked(served: Server, accept: str) -> None:
    connection, answer = ask(served, SHORT, "votable", accept)
    assert answer.read().startswith(b"<?xml")
    connection.close()
    assert answer.getheader("Content-Encoding") is None


def test_votable_gzip_is_gzip_whatever_is_accepted(served: Server) -> None:
    for accept in ("identity", "gzip"):
        connection, answer = ask(served, SHORT, "votable_gzip", accept)
        assert len(etree.fromstring(gzip.decompress(answer.read())).findall(".//{*}TR")) == 20
        connection.close()
        assert answer.getheader("Content-Encoding") == "gzip"
        assert answer.getheader("Content-Type") == "application/x-votable+xml"


def test_the_first_rows_leave_at_once(served: Server) -> None:
    started = time.monotonic()
    connection, answer = ask(served, ENDLESS, "csv", maxrec="20000000")
    unpacked = zlib.decompressobj(31)
    assert b"granule_uid" in unpacked.decompress(answer.read(1024))
    assert time.monotonic() - started < 5
    connection.close()


def test_overflow_is_a_header_where_the_answer_is_complete(served: Server) -> None:
    for form in FORMATS:
        for query, maxrec, header in ((SHORT, "5", "true"), (SHORT, "20", None), (SHORT, "0", "true")):
            connection, answer = ask(served, query, form.names[0], "identity", maxrec)
            answer.read()
            connection.close()
            assert answer.getheader("X-Overflow") == header, (form.names[0], maxrec)


@pytest.mark.parametrize("serialization", ["", ";serialization=BINARY2", ";serialization=BINARY"])
def test_an_error_is_a_votable_for_who_reads_votable(served: Server, serialization: str) -> None:
    connection, answer = ask(served, "SELECT", f"application/x-votable+xml{serialization}")
    assert etree.fromstring(answer.read()).find(".//{*}INFO[@value='ERROR']") is not None
    connection.close()
    assert answer.getheader("Content-Type") == "application/x-votable+xml"
