"""/tap/sync: one question, one answer (TAP 1.1 §2.1)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import BinaryIO

import flask

from epntap.answer.blocks import Blocks
from epntap.errors import EpnTapError, ParameterError, TooLargeError
from epntap.formats.negotiate import choose_format, is_votable
from epntap.http.browsers.faultpage import FaultPages, Remedy
from epntap.http.faults import FaultBody, answer_faults, as_text, as_votable
from epntap.http.request import caller, client_socket, files, params
from epntap.http.response import Sender
from epntap.pages import Pages
from epntap.tap.query.params import Parts, tap_request
from epntap.tap.query.pipeline import TapService

__all__ = ["sync_blueprint"]


def sync_blueprint(service: TapService, sender: Sender, pages: Pages) -> flask.Blueprint:
    """The routes of /sync."""
    blueprint = flask.Blueprint("sync", __name__)

    @blueprint.route("/sync", methods=["GET", "POST", "HEAD"])
    @blueprint.route("/sync.<extension>", methods=["GET", "POST", "HEAD"])
    def sync(extension: str = "") -> flask.Response:
        request = tap_request(params(), _parts(), caller())
        if extension and request.response_format is None:  # for clients that look at the address only
            request = replace(request, response_format=extension)
        if flask.request.method == "HEAD":  # runs no query
            return sender.respond(Blocks((), service.check(request)))
        answer = service.answer(request, client_socket())
        answer.file_name = f"result.{answer.extension}"
        flask.g.answer = answer
        return sender.respond(answer, inline=True)

    def remedy(error: EpnTapError) -> Remedy:
        query = "" if isinstance(error, TooLargeError) else next(iter(params().get("QUERY", ())), "")
        return Remedy(query)

    answer_faults(blueprint, _words_for, FaultPages(pages, remedy))
    return blueprint


def _parts() -> Parts:
    def opened(stream: BinaryIO) -> Callable[[], AbstractContextManager[BinaryIO]]:
        return lambda: nullcontext(stream)

    return {name: opened(stream) for name, stream in files().items()}


def _words_for(error: EpnTapError) -> FaultBody:
    # DALI 1.1 §4.2: an error is a VOTable when that was asked for, by name or by default.
    if isinstance(error, TooLargeError):
        return as_votable  # what was asked has not been read
    given = params()
    wanted = next((v for n in ("RESPONSEFORMAT", "FORMAT") for v in given.get(n, ()) if v), None)
    try:
        return as_votable if is_votable(choose_format(wanted)[0]) else as_text
    except ParameterError:
        return as_votable
