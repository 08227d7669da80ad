"""/datalink/soda/sync, /data/<schema>/<granule_uid>.<extension> and /files/<schema>/<path> over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import flask

from cutouts.cutouts import Cutouts
from cutouts.files import published_file
from cutouts.formats import FORMATS
from cutouts.interval import EventEnds
from cutouts.plan import check_format
from cutouts.request import EVERYTHING, CutRequest
from datalink.remedy import back_to_links
from datalink.soda.params import cut_request
from epntap.addresses import DATA, FILES, SODA, SODA_SYNC
from epntap.dali import vosi
from epntap.dali.params import single
from epntap.errors import NotFoundError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.faults import answer_faults, as_labelled_text
from epntap.http.request import caller, client_socket, params
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages

__all__ = ["soda_blueprint"]

_XML = "text/xml; charset=utf-8"
#: whoever keeps a copy asks whether it still holds
_CACHING = "no-cache"


def soda_blueprint(
    service: Cutouts, events: EventEnds, sender: Sender, capabilities_document: Callable[[], bytes], pages: Pages
) -> flask.Blueprint:
    """The routes of cut-outs."""
    blueprint = flask.Blueprint("soda", __name__)

    def cut(request: CutRequest) -> flask.Response:
        """A cut-out, which is not made when the client has it already."""
        check_format(request)
        plan = service.plan(request)
        known = unchanged(plan.version, _CACHING)
        return known or sender.respond(service.make(plan, client_socket()), caching=_CACHING)

    @blueprint.route(SODA_SYNC, methods=["GET", "POST"])
    def sync() -> flask.Response:
        return cut(cut_request(params(), caller(), events))

    @blueprint.get(f"{SODA}/capabilities")
    def capabilities() -> flask.Response:
        return flask.Response(capabilities_document(), content_type=_XML)

    @blueprint.get(f"{SODA}/availability")
    def availability() -> flask.Response:
        note = service.finder.failure()
        return flask.Response(vosi.availability(available=not note, note=note), content_type=_XML)

    @blueprint.get(f"{DATA}/<path:name>")
    def whole(name: str) -> flask.Response:
        place, _, extension = name.rpartition(".")
        service_name, _, granule_uid = place.rpartition("/")
        extensions = sorted({form.extension for form in FORMATS})
        if not granule_uid or extension not in extensions:
            known = ", ".join(f".{one}" for one in extensions)
            raise NotFoundError(f"{name!r} is no address of data; expected schema/granule_uid and one of {known}.")
        if service_name and service_name not in service.finder.schemas():
            raise NotFoundError(f"{name!r} is no address of data: no service {service_name!r} is published here.")
        # addresses of before name no service, or name it behind
        schema = service_name or single(params(), "SCHEMA")
        request = CutRequest(granule_uid, EVERYTHING, format_name=extension, schema=schema, caller=caller())
        original = service.original(granule_uid, request.schema, request.caller) if extension == "cdf" else None
        return sender.respond(original, caching=_CACHING) if original else cut(request)

    @blueprint.get(f"{FILES}/<schema>/<path:path>")
    def file(schema: str, path: str) -> flask.Response:
        answer = published_file(service.finder, schema, path, caller())
        return sender.respond(answer, inline=True, caching=_CACHING)

    answer_faults(blueprint, lambda _error: as_labelled_text, FaultPages(pages, back_to_links(pages)))
    return blueprint
