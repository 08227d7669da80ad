"""Requests with long bodies: so many at once, and not for longer than a slow line takes.

What is short has arrived before a thread begins with it (voserver/process/arrival.py); here a thread reads from the
line.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator

from epntap.answer.admission import Place, Slots
from epntap.answer.watch import Watch, Watcher

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["LongBodies"]

_SHORT_BYTES = 64 * 1024
#: a body may take so long, and longer by its length at the rate of a slow line
_PATIENCE_S = 20.0
_SLOW_LINE_BYTES_PER_S = 20_000
_BUSY = b"Too many long requests are being received at the moment; please try again in a few seconds.\n"


class LongBodies:
    """Around an application: counts bodies that are being received, and ends those that never arrive."""

    def __init__(self, application: WSGIApplication, slots: Slots, watcher: Watcher) -> None:
        self._application = application
        self._slots = slots
        self._watcher = watcher

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or refuse with 503 when too many bodies are on their way."""
        length = _length(environ)
        if length <= _SHORT_BYTES:
            return self._application(environ, start_response)
        place = Place(self._slots)
        if not place.take():
            start_response(
                "503 Service Unavailable",
                [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "5"), ("Connection", "close")],
            )
            return [_BUSY]
        with ExitStack() as stack:
            stack.callback(place.close)
            client = environ.get("gunicorn.socket")
            deadline = time.monotonic() + _PATIENCE_S + length / _SLOW_LINE_BYTES_PER_S
            watch = Watch(deadline, lambda _ending: _stop_reading(client))
            self._watcher.add(watch)
            stack.callback(self._watcher.remove, watch)
            received = stack.pop_all()
        environ["wsgi.input"] = _Body(environ["wsgi.input"], length, received.close)
        return ClosingIterator(self._application(environ, start_response), received.close)


def _length(environ: WSGIEnvironment) -> int:
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return 1 << 30  # it does not say
    with suppress(ValueError):
        return int(environ.get("CONTENT_LENGTH") or 0)
    return 0


def _stop_reading(client: object) -> None:
    if isinstance(client, socket.socket):
        with suppress(OSError):
            client.shutdown(socket.SHUT_RD)


class _Body:
    """A body that says when the last of it has been read."""

    def __init__(self, body: Any, length: int, done: Callable[[], None]) -> None:  # any file-like object
        self._body = body
        self._left = length
        self._done = done

    def read(self, size: int = -1) -> bytes:
        return self._taken(self._body.read(size) if size >= 0 else self._body.read())

    def readline(self, size: int = -1) -> bytes:
        return self._taken(self._body.readline(size) if size >= 0 else self._body.readline())

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _taken(self, block: bytes) -> bytes:
        self._left -= len(block)
        if self._left <= 0 or not block:
            self._done()
        return block
