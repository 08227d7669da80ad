"""/datalink/soda/sync and /data/<granule_uid>.<extension> over HTTP."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote

import flask

from datalink.cutout import CutAnswer, CutoutService, NothingThereError
from datalink.reformat import FORMATS
from datalink.soda.params import CutRequest, cut_request
from datalink.views import request_params
from epntap.errors import EpnTapError, InputError, NotFoundError, UnavailableError

__all__ = ["soda_blueprint"]

_PLAIN = "text/plain; charset=utf-8"


def soda_blueprint(service: CutoutService) -> flask.Blueprint:
    """The routes of cut-outs."""
    blueprint = flask.Blueprint("soda", __name__)

    @blueprint.route("/datalink/soda/sync", methods=["GET", "POST"])
    def sync() -> flask.Response:
        return _respond(service.cut(cut_request(request_params())))

    @blueprint.get("/data/<path:name>")
    def whole(name: str) -> flask.Response:
        granule_uid, _, extension = name.rpartition(".")
        extensions = sorted({form.extension for form in FORMATS})
        if extension not in extensions:
            known = ", ".join(f".{one}" for one in extensions)
            raise NotFoundError(f"{name!r} must end in one of {known}.")
        request = dataclasses.replace(_everything(granule_uid), format_name=extension)
        original = service.original(granule_uid) if extension == "cdf" else None
        return _respond(original or service.cut(request))

    @blueprint.errorhandler(NothingThereError)
    def empty(error: NothingThereError) -> flask.Response:
        return flask.Response(status=204, headers={"X-Message": error.message})

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        # A file that cannot be read is not the fault of whoever asks for it.
        status = 500 if isinstance(error, InputError) else error.status
        response = flask.Response(f"{error.label}: {error.message}\n", status=status, content_type=_PLAIN)
        if isinstance(error, UnavailableError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    return blueprint


def _everything(granule_uid: str) -> CutRequest:
    return cut_request({"ID": [granule_uid]})


def _respond(answer: CutAnswer) -> flask.Response:
    if flask.request.method == "HEAD":
        answer.close()
    response = flask.Response(answer, content_type=answer.media_type)
    if answer.length is not None:
        response.content_length = answer.length
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(answer.name)}"
    return response
