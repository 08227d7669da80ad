"""Requests as clients put them on the wire, byte by byte: what Autoplot and TOPCAT send, and 300 at random.

Autoplot is Java's HttpURLConnection: it accepts text/html in whatever it fetches. It asks for datasets by `id` also of
servers of HAPI 3, widens intervals by a cadence on both sides, trims them to what /info says, and puts parameters that
say where bins are at the end of its list. TOPCAT and STILTS ask for `dataset`, `start` and `stop`, with a header.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from epntap.db.pool import Database
from tests.support.hapi import RECORDS, random_targets, serve_kinds
from tests.support.server import Server

_ACCEPT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
AUTOPLOT = {"Accept-Encoding": "gzip", "User-Agent": "autoplot/20250701", "Accept": _ACCEPT}
PLAIN_AUTOPLOT = {"User-Agent": "autoplot/20250701", "Accept": _ACCEPT}
TOPCAT = {"User-Agent": "TOPCAT/4.10 Java/17.0.11", "Accept": _ACCEPT}
GZIP_TOPCAT = {**TOPCAT, "Accept-Encoding": "gzip"}
#: what there is, widened by a cadence and trimmed
WHOLE = "2016-12-31T23:58:00.000Z", "2017-01-01T00:01:59.000Z"


@dataclass(frozen=True)
class Replayed:
    """An answer as it came over the wire."""

    first_line: str
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serve_kinds(postgres_server, template_database, tmp_path_factory.mktemp("hapirequests")) as server:
        yield server


def ask(server: Server, line: str, headers: Mapping[str, str]) -> Replayed:
    """Send a request line with these headers, and read to the end of the connection."""
    lines = [line, f"Host: 127.0.0.1:{server.port}", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        received = b"".join(iter(lambda: client.recv(1 << 16), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    found = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    if found.get("transfer-encoding") == "chunked":
        body = _joined(body)
    return Replayed(first, found, gzip.decompress(body) if found.get("content-encoding") == "gzip" else body)


def _joined(chunks: bytes) -> bytes:
    found = b""
    while True:
        size, _, chunks = chunks.partition(b"\r\n")
        if not int(size, 16):
            return found
        found, chunks = found + chunks[: int(size, 16)], chunks[int(size, 16) + 2 :]


SPAN = f"start={WHOLE[0]}&stop={WHOLE[1]}"
FIRST = b"2016-12-31T23:58:00.000000007Z,"


@pytest.mark.parametrize(
    ("headers", "target", "status", "media_type", "first_bytes"),
    [
        # Autoplot: what is there
        (PLAIN_AUTOPLOT, "/hapi", "200", "text/html", b"<!"),
        (AUTOPLOT, "/hapi/about", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (AUTOPLOT, "/hapi/capabilities", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (AUTOPLOT, "/hapi/catalog", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (AUTOPLOT, "/hapi/info?id=kinds", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (AUTOPLOT, "/hapi/info?id=kinds&parameters=B", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        # not of the standard; it does without
        (AUTOPLOT, "/hapi/semantics", "400 Error; HAPI 1400", "application/json", b'{"HAPI": "3.3"'),
        # its data: csv without a header, names of HAPI 3 with `id`, of HAPI 2 with time.min
        (AUTOPLOT, f"/hapi/data?id=kinds&{SPAN}", "200 OK; HAPI 1200 OK", "text/csv", FIRST),
        (
            AUTOPLOT,
            f"/hapi/data?id=kinds&parameters=Time,B&{SPAN}",
            "200 OK; HAPI 1200 OK",
            "text/csv",
            FIRST + b"0.0,0.0,",
        ),
        (
            AUTOPLOT,
            f"/hapi/data?id=kinds&parameters=Time,flux,angle&{SPAN}",
            "200 OK; HAPI 1200 OK",
            "text/csv",
            FIRST + b"0.0,",
        ),
        (
            PLAIN_AUTOPLOT,
            f"/hapi/data?id=kinds&time.min={WHOLE[0]}&time.max={WHOLE[1]}&parameters=flag",
            "200 OK; HAPI 1200 OK",
            "text/csv",
            FIRST + b"0\n",
        ),
        (
            PLAIN_AUTOPLOT,
            f"/hapi/data?id=kinds&parameters=Time,flag&{SPAN}&format=binary",
            "200 OK; HAPI 1200 OK",
            "application/octet-stream",
            FIRST[:-1] + b"\x00\x00\x00\x002016",
        ),
        (
            PLAIN_AUTOPLOT,
            f"/hapi/data?id=kinds&parameters=flag&{SPAN}&format=json",
            "200 OK; HAPI 1200 OK",
            "application/json",
            b'{"HAPI": "3.3"',
        ),
        # what is wrong is said in JSON, although text/html is accepted
        (AUTOPLOT, "/hapi/info?id=nobody", "404 Error; HAPI 1406", "application/json", b'{"HAPI": "3.3"'),
        (
            AUTOPLOT,
            "/hapi/data?id=kinds&start=1999-01-01T00:00:00.000Z&stop=1999-01-02T00:00:00.000Z",
            "400 Error; HAPI 1405",
            "application/json",
            b'{"HAPI": "3.3"',
        ),
        # TOPCAT and STILTS: dataset, start, stop; a header tells the columns
        (TOPCAT, "/hapi/capabilities", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (TOPCAT, "/hapi/catalog", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (GZIP_TOPCAT, "/hapi/info?dataset=kinds", "200 OK; HAPI 1200 OK", "application/json", b'{"HAPI": "3.3"'),
        (
            TOPCAT,
            f"/hapi/data?dataset=kinds&{SPAN}&parameters=Time%2CB%2Cflag&format=binary&include=header",
            "200 OK; HAPI 1200 OK",
            "application/octet-stream",
            b"#{\n",
        ),
        (
            GZIP_TOPCAT,
            f"/hapi/data?dataset=kinds&{SPAN}&parameters=B&format=csv&include=header",
            "200 OK; HAPI 1200 OK",
            "text/csv",
            b"#{\n",
        ),
        (
            TOPCAT,
            "/hapi/data?dataset=kinds&start=2016-12-31T23:58:00.100Z&stop=2016-12-31T23:58:00.200Z&include=header",
            "200 OK; HAPI 1201 OK - no data for time range",
            "text/csv",
            b"#{\n",
        ),
        (
            TOPCAT,
            f"/hapi/data?dataset=kinds&{SPAN}&parameters=flag,B",
            "400 Error; HAPI 1411",
            "application/json",
            b'{"HAPI": "3.3"',
        ),
    ],
)
def test_requests_of_clients_are_answered_as_they_expect(
    server: Server, headers: Mapping[str, str], target: str, status: str, media_type: str, first_bytes: bytes
) -> None:
    answer = ask(server, f"GET {target} HTTP/1.1", headers)
    assert answer.first_line.startswith(f"HTTP/1.1 {status}")
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert answer.body.startswith(first_bytes)
    if "gzip" in headers.get("Accept-Encoding", "") and len(answer.body) > 10_000:
        assert answer.headers["content-encoding"] == "gzip"
    if media_type == "application/json":
        assert json.loads(answer.body)["HAPI"] == "3.3"
    assert target.partition("?")[0].endswith("/hapi") or answer.headers["access-control-allow-origin"] == "*"


def test_what_topcat_is_given_has_all_records(server: Server) -> None:
    target = f"/hapi/data?dataset=kinds&{SPAN}&parameters=Time%2Cflag&format=binary&include=header"
    body = ask(server, f"GET {target} HTTP/1.1", TOPCAT).body
    lines = body.split(b"\n")
    header = [line for line in lines if line.startswith(b"#")]
    said = json.loads(b"".join(line[1:] for line in header))
    width = sum({"isotime": one.get("length"), "integer": 4}[one["type"]] for one in said["parameters"])
    assert len(body) - sum(len(line) + 1 for line in header) == 2 * RECORDS * width


def test_what_is_asked_with_http_1_0_ends_with_the_connection(server: Server) -> None:
    answer = ask(server, f"GET /hapi/data?id=kinds&parameters=flag&{SPAN} HTTP/1.0", {"User-Agent": "probe"})
    assert answer.first_line.split(" ", 1)[1] == "200 OK; HAPI 1200 OK"
    assert len(answer.body.splitlines()) == 2 * RECORDS


def test_other_methods_are_refused(server: Server) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = ask(server, f"{method} /hapi/about HTTP/1.1", {"Content-Length": "0"})
        assert answer.first_line.split(" ")[1] == "405"


def test_random_requests_over_a_socket_get_a_status_of_hapi(server: Server) -> None:
    for target in random_targets(300, 300):
        answer = ask(server, f"GET {target} HTTP/1.1", {})
        status = answer.first_line.split(" ")[1]
        assert status in {"200", "301", "400", "404"}, (answer.first_line, target)
        assert status == "301" or re.search(r"HAPI 1[24]\d\d ", f"{answer.first_line} "), target
    assert ask(server, "GET /hapi/about HTTP/1.1", {}).first_line.startswith("HTTP/1.1 200")
