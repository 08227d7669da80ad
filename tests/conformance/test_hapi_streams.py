"""A year of daily files over HAPI: memory stays bounded, streams leave room for others, who leaves is noticed."""

from __future__ import annotations

import os
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from epntap.db.pool import Database
from epntap.instants.tt2000 import parse_utc
from tests.support.asking import request
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.hapi import ingest_tree
from tests.support.server import Server, serve

pytestmark = pytest.mark.serial

DAYS = 365
#: of a day, one every ten seconds
RECORDS = 8640
#: a time, three doubles
RECORD_BYTES = 30 + 3 * 8
MOST_MEMORY_BYTES = 100_000_000
YEAR = "dataset=year&start=2021Z&stop=2022Z"
#: in one file, more than what waits in sockets
LARGE_RECORDS = 600_000
LARGE = "dataset=large&start=2022-06-01Z&stop=2022-07-01Z"
STREAMS = 16


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("year")
    (root / "cdf").mkdir()
    first = parse_utc("2021-01-01")
    seconds = np.arange(RECORDS) * 10
    for day in range(DAYS):
        epochs = first + (seconds + day * 86_400) * 1_000_000_000
        values = (np.arange(RECORDS * 3, dtype=np.float64) + day * RECORDS * 3).reshape(-1, 3)
        name = np.datetime_as_string(np.datetime64("2021-01-01") + day).replace("-", "")
        (
            CdfBuilder()
            .attribute("Logical_source", "year")
            .axis("Epoch", epochs)
            .variable("B", values, DEPEND_0="Epoch", VAR_TYPE="data")
            .write(root / "cdf" / f"year_{name}_v01.cdf")
        )
    values = np.arange(LARGE_RECORDS * 3, dtype=np.float64).reshape(-1, 3)
    (
        CdfBuilder()
        .attribute("Logical_source", "large")
        .axis("Epoch", parse_utc("2022-06-01") + np.arange(LARGE_RECORDS) * 1_000_000_000)
        .variable("B", values, DEPEND_0="Epoch", VAR_TYPE="data")
        .write(root / "cdf" / "large_20220601_v01.cdf")
    )
    database = clone_database(postgres_server, "year", template_database)
    try:
        ingest_tree(root / "cdf", database)
        with serve(database, root, workers="1") as server:
            yield server
    finally:
        drop_database(postgres_server, database)


def memory_bytes(server: Server) -> int:
    """What the server and its processes hold by themselves."""
    found, waiting = 0, [server.pid]
    while waiting:
        pid = waiting.pop()
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            waiting += [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:  # it has just ended
            continue
        found += sum(int(size) for size in re.findall(r"Private_\w+:\s+(\d+) kB", rollup)) * 1024
    return found


def places(server: Server) -> int:
    """Places that streams of records hold now."""
    text = request(server, "GET", "/metrics")[2]
    found = re.search(r'^epntap_places_in_use\{work="records"\} (\S+)$', text, re.MULTILINE)
    assert found, text
    return round(float(found[1]))


def until(server: Server, wanted: int) -> bool:
    """Whether so many places are held before long."""
    deadline = time.monotonic() + 20
    while places(server) != wanted:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def begun(server: Server, stack: ExitStack, query: str = YEAR) -> tuple[socket.socket, bytes]:
    """A client that asks for much, and reads the beginning only."""
    client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
    client.sendall(f"GET /hapi/data?{query}&format=json HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client, client.recv(4000)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not tell memory")
def test_a_year_takes_bounded_memory_and_has_every_record(server: Server) -> None:
    with urllib.request.urlopen(
        f"{server.base}/hapi/data?dataset=year&start=2021Z&stop=2021-01-02Z&format=binary"
    ) as one:
        assert len(one.read()) == RECORDS * RECORD_BYTES
    idle = most = memory_bytes(server)
    received, last = 0, b""
    with urllib.request.urlopen(f"{server.base}/hapi/data?{YEAR}&format=binary", timeout=60) as answer:
        while block := answer.read(1 << 20):
            received += len(block)
            last = (last + block)[-RECORD_BYTES:]
            if received % 5 == 0 or received % RECORD_BYTES:
                most = max(most, memory_bytes(server))
    print(f"memory above idle: {(most - idle) / 1e6:.0f} MB of {received / 1e6:.0f} MB sent")
    assert received == DAYS * RECORDS * RECORD_BYTES
    assert np.frombuffer(last[30:], "<f8").tolist() == [float(DAYS * RECORDS * 3 - n) for n in (3, 2, 1)]
    assert most - idle < MOST_MEMORY_BYTES


def test_streams_leave_room_for_short_queries_and_their_places_come_back(server: Server) -> None:
    with ExitStack() as stack:
        first_bytes = [begun(server, stack)[1] for _ in range(STREAMS)]
        streaming = sum(one.startswith(b"HTTP/1.1 200") for one in first_bytes)
        refused = [one for one in first_bytes if one.startswith(b"HTTP/1.1 503")]
        assert streaming > 1
        assert streaming + len(refused) == STREAMS
        assert all(b"Retry-After" in one and b"HAPI 1500" in one for one in refused)
        assert places(server) == streaming
        query = "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+TOP+10+granule_uid+FROM+kinds.epn_core"
        status, _, text = request(server, "GET", query)
        assert (status, text.count("\n")) == (200, 11)
    assert until(server, 0), "places are not given back"


def test_a_client_that_leaves_stops_the_work(server: Server) -> None:
    with ExitStack() as stack:
        client, head = begun(server, stack)
        assert head.startswith(b"HTTP/1.1 200")
        assert until(server, 1)
        client.close()
    assert until(server, 0), "the place is not given back"


def _goes(file: Path) -> None:
    file.unlink()


def _is_written_anew(file: Path) -> None:
    file.write_bytes(file.read_bytes())


def _is_cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize("what_happens", [_goes, _is_written_anew, _is_cut_short])
@pytest.mark.parametrize(
    ("name", "query"),
    [
        pytest.param("year_20211231_v01.cdf", YEAR, id="before it is opened"),
        pytest.param("large_20220601_v01.cdf", LARGE, id="while it is read"),
    ],
)
def test_what_happens_to_a_file_in_the_middle_cuts_the_connection(
    server: Server, name: str, query: str, what_happens: Callable[[Path], None]
) -> None:
    file = server.log.parent / "cdf" / name
    kept, was = file.read_bytes(), file.stat()
    try:
        with ExitStack() as stack:
            client, received = begun(server, stack, query)
            assert received.startswith(b"HTTP/1.1 200")
            what_happens(file)
            while block := client.recv(1 << 20):
                received = (received + block)[-1000:]
    finally:
        file.write_bytes(kept)
        os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    # a file that has only lost its name can be read to its end by who has it open
    is_whole = what_happens is _goes and query == LARGE
    assert received.endswith(b"0\r\n\r\n") == is_whole
    assert b"HAPI" not in received, "no text of an error among records"
    assert until(server, 0), "the place is not given back"
