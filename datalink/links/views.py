"""/datalink/links and /datalink/hapi over HTTP."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import flask

import epntap
from datalink.links.document import Links
from datalink.links.formats import HTML, VOTABLE, LinkFormat, choose_link_format
from datalink.links.request import LinksRequest
from datalink.links.rows import hapi_address, has_hapi
from datalink.remedy import OF_LINKS, back_to_links
from epntap.access import ANONYMOUS, Caller
from epntap.addresses import HAPI, LINKS, Addresses
from epntap.answer.blocks import Blocks, Version
from epntap.archive.finding.finder import Finder
from epntap.cdf import format_utc, parse_utc
from epntap.dali.params import Params, maxrec, single
from epntap.errors import EpnTapError, NotFoundError, ParameterError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.browsers.negotiation import wants_page
from epntap.http.faults import FaultBody, answer_faults, as_labelled_text, as_links
from epntap.http.request import caller, pairs, params
from epntap.http.response import Sender, unchanged

__all__ = ["links_blueprint"]

#: a request with more identifiers is answered for the first of them and says OVERFLOW; pyvo then asks for the rest
MOST_IDS = 20_000
_CACHING = "max-age=300"
#: while an embargo lasts, which ends at an instant of its own
_ASK_AGAIN = "no-cache"


def links_blueprint(service: Links, sender: Sender) -> flask.Blueprint:
    """The routes of {links} and of the redirection to HAPI."""
    blueprint = flask.Blueprint("datalink", __name__)

    @blueprint.route(LINKS, methods=["GET", "POST"])
    def links() -> flask.Response:
        given = params()
        form = _form_of(single(given, "RESPONSEFORMAT"))
        wanted = _links_request(given, caller())
        if form is HTML:
            wanted = replace(wanted, filled=[pair for pair in pairs() if pair[0].upper() not in OF_LINKS])
        version, caching = None, _ASK_AGAIN  # nobody keeps the answer to a POST
        if flask.request.method != "POST":
            state = service.finder.version()
            version = _version(service, wanted, form, state)
            caching = _ASK_AGAIN if service.finder.awaits_release() else _CACHING
        response = unchanged(version, caching)
        if response is None and flask.request.method == "HEAD":
            response = sender.respond(Blocks((), form.media_type, version=version), caching=caching)
        elif response is None:
            answer = service.answer(wanted, form)
            answer.version = version
            response = sender.respond(answer, caching=caching)
        response.vary.update(("Accept", "Accept-Encoding"))
        return response

    @blueprint.route(HAPI, methods=["GET", "POST"])
    def hapi() -> flask.Response:
        return flask.Response(
            status=303, headers={"Location": _hapi_location(service.finder, service.addresses, params(), caller())}
        )

    def words(_error: EpnTapError) -> FaultBody:
        return as_labelled_text if flask.request.path == HAPI else as_links

    answer_faults(blueprint, words, FaultPages(service.pages, back_to_links(service.pages)))
    return blueprint


def _form_of(name: str | None) -> LinkFormat:
    """What RESPONSEFORMAT asks for; without it a browser gets a page and everybody else a VOTable."""
    if name is not None:
        return choose_link_format(name)
    return HTML if wants_page() else VOTABLE


def _links_request(given: Params, who: Caller) -> LinksRequest:
    identifiers = list(dict.fromkeys(value for value in given.get("ID", ()) if value))
    return LinksRequest(
        identifiers[:MOST_IDS],
        single(given, "SCHEMA"),
        is_cut=len(identifiers) > MOST_IDS,
        maxrec=maxrec(given),
        caller=who,
    )


def _version(service: Links, wanted: LinksRequest, form: LinkFormat, state: tuple[int, ...]) -> Version:
    """The same as long as nothing is published and the address of the service stays."""
    who = wanted.caller.name, sorted(wanted.caller.groups)  # a set has another order in each process
    asked = replace(wanted, caller=ANONYMOUS)
    frame = service.pages.version if form is HTML else ""
    said = (epntap.__version__, state, service.addresses.base, form.media_type, asked, who, frame)
    # compressed or not, it says the same
    return Version(hashlib.sha256(repr(said).encode(errors="replace")).hexdigest()[:32], is_weak=True)


def _hapi_location(finder: Finder, addresses: Addresses, given: Params, who: Caller) -> str:
    identifier = single(given, "ID")
    if identifier is None:
        raise ParameterError("ID is missing; give the granule_uid of a published granule.")
    granule = finder.granule(identifier, single(given, "SCHEMA"), who)
    if not has_hapi(granule, who):
        raise NotFoundError(f"The dataset of {identifier!r} has no HAPI service.")
    return hapi_address(
        granule,
        addresses,
        who,
        start=_normalised(single(given, "START")),
        stop=_normalised(single(given, "STOP")),
        parameters=single(given, "PARAMETERS"),
        response_format=single(given, "FORMAT") or "csv",
    )


def _normalised(text: str | None) -> str | None:
    return None if text is None else format_utc(parse_utc(text))
