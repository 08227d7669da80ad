"""Clients that cost little, so that what is measured is the server: prepared bytes on a kept connection."""

from __future__ import annotations

import http.client
import socket
import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import psutil

from tests.bench.measure import TABLE
from tests.support.server import Server

__all__ = ["TOP_10", "Connection", "Load", "Timing", "ask", "fetched", "post_bytes", "run_clients", "top_10"]

TOP_10 = f"SELECT TOP 10 * FROM {TABLE}"
_CHUNK = 1 << 20
_END_OF_HEADERS = b"\r\n\r\n"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Timing:
    """How one answer arrived."""

    first_byte_s: float
    total_s: float
    size: int


def ask(server: Server, query: str, response_format: str, maxrec: int, *, encoding: str = "identity") -> Timing:
    """One query and its whole answer, of any size. Raises RuntimeError when it is refused."""
    form = urlencode({"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": response_format, "MAXREC": str(maxrec)})
    return fetched(server, "POST", "/tap/sync", form, {"Content-Type": _FORM, "Accept-Encoding": encoding}, what=query)


def fetched(
    server: Server,
    method: str,
    path: str,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    what: str,
) -> Timing:
    """One answer as a whole, of any size. Raises RuntimeError, which says what it is of, when it is refused."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    started = time.perf_counter()
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    size = len(answer.read(1))
    first = time.perf_counter() - started
    while block := answer.read(_CHUNK):
        size += len(block)
    total = time.perf_counter() - started
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{what}: HTTP {answer.status}")
    return Timing(first, total, size)


def post_bytes(path: str, form: Mapping[str, str]) -> bytes:
    """A POST of a form as it goes over the wire."""
    body = urlencode(form).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {_FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def top_10() -> bytes:
    """The short query that everything is compared with."""
    return post_bytes("/tap/sync", {"LANG": "ADQL", "QUERY": TOP_10})


class Connection:
    """A connection that is kept from request to request, for answers that say their length."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._socket = self._connect()

    def ask(self, request: bytes) -> float:
        """Milliseconds until the whole answer is here. Raises RuntimeError for an error, or without a length."""
        started = time.perf_counter()
        received = self._first(request)
        while _END_OF_HEADERS not in received:
            received += self._more()
        head, _, body = received.partition(_END_OF_HEADERS)
        if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
            raise RuntimeError(f"{head.decode()}\n{body[:1000].decode(errors='replace')}")
        _, found, length = head.lower().partition(b"content-length:")
        if not found:
            raise RuntimeError("the answer does not say its length")
        missing = int(length.split(None, 1)[0]) - len(body)
        while missing > 0:
            missing -= len(self._more())
        return (time.perf_counter() - started) * 1000

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _first(self, request: bytes) -> bytes:
        try:
            self._socket.sendall(request)
            if received := self._socket.recv(_CHUNK):
                return received
        except ConnectionError:
            pass
        self._socket.close()  # the server had ended a connection that was idle
        self._socket = self._connect()
        self._socket.sendall(request)
        return self._more()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=600)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _more(self) -> bytes:
        block = self._socket.recv(_CHUNK)
        if not block:
            raise RuntimeError("the server closed the connection in the middle of an answer")
        return block


@dataclass(frozen=True, slots=True)
class Load:
    """What several clients saw together."""

    times_ms: list[float]
    seconds: float
    #: share of one core that the clients themselves took
    own_cpu: float

    @property
    def per_second(self) -> float:
        """Requests a second of all clients."""
        return len(self.times_ms) / self.seconds

    @property
    def p99(self) -> float:
        """Milliseconds that one request in a hundred takes longer than."""
        return statistics.quantiles(self.times_ms, n=100)[98]


def run_clients(server: Server, request: bytes, clients: int, seconds: float) -> Load:
    """Clients that send the same again and again, each on a connection of its own."""
    times: list[float] = []
    lock = threading.Lock()
    until = time.perf_counter() + seconds

    def client() -> None:
        connection = Connection(server)
        mine = []
        while time.perf_counter() < until:
            mine.append(connection.ask(request))
        connection.close()
        with lock:
            times.extend(mine)

    process = psutil.Process()
    before, started = process.cpu_times(), time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after, elapsed = process.cpu_times(), time.perf_counter() - started
    return Load(times, elapsed, (after.user + after.system - before.user - before.system) / elapsed)
