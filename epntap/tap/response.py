"""An answer as an HTTP response: its length when it is known, its end in the log, its thread never lost."""

from __future__ import annotations

import socket

import flask

from epntap.errors import EpnTapError
from epntap.spool import Spool
from epntap.tap.pipeline import Answer, BrokenStreamError

__all__ = ["client_socket", "to_response"]


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
        spool = _spooled(answer)
        response = flask.Response(spool, headers=headers)
        response.content_length = spool.length
    else:
        response = flask.Response(answer, headers=headers)
    flask.g.answer = answer
    return response


def _spooled(answer: Answer) -> Spool:
    try:
        return Spool(answer)
    except BrokenStreamError as exc:
        if isinstance(exc.__cause__, EpnTapError):
            raise exc.__cause__ from None  # nothing has been sent yet, so it can be said
        raise
