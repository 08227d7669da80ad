"""Questions that take long, asked over a connection of their own, and how many of them the database works on."""

from __future__ import annotations

import socket
import time
import urllib.parse

import psycopg

from epntap.db.pool import Database
from tests.support.server import Server

__all__ = ["LONG", "OF_USERS", "SLOW", "ask", "end_all", "running", "seconds_until"]

#: a condition on pg_stat_activity: what is named is locked first, where it may be replaced
OF_USERS = "query ~ '^(LOCK|COPY)'"
E = "amdadb.epn_core"
#: 63 to the fifth power: minutes of work before the first row
SLOW = f"SELECT COUNT(*) AS n FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d, {E} AS f WHERE a.time_min < b.time_max"
#: hundreds of megabytes, the first rows at once
LONG = f"SELECT a.*, b.* FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d"


def ask(server: Server, query: str) -> socket.socket:
    """A connection on which the question has been asked and nothing has been read yet."""
    body = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "MAXREC": "20000000"}).encode()
    client = socket.create_connection(("127.0.0.1", server.port))
    client.sendall(
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    return client


def running(database: Database) -> int:
    with psycopg.connect(database.url) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND {OF_USERS}"
            " AND datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def end_all(database: Database) -> int:
    """End the sessions that work on one; how many there were."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        return len(
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE state = 'active' AND {OF_USERS} AND datname = current_database()"
            ).fetchall()
        )


def seconds_until(database: Database, count: int, within_s: float) -> float:
    started = time.monotonic()
    while running(database) != count:
        assert time.monotonic() - started < within_s, f"{running(database)} queries run, not {count}"
        time.sleep(0.05)
    return time.monotonic() - started
