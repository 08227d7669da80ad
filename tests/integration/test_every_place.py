"""Every kind of work that lasts, all of it at once, in a process of eight threads: what is short is answered still."""

from __future__ import annotations

import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from epntap.db.pool import Database
from tests.support.asking import TOP_10, is_short_answered, job_of, phase_at_the_end, query, request
from tests.support.long_series import GRANULES, Place, long_series
from tests.support.server import Server
from tests.support.slow_queries import LONG, ask

pytestmark = pytest.mark.serial

THREADS = 8
KINDS = {
    "slow answers",
    "results",
    "uploads",
    "waits",
    "cut-outs",
    "long bodies",
    "link documents",
    "bulk answers",
}


@pytest.fixture(scope="module")
def place(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    settings = {
        "workers": "1",
        "job_workers": "1",
        "threads": str(THREADS),
        "upload_private_addresses": "1",
        "upload_fetch_s": "120",
        "send_timeout_s": "120",
        "wait_max_s": "120",
    }
    with long_series(postgres_server, template_database, tmp_path_factory.mktemp("every"), **settings) as place:
        yield place


def places(server: Server) -> dict[str, int]:
    """How many places are taken of each kind."""
    lines = request(server, "GET", "/metrics")[2].splitlines()
    prefix = 'epntap_places_in_use{work="'
    return {
        line[len(prefix) :].split('"')[0]: int(float(line.split()[-1])) for line in lines if line.startswith(prefix)
    }


def until(server: Server, kind: str, count: int) -> None:
    deadline = time.monotonic() + 20
    while (found := places(server))[kind] != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def begun(server: Server, path: str, form: list[tuple[str, str]] | None = None) -> socket.socket:
    """A client with small buffers that has asked and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.connect(("127.0.0.1", server.port))
    if form is None:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    else:
        body = urllib.parse.urlencode(form).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        client.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + body)
    return client


def test_with_a_place_of_every_kind_held_what_is_short_is_answered(place: Place) -> None:
    server = place.server
    assert set(places(server)) >= KINDS
    pending = job_of(server, TOP_10)
    made = job_of(server, LONG, MAXREC="5000", PHASE="RUN")
    assert phase_at_the_end(server, made) == "COMPLETED"
    big = [("ID", granule) for granule in GRANULES]
    # names of nothing, which are answered by a row each
    identifiers = [("ID", f"{number:0100}") for number in range(20_000)]
    waiting = threading.Thread(target=request, args=(server, "GET", f"{pending}?WAIT=120"), daemon=True)
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # takes connections and says nothing
        upload = [
            ("LANG", "ADQL"),
            ("QUERY", "SELECT * FROM TAP_UPLOAD.t"),
            ("UPLOAD", f"t,http://127.0.0.1:{silent.getsockname()[1]}/t.vot"),
        ]
        stack.enter_context(begun(server, "/datalink/links", identifiers))
        until(server, "link documents", 1)
        until(server, "long bodies", 0)
        stack.enter_context(ask(server, LONG))
        stack.enter_context(begun(server, f"{made}/results/result"))
        stack.enter_context(begun(server, "/tap/sync", upload))
        stack.enter_context(begun(server, f"/datalink/soda/sync?ID={GRANULES[0]}&FORMAT=csv"))
        stack.enter_context(begun(server, f"/datalink/bulk?{urllib.parse.urlencode(big)}&RESPONSEFORMAT=tar"))
        waiting.start()
        for kind in KINDS - {"long bodies"}:
            until(server, kind, 1)
        body = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        body.sendall(
            b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 1000000\r\n\r\nLANG=ADQL&QUERY="
        )
        until(server, "all that lasts", THREADS)
        found = places(server)
        assert {kind: found[kind] for kind in KINDS} == dict.fromkeys(KINDS, 1)
        assert found["what computes"] == 1

        for _ in range(5):
            assert is_short_answered(server)
            assert request(server, "GET", f"{pending}/phase")[2] == "PENDING"
        assert request(server, "GET", "/health")[0] == 200

        # the next of each kind is told to come again, though its own kind has places left
        assert query(server, LONG)[::2] == (
            503,
            "Too many answers are being sent; please try again in a few seconds.\n",
        )
        status, headers, text = request(server, "GET", f"/datalink/soda/sync?ID={GRANULES[1]}&FORMAT=csv")
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "Too many cut-outs are being made" in text
        assert request(server, "POST", "/tap/sync", dict(upload))[0] == 503
        began = time.monotonic()
        assert request(server, "GET", f"{pending}?WAIT=60")[0] == 200, "a wait too many returns at once"
        assert time.monotonic() - began < 30
    assert request(server, "POST", f"{pending}/phase", {"PHASE": "ABORT"})[0] == 303
    until(server, "all that lasts", 0)
    assert set(places(server).values()) == {0}
    assert is_short_answered(server)
