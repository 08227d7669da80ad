"""/datalink/soda/sync, /data/<granule_uid>.<extension> and /files/<schema>/<path> over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import flask
from werkzeug.http import is_resource_modified

from cutouts.cutouts import CutAnswer, Cutouts, NothingThereError
from cutouts.files import published_file
from cutouts.formats import FORMATS
from cutouts.plan import Version, check_format
from cutouts.request import EVERYTHING, CutRequest
from datalink.soda.params import cut_request
from epntap.addresses import DATA, FILES, SODA, SODA_SYNC
from epntap.answer.spool import Spool
from epntap.dali import vosi
from epntap.dali.params import single
from epntap.errors import EpnTapError, InputError, NotFoundError, ParameterError, UnavailableError
from epntap.http.ranges import Part
from epntap.http.request import caller, client_socket, params

__all__ = ["failure", "soda_blueprint"]


class PartError(ParameterError):
    """A part is asked for that the answer does not have."""

    status = 416


_XML = "text/xml; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"


def soda_blueprint(service: Cutouts, capabilities_document: bytes) -> flask.Blueprint:
    """The routes of cut-outs."""
    blueprint = flask.Blueprint("soda", __name__)

    @blueprint.route(SODA_SYNC, methods=["GET", "POST"])
    def sync() -> flask.Response:
        return _cut(service, cut_request(params(), caller()))

    @blueprint.get(f"{SODA}/capabilities")
    def capabilities() -> flask.Response:
        return flask.Response(capabilities_document, content_type=_XML)

    @blueprint.get(f"{SODA}/availability")
    def availability() -> flask.Response:
        note = service.finder.failure()
        return flask.Response(vosi.availability(available=not note, note=note), content_type=_XML)

    @blueprint.get(f"{DATA}/<path:name>")
    def whole(name: str) -> flask.Response:
        granule_uid, _, extension = name.rpartition(".")
        extensions = sorted({form.extension for form in FORMATS})
        if not granule_uid or extension not in extensions:
            known = ", ".join(f".{one}" for one in extensions)
            raise NotFoundError(f"{name!r} is no address of data; expected a granule_uid and one of {known}.")
        schema = single(params(), "SCHEMA")
        request = CutRequest(granule_uid, EVERYTHING, format_name=extension, schema=schema, caller=caller())
        original = service.original(granule_uid, request.schema, request.caller) if extension == "cdf" else None
        return _respond(original, original.version) if original else _cut(service, request)

    @blueprint.get(f"{FILES}/<schema>/<path:path>")
    def file(schema: str, path: str) -> flask.Response:
        answer = published_file(service.finder, schema, path, caller())
        response = _respond(answer, answer.version)
        response.headers["Content-Disposition"] = "inline"
        return response

    @blueprint.errorhandler(NothingThereError)
    def empty(error: NothingThereError) -> flask.Response:
        response = flask.Response(status=204, headers={"X-Message": error.message})
        response.headers.pop("Content-Type")
        return response

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        return failure(error)

    return blueprint


def failure(error: EpnTapError) -> flask.Response:
    """An error as SODA has it: a text that begins with a label (SODA 1.0 §5)."""
    # A file that cannot be read is not the fault of whoever asks for it.
    status = 500 if isinstance(error, InputError) else error.status
    response = flask.Response(f"{error.label}: {error.message}\n", status=status, content_type=_PLAIN)
    if isinstance(error, UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _cut(service: Cutouts, request: CutRequest) -> flask.Response:
    """A cut-out, which is not made when the client has it already."""
    check_format(request)
    plan = service.plan(request)
    version = plan.version
    return _unchanged(version) if _is_known(version) else _respond(service.make(plan, client_socket()), version)


def _respond(answer: CutAnswer, version: Version | None) -> flask.Response:
    if version is not None and _is_known(version):
        answer.close()
        return _unchanged(version)
    if flask.request.method == "HEAD":
        answer.close()
    body: Spool | Part | CutAnswer = answer
    length = answer.length
    if length is None and flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        body = Spool(answer)
        length = body.length
    try:
        bounds = None if version is None or length is None else _asked_part(version, length)
    except BaseException:
        body.close()
        raise
    response = flask.Response(content_type=answer.media_type)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(answer.name)}"
    if version is not None:
        _say_version(response, version)
    if version is not None and length is not None:
        # the same request for the same files has the same bytes, so that a part of them may be asked for
        response.headers["Accept-Ranges"] = "bytes"
        if bounds is not None:
            response.headers["Content-Range"] = f"bytes {bounds[0]}-{bounds[1] - 1}/{length}"
            body, length = Part(body, *bounds), bounds[1] - bounds[0]
            response.status_code = 206
    if length is not None:
        response.content_length = length
    response.response = body
    return response


def _is_known(version: Version) -> bool:
    asked = flask.request
    return asked.method in {"GET", "HEAD"} and not is_resource_modified(
        asked.environ, etag=version.etag, last_modified=_utc(version), ignore_if_range=True
    )


def _unchanged(version: Version) -> flask.Response:
    response = flask.Response(status=304)
    _say_version(response, version)
    return response


def _say_version(response: flask.Response, version: Version) -> None:
    response.set_etag(version.etag)
    response.last_modified = _utc(version)
    # whoever keeps a copy asks whether it still holds
    response.headers["Cache-Control"] = "no-cache"


def _asked_part(version: Version, length: int) -> tuple[int, int] | None:
    """The bytes that are asked for, None for all: one range, and of this version (RFC 9110 §14.2, §13.1.5)."""
    asked = flask.request
    if asked.method != "GET" or asked.range is None or asked.range.units != "bytes" or len(asked.range.ranges) != 1:
        return None
    if "If-Range" in asked.headers and is_resource_modified(
        asked.environ, etag=version.etag, last_modified=_utc(version), ignore_if_range=False
    ):
        return None
    bounds = asked.range.range_for_length(length)
    if bounds is None:
        raise PartError(f"Range: the answer has {length} bytes, but {asked.headers['Range']!r} is asked for.")
    return bounds[0], bounds[1]


def _utc(version: Version) -> datetime:
    return version.changed.replace(tzinfo=UTC)
