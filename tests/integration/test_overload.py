"""A service that is full goes on answering what is short, and says so to the rest."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from epntap.db.pool import Database
from tests.support.asking import TOP_10, is_short_answered, job_of, phase_at_the_end, query, request, stalled
from tests.support.server import Server, serve
from tests.support.slow_queries import LONG, SLOW, ask, running, seconds_until

pytestmark = pytest.mark.serial

THREADS = 8


@pytest.fixture(scope="module")
def small(own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process with eight threads: four slow answers, two waits, two cut-outs."""
    home = tmp_path_factory.mktemp("small")
    with serve(
        own_demo_database, home, workers="1", job_workers="1", threads=str(THREADS), long_query_s="0.4"
    ) as server:
        yield server


def test_with_every_streaming_place_held_the_rest_goes_on(small: Server, own_demo_database: Database) -> None:
    pending = job_of(small, TOP_10)
    with stalled(small, THREADS // 2) as beginnings:
        assert all(one.startswith(b"HTTP/1.1 200") for one in beginnings)
        for _ in range(5):
            assert is_short_answered(small)
        assert request(small, "GET", f"{pending}/phase")[2] == "PENDING"
        job = job_of(small, TOP_10, PHASE="RUN")
        assert phase_at_the_end(small, job) == "COMPLETED"
        status, headers, text = query(small, LONG)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert text == "Too many answers are being sent; please try again in a few seconds.\n"
        assert running(own_demo_database) == THREADS // 2
    seconds_until(own_demo_database, 0, 10)
    assert is_short_answered(small)


def test_surplus_waits_return_at_once(small: Server) -> None:
    pending = job_of(small, TOP_10)
    done = threading.Event()

    def wait() -> None:
        request(small, "GET", f"{pending}?WAIT=30")
        done.set()

    waiting = [threading.Thread(target=wait, daemon=True) for _ in range(THREADS // 4)]
    for thread in waiting:
        thread.start()
    time.sleep(0.5)
    assert not done.is_set(), "these may wait"
    for _ in range(20):  # each of these would wait for 30 seconds
        assert request(small, "GET", f"{pending}?WAIT=30")[0] == 200
    assert not done.is_set(), "the surplus came back while the first were still waiting"
    with stalled(small, THREADS // 2):
        assert is_short_answered(small), "with all waits and all streams held"
    assert request(small, "POST", f"{pending}/phase", {"PHASE": "ABORT"})[0] == 303
    for thread in waiting:
        thread.join(10)
        assert not thread.is_alive()


def test_long_queries_leave_room_for_short_ones(
    own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("long")
    with (
        serve(own_demo_database, home, workers="1", threads="8", query_connections="9", long_query_s="0.4") as server,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(ask(server, SLOW)) for _ in range(30)]
        for _ in range(10):
            assert is_short_answered(server)
        seconds_until(own_demo_database, 4, 10)  # half of the threads
        answers = []
        for client in clients:
            client.settimeout(0.2)
            try:
                answers.append(client.recv(4000))
            except TimeoutError:
                continue
        assert len(answers) == 26
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: " in answer
            assert b"as many long queries as the service takes at once are running" in answer
            assert b"/tap/async" in answer
        assert is_short_answered(server)
    seconds_until(own_demo_database, 0, 10)


def test_clients_that_say_nothing_or_half_hold_no_thread(small: Server) -> None:
    beginnings = [
        b"",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b",
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nQUERY=",
    ]
    with ExitStack() as stack:
        for number in range(300):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", small.port)))
            client.sendall(beginnings[number % len(beginnings)])
        last = stack.enter_context(socket.create_connection(("127.0.0.1", small.port)))
        for piece in (
            b"GET /tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+TOP+1+1+AS+x",
            b"+FROM+tap_schema.tables HTT",
            b"P/1.1\r\nHost: x\r\n\r\n",
        ):
            assert is_short_answered(small)
            last.sendall(piece)
            time.sleep(0.1)
        assert last.recv(4000).startswith(b"HTTP/1.1 200")


def test_a_request_in_two_pieces_is_answered_whatever_the_cut(small: Server) -> None:
    body = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": TOP_10, "FORMAT": "csv", "X": "y" * 30_000}).encode()
    whole = (
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    with socket.create_connection(("127.0.0.1", small.port)) as client:  # one connection for all
        client.settimeout(30)
        for cut in (1, 20, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4, 1000, len(whole) - 1):
            client.sendall(whole[:cut])
            time.sleep(0.05)
            client.sendall(whole[cut:])
            received = b""
            while received.partition(b"\r\n\r\n")[2].count(b"\n") < 11:
                block = client.recv(65_536)
                assert block, received
                received += block
            assert received.startswith(b"HTTP/1.1 200"), received


def test_long_bodies_that_do_not_come_are_counted(small: Server) -> None:
    head = (
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 1000000\r\n\r\nLANG=ADQL&QUERY="
    )
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", small.port))) for _ in range(12)]
        for client in clients:
            client.sendall(head)
        refused: list[bytes] = []
        deadline = time.monotonic() + 9  # before the first of them has been silent for too long
        while len(refused) < 12 - THREADS // 4 and time.monotonic() < deadline:
            for client in clients:
                client.settimeout(0.1)
                try:
                    if answer := client.recv(2000):
                        refused.append(answer)
                except TimeoutError:
                    continue
        assert len(refused) == 12 - THREADS // 4
        assert all(a.startswith(b"HTTP/1.1 503") and b"Retry-After: 5" in a for a in refused)
        assert is_short_answered(small)


def test_a_long_body_that_comes_is_read(small: Server) -> None:
    items = ", ".join(f"'granule-{number}'" for number in range(20_000))
    status, _, text = query(small, f"SELECT COUNT(*) AS n FROM amdadb.epn_core WHERE granule_uid IN ({items})")
    assert (status, text) == (200, "n\n0\n"), text[:300]


def test_the_health_page_is_json(small: Server) -> None:
    assert json.loads(request(small, "GET", "/health")[2])["status"] == "ok"


def test_http_1_0_clients_that_do_not_read_are_counted(
    own_demo_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = "SELECT a.* FROM amdadb.epn_core AS a, amdadb.epn_core AS b, amdadb.epn_core AS c"
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": whole, "MAXREC": "20000", "FORMAT": "csv"})
    with (
        serve(own_demo_database, tmp_path_factory.mktemp("old"), workers="1", threads="4") as server,
        ExitStack() as stack,
    ):
        beginnings = []
        for _ in range(3):  # two places, and one too many
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(f"GET /tap/sync?{form} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            beginnings.append(client.recv(2000).split(b"\r\n")[0].split()[1])
            assert is_short_answered(server)
        assert beginnings == [b"200", b"200", b"503"]
