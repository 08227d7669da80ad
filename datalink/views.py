"""/datalink/links and /datalink/hapi over HTTP."""

from __future__ import annotations

import flask

from datalink.document import links_document
from datalink.links import hapi_address
from datalink.service import DatalinkService
from epntap.cdf import format_utc, parse_utc
from epntap.errors import EpnTapError, NotFoundError, ParameterError, UnavailableError
from epntap.formats import votable
from epntap.params import Params, read_params, single

__all__ = ["links_blueprint", "request_params"]

MEDIA_TYPE = "application/x-votable+xml;content=datalink"
_ASKED_AS_VOTABLE = {"votable", "application/x-votable+xml", "text/xml"}
#: a request with more identifiers is answered for the first of them and says OVERFLOW; pyvo then asks for the rest
MOST_IDS = 5000


def request_params() -> Params:
    """The parameters of the current request, from the address and the body."""
    request = flask.request
    return read_params([*request.args.items(multi=True), *request.form.items(multi=True)])


def links_blueprint(service: DatalinkService) -> flask.Blueprint:
    """The routes of {links} and of the redirection to HAPI."""
    blueprint = flask.Blueprint("datalink", __name__)

    @blueprint.route("/datalink/links", methods=["GET", "POST"])
    def links() -> flask.Response:
        params = request_params()
        _check_format(single(params, "RESPONSEFORMAT"))
        identifiers = list(dict.fromkeys(value for value in params.get("ID", ()) if value))
        most = 0 if (single(params, "MAXREC") or "").strip("0 ") == "" and "MAXREC" in params else MOST_IDS
        body = links_document(service, identifiers[:most], single(params, "SCHEMA"), cut=len(identifiers) > most)
        response = flask.Response(body, content_type=MEDIA_TYPE)
        response.headers["Cache-Control"] = "max-age=300"
        return response

    @blueprint.route("/datalink/hapi", methods=["GET", "POST"])
    def hapi() -> flask.Response:
        return flask.Response(status=303, headers={"Location": _hapi_location(service, request_params())})

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        if flask.request.path == "/datalink/hapi":
            body, media_type = f"{error.label}: {error.message}\n".encode(), "text/plain; charset=utf-8"
        else:
            body, media_type = votable.error_document(f"{error.fault}: {error.message}"), "application/x-votable+xml"
        response = flask.Response(body, status=error.status, content_type=media_type)
        if isinstance(error, UnavailableError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    return blueprint


def _check_format(wanted: str | None) -> None:
    if wanted is not None and wanted.split(";")[0].strip().lower() not in _ASKED_AS_VOTABLE:
        raise ParameterError(f"RESPONSEFORMAT {wanted!r} is not offered for links; expected votable.")


def _hapi_location(service: DatalinkService, params: Params) -> str:
    identifier = single(params, "ID")
    if identifier is None:
        raise ParameterError("ID is missing; give the granule_uid of a published granule.")
    granule = service.granule(identifier, single(params, "SCHEMA"))
    if not granule.dataset.hapi_url:
        raise NotFoundError(f"The dataset of {identifier!r} has no HAPI service.")
    return hapi_address(
        granule,
        start=_normalised(single(params, "START")),
        stop=_normalised(single(params, "STOP")),
        parameters=single(params, "PARAMETERS"),
        response_format=single(params, "FORMAT") or "csv",
    )


def _normalised(text: str | None) -> str | None:
    return None if text is None else format_utc(parse_utc(text), 3)
