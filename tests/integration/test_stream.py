"""Rows leave the database in blocks; overflow is exact; nothing runs on after its reader has left."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from epntap.answer.model import OutcomeStatus
from epntap.connection import Connection
from epntap.db.pool import Database, Role, open_pool
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.rows.stream import RowStream
from epntap.errors import QueryError, QueryTimeoutError, UnavailableError
from tests.support.leaving import leave_before_the_first_row, stop_reading, wait_until_idle

SLOW = "SELECT pg_sleep(20)"
ENDLESS = "SELECT repeat('x', 1000), generate_series(1, 100000000)"  # in the SELECT list it is made row by row


@pytest.fixture
def pool(database: Database) -> Iterator[ConnectionPool[Connection]]:
    with open_pool(database, Role.READER, size=2, name="test", statement_timeout="3000") as opened:
        yield opened


def stream(pool: ConnectionPool[Connection], text: str, *, maxrec: int = 10**9, timeout_s: float = 30) -> RowStream:
    statement = CopyStatement(sql.SQL(text), {}, sql.SQL("FORMAT csv"))
    return RowStream(pool, statement, maxrec=maxrec, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("rows", "maxrec", "status", "expected"), [(5, 5, "OK", 5), (6, 5, "OVERFLOW", 5), (0, 5, "OK", 0)]
)
def test_overflow_is_exact(
    pool: ConnectionPool[Connection], rows: int, maxrec: int, status: str, expected: int
) -> None:
    reader = stream(pool, f"SELECT * FROM generate_series(1, {rows}) LIMIT {maxrec + 1}", maxrec=maxrec)
    body = b"".join(reader)
    assert body.count(b"\n") == expected
    assert reader.outcome is not None
    assert (reader.outcome.status, reader.outcome.rows) == (OutcomeStatus(status), expected)


def test_blocks_end_on_rows(pool: ConnectionPool[Connection]) -> None:
    blocks = list(stream(pool, "SELECT repeat('ab', 500), E'two\\nlines' FROM generate_series(1, 2000)"))
    assert len(blocks) > 3
    assert all(block.endswith(b'"\n') for block in blocks)
    assert b"".join(blocks).count(b'"two\nlines"\n') == 2000


def test_a_failure_is_a_sentence_without_sql(pool: ConnectionPool[Connection]) -> None:
    with pytest.raises(QueryError, match="division by zero"):
        list(stream(pool, "SELECT 1 / (1 - generate_series(1, 3))"))


def test_a_statement_timeout_is_said(pool: ConnectionPool[Connection]) -> None:
    with pytest.raises(QueryTimeoutError, match="narrow it"):
        list(stream(pool, SLOW, timeout_s=3))


def test_the_connection_serves_again_after_an_answer_was_left(
    pool: ConnectionPool[Connection], database: Database
) -> None:
    for _ in range(5):
        reader = stream(pool, ENDLESS)
        next(iter(reader))
        reader.close()
    wait_until_idle(database, 2)
    assert b"".join(stream(pool, "SELECT 7")) == b"7\n"


def test_closing_before_the_start_takes_nothing(pool: ConnectionPool[Connection]) -> None:
    for _ in range(5):
        stream(pool, SLOW).close()
    assert b"".join(stream(pool, "SELECT 7")) == b"7\n"


@pytest.mark.serial
def test_the_query_ends_when_the_client_leaves_before_the_first_row(
    pool: ConnectionPool[Connection], database: Database
) -> None:
    leave_before_the_first_row(stream(pool, SLOW), within_s=2)
    wait_until_idle(database, 1)


def test_a_client_that_stops_reading_is_let_go(pool: ConnectionPool[Connection], database: Database) -> None:
    stop_reading(stream(pool, ENDLESS))
    wait_until_idle(database, 3)


def test_the_pool_heals_after_its_connections_were_cut(pool: ConnectionPool[Connection], database: Database) -> None:
    assert b"".join(stream(pool, "SELECT 1")) == b"1\n"
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'epntap_reader' AND datname = current_database()"
        )
    assert b"".join(stream(pool, "SELECT 1")) == b"1\n"


def test_a_backend_that_dies_is_unavailability(pool: ConnectionPool[Connection], database: Database) -> None:
    blocks = iter(stream(pool, ENDLESS))
    next(blocks)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND state = 'active' AND datname = current_database()"
        )
    with pytest.raises(UnavailableError):
        list(blocks)
