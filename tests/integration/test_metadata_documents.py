"""Metadata documents over HTTP: kept and asked about again, read by pages of other sites, refused in words."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from lxml import etree
from psycopg import sql

from epntap.catalog.publish import raise_catalog_version
from epntap.db.pool import Database, Role, connect
from tests.support.databases import clone_database, drop_database
from tests.support.server import Server, serve

DOCUMENTS = ("capabilities", "tables", "tables?detail=min", "tables/amdadb.epn_core", "examples")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(server: Server, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("prefix", ["/tap", "/__system__/tap/run"])
def test_a_document_is_sent_again_only_when_it_has_changed(served: Server, prefix: str, document: str) -> None:
    path = f"{prefix}/{document}"
    plain = ask(served, path)
    packed = ask(served, path, {"Accept-Encoding": "gzip"})
    assert (plain.status, packed.status) == (200, 200)
    assert gzip.decompress(packed.body) == plain.body
    assert (plain.headers["Content-Encoding"], packed.headers["Content-Encoding"]) == (None, "gzip")
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for answer, accepted in ((plain, "identity"), (packed, "gzip")):
        tag = answer.headers["ETag"]
        assert tag.startswith('"')
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "public, no-cache"
        assert int(answer.headers["Content-Length"]) == len(answer.body)
        for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = ask(served, path, {"Accept-Encoding": accepted, "If-None-Match": known})
            assert (again.status, again.body) == (304, b""), known
            assert again.headers["ETag"] == tag
            assert again.headers["Cache-Control"] == "public, no-cache"
    assert ask(served, path, {"If-None-Match": packed.headers["ETag"]}).status == 200
    since = plain.headers["Last-Modified"]
    assert ask(served, path, {"If-Modified-Since": since}).status == 304
    before = email.utils.formatdate(email.utils.parsedate_to_datetime(since).timestamp() - 1, usegmt=True)
    assert ask(served, path, {"If-Modified-Since": before}).status == 200
    # the name is worth more than the date (RFC 9110 §13.1.3)
    assert ask(served, path, {"If-None-Match": '"other"', "If-Modified-Since": since}).status == 200


def test_head_says_what_get_would(served: Server) -> None:
    for document in (*DOCUMENTS, "availability"):
        got, head = ask(served, f"/tap/{document}"), ask(served, f"/tap/{document}", method="HEAD")
        assert (head.status, head.body) == (200, b"")
        for name in ("Content-Type", "Content-Length", "ETag", "Last-Modified"):
            assert head.headers[name] == got.headers[name], (document, name)


def test_what_is_published_is_seen_at_once(database: Database, tmp_path: Path) -> None:
    with serve(database, tmp_path / "home", job_workers="0", workers="1") as server:
        first = ask(server, "/tap/tables")
        assert b"A new description" not in first.body
        with connect(database, Role.ADMIN, autocommit=True) as connection:
            connection.execute(
                "UPDATE tap_schema.tables SET description = 'A new description' WHERE table_name = 'tap_schema.keys'"
            )
            time.sleep(1.1)  # dates have whole seconds
            raise_catalog_version(connection)
        deadline = time.monotonic() + 20
        while (second := ask(server, "/tap/tables", {"If-None-Match": first.headers["ETag"]})).status == 304:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert b"A new description" in second.body
        assert second.headers["ETag"] != first.headers["ETag"]
        moved = [email.utils.parsedate_to_datetime(one.headers["Last-Modified"]) for one in (first, second)]
        assert moved[0] < moved[1]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("amdadb.epn_core", 200),
        ("AMDADB.EPN_CORE", 200),
        ("%22amdadb%22.%22epn_core%22", 200),
        ("amdadb.%22epn_core%22", 200),
        ("TAP_SCHEMA.columns", 200),
        ("amdadb.epn_core/", 200),
        ("amdadb.%22EPN_CORE%22", 404),
        ("epn_core", 404),
        ("amdadb", 404),
        ("amdadb.nothing", 404),
        ("amdadb.epn_core.time_min", 404),
        ("%22amdadb.epn_core%22", 404),
        ("'%20OR%201=1", 404),
    ],
)
def test_tables_by_name(served: Server, name: str, status: int) -> None:
    answer = ask(served, f"/tap/tables/{name}")
    assert answer.status == status
    if status == 200:
        assert etree.fromstring(answer.body).tag == "{http://www.ivoa.net/xml/VOSITables/v1.0}table"
        assert len(etree.fromstring(answer.body).findall("column")) > 10
    else:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.body.startswith(b"There is no")
        assert b"/tap/tables" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/tap/capabilities", "/tap/tables", "/tap/availability", "/tap/examples", "/tap/async", "/tap/nothing",
        "/tap/sync?LANG=ADQL&QUERY=SELECT+TOP+1+granule_uid+FROM+amdadb.epn_core", "/tap/sync?QUERY=wrong",
        "/tap/tables/nothing", "/datalink/links?ID=nothing", "/datalink/soda/sync", "/data/nothing.csv",
        "/__system__/tap/run/capabilities",
    ],
)  # fmt: skip
def test_pages_of_other_sites_may_read_answers_and_errors(served: Server, path: str) -> None:
    answer = ask(served, path, {"Origin": "https://vespa.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Credentials"] is None
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"ETag", "Location", "Retry-After", "X-Overflow", "X-Request-Id", "Content-Disposition"} <= exposed
    asked = ask(
        served,
        path,
        {
            "Origin": "https://vespa.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "if-none-match",
        },
        method="OPTIONS",
    )
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    if asked.status == 200:
        assert "GET" in asked.headers["Access-Control-Allow-Methods"].split(", ")
        assert "if-none-match" in asked.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert int(asked.headers["Access-Control-Max-Age"]) > 0
    else:
        assert path == "/tap/nothing"


def test_jobs_may_be_made_and_deleted_from_pages_of_other_sites(served: Server) -> None:
    for path, method in (("/tap/async", "POST"), ("/tap/async/x", "DELETE"), ("/tap/sync", "POST")):
        wanted = {"Origin": "https://vespa.example", "Access-Control-Request-Method": method}
        answer = ask(served, path, wanted, method="OPTIONS")
        assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")


def test_what_is_no_business_of_other_sites(served: Server) -> None:
    for path in ("/health", "/"):
        assert ask(served, path).headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/tap/sync", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/tap/tables", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/tap/tables/amdadb.epn_core", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/tap/capabilities", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/tap/async", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("PUT", "/tap/async/x", {"DELETE", "GET", "HEAD", "OPTIONS", "POST"}),
        ("PATCH", "/datalink/links", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/data/x.cdf", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(served: Server, method: str, path: str, allowed: set[str]) -> None:
    answer = ask(served, path, method=method)
    assert answer.status == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert f"{path} does not take {method}; it takes " in answer.body.decode()


def available(server: Server) -> tuple[int, str, str]:
    answer = ask(server, "/tap/availability")
    document = etree.fromstring(answer.body)
    assert document.tag == "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}availability"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status, document.findtext("{*}available", ""), document.findtext("{*}note", "")


def wait_until(server: Server, wanted: str) -> tuple[int, str, str]:
    deadline = time.monotonic() + 60
    while True:
        status, word, note = available(server)
        if word == wanted:
            return status, word, note
        assert time.monotonic() < deadline, (status, word, note)
        time.sleep(0.3)


@pytest.mark.shared
def test_availability_follows_the_database(
    postgres_server: Database, template_database: str, tmp_path: Path, shared: Path
) -> None:
    database = clone_database(postgres_server, "away", template_database)
    with psycopg.connect(database.url) as connection:
        name = connection.info.dbname

    def let_in(word: str) -> None:
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            connection.execute(allow.format(sql.Identifier(name), sql.SQL(word)))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    try:
        with serve(database, tmp_path / "home", job_workers="0", workers="1") as server:
            assert available(server) == (200, "true", "")
            since = etree.fromstring(ask(server, "/tap/availability").body).findtext("{*}upSince", "")
            assert since.endswith("Z")
            ask(server, "/tap/tables")
            let_in("false")
            status, _, note = wait_until(server, "false")
            assert status == 200
            assert "database" in note
            assert "postgres" not in note.lower().replace("postgresql", "")  # no names of this machine
            schema = etree.XMLSchema(etree.parse(str(shared / "standards/schemas/local/umbrella-vosi.xsd")))
            schema.assertValid(etree.fromstring(ask(server, "/tap/availability").body))
            # what does not change from one minute to the next is still told
            assert ask(server, "/tap/capabilities").status == 200
            assert ask(server, "/tap/tables").status == 200
            let_in("true")
            assert wait_until(server, "true")[0] == 200
    finally:
        let_in("true")
        drop_database(postgres_server, database)
