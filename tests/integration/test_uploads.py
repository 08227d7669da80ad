"""Uploaded tables in queries: found, joined, private, gone afterwards; and what is wrong with one is said."""

from __future__ import annotations

import gzip
import http.server
import io
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.sax.saxutils import quoteattr

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml import etree

from epntap.catalog.model import Column, Table
from epntap.db.pool import Database, Role, connect
from epntap.db.rows.upload import loaded
from epntap.upload.model import ReadTable
from tests.support.multipart import Reply, multipart, post, query, rows
from tests.support.server import Server, serve
from tests.support.votables import IDS, TWO, votable

E = "amdadb.epn_core"


@pytest.fixture(scope="module")
def small(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with limits that a test can reach, which fetches from this machine."""
    with serve(
        demo_database,
        tmp_path_factory.mktemp("small"),
        upload_bytes="200000",
        upload_rows="1000",
        upload_tables="3",
        upload_fetch_s="1.5",
        upload_private_addresses="1",
        send_timeout_s="2",
        sync_timeout_s="4",
        query_connections="1",
        workers="1",
    ) as server:
        yield server


# -- what it is for


def test_upload_is_a_table(served: Server) -> None:
    reply = query(served, "SELECT id, name FROM TAP_UPLOAD.mine ORDER BY id", mine=TWO)
    assert reply.status == 200
    assert rows(reply.body) == [["id", "name"], ["1", "one"], ["2", ""]]


def test_several_uploads_in_both_spellings(served: Server) -> None:
    text = "SELECT a.id, b.name FROM tap_upload.A AS a JOIN TAP_UPLOAD.b AS b ON a.id = b.id ORDER BY a.id"
    assert rows(query(served, text, a=TWO, b=TWO).body)[1:] == [["1", "one"], ["2", ""]]
    params = [("LANG", "ADQL"), ("QUERY", text), ("FORMAT", "csv"), ("UPLOAD", "a,param:x;b,param:x")]
    assert rows(post(served, "/tap/sync", params, {"x": TWO}).body)[1:] == [["1", "one"], ["2", ""]]


def test_join_by_identifier_and_by_overlap(served: Server) -> None:
    published = rows(query(served, f"SELECT TOP 50 granule_uid, time_min, time_max FROM {E} ORDER BY granule_uid").body)
    cells = "".join(f"<TR><TD>{uid}</TD><TD>{low}</TD><TD>{high}</TD></TR>" for uid, low, high in published[1:])
    fields = (
        '<FIELD name="granule_uid" datatype="char" arraysize="*"/>'
        '<FIELD name="t1" datatype="double"/><FIELD name="t2" datatype="double"/>'
    )
    mine = votable(fields, cells)
    found = rows(
        query(served, f"SELECT e.granule_uid FROM {E} AS e JOIN TAP_UPLOAD.u AS u USING (granule_uid)", u=mine).body
    )
    assert sorted(found[1:]) == sorted([[uid] for uid, *_ in published[1:]])
    everything = rows(query(served, f"SELECT granule_uid, time_min, time_max FROM {E}").body)[1:]
    overlap = (
        f"SELECT e.granule_uid, u.granule_uid FROM {E} AS e JOIN TAP_UPLOAD.u AS u "
        "ON e.time_min <= u.t2 AND e.time_max >= u.t1"
    )
    expected = sorted(
        [theirs, ours]
        for theirs, low, high in everything
        for ours, t1, t2 in published[1:]
        if float(low) <= float(t2) and float(high) >= float(t1)
    )
    assert sorted(rows(query(served, overlap, u=mine).body)[1:]) == expected


def test_upload_in_gzip_csv_and_parquet(served: Server, tmp_path: Path) -> None:
    text = "SELECT id, name FROM TAP_UPLOAD.t ORDER BY id"
    expected = [["1", "one"], ["2", ""]]
    assert rows(query(served, text, t=gzip.compress(TWO)).body)[1:] == expected
    assert rows(query(served, text, t=b"id,name\r\n1,one\r\n2,\r\n").body)[1:] == expected
    assert rows(query(served, text, t=gzip.compress(b"id\tname\n1\tone\n2\t\n")).body)[1:] == expected
    pq.write_table(pa.table({"id": [1, 2], "name": ["one", None]}), tmp_path / "t.parquet")
    assert rows(query(served, text, t=(tmp_path / "t.parquet").read_bytes()).body)[1:] == expected


def test_part_without_a_file_name(served: Server) -> None:
    params = [("LANG", "ADQL"), ("QUERY", "SELECT id FROM TAP_UPLOAD.t"), ("FORMAT", "csv"), ("UPLOAD", "t,param:p")]
    assert rows(post(served, "/tap/sync", [*params, ("p", TWO.decode())], {}).body)[1:] == [["1"], ["2"]]


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "select",
        "Ra",
        "1st",
        "Île de Ré",
        'with "quotes"',
        "per%cent",
        "ctid",
        "xmin",
        "x" * 70,
        "pg_temp.t",
        "%s",
    ],
)
def test_column_names_that_need_quotes(served: Server, name: str) -> None:
    mine = votable(f'<FIELD name={quoteattr(name)} datatype="int"/>', "<TR><TD>7</TD></TR>")
    written = name.replace('"', '""')
    reply = query(served, f'SELECT "{written}" FROM TAP_UPLOAD.t WHERE "{written}" > 1', t=mine)
    assert rows(reply.body) == [[name], ["7"]]
    assert rows(query(served, "SELECT * FROM TAP_UPLOAD.t", t=mine).body) == [[name], ["7"]]


def test_column_names_that_differ_by_case_or_not_at_all(served: Server) -> None:
    fields = (
        "".join(f'<FIELD name="{n}" datatype="int"/>' for n in ("ra", "Ra", "ra")) + '<FIELD datatype="int" name=""/>'
    )
    mine = votable(fields, "<TR><TD>1</TD><TD>2</TD><TD>3</TD><TD>4</TD></TR>")
    assert rows(query(served, "SELECT * FROM TAP_UPLOAD.t", t=mine).body) == [
        ["ra", "Ra", "ra_2", "column_4"],
        ["1", "2", "3", "4"],
    ]
    assert rows(query(served, 'SELECT "Ra", ra_2, column_4 FROM TAP_UPLOAD.t', t=mine).body)[1] == ["2", "3", "4"]


def test_no_rows(served: Server) -> None:
    for mine in (votable(IDS), votable(IDS, data=""), b"id,name\n"):
        reply = query(served, "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t", t=mine)
        assert rows(reply.body) == [["n"], ["0"]]


def test_times_and_places_mean_something(served: Server) -> None:
    fields = (
        '<FIELD name="t" datatype="char" arraysize="*" xtype="timestamp"/>'
        '<FIELD name="p" datatype="double" arraysize="2" xtype="point"/>'
        '<FIELD name="c" datatype="double" arraysize="3" xtype="circle"/>'
        '<FIELD name="g" datatype="double" arraysize="*" xtype="polygon"/>'
        '<FIELD name="s" datatype="char" arraysize="*" xtype="adql:REGION"/>'
    )
    values = ("2016-12-31T23:59:59", "10 20", "10 20 1", "9 19 11 19 11 21 9 21", "Circle ICRS 10 20 2")
    cells = "".join(f"<TD>{value}</TD>" for value in values)
    mine = votable(fields, f"<TR>{cells}</TR>")
    text = (
        "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t "
        "WHERE t > '2016-12-31' AND t < CAST('2017-01-01T00:00:00' AS TIMESTAMP) "
        "AND 1 = CONTAINS(p, c) AND 1 = CONTAINS(p, g) AND 1 = CONTAINS(POINT(10, 20.5), c) AND 1 = CONTAINS(p, s)"
    )
    assert rows(query(served, text, t=mine).body) == [["n"], ["1"]]


def test_an_upload_that_the_query_does_not_name(served: Server) -> None:
    assert rows(query(served, "SELECT TOP 1 table_name FROM tap_schema.tables", t=TWO).body)[0] == ["table_name"]


def test_uploads_are_not_published(served: Server) -> None:
    reply = query(served, "SELECT COUNT(*) AS n FROM tap_schema.tables WHERE LOWER(schema_name) = 'tap_upload'", t=TWO)
    assert rows(reply.body)[1] == ["0"]


# -- nobody else sees it


def test_another_request_does_not_see_it(small: Server) -> None:
    # one connection for queries: it is the very one that had the upload
    assert query(small, "SELECT id FROM TAP_UPLOAD.mine", mine=TWO).status == 200
    reply = query(small, "SELECT id FROM TAP_UPLOAD.mine", response_format="votable")
    assert reply.status == 400
    assert "there is no table TAP_UPLOAD.mine" in reply.error


def _temporary_tables(database: Database) -> int:
    with connect(database, Role.ADMIN, autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't'").fetchone()
    assert found is not None
    return int(found[0])


def _until(is_so: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return is_so()


SLOW = (
    f"SELECT COUNT(*) AS n FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d, {E} AS f, TAP_UPLOAD.t AS t "
    "WHERE a.time_min < b.time_max"
)


def test_nothing_is_left_of_a_query_that_fails(small: Server, demo_database: Database) -> None:
    reply = query(small, "SELECT 1 / (id - 1) AS x FROM TAP_UPLOAD.t", response_format="votable", t=TWO)
    assert "division by zero" in reply.error
    assert _temporary_tables(demo_database) == 0


def test_nothing_is_left_of_a_query_that_takes_too_long(small: Server, demo_database: Database) -> None:
    reply = query(small, SLOW, response_format="votable", t=TWO)
    assert (reply.status, "took longer" in reply.error) == (504, True)
    assert _until(lambda: _temporary_tables(demo_database) == 0)
    assert query(small, "SELECT id FROM TAP_UPLOAD.t", t=TWO).status == 200


def test_nothing_is_left_when_the_client_leaves(small: Server, demo_database: Database) -> None:
    params = [("LANG", "ADQL"), ("QUERY", SLOW), ("UPLOAD", "t,param:t")]
    body, content_type = multipart(params, {"t": TWO})
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as client:
        head = (
            f"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sendall(head.encode() + body)
        assert _until(lambda: _temporary_tables(demo_database) > 0)
    assert _until(lambda: _temporary_tables(demo_database) == 0, 3.0)


def test_nothing_is_left_of_a_stream_that_is_cut(small: Server, demo_database: Database) -> None:
    text = f"SELECT a.*, t.id FROM {E} AS a, {E} AS b, TAP_UPLOAD.t AS t"
    params = [("LANG", "ADQL"), ("QUERY", text), ("MAXREC", "10000000"), ("UPLOAD", "t,param:t")]
    body, content_type = multipart(params, {"t": TWO})
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as client:
        head = (
            f"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sendall(head.encode() + body)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert _until(lambda: _temporary_tables(demo_database) == 0, 5.0)


def test_an_upload_makes_nothing_else_writable(database: Database) -> None:
    with connect(database, Role.READER, autocommit=True) as connection:
        upload = ReadTable(Table("TAP_UPLOAD", "text", (Column("a", "int", pg_type="integer"),)), io.BytesIO(b"1\n"), 1)
        with loaded(connection, [upload]):
            # a row type of this name must not pass for the type of PostgreSQL
            assert connection.execute("SELECT 'x'::text, a FROM pg_temp.text").fetchone() == ("x", 1)
            for statement in (
                "INSERT INTO tap_schema.schemas (schema_name) VALUES ('x')",
                "CREATE TABLE public.t (a integer)",
                "CREATE TABLE tap_schema.t (a integer)",
                "CREATE TEMPORARY TABLE other (a integer)",
            ):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement)
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM pg_temp.text")


def test_many_uploads_at_once_keep_apart(served: Server) -> None:
    def ask(n: int) -> list[list[str]]:
        mine = votable(IDS, f"<TR><TD>{n}</TD><TD>n{n}</TD></TR>")
        return rows(query(served, "SELECT id, name FROM TAP_UPLOAD.t", t=mine).body)[1:]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(60))) == [[[str(n), f"n{n}"]] for n in range(60)]


# -- what is wrong is said

LAUGHS = '<!DOCTYPE VOTABLE [<!ENTITY a "' + "ha" * 50 + '">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 20}">' for n in range(9)
) + "]>"  # fmt: skip
PAIR = '<FIELD name="a" datatype="double" arraysize="2"/>'
STREAM = '<DATA><BINARY2><STREAM encoding="base64">{}</STREAM></BINARY2></DATA>'
EXTERNAL = '<!DOCTYPE VOTABLE [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("mine", "sentence"),
    [
        (votable(IDS, "<TR><TD>1</TD><TD>&j;</TD></TR>", before=LAUGHS), "has a DOCTYPE"),
        (votable(IDS, "<TR><TD>1</TD><TD>&x;</TD></TR>", before=EXTERNAL), "has a DOCTYPE"),
        (TWO[:-120], "is cut short or broken"),
        (TWO.replace(b"</TD>", b"</TX>", 1), "is cut short or broken"),
        (b"", "It is empty"),
        (b"<html><body>404</body></html>", "outermost element is html"),
        (b"<!DOCTYPE html><html></html>", "is an HTML page"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "neither a VOTable nor Parquet"),
        (b"SIMPLE  =                    T", "is a FITS file"),
        (gzip.compress(TWO, mtime=0)[:-30], "gzip compression is cut short"),
        (b"PAR1 not really PAR1", "The Parquet file cannot be read"),
        (b"a,b\n1\n", "Record 2 of the CSV has 1 values"),
        (votable("", "<TR><TD>1</TD></TR>"), "has rows but no FIELD"),
        (votable(IDS, "<TR><TD>1</TD></TR>"), "Row 1 of the VOTable has 1 cells, but there are 2 FIELDs"),
        (votable(IDS, "<TR><TD>1</TD><TD/><TD/></TR>"), "has more cells than the 2 FIELDs"),
        (votable(IDS, "<TR><TD>x</TD><TD/></TR>"), "Row 1 of the upload, the column id: 'x' is no whole number"),
        (votable(IDS, "<TR><TD>4000000000</TD><TD/></TR>"), "does not fit into int"),
        (votable('<FIELD name="a" datatype="quad"/>', ""), "has the datatype 'quad'"),
        (votable('<FIELD name="a" datatype="int" arraysize="x"/>', ""), "its arraysize is 'x'"),
        (votable('<FIELD name="a" datatype="int" arraysize="100000x100000"/>', ""), "more than is accepted"),
        (votable('<FIELD name="a" datatype="char" arraysize="4x*"/>', ""), "holds arrays of texts"),
        (votable(PAIR, "<TR><TD>1 2 3</TD></TR>"), "2 elements were expected but 3"),
        (
            votable('<FIELD name="a" datatype="char" arraysize="*" xtype="timestamp"/>', "<TR><TD>soon</TD></TR>"),
            "'soon' is no timestamp",
        ),
        (votable(IDS, data='<DATA><FITS><STREAM href="file:///etc/passwd"/></FITS></DATA>'), "has its rows as FITS"),
        (
            votable(IDS, data='<DATA><BINARY><STREAM href="http://127.0.0.1/x"/></BINARY></DATA>'),
            "points elsewhere (href)",
        ),
        (votable(IDS, data=STREAM.format("AAAA")), "ends within a row"),
        (votable(IDS, data=STREAM.format("!!!!")), "is no base64"),
        (
            votable(
                '<FIELD name="a" datatype="double" arraysize="*"/>',
                data='<DATA><BINARY><STREAM encoding="base64">f////w==</STREAM></BINARY></DATA>',
            ),
            "a length of 2,147,483,647 was found",
        ),
        (votable("".join(f'<FIELD name="c{n}" datatype="int"/>' for n in range(1001)), ""), "more than 1,000 columns"),
    ],
)  # fmt: skip
def test_wrong_upload(served: Server, mine: bytes, sentence: str) -> None:
    reply = query(served, "SELECT * FROM TAP_UPLOAD.t", response_format="votable", t=mine)
    assert reply.status == 400
    assert reply.error.startswith("The upload t cannot be used. ")
    assert sentence in reply.error


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        ("t,param:nothing", "refers to the part 'nothing' of the request, but its file parts are t"),
        ("t", "expected a name, a comma and param:part"),
        ("t,", "expected a name, a comma and param:part"),
        ("a.b,param:t", "names a table 'a.b'"),
        ("1t,param:t", "names a table '1t'"),
        ("tab le,param:t", "names a table 'tab le'"),
        ("t,file:///etc/passwd", "expected param:, http: or https:"),
        ("t,ftp://example.org/t", "expected param:, http: or https:"),
        ("t,param:t;T,param:t", "gives the name T to two tables"),
    ],
)
def test_wrong_parameter(served: Server, upload: str, sentence: str) -> None:
    params = [("LANG", "ADQL"), ("QUERY", "SELECT * FROM TAP_UPLOAD.t"), ("UPLOAD", upload)]
    reply = post(served, "/tap/sync", params, {"t": TWO})
    assert reply.status == 400
    assert sentence in reply.error


def test_too_many_rows(small: Server) -> None:
    mine = b"a\n" + b"1\n" * 1001
    reply = query(small, "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t", response_format="votable", t=mine)
    assert "more than 1,000 rows" in reply.error
    assert rows(query(small, "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t", t=mine[:-2]).body)[1] == ["1000"]


def test_too_many_bytes_once_unpacked(small: Server) -> None:
    reply = query(
        small, "SELECT * FROM TAP_UPLOAD.t", response_format="votable", t=gzip.compress(b"a\n" + b"1" * 10_000_000)
    )
    assert "more than 200,000 bytes" in reply.error


def test_too_many_tables(small: Server) -> None:
    reply = query(small, "SELECT * FROM TAP_UPLOAD.a", response_format="votable", a=TWO, b=TWO, c=TWO, d=TWO)
    assert "the limit for one request is 3" in reply.error


def test_body_beyond_all_limits(small: Server) -> None:
    reply = query(small, "SELECT * FROM TAP_UPLOAD.t", response_format="votable", t=b"x" * 30_000_000)
    assert reply.status == 413
    assert "all uploaded tables together may have 200,000 bytes" in reply.error


def test_body_shorter_than_it_says(small: Server) -> None:
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as client:
        body, content_type = multipart([("LANG", "ADQL"), ("UPLOAD", "t,param:t")], {"t": TWO})
        head = f"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: 60000\r\n\r\n"
        client.sendall(head.encode() + body[:200])
        try:
            answer = client.recv(4096)  # the server has stopped waiting
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 2")
    assert query(small, "SELECT id FROM TAP_UPLOAD.t", t=TWO).status == 200


# -- from an address


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/table":
                self._send(TWO)
            case "/gzip":
                self._send(gzip.compress(TWO))
            case "/again":
                self.send_response(302)
                self.send_header("Location", "/table")
                self.end_headers()
            case "/loop":
                self.send_response(302)
                self.send_header("Location", "/loop")
                self.end_headers()
            case "/local":
                self.send_response(302)
                self.send_header("Location", "file:///etc/passwd")
                self.end_headers()
            case "/endless":
                self.send_response(200)
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b"<x/>" * 10_000)
                except OSError:
                    pass
            case "/stall":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(TWO[:50])
                self.wfile.flush()
                time.sleep(4)
            case "/drip":
                try:
                    for byte in b"HTTP/1.1 200 OK\r\n" * 10:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(0.2)
                except OSError:
                    pass
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", str(len(TWO) + 10))
                self.end_headers()
                self.wfile.write(TWO)
            case "/lie":
                self.send_response(200)
                self.send_header("Content-Length", "99999999999")
                self.end_headers()
            case _:
                self.send_error(404)

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _by_address(server: Server, address: str, form: str = "votable") -> Reply:
    params = [("LANG", "ADQL"), ("QUERY", "SELECT id FROM TAP_UPLOAD.t ORDER BY id"), ("FORMAT", form)]
    return post(server, "/tap/sync", [*params, ("UPLOAD", f"t,{address}")], {})


@pytest.mark.parametrize("path", ["table", "gzip", "again", "table?a=1;b=2"])
def test_fetched(small: Server, elsewhere: str, path: str) -> None:
    reply = _by_address(small, f"{elsewhere}/{path}", "csv")
    assert reply.status == 200, reply.body
    assert rows(reply.body)[1:] == [["1"], ["2"]]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nothing", "answers with status 404"),
        ("loop", "redirects more than 5 times"),
        ("local", "is no http or https address"),
        ("endless", "holds more than 200,000 bytes"),
        ("lie", "holds more than 200,000 bytes"),
        ("stall", "did not send the table within 2 seconds"),
        ("drip", "did not send the table within 2 seconds"),
        ("short", "closed the connection"),
    ],
)
def test_not_fetched(small: Server, elsewhere: str, path: str, sentence: str) -> None:
    reply = _by_address(small, f"{elsewhere}/{path}")
    assert sentence in reply.error


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/t", "http://localhost/t", "http://[::1]/t", "http://10.0.0.1/t", "http://192.168.1.1/t",
        "http://169.254.169.254/latest", "http://0.0.0.0/t", "http://[::ffff:127.0.0.1]/t", "http://2130706433/t",
        "http://[64:ff9b::7f00:1]/t", "http://[fe80::1]/t", "http://[fc00::1]/t", "http://127.1/t", "http://100.64.0.1/",
        "http://[fec0::1]/t",
    ],
)  # fmt: skip
def test_not_from_inside(served: Server, address: str) -> None:
    reply = _by_address(served, address)
    assert reply.status == 400
    assert "inside a network that is not public" in reply.error


def test_nobody_to_connect_to(small: Server) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        reply = _by_address(small, f"http://127.0.0.1:{closed.getsockname()[1]}/t")
    assert "cannot be fetched" in reply.error


# -- what is said of it


def test_limits_are_declared(small: Server) -> None:
    with urllib.request.urlopen(f"{small.tap}/capabilities") as answer:
        root = etree.fromstring(answer.read())
    methods = {str(element.get("ivo-id")).rpartition("#")[2] for element in root.iter("uploadMethod")}
    assert methods == {"upload-inline", "upload-http", "upload-https"}
    (limit,) = root.iter("uploadLimit")
    assert {(e.get("unit"), e.text) for e in limit} == {("byte", "200000"), ("row", "1000")}
