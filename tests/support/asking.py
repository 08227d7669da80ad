"""Short questions and jobs, asked as a client does, and clients that stop reading."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import Message
from http.client import HTTPConnection

from tests.support.server import Server
from tests.support.slow_queries import LONG, ask

__all__ = ["TOP_10", "is_short_answered", "job_of", "phase_at_the_end", "query", "request", "stalled"]

TOP_10 = "SELECT TOP 10 granule_uid FROM amdadb.epn_core"


def request(server: Server, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, Message, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = urllib.parse.urlencode(form) if form else None
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def query(server: Server, adql: str) -> tuple[int, Message, str]:
    return request(server, "POST", "/tap/sync", {"LANG": "ADQL", "QUERY": adql, "FORMAT": "csv"})


def is_short_answered(server: Server) -> bool:
    status, _, text = query(server, TOP_10)
    return status == 200 and text.count("\n") == 11


def job_of(server: Server, adql: str, **more: str) -> str:
    status, headers, _ = request(server, "POST", "/tap/async", {"LANG": "ADQL", "QUERY": adql, **more})
    assert status == 303
    return urllib.parse.urlsplit(headers["Location"]).path


def phase_at_the_end(server: Server, job: str) -> str:
    for _ in range(40):
        phase = request(server, "GET", f"{job}/phase?WAIT=5")[2]
        if phase not in {"PENDING", "QUEUED", "EXECUTING"}:
            break
    return phase


@contextmanager
def stalled(server: Server, count: int) -> Iterator[list[bytes]]:
    """Clients that ask for hundreds of megabytes, read the beginning and then nothing; the beginnings."""
    with ExitStack() as stack:
        clients = [stack.enter_context(ask(server, LONG)) for _ in range(count)]
        yield [client.recv(2000) for client in clients]
