"""Requests that no client should send, and what comes back."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from epntap.db.pool import Database
from ingest.definition.load import load_definition
from ingest.demo.archive import write_sample_archive
from ingest.pipeline import ingest_service
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server, serve
from tests.support.slow_queries import LONG

pytestmark = pytest.mark.serial


def raw(server: Server, request: bytes, timeout: float = 30) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout) as client:
        client.sendall(request)
        received = b""
        while block := client.recv(1 << 16):
            received += block
    return received


def status(address: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address, urllib.parse.urlencode(form).encode() if form else None, 30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code, failure.read()


def test_http_1_0_gets_a_length(served: Server) -> None:
    query = urllib.parse.urlencode(
        {"LANG": "ADQL", "QUERY": "SELECT a.* FROM amdadb.epn_core AS a, amdadb.epn_core AS b"}
    )
    answer = raw(served, f"GET /tap/sync?{query}&FORMAT=csv&MAXREC=3000 HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert body.count(b"\n") == 3001
    answer = raw(served, b"GET /data/syna-mag_20161231.csv HTTP/1.0\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()


def test_http_1_0_hears_of_the_time_limit(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> None:
    query = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": LONG, "MAXREC": "20000000", "FORMAT": "csv"})
    with serve(demo_database, tmp_path_factory.mktemp("old"), sync_timeout_s="1") as server:
        answer = raw(server, f"GET /tap/sync?{query} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    assert b" 504 " in answer.split(b"\r\n")[0]
    assert b"The query took longer than the 1 seconds" in answer


def test_redirections_do_not_repeat_the_host(served: Server) -> None:
    answer = raw(served, b"GET /tap//sync?a=b HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert b"evil.example" not in answer


def test_half_sent_requests_do_not_hold_the_threads(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve(demo_database, tmp_path_factory.mktemp("drip"), workers="1", threads="4") as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(12)]
        try:
            for client in clients:
                client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b")
            time.sleep(0.5)
            started = time.monotonic()
            with urllib.request.urlopen(f"{server.base}/health", timeout=60) as answer:
                assert answer.status == 200
            assert time.monotonic() - started < 45
        finally:
            for client in clients:
                client.close()


def test_cut_outs_that_nobody_takes_are_let_go(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serve(demo_database, tmp_path_factory.mktemp("full"), workers="1", threads="8", send_timeout_s="1") as server:
        clients = []
        for _ in range(6):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(b"GET /data/syna-mag.csv HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(client)
        try:
            deadline = time.monotonic() + 20
            while status(f"{server.base}/data/syna-mom_20161231.csv")[0] != 200:
                assert time.monotonic() < deadline, "cut-outs stay blocked"
                time.sleep(0.3)
        finally:
            for client in clients:
                client.close()


@pytest.mark.parametrize("alias", ["datalink", "soda", "epn_time", "RESOURCE", "a b", "é", '"', "<&>"])
def test_odd_aliases_give_valid_documents(served: Server, alias: str) -> None:
    quoted = alias.replace('"', '""')
    query = f'SELECT TOP 2 granule_uid, time_min AS "{quoted}", time_max AS "{quoted}" FROM amdadb.epn_core'
    _, body = status(f"{served.tap}/sync?{urllib.parse.urlencode({'LANG': 'ADQL', 'QUERY': query})}")
    tree = etree.fromstring(body)
    ids = [str(element.get("ID")) for element in tree.iter() if element.get("ID")]
    assert len(ids) == len(set(ids))
    assert [f.get("name") for f in tree.findall(".//{*}FIELD")] == ["granule_uid", alias, alias]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"MAXREC": "9" * 5000}, 200),
        ({"QUERY": "SELECT ACOS(2) AS x FROM tap_schema.schemas"}, 400),
        ({"QUERY": "SELECT SQRT(0 - schema_index) AS x FROM tap_schema.schemas"}, 400),
        ({"QUERY": "SELECT " + ",".join(["schema_index"] * 1700) + " FROM tap_schema.schemas"}, 400),
    ],
)
def test_mistakes_are_the_users(served: Server, params: dict[str, str], code: int) -> None:
    form = {"LANG": "ADQL", "QUERY": "SELECT * FROM tap_schema.schemas", **params}
    found, body = status(f"{served.tap}/sync", form)
    assert found == code
    assert b"operators" not in body


@pytest.fixture
def twins(postgres_server: Database, template_database: str, tmp_path: Path) -> Iterator[Server]:
    """Two services that give one name to different files."""
    database = clone_database(postgres_server, "twins", template_database)
    write_sample_archive(tmp_path / "sample")
    days = sorted((tmp_path / "sample" / "cdf").rglob("syna_l2_mom_*.cdf"))
    for schema, day in (("one", days[0]), ("two", days[1])):
        folder = tmp_path / schema
        folder.mkdir()
        (folder / "same.cdf").write_bytes(day.read_bytes())
        definition = tmp_path / f"{schema}.toml"
        definition.write_text(
            f'[service]\nschema = "{schema}"\ntitle = "{schema}"\npublisher = "test"\n'
            f'[[source]]\nkind = "cdf-files"\npath = "{folder}"\ngranule = "file"\n'
        )
        ingest_service(load_definition(definition), database)
    with serve(database, tmp_path / "home") as server:
        yield server
    drop_database(postgres_server, database)


def test_a_name_in_two_services_is_never_answered_with_the_wrong_data(twins: Server, tmp_path: Path) -> None:
    assert status(f"{twins.base}/data/same.cdf")[1] == (tmp_path / "one" / "same.cdf").read_bytes()
    for schema in ("one", "two"):
        assert status(f"{twins.base}/data/same.cdf?SCHEMA={schema}")[1] == (tmp_path / schema / "same.cdf").read_bytes()
    _, links = status(f"{twins.base}/datalink/links?ID=same&SCHEMA=two")
    assert f"{twins.base}/data/two/same.cdf".encode() in links
    _, answer = status(f"{twins.tap}/sync?LANG=ADQL&QUERY=SELECT+granule_uid+FROM+two.epn_core")
    assert b'name="SCHEMA" datatype="char" arraysize="*" value="two"' in answer


def test_names_that_end_like_impossible_dates(twins: Server) -> None:
    for uid in ("nope_160503", "nope_00010101", "nope_99999999"):
        assert status(f"{twins.base}/data/{uid}.csv")[0] == 404
