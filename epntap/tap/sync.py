"""/tap/sync: one question, one answer (TAP 1.1 §2.1)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO

import flask

from epntap.answer.endings import ClientGoneError
from epntap.errors import EpnTapError, ParameterError, TooLargeError, UnavailableError
from epntap.formats import votable
from epntap.formats.negotiate import choose_format, is_votable
from epntap.formats.tabledata import TableData
from epntap.http.request import caller, client_socket, files, params
from epntap.http.response import to_response
from epntap.tap.params import Parts, tap_request
from epntap.tap.pipeline import TapService

__all__ = ["sync_blueprint"]

#: what nginx logs for a client that left; nobody reads it
CLIENT_CLOSED_REQUEST = 499


def sync_blueprint(service: TapService) -> flask.Blueprint:
    """The routes of /sync."""
    blueprint = flask.Blueprint("sync", __name__)

    @blueprint.route("/sync", methods=["GET", "POST", "HEAD"])
    def sync() -> flask.Response:
        request = tap_request(params(), _parts(), caller())
        if flask.request.method == "HEAD":
            _, media_type = choose_format(request.response_format)
            return flask.Response(headers={"Content-Type": media_type})
        answer = service.answer(request, client_socket())
        return to_response(answer, download_name="result")

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        return error_response(error, _wants_votable())

    @blueprint.errorhandler(TooLargeError)
    def too_large(error: TooLargeError) -> flask.Response:
        return error_response(error, as_votable=True)  # what was asked has not been read

    @blueprint.errorhandler(ClientGoneError)
    def left(_error: ClientGoneError) -> flask.Response:
        return flask.Response(status=CLIENT_CLOSED_REQUEST)

    return blueprint


def _parts() -> Parts:
    def opened(stream: BinaryIO) -> Callable[[], AbstractContextManager[BinaryIO]]:
        return lambda: nullcontext(stream)

    return {name: opened(stream) for name, stream in files().items()}


def _wants_votable() -> bool:
    # DALI 1.1 §4.2: an error is a VOTable when that was asked for, by name or by default.
    given = params()
    wanted = next((v for n in ("RESPONSEFORMAT", "FORMAT") for v in given.get(n, ()) if v), None)
    try:
        return is_votable(choose_format(wanted)[0])
    except ParameterError:
        return True


def error_response(error: EpnTapError, as_votable: bool) -> flask.Response:
    """A DALI error document, or one line of text."""
    if as_votable:
        body, media_type = votable.error_document(error.message), TableData.media_type
    else:
        body, media_type = f"{error.message}\n".encode(), "text/plain; charset=utf-8"
    response = flask.Response(body, status=error.status, content_type=media_type)
    if isinstance(error, UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response
