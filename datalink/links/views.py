"""/datalink/links and /datalink/hapi over HTTP."""

from __future__ import annotations

import hashlib

import flask

import epntap
from datalink.links.document import Links, LinksAnswer, LinksRequest
from datalink.links.formats import HTML, VOTABLE, LinkFormat, choose_link_format
from datalink.links.rows import hapi_address
from epntap.access import Caller
from epntap.addresses import HAPI, LINKS
from epntap.answer.spool import Spool
from epntap.archive.finder import Finder
from epntap.cdf import format_utc, parse_utc
from epntap.dali.params import Params, maxrec, single
from epntap.errors import EpnTapError, NotFoundError, ParameterError, UnavailableError
from epntap.formats import votable
from epntap.formats.gzip import Gzipped
from epntap.http.request import caller, params

__all__ = ["links_blueprint"]

#: a request with more identifiers is answered for the first of them and says OVERFLOW; pyvo then asks for the rest
MOST_IDS = 20_000


def links_blueprint(service: Links) -> flask.Blueprint:
    """The routes of {links} and of the redirection to HAPI."""
    blueprint = flask.Blueprint("datalink", __name__)

    @blueprint.route(LINKS, methods=["GET", "POST"])
    def links() -> flask.Response:
        given = params()
        form = _form_of(single(given, "RESPONSEFORMAT"))
        wanted = _links_request(given, caller())
        tag = _etag(service, wanted, form) if flask.request.method != "POST" else None
        if tag is not None and flask.request.if_none_match.contains_weak(tag):
            return _with_headers(flask.Response(status=304), form, tag)
        if flask.request.method == "HEAD":
            return _with_headers(flask.Response(content_type=form.media_type), form, tag)
        return _with_headers(_response(service.answer(wanted, form), form), form, tag)

    @blueprint.route(HAPI, methods=["GET", "POST"])
    def hapi() -> flask.Response:
        return flask.Response(status=303, headers={"Location": _hapi_location(service.finder, params())})

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        if flask.request.path == HAPI:
            body, media_type = f"{error.label}: {error.message}\n".encode(), "text/plain; charset=utf-8"
        else:
            body, media_type = votable.error_document(f"{error.fault}: {error.message}"), "application/x-votable+xml"
        response = flask.Response(body, status=error.status, content_type=media_type)
        if isinstance(error, UnavailableError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    return blueprint


def _form_of(name: str | None) -> LinkFormat:
    """What RESPONSEFORMAT asks for; without it a browser gets a page and everybody else a VOTable."""
    if name is not None:
        return choose_link_format(name)
    return HTML if _is_browser() else VOTABLE


def _is_browser() -> bool:
    """Whether a page is wanted. Java accepts text/html in whatever it fetches, and TOPCAT is no browser."""
    accepted = [media.lower() for media, quality in flask.request.accept_mimetypes if quality > 0]
    return "text/html" in accepted and ("application/xhtml+xml" in accepted or accepted == ["text/html"])


def _links_request(given: Params, who: Caller) -> LinksRequest:
    identifiers = list(dict.fromkeys(value for value in given.get("ID", ()) if value))
    return LinksRequest(
        identifiers[:MOST_IDS],
        single(given, "SCHEMA"),
        is_cut=len(identifiers) > MOST_IDS,
        maxrec=maxrec(given),
        caller=who,
    )


def _etag(service: Links, wanted: LinksRequest, form: LinkFormat) -> str:
    """The same as long as nothing is published and the address of the service stays."""
    said = (epntap.__version__, service.finder.version(), service.addresses.base, form.media_type, wanted)
    return hashlib.sha256(repr(said).encode(errors="replace")).hexdigest()[:32]


def _with_headers(response: flask.Response, form: LinkFormat, tag: str | None) -> flask.Response:
    response.headers["Cache-Control"] = "max-age=300"
    response.vary.update(("Accept", "Accept-Encoding"))
    if tag is not None:
        response.set_etag(tag, weak=True)  # compressed or not, it says the same
    if form is HTML:
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src *"
    return response


def _response(answer: LinksAnswer, form: LinkFormat) -> flask.Response:
    """The document, compressed when that is accepted, spooled where an early end would look like the end."""
    if flask.request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        spool = Spool(answer)
        response = flask.Response(spool, content_type=form.media_type)
        response.content_length = spool.length
    elif flask.request.accept_encodings.quality("gzip") > 0:
        response = flask.Response(Gzipped(answer), content_type=form.media_type)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = flask.Response(answer, content_type=form.media_type)
    return response


def _hapi_location(finder: Finder, given: Params) -> str:
    identifier = single(given, "ID")
    if identifier is None:
        raise ParameterError("ID is missing; give the granule_uid of a published granule.")
    granule = finder.granule(identifier, single(given, "SCHEMA"))
    if not granule.dataset.hapi_url:
        raise NotFoundError(f"The dataset of {identifier!r} has no HAPI service.")
    return hapi_address(
        granule,
        start=_normalised(single(given, "START")),
        stop=_normalised(single(given, "STOP")),
        parameters=single(given, "PARAMETERS"),
        response_format=single(given, "FORMAT") or "csv",
    )


def _normalised(text: str | None) -> str | None:
    return None if text is None else format_utc(parse_utc(text), 3)
