"""What is answered when something goes wrong: a class of errors has one status and headers, a server its own words."""

from __future__ import annotations

import logging
from collections.abc import Callable

import flask
from werkzeug.exceptions import HTTPException

from epntap.answer.endings import ClientGoneError
from epntap.errors import EpnTapError, InputError, ParameterError, ServiceError, UnavailableError, UserError
from epntap.formats import votable
from epntap.formats.textual.tabledata import TableData
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.browsers.negotiation import wants_page

__all__ = [
    "HTML",
    "TEXT",
    "ChangedError",
    "FaultBody",
    "RangeError",
    "answer_bugs",
    "answer_faults",
    "as_labelled_text",
    "as_links",
    "as_text",
    "as_votable",
    "fault_response",
    "status_of",
]

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
#: what nginx logs for a client that left; nobody reads it
_CLIENT_CLOSED_REQUEST = 499

#: how a server says what went wrong: the body and its media type
FaultBody = Callable[[EpnTapError], tuple[bytes, str]]


class RangeError(ParameterError):
    """A part is asked for that the answer does not have."""

    status = 416

    def __init__(self, asked: str, length: int) -> None:
        super().__init__(f"Range: the answer has {length} bytes, but {asked!r} is asked for.")
        self.length = length


class ChangedError(UserError):
    """Another version is asked for than there is."""

    status = 412


def as_text(error: EpnTapError) -> tuple[bytes, str]:
    """One line of text."""
    return f"{error.message}\n".encode(), TEXT


def as_labelled_text(error: EpnTapError) -> tuple[bytes, str]:
    """One line that begins with a label (SODA 1.0 §5)."""
    return f"{error.label}: {error.message}\n".encode(), TEXT


def as_votable(error: EpnTapError) -> tuple[bytes, str]:
    """A VOTable that says so (DALI 1.1 §4.2)."""
    return votable.error_document(error.message), TableData.media_type


def as_links(error: EpnTapError) -> tuple[bytes, str]:
    """A VOTable whose message begins with a fault word (DataLink 1.1 §3.4.2)."""
    return votable.error_document(f"{error.fault}: {error.message}"), TableData.media_type


def fault_response(error: EpnTapError, body: FaultBody = as_text, people: FaultPages | None = None) -> flask.Response:
    """The response to a request that failed; a person in a browser gets a page where `people` writes it."""
    response = _page_response(error, people) if people and wants_page() else _response(error, body)
    if people:
        response.vary.add("Accept")
    if isinstance(error, UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, RangeError):
        response.headers["Content-Range"] = f"bytes */{error.length}"
    return response


def _page_response(error: EpnTapError, people: FaultPages) -> flask.Response:
    # a browser shows nothing of an answer that is empty (204)
    status = 200 if error.status == 204 else status_of(error)
    page = people.render(error, error.status if error.status == 204 else status)
    return flask.Response(page, status, {"Cache-Control": "no-store"}, content_type=HTML)


def _response(error: EpnTapError, body: FaultBody) -> flask.Response:
    if error.status == 204:  # right, but there is nothing
        response = flask.Response(iter(()), status=204, headers={"X-Message": error.message})
        del response.headers["Content-Type"]
        return response
    content, media_type = body(error)
    return flask.Response(content, status=status_of(error), content_type=media_type)


def status_of(error: EpnTapError) -> int:
    """The status of the response to it."""
    # a file that cannot be read is not the fault of whoever asks for it
    return 500 if isinstance(error, InputError) else error.status


def answer_faults(
    server: flask.Flask | flask.Blueprint,
    body_for: Callable[[EpnTapError], FaultBody],
    people: FaultPages | None = None,
) -> None:
    """Let a server answer our errors; `body_for` tells in whose words, and may look at the request.

    `people` writes the page for a person in a browser.
    """

    @server.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        return fault_response(error, body_for(error), people)

    @server.errorhandler(ClientGoneError)
    def left(_error: ClientGoneError) -> flask.Response:
        return flask.Response(status=_CLIENT_CLOSED_REQUEST)


def answer_bugs(
    server: flask.Flask | flask.Blueprint, log: logging.Logger, body: FaultBody, people: FaultPages | None = None
) -> None:
    """Let a server answer what nobody has expected in its own words, with a number that the log has too."""

    @server.errorhandler(Exception)
    def bug(error: Exception) -> flask.Response | HTTPException:
        if isinstance(error, HTTPException):
            return error
        number = flask.g.get("request_id", "")
        log.error("unhandled error", exc_info=error, extra={"request_id": number})
        sentence = f"The service failed on this request; the operators find the reason in the log under {number}."
        return fault_response(ServiceError(sentence), body, people)
