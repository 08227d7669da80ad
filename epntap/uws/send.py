"""A result file as a response: whole or in part, only if it has changed, and never longer than a client reads."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

import flask

from epntap.answer.admission import Slots
from epntap.answer.watch import Ending, Watch, Watcher
from epntap.errors import UnavailableError
from epntap.uws.model import Job, JobResult

__all__ = ["FileSender"]

_BLOCK_BYTES = 256 * 1024
#: files up to this size leave at once into the buffers of the connection
_SMALL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileSender:
    """Sends result files; slow readers hold threads of the web server, so they are counted and watched."""

    sending: Slots
    send_timeout_s: float
    watcher: Watcher

    def response(self, job: Job, result: JobResult, file: BinaryIO) -> flask.Response:
        """The response for a result of a COMPLETED job; it closes the file.

        Carries Content-Length, ETag and Last-Modified, and obeys If-None-Match, Range and If-Range (RFC 9110).
        Raises UnavailableError when too many are being sent.
        """
        with ExitStack() as stack:
            stack.callback(file.close)
            response = flask.Response(content_type=result.media_type)
            response.headers["Content-Disposition"] = _disposition(result)
            response.headers["Cache-Control"] = "private, no-cache"
            if result.encoding is not None:
                response.headers["Content-Encoding"] = result.encoding
            response.set_etag(f"{job.job_id}-{job.attempt}-{result.name}-{result.size_bytes}")
            response.last_modified = job.ended
            response.content_length = result.size_bytes
            if flask.request.method == "GET" and result.size_bytes > _SMALL_BYTES:
                if not self.sending.acquire():
                    raise UnavailableError("Too many results are being sent; please try again in a few seconds.", 5)
                stack.callback(self.sending.release)
            watch = Watch(math.inf, _nothing, _client_socket(), self.send_timeout_s)
            self.watcher.add(watch)
            stack.callback(self.watcher.remove, watch)
            response.response = body = _Body(file, watch)
            # raises when the Range is outside of the file
            response.make_conditional(flask.request.environ, accept_ranges=True, complete_length=result.size_bytes)
            body.resources = stack.pop_all()
        response.call_on_close(body.close)
        return response


def _disposition(result: JobResult) -> str:
    if result.file_name is None:
        return f'inline; filename="result.{result.extension}"'
    return f"attachment; filename*=UTF-8''{quote(result.file_name)}"


def _nothing(_ending: Ending) -> None:
    """A client that does not read is cut off by the watch itself; a file needs no more."""


def _client_socket() -> socket.socket | None:
    found = flask.request.environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


class _Body:
    """The blocks of a file, telling the watch when the client is at work."""

    def __init__(self, file: BinaryIO, watch: Watch) -> None:
        self.resources = ExitStack()
        self._file = file
        self._watch = watch

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._watch.reading()
        block = self._file.read(_BLOCK_BYTES)
        if not block:
            raise StopIteration
        self._watch.sending()
        return block

    def seekable(self) -> bool:
        """Lets a Range begin in the middle."""
        return True

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        """Close the file and give back the place among the senders. Safe to call again."""
        self.resources.close()
