"""An answer as a response, whatever server it is of: a small application that sends prepared answers."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from epntap.answer.admission import Admission
from epntap.answer.blocks import Blocks, Version
from epntap.answer.endings import BrokenStreamError
from epntap.answer.model import Outcome, OutcomeStatus
from epntap.answer.watch import Watch, Watcher
from epntap.errors import EpnTapError, QueryTimeoutError, UnavailableError, UnreadableFileError
from epntap.http.faults import answer_faults, as_labelled_text, fault_response
from epntap.http.response import Sender

CONTENT = bytes(range(256)) * 40
VERSION = Version("v1", datetime(2026, 1, 2, 3, 4, 5))  # noqa: DTZ001  # as versions have it
LATER, EARLIER = "Sat, 03 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 GMT"
SIZED: dict[str, Any] = {"length": len(CONTENT), "version": VERSION}


class Complete(Blocks):
    """One whose bytes are here, and which was cut short."""

    @property
    def is_complete(self) -> bool:
        return True

    @property
    def outcome(self) -> Outcome:
        return Outcome(OutcomeStatus.OVERFLOW, 3)


@dataclass
class Service:
    """Sends one answer after the other."""

    admission: Admission = field(default_factory=lambda: Admission.of(4, 1))
    watcher: Watcher = field(default_factory=Watcher)
    options: dict[str, Any] = field(default_factory=dict)
    closed: int = 0

    def __post_init__(self) -> None:
        self.places = self.admission.kind("sending", 1)
        self.sender = Sender(self.places, 7.0, self.watcher)
        self.answer = self.of(CONTENT)
        app = flask.Flask("answers")
        answer_faults(app, lambda _error: as_labelled_text)

        @app.route("/", methods=["GET", "POST"])
        def send() -> flask.Response:
            return self.sender.respond(self.answer, **self.options)

        self.client: FlaskClient = app.test_client()

    def of(self, content: bytes, kind: type[Blocks] = Blocks, **known: Any) -> Blocks:
        """An answer, in blocks of a thousand bytes."""
        blocks = (content[first : first + 1000] for first in range(0, len(content), 1000))
        self.answer = kind(blocks, "text/plain", **known)
        self.answer.on_close(self._close)
        return self.answer

    def ask(self, method: str = "GET", protocol: str = "HTTP/1.1", **headers: str) -> TestResponse:
        """The response, read to its end."""
        self.closed = 0
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.open("/", method=method, headers=given, environ_overrides={"SERVER_PROTOCOL": protocol})
        _ = response.data
        response.close()
        assert self.closed == 1, "an answer is closed once, whatever becomes of it"
        return response

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture
def service() -> Service:
    return Service()


def test_head_says_the_length_where_it_is_known_and_nothing_where_it_is_not(service: Service) -> None:
    for known, length in ((SIZED, str(len(CONTENT))), ({}, None)):
        service.of(CONTENT, **known)
        response = service.ask("HEAD")
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers.get("Content-Length") == length
        assert service.answer.bytes_sent == 0


@pytest.mark.parametrize(
    ("asked", "first", "stop"),
    [
        ("bytes=100-299", 100, 300),
        ("bytes=5000-", 5000, len(CONTENT)),
        ("bytes=-3", len(CONTENT) - 3, len(CONTENT)),
        ("bytes=9000-99999", 9000, len(CONTENT)),
    ],
)
@pytest.mark.parametrize("condition", [{}, {"If_Range": '"v1"'}, {"If_Range": LATER}])
def test_a_part_of_what_has_a_length_and_a_version(
    service: Service, asked: str, first: int, stop: int, condition: dict[str, str]
) -> None:
    service.of(CONTENT, **SIZED)
    response = service.ask(Range=asked, **condition)
    assert (response.status_code, response.data) == (206, CONTENT[first:stop])
    assert response.content_length == stop - first
    assert response.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(CONTENT)}"
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("known", "headers"),
    [
        (SIZED, {"Range": "bytes=0-9", "If_Range": '"v0"'}),
        (SIZED, {"Range": "bytes=0-9,20-29"}),
        (SIZED, {"Range": "lines=0-9"}),
        (SIZED, {"Range": "bytes=x"}),
        ({"length": len(CONTENT)}, {"Range": "bytes=0-9"}),
        ({"version": VERSION}, {"Range": "bytes=0-9"}),
        ({"length": len(CONTENT), "version": Version("v1", is_weak=True)}, {"Range": "bytes=0-9"}),
    ],
)
def test_the_whole_where_no_part_can_be_told(service: Service, known: dict[str, Any], headers: dict[str, str]) -> None:
    service.of(CONTENT, **known)
    response = service.ask(**headers)
    assert (response.status_code, response.data) == (200, CONTENT)


def test_a_part_that_is_not_there(service: Service) -> None:
    service.of(CONTENT, **SIZED)
    response = service.ask(Range=f"bytes={len(CONTENT)}-")
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"
    assert (
        response.text == f"UsageError: Range: the answer has {len(CONTENT)} bytes, but 'bytes=10240-' is asked for.\n"
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": '"v1"'}, 304),
        ({"If_None_Match": '"v0", W/"v1"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"v0"'}, 200),
        ({"If_Modified_Since": LATER}, 304),
        ({"If_Modified_Since": EARLIER}, 200),
        ({"If_None_Match": '"v0"', "If_Modified_Since": LATER}, 200),
        ({"If_Match": '"v1"'}, 200),
        ({"If_Match": '"v0"'}, 412),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(service: Service, headers: dict[str, str], status: int, method: str) -> None:
    service.of(CONTENT, version=VERSION)
    response = service.ask(method, **headers)
    assert response.status_code == status
    if status == 304:
        assert response.headers["ETag"] == '"v1"'
        assert response.data == b""
        assert "Content-Length" not in response.headers
        assert "Content-Type" not in response.headers


def test_what_is_posted_has_no_conditions(service: Service) -> None:
    service.of(CONTENT, version=VERSION)
    assert service.ask("POST", If_None_Match='"v1"').status_code == 200


def test_compressed_where_it_helps_and_is_accepted(service: Service) -> None:
    for accepted, is_compressible in (("gzip", True), ("gzip", False), ("", True), ("gzip;q=0", True)):
        service.of(CONTENT).compressible = is_compressible
        response = service.ask(Accept_Encoding=accepted)
        packed = accepted == "gzip" and is_compressible
        assert response.headers.get("Content-Encoding") == ("gzip" if packed else None)
        assert (gzip.decompress(response.data) if packed else response.data) == CONTENT
        assert ("Accept-Encoding" in response.headers.get("Vary", "")) == is_compressible


def test_what_is_here_already_has_a_length(service: Service) -> None:
    for content, packed in ((CONTENT, True), (b"short", False)):
        service.of(content, Complete).compressible = True
        response = service.ask(Accept_Encoding="gzip")
        assert response.content_length == len(response.data)
        assert response.headers["X-Overflow"] == "true"
        assert response.headers.get("Content-Encoding") == ("gzip" if packed else None)
        assert (gzip.decompress(response.data) if packed else response.data) == content


def test_clients_without_chunks_hear_the_length(service: Service) -> None:
    service.of(CONTENT).compressible = True
    response = service.ask(protocol="HTTP/1.0", Accept_Encoding="gzip")
    assert (response.data, response.content_length) == (CONTENT, len(CONTENT))


def test_clients_without_chunks_hear_what_broke(service: Service) -> None:
    def broken() -> Iterator[bytes]:
        yield b"a beginning"
        raise BrokenStreamError from QueryTimeoutError("It took too long.")

    service.answer = Blocks(broken(), "text/csv")
    service.answer.on_close(service._close)
    response = service.ask(protocol="HTTP/1.0")
    assert (response.status_code, response.text) == (504, "Error: It took too long.\n")


def test_a_long_answer_has_a_place(service: Service) -> None:
    """Others are refused while it is being sent; short ones and those that have a place of their own are not."""
    long = b"x" * 1_100_000
    service.of(long, length=len(long), version=VERSION)
    with service.client.get("/") as sending:
        assert service.places.in_use == 1
        service.of(long, length=len(long))
        refused = service.ask()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.text.startswith("ServiceUnavailable: Too many answers are being sent")
        service.of(long, length=len(long), version=VERSION)
        assert service.ask(Range="bytes=0-9").status_code == 206
        service.of(long, length=len(long)).has_place = True
        assert service.ask().status_code == 200
        service.of(long, length=len(long))
        assert service.ask("HEAD").status_code == 200
        assert sending.data == long
    assert service.places.in_use == 0


def test_clients_are_watched(service: Service) -> None:
    """By the watch of whoever began the answer, or by one that cuts off who does not read."""
    answer = service.of(CONTENT)
    with service.client.get("/") as sending:
        assert answer.watch is not None
        assert answer.watch.send_timeout_s == 7.0
        assert list(service.watcher._by_id.values()) == [answer.watch]
        _ = sending.data
    assert not service.watcher._by_id
    answer = service.of(CONTENT)
    answer.watch = begun = Watch(math.inf, lambda _ending: None)
    with service.client.get("/") as sending:
        assert (answer.watch, begun.send_timeout_s) == (begun, 7.0)
        assert not service.watcher._by_id
        _ = sending.data


@pytest.mark.parametrize(
    ("name", "inline", "expected"),
    [
        ("result.vot", True, 'inline; filename="result.vot"'),
        ("été 1.cdf", True, "inline; filename*=UTF-8''%C3%A9t%C3%A9%201.cdf"),
        ("a.cdf", False, "attachment; filename*=UTF-8''a.cdf"),
        ('a"\r\nSet-Cookie: x', False, "attachment; filename*=UTF-8''a%22%0D%0ASet-Cookie%3A%20x"),
        ("", True, "inline"),
        ("", False, None),
    ],
)
def test_names(service: Service, name: str, inline: bool, expected: str | None) -> None:
    service.options = {"inline": inline}
    service.of(CONTENT, file_name=name)
    assert service.ask().headers.get("Content-Disposition") == expected


@pytest.mark.parametrize(
    ("error", "status"),
    [(UnavailableError("away", 30), 503), (UnreadableFileError("broken"), 500), (QueryTimeoutError("late"), 504)],
)
def test_faults(error: EpnTapError, status: int) -> None:
    response = fault_response(error)
    assert response.status_code == status
    assert response.get_data(as_text=True) == f"{error.message}\n"
    assert response.headers.get("Retry-After") == ("30" if isinstance(error, UnavailableError) else None)
