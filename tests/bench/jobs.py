"""Jobs: from RUN to COMPLETED, and how many a second."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

from tests.bench.client import TOP_10
from tests.bench.measure import Bench, Measure

__all__ = ["measure"]

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_CLIENTS = 8
_LOAD_S = 5.0


def measure(bench: Bench) -> Iterator[Measure]:
    """One after the other, then several clients at once."""
    connection = http.client.HTTPConnection("127.0.0.1", bench.server.port)
    times = [_run_to_end(connection) * 1000 for _ in range(bench.rounds * 10)]
    yield Measure.of("job with a TOP 10: RUN to COMPLETED, as its client sees it", times, "ms", "< 50")
    yield Measure.of(f"jobs of {_CLIENTS} clients, created, run and fetched", [_rate(bench)], "jobs/s", ">= 50")


def _run_to_end(connection: http.client.HTTPConnection) -> float:
    """Seconds from RUN until the job says COMPLETED; its result is fetched and the job deleted."""
    job = _request(connection, "POST", "/tap/async", urlencode({"LANG": "ADQL", "QUERY": TOP_10}))[0]
    started = time.perf_counter()
    _request(connection, "POST", f"{job}/phase", "PHASE=RUN")
    phase = ""
    while phase != "COMPLETED":
        phase = _request(connection, "GET", f"{job}/phase?WAIT=10")[1].decode().strip()
        if phase not in {"QUEUED", "EXECUTING", "COMPLETED"}:
            raise RuntimeError(f"the job is {phase}")
    seconds = time.perf_counter() - started
    _request(connection, "GET", f"{job}/results/result")
    _request(connection, "DELETE", job)
    return seconds


def _request(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None
) -> tuple[str, bytes]:
    """Path in Location, and the body. Raises RuntimeError for an error."""
    connection.request(method, path, body, _FORM if body else {})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: HTTP {answer.status}: {content[:500]!r}")
    return urlsplit(answer.headers.get("Location", "")).path, content


def _rate(bench: Bench) -> float:
    done = []
    until = time.perf_counter() + _LOAD_S

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", bench.server.port)
        while time.perf_counter() < until:
            done.append(_run_to_end(connection))

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / (time.perf_counter() - started)
