"""A client of the job tree that follows no redirection."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from dataclasses import dataclass, field

from lxml import etree

from tests.support.server import Server

__all__ = ["QUERY", "SLOW", "Client", "E", "Reply", "element", "message"]

QUERY = "SELECT TOP 3 granule_uid FROM amdadb.epn_core ORDER BY granule_uid"
E = "amdadb.epn_core"
#: minutes of work before the first row
SLOW = f"SELECT COUNT(*) AS n FROM {E} AS a, {E} AS b, {E} AS c, {E} AS d, {E} AS f WHERE a.time_min < b.time_max"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return self.headers["Location"]


@dataclass
class Client:
    """Asks and does not follow redirects; keeps the cookie."""

    server: Server
    cookie: str = ""
    list: str = field(init=False)

    def __post_init__(self) -> None:
        self.list = f"{self.server.tap}/async"

    def ask(self, method: str, address: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        try:
            connection.request(method, address.removeprefix(self.server.base), body, sent)
            answer = connection.getresponse()
            reply = Reply(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()
        if "Set-Cookie" in reply.headers:
            self.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        return reply

    def get(self, address: str, **headers: str) -> Reply:
        return self.ask("GET", address, None, **headers)

    def post(self, address: str, *pairs: tuple[str, str], **params: str) -> Reply:
        body = urllib.parse.urlencode([*pairs, *params.items()]).encode()
        return self.ask("POST", address, body, Content_Type="application/x-www-form-urlencoded")

    def create(self, query: str = QUERY, **params: str) -> str:
        """The address of a new job."""
        reply = self.post(self.list, LANG="ADQL", QUERY=query, **params)
        assert reply.status == 303
        return reply.location

    def phase(self, job: str) -> str:
        return self.get(f"{job}/phase").text

    def until(self, job: str, *phases: str, within_s: float = 20) -> str:
        deadline = time.monotonic() + within_s
        while (phase := self.phase(job)) not in phases:
            assert time.monotonic() < deadline, f"{phase}, not one of {phases}"
            time.sleep(0.02)
        return phase

    def document(self, job: str) -> etree._Element:
        return etree.fromstring(self.get(job).body)


def element(document: etree._Element, name: str) -> str | None:
    return document.findtext(f"{{*}}{name}")


def message(document: etree._Element) -> str:
    return document.findtext("{*}errorSummary/{*}message") or ""
