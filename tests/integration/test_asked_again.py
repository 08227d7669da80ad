"""A question that is asked again is answered from the rows of that moment, and costs one statement."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask
import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import sql
from psycopg_pool import ConnectionPool

from epntap.connection import Connection
from epntap.db import pool as pools
from epntap.db.pool import Database, Role, open_pool, pooled
from epntap.db.rows.copy_statement import CopyStatement
from epntap.settings import Settings
from ingest.pipeline import ingest_service
from tests.support.archives import SPASE_SOURCE, WIDE, definition, record
from voserver.wsgi import build_app

STAR = "SELECT * FROM plasma.epn_core ORDER BY granule_uid"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    record(tmp_path, "syn-mag")
    return tmp_path


@pytest.fixture
def published(database: Database, archive: Path) -> Database:
    ingest_service(definition(archive, WIDE, SPASE_SOURCE), database)
    return database


@contextmanager
def client_of(app: flask.Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


def answer(client: FlaskClient, query: str, host: str = "127.0.0.1", **more: str) -> str:
    form = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv", **more}
    got = client.post("/tap/sync", data=form, headers={"Host": host})
    assert got.status_code == 200, got.text
    return got.text


def test_rows_addresses_and_limits_are_those_of_each_request(published: Database, tmp_path: Path) -> None:
    with client_of(build_app(Settings(home=tmp_path / "home"), published)) as client:
        first = answer(client, STAR)
        assert answer(client, STAR) == first
        assert len(answer(client, STAR, MAXREC="2").splitlines()) == 3
        assert answer(client, STAR) == first
        assert "http://localhost:5000/" in answer(client, STAR, host="localhost:5000")
        assert answer(client, STAR) == first
        votable = answer(client, STAR, RESPONSEFORMAT="votable")
        assert votable == answer(client, STAR, RESPONSEFORMAT="votable") or votable.count("<TR>") > 1
        with psycopg.connect(published.url, autocommit=True) as connection:
            connection.execute(
                "DELETE FROM plasma.epn_core WHERE granule_uid IN (SELECT min(granule_uid) FROM plasma.epn_core)"
            )
        assert answer(client, STAR).splitlines() == [first.splitlines()[0], *first.splitlines()[2:]]


def test_headers_of_formats_are_those_of_their_columns(published: Database, tmp_path: Path) -> None:
    query = "SELECT granule_uid, time_min, processing_level FROM plasma.epn_core ORDER BY granule_uid"
    with client_of(build_app(Settings(home=tmp_path / "home"), published)) as client:
        for name in ("votable", "votable/b2", "votable/b"):
            document = _without_date(answer(client, query, RESPONSEFORMAT=name))
            assert document.count("<FIELD ") == 3
            assert document.count('<VALUES null="') == (name == "votable/b")
            assert _without_date(answer(client, query, RESPONSEFORMAT=name)) == document
        assert document.count('ID="datalink"') == 1


def _without_date(document: str) -> str:
    return re.sub('<INFO name="request_date" value="[^"]*"/>', "", document)


def test_what_is_published_meanwhile_is_seen(
    published: Database, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epntap.catalog.load.CHECK_EVERY_S", 0.0)
    with client_of(build_app(Settings(home=tmp_path / "home"), published)) as client:
        counted = "SELECT COUNT(*) AS n FROM plasma.epn_core"
        before = int(answer(client, counted).split()[1])
        assert answer(client, counted) == f"n\n{before}\n"
        record(archive, "syn-mom")
        ingest_service(definition(archive, SPASE_SOURCE), published)
        assert int(answer(client, counted).split()[1]) == 2 * before


def test_the_planner_is_asked_once_in_a_while(postgres_server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = CopyStatement(sql.SQL("SELECT %(a)s::int"), {"a": 1}, sql.SQL("FORMAT csv"))
    with psycopg.connect(postgres_server.url) as connection:
        cost = statement.cost(connection)
        assert cost > 0
        connection.execute("SET cpu_tuple_cost = 100")
        assert statement.cost(connection) == cost
        monkeypatch.setattr("epntap.db.rows.copy_statement.PLAN_HOLDS_S", 0.0)
        assert statement.cost(connection) > cost


@pytest.fixture
def pool(postgres_server: Database) -> Iterator[ConnectionPool[Connection]]:
    with open_pool(postgres_server, Role.ADMIN, size=1, name="again") as opened:
        yield opened


def checks(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections that are asked for nothing else than whether they answer."""
    seen: list[Connection] = []
    real = ConnectionPool.check_connection

    def check(connection: Connection) -> None:
        seen.append(connection)
        real(connection)

    monkeypatch.setattr(ConnectionPool, "check_connection", staticmethod(check))
    return seen


def test_a_connection_in_use_is_not_asked_whether_it_answers(
    pool: ConnectionPool[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = checks(monkeypatch)
    for _ in range(5):
        with pooled(pool) as connection:
            connection.execute("SELECT 1")
    assert len(asked) == 1
    monkeypatch.setattr(pools, "ASK_AFTER_S", 0.0)
    with pooled(pool) as connection:
        connection.execute("SELECT 1")
    assert len(asked) == 2


def test_a_connection_that_the_server_has_ended_is_never_lent(
    pool: ConnectionPool[Connection], postgres_server: Database
) -> None:
    with pooled(pool) as connection:
        backend = connection.info.backend_pid
    with psycopg.connect(postgres_server.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (backend,))
        until = time.monotonic() + 10
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (backend,)).fetchone():
            assert time.monotonic() < until
    with pooled(pool) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.info.backend_pid != backend
