"""/hapi over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from cutouts.interval import EventEnds
from epntap.access import ANONYMOUS
from epntap.addresses import HAPI_SERVER
from epntap.answer.endings import ClientGoneError
from epntap.archive.holdings import Holdings
from epntap.catalog.model import Catalog
from epntap.errors import EpnTapError, InputError, UnavailableError
from epntap.http.browsers.faultpage import FaultPages, Remedy
from epntap.http.browsers.negotiation import wants_page
from epntap.http.documents import Documents, to_conditional_response
from epntap.http.faults import HTML, ChangedError
from epntap.http.request import caller, client_socket
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages
from epntap.settings import Settings
from hapiserver import info as said
from hapiserver.data.answer import Records
from hapiserver.data.formats import MEDIA_TYPES
from hapiserver.datasets import Datasets
from hapiserver.page import page_facts
from hapiserver.params import data_request, depth, info_request, no_parameters
from hapiserver.status import OK, HapiError, failure, reason, status_of

__all__ = ["hapi_blueprint"]

log = logging.getLogger(__name__)

_JSON = "application/json"
_CACHING = "no-cache"
#: clients of other pages read what they may ask without asking for it first
_CORS = {"Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "Content-Type"}
_CLIENT_CLOSED_REQUEST = 499


@dataclass(frozen=True, slots=True)
class Hapi:
    """What the routes need."""

    settings: Settings
    holdings: Holdings[Datasets]
    records: Records
    sender: Sender
    pages: Pages
    #: those that are few and asked for often, and those of single datasets
    documents: Documents
    infos: Documents


def hapi_blueprint(
    settings: Settings,
    holdings: Holdings[Datasets],
    records: Records,
    events: EventEnds,
    sender: Sender,
    pages: Pages,
) -> flask.Blueprint:
    """The routes of HAPI."""
    started = datetime.now(UTC)
    hapi = Hapi(settings, holdings, records, sender, pages, Documents(started), Documents(started))
    blueprint = flask.Blueprint("hapi", __name__, url_prefix=HAPI_SERVER)
    _add_metadata(blueprint, hapi)

    @blueprint.get("/data")
    def data() -> flask.Response:
        _, datasets = hapi.holdings()
        request = data_request(_pairs(), datasets, caller(), events)
        plan = hapi.records.plan(request)
        if flask.request.method == "HEAD":
            return flask.Response(content_type=MEDIA_TYPES[request.format])
        known = unchanged(plan.version, _CACHING)
        if known is not None:
            return known
        answer = hapi.records.answer(plan, client_socket())
        response = hapi.sender.respond(answer, caching=_CACHING)
        if response.status_code == 200:
            response.status = reason(answer.code)
        return response

    @blueprint.get("/<path:rest>")
    def other(rest: str) -> flask.Response:  # noqa: ARG001  # what is asked for is not repeated
        raise HapiError(1400, "there is no such endpoint; there are about, capabilities, catalog, info and data")

    _add_faults(blueprint, FaultPages(pages, lambda _error: Remedy(asked=_pairs())))
    return blueprint


def _add_metadata(blueprint: flask.Blueprint, hapi: Hapi) -> None:
    @blueprint.get("/")
    def landing() -> str:
        _, datasets = hapi.holdings()
        facts = page_facts(_pairs(), datasets, caller(), hapi.settings.addresses)
        return hapi.pages.render("hapiserver/page.html", **facts)

    @blueprint.get("/about")
    def about() -> flask.Response:
        no_parameters(_pairs())
        return _document(hapi, "about", lambda datasets: _about(hapi.settings, datasets))

    @blueprint.get("/capabilities")
    def capabilities() -> flask.Response:
        no_parameters(_pairs())
        return _document(hapi, "capabilities", lambda _datasets: said.capabilities())

    @blueprint.get("/catalog")
    def catalog() -> flask.Response:
        with_info = depth(_pairs()) == "all"
        return _document(
            hapi,
            f"catalog {with_info}",
            lambda datasets: said.catalog(datasets.all(caller()), hapi.records.terms, with_info=with_info),
        )

    @blueprint.get("/info")
    def info() -> flask.Response:
        catalog, datasets = hapi.holdings()
        request = info_request(_pairs(), datasets, caller())
        names = "" if request.is_whole else ",".join(one.name for one in request.parameters)
        name = f"{datasets.generation} {request.dataset.id} {names}"

        def make(_catalog: Catalog) -> bytes:
            told = said.info(request.dataset, hapi.records.terms, request.parameters)
            return _to_bytes({**status_of(OK), **told})

        return _sent(to_conditional_response(hapi.infos.get(name, catalog, make), _JSON))


def _about(settings: Settings, datasets: Datasets) -> Mapping[str, Any]:
    held = datasets.all(ANONYMOUS)
    publisher = next((one.publisher for one in held if one.publisher), None)
    return said.about(
        settings.hapi_id or publisher or "EPN-TAP",
        settings.hapi_title or publisher or "EPN-TAP service",
        settings.hapi_contact or publisher or settings.base_url,
        settings.hapi_citation,
        held,
    )


def _document(hapi: Hapi, name: str, make: Callable[[Datasets], Mapping[str, Any]]) -> flask.Response:
    """A document, which is kept as everybody who has not signed in gets it."""
    catalog, datasets = hapi.holdings()
    document = hapi.documents.get(
        f"{name} {datasets.generation}", catalog, lambda _catalog: _to_bytes(make(datasets)), caller()
    )
    return _sent(to_conditional_response(document, _JSON))


def _sent(response: flask.Response) -> flask.Response:
    if response.status_code == 200:
        response.status = reason(OK)
    return response


def _to_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _pairs() -> list[tuple[str, str]]:
    return list(flask.request.args.items(multi=True))


def _add_faults(blueprint: flask.Blueprint, people: FaultPages) -> None:
    """Every error is a document in JSON with a code of HAPI, or a page for a person in a browser."""
    fault = partial(_fault, people)

    @blueprint.after_request
    def allow(response: flask.Response) -> flask.Response:
        response.headers.update(_CORS)
        return response

    @blueprint.errorhandler(HapiError)
    def refused(error: HapiError) -> flask.Response:
        return fault(error.code, error.message)

    @blueprint.errorhandler(ClientGoneError)
    def left(_error: ClientGoneError) -> flask.Response:
        return flask.Response(status=_CLIENT_CLOSED_REQUEST)

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        status = 500 if isinstance(error, InputError) else error.status
        response = fault(1500 if status >= 500 else 1400, "", error.message, status)
        if isinstance(error, UnavailableError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    @blueprint.errorhandler(ChangedError)
    def changed(error: ChangedError) -> flask.Response:
        return fault(1400, "", error.message, error.status)

    @blueprint.errorhandler(Exception)
    def bug(error: Exception) -> flask.Response | HTTPException:
        if isinstance(error, HTTPException):
            return error
        number = flask.g.get("request_id", "")
        log.error("unhandled error", exc_info=error, extra={"request_id": number})
        return fault(1500, "", f"the operators find the reason in the log under {number}")


def _fault(people: FaultPages, code: int, message: str, detail: str = "", status: int | None = None) -> flask.Response:
    text = message or failure(code, detail)
    response = flask.Response(_to_bytes(status_of(code, text)), content_type=_JSON)
    response.status = reason(code, status)
    if wants_page():
        response.set_data(people.page(response.status_code, [text], people.remedy(HapiError(code))))
        response.content_type = HTML
    response.vary.add("Accept")
    return response
