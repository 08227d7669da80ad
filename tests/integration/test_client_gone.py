"""Over a real connection: a query does not outlive the client that asked for it."""

from __future__ import annotations

import socket
import time
import urllib.parse

import pytest

from epntap.db.pool import Database
from tests.support.server import Server, serve
from tests.support.slow_queries import LONG, SLOW, ask, running, seconds_until

pytestmark = pytest.mark.serial


def test_gone_before_the_first_byte(served: Server, demo_database: Database) -> None:
    with ask(served, SLOW):
        seconds_until(demo_database, 1, 5)
        time.sleep(0.5)
        assert running(demo_database) == 1
    print(f"gone before the first byte: {seconds_until(demo_database, 0, 3):.2f} s")


def test_gone_in_the_middle(served: Server, demo_database: Database) -> None:
    with ask(served, LONG) as client:
        assert client.recv(1_000_000).startswith(b"HTTP/1.1 200")
        assert running(demo_database) == 1
    print(f"gone in the middle: {seconds_until(demo_database, 0, 3):.2f} s")


def test_one_block_read_and_no_more(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("stalled")
    with serve(demo_database, home, send_timeout_s="2") as server, ask(server, LONG) as client:
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        seconds = seconds_until(demo_database, 0, 8)
        print(f"stalled, with a limit of 2 s a block: {seconds:.2f} s")
        assert seconds > 1


def test_the_time_limit_holds_for_the_whole_answer(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("deadline")
    received = b""
    with serve(demo_database, home, sync_timeout_s="2") as server, ask(server, LONG) as client:
        started = time.monotonic()
        while block := client.recv(65_536):  # a client that reads, but slowly
            received = (received + block)[-4000:]
            time.sleep(0.05)
            if b"</VOTABLE>" in received:
                break
        seconds = time.monotonic() - started
        assert seconds_until(demo_database, 0, 3) < 3
    assert 1.5 < seconds < 20
    assert b'<INFO name="QUERY_STATUS" value="ERROR">The query took longer than the 2 seconds' in received


def test_a_broken_stream_is_seen_where_the_format_cannot_say_it(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("broken")
    body = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": LONG, "MAXREC": "20000000", "RESPONSEFORMAT": "csv"})
    with (
        serve(demo_database, home, sync_timeout_s="2") as server,
        socket.create_connection(("127.0.0.1", server.port)) as client,
    ):
        client.sendall(
            f"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        received = b""
        while block := client.recv(1 << 20):
            received = (received + block)[-100:]
    assert not received.endswith(b"0\r\n\r\n"), "the last chunk was sent as if nothing had happened"


def test_short_queries_are_answered_while_clients_do_not_read(
    demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("crowd")
    with serve(demo_database, home, workers="1", threads="8") as server:
        clients = [ask(server, LONG) for _ in range(6)]
        try:
            seconds_until(demo_database, 4, 10)  # half the threads stream, the rest was turned away
            refused = sum(client.recv(200).startswith(b"HTTP/1.1 503") for client in clients)
            assert refused == 2
            with ask(server, "SELECT COUNT(*) AS n FROM tap_schema.key_columns") as short:
                short.settimeout(3)
                assert short.recv(200).startswith(b"HTTP/1.1 200")
        finally:
            for client in clients:
                client.close()
        seconds_until(demo_database, 0, 5)
