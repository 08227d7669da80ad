"""/datalink/soda/sync, /data/<granule_uid>.<extension> and /files/<schema>/<path> over HTTP."""

from __future__ import annotations

from urllib.parse import quote

import flask

from datalink.cutout import CutAnswer, CutoutService, NothingThereError, published_file
from datalink.reformat import FORMATS
from datalink.soda.params import EVERYTHING, CutRequest, cut_request
from datalink.views import request_params
from epntap.errors import EpnTapError, InputError, NotFoundError, UnavailableError
from epntap.spool import Spool

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
        if not granule_uid or extension not in extensions:
            known = ", ".join(f".{one}" for one in extensions)
            raise NotFoundError(f"{name!r} is no address of data; expected a granule_uid and one of {known}.")
        request = CutRequest(granule_uid, EVERYTHING, format_name=extension, schema=flask.request.args.get("SCHEMA"))
        original = service.original(granule_uid, request.schema) if extension == "cdf" else None
        return _respond(original or service.cut(request))

    @blueprint.get("/files/<schema>/<path:path>")
    def file(schema: str, path: str) -> flask.Response:
        response = _respond(published_file(service.links, schema, path))
        response.headers["Content-Disposition"] = "inline"
        return response

    @blueprint.errorhandler(NothingThereError)
    def empty(error: NothingThereError) -> flask.Response:
        response = flask.Response(status=204, headers={"X-Message": error.message})
        response.headers.pop("Content-Type")
        return response

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        # A file that cannot be read is not the fault of whoever asks for it.
        status = 500 if isinstance(error, InputError) else error.status
        response = flask.Response(f"{error.label}: {error.message}\n", status=status, content_type=_PLAIN)
        if isinstance(error, UnavailableError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    return blueprint


def _respond(answer: CutAnswer) -> flask.Response:
    if flask.request.method == "HEAD":
        answer.close()
    spooled = None
    if answer.length is None and flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        spooled = Spool(answer)
    response = flask.Response(spooled or answer, content_type=answer.media_type)
    length = spooled.length if spooled else answer.length
    if length is not None:
        response.content_length = length
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(answer.name)}"
    return response
