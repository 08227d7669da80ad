"""An answer as an HTTP response: its length when it is known, its end in the log, its thread never lost."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator

import flask

from epntap.tap.pipeline import Answer

__all__ = ["client_socket", "to_response"]

_SPOOL_IN_MEMORY = 8 * 1024 * 1024
_COPY_BYTES = 256 * 1024


def client_socket() -> socket.socket | None:
    """The connection of the client, where the server lends it (gunicorn does)."""
    found = flask.request.environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


def to_response(answer: Answer, *, download_name: str = "") -> flask.Response:
    """The response that sends an answer and closes it afterwards."""
    headers = {"Content-Type": answer.media_type}
    if download_name:
        headers["Content-Disposition"] = f'inline; filename="{download_name}.{answer.extension}"'
    if answer.is_complete:
        try:
            body = b"".join(answer)
        finally:
            answer.close()
        response = flask.Response(body, headers=headers)
    elif flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        # Without chunks an early end of the connection would look like the end of the answer.
        spool, length = _spooled(answer)
        response = flask.Response(spool, headers=headers)
        response.content_length = length
    else:
        response = flask.Response(answer, headers=headers)
    flask.g.answer = answer
    return response


class _Spool:
    """A spooled answer: a file that is gone when it is closed."""

    def __init__(self, answer: Answer) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY)  # noqa: SIM115  # close() closes it
        try:
            for block in answer:
                self._file.write(block)
        except BaseException:
            self._file.close()
            raise
        finally:
            answer.close()
        self.length = self._file.tell()
        self._file.seek(0)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(_COPY_BYTES), b"")

    def close(self) -> None:
        self._file.close()


def _spooled(answer: Answer) -> tuple[_Spool, int]:
    spool = _Spool(answer)
    return spool, spool.length
