"""/php over HTTP: names and ways of AMDA's REST interface.

Every list and every file with data is fetched in two steps: the first answer is an address, the second what is there.
What is refused is `success: false` with status 200, as clients expect it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import flask

from amdarest.data.answer import DataFiles
from amdarest.data.params import amda_request, values_of
from amdarest.data.tickets import Tickets
from amdarest.places import places_of
from amdarest.products import Products
from amdarest.tables import (
    catalog_list,
    number_of,
    own_catalog_list,
    own_time_table_list,
    public_id,
    time_table_list,
)
from amdarest.tree import EMPTY_TREE, NO_PARAMETERS, obs_data_tree
from epntap.access import ANONYMOUS, Caller
from epntap.addresses import AMDA
from epntap.archive.holdings import Holdings
from epntap.catalog.model import Catalog
from epntap.errors import EpnTapError, NotFoundError, UnavailableError
from epntap.hints import shortened
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.browsers.session import client_digest
from epntap.http.callers.recognise import refusal
from epntap.http.documents import Document, Documents, to_conditional_response
from epntap.http.faults import answer_bugs, answer_faults, as_text
from epntap.http.request import caller, client_socket, pairs
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.uws.model import ACTIVE, Job, JobRequest
from epntap.uws.service import JobService
from eventtables.files import TableFiles, version_of_table
from eventtables.store.tables import StoredTable
from eventtables.writers import WRITERS

__all__ = ["amda_blueprint"]

log = logging.getLogger(__name__)

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_XML = "text/xml; charset=utf-8"
_CACHING = "no-cache"
_OWN_CACHING = "private, no-cache"
_TREE = "tree.xml"
_AMDA_FORM = WRITERS["amda"]
#: what everybody may have, by the name of its document
_LISTS: Mapping[str, Callable[[Iterable[StoredTable]], bytes]] = {
    "timetables.xml": time_table_list,
    "catalogs.xml": catalog_list,
}
#: what the second step is told of the first
_KEPT = ("parameterID", "datasetID", "startTime", "stopTime", "outputFormat", "timeFormat", "sampling", "gzip")
_PROCESS = "process_"


@dataclass(frozen=True, slots=True)
class Amda:
    """What the routes need."""

    settings: Settings
    holdings: Holdings[Products]
    files: DataFiles
    tickets: Tickets
    #: of what is too much to be made at once
    jobs: JobService
    tables: TableFiles
    sender: Sender
    documents: Documents


def amda_blueprint(
    settings: Settings,
    holdings: Holdings[Products],
    files: DataFiles,
    tickets: Tickets,
    jobs: JobService,
    tables: TableFiles,
    sender: Sender,
    pages: Pages,
) -> flask.Blueprint:
    """The routes of AMDA's REST interface."""
    amda = Amda(settings, holdings, files, tickets, jobs, tables, sender, Documents(datetime.now(UTC)))
    blueprint = flask.Blueprint("amda", __name__, url_prefix=AMDA)
    answers: Mapping[str, Callable[[Amda, Mapping[str, str]], flask.Response]] = {
        "isAlive": _is_alive,
        "auth": _auth,
        "getObsDataTree": lambda amda, values: _listed(amda, "LocalDataBaseParameters", _kind_of_tree(values)),
        "getTimeTablesList": lambda amda, values: _owned(amda, values, "TimeTables", "timetables.xml"),
        "getCatalogsList": lambda amda, values: _owned(amda, values, "Catalogs", "catalogs.xml"),
        "getParameterList": lambda amda, values: (
            _listed(amda, "UserDefinedParameters", "own-parameters.xml")
            if "userID" in values
            else _listed(amda, "LocalDataBaseParameters", _TREE)
        ),
        "getParameter": lambda amda, values: _begun(amda, values, of_dataset=False),
        "getDataset": lambda amda, values: _begun(amda, values, of_dataset=True),
        "getTimeTable": lambda amda, values: _table(amda, values, "ttID"),
        "getCatalog": lambda amda, values: _table(amda, values, "catID"),
        "getStatus": _status,
        "getOrbites": lambda _amda, _values: _refused(
            "getOrbites: positions are parameters of datasets here; look for them in the tree of getObsDataTree."
        ),
    }

    @blueprint.route("/rest/<name>.php", methods=["GET", "POST"])
    @blueprint.route("/rest//<name>.php", methods=["GET", "POST"])  # amdapy sends one more
    def rest(name: str) -> flask.Response:
        answer = answers.get(name)
        if answer is None:
            raise NotFoundError(f"There is no {name[:80]!r} here; there are {', '.join(answers)}.")
        return answer(amda, values_of(pairs()))

    _add_second_steps(blueprint, amda)
    people = FaultPages(pages)
    answer_faults(blueprint, lambda _error: as_text, people)
    answer_bugs(blueprint, log, as_text, people)
    return blueprint


def _add_second_steps(blueprint: flask.Blueprint, amda: Amda) -> None:
    """What answers point to."""

    @blueprint.get("/lists/<name>")
    def document(name: str) -> flask.Response:
        return to_conditional_response(_document(amda, name), _XML)

    @blueprint.get("/lists/<asked>/<name>")
    def own(asked: str, name: str) -> flask.Response:
        _, who = amda.tickets.read(asked)
        if name not in _OWN:
            raise NotFoundError(f"There is no list {name[:80]!r}.")
        return _private(flask.Response(_OWN[name](amda, who), content_type=_XML))

    @blueprint.get("/data/<asked>/<file_name>")
    def data(asked: str, file_name: str) -> flask.Response:  # noqa: ARG001  # tells old clients the media type
        values, who = amda.tickets.read(asked)
        _, products = amda.holdings()
        request = amda_request(values, products, who, of_dataset="datasetID" in values)
        plan = amda.files.plan(request)
        caching = _CACHING if who.is_anonymous else _OWN_CACHING
        known = unchanged(plan.version, caching)
        if known is not None:
            return known
        return amda.sender.respond(amda.files.answer(plan, client_socket()), caching=caching)

    @blueprint.get("/processes/<job_id>/<file_name>")
    def made(job_id: str, file_name: str) -> flask.Response:  # noqa: ARG001  # tells old clients the media type
        # the address is a secret: clients send no credentials with it
        _, answer = amda.jobs.result(job_id, "result", amda.jobs.owner_of(job_id))
        return amda.sender.respond(answer, caching="private, no-cache")

    @blueprint.get("/tables/<identifier>/<file_name>")
    def table(identifier: str, file_name: str) -> flask.Response:  # noqa: ARG001  # for people who save it
        values, who = amda.tickets.read(identifier) if "." in identifier else ({}, ANONYMOUS)
        stored = amda.tables.numbered(number_of(values.get("ID", identifier), "ID"), who)
        caching = _OWN_CACHING if stored.owner else _CACHING
        known = unchanged(version_of_table(stored, _AMDA_FORM), caching)
        if known is not None:
            return known
        return amda.sender.respond(amda.tables.answer(stored, _AMDA_FORM, client_socket()), caching=caching)


def _is_alive(_amda: Amda, _values: Mapping[str, str]) -> flask.Response:
    return _said({"alive": True})


def _auth(_amda: Amda, _values: Mapping[str, str]) -> flask.Response:
    # clients ask before each request and send it back; text that is not JSON, or Speasy takes it for something else
    return flask.Response(f"open-{int(time.time()):x}", content_type=_HTML)


def _kind_of_tree(values: Mapping[str, str]) -> str:
    """The tree of what is gained by a name, of all that one may have by it, or of what everybody may have."""
    if "privateOnly" in values:
        return "own-tree.xml"
    return "whole-tree.xml" if "userID" in values and not caller().is_anonymous else _TREE


def _owned(amda: Amda, values: Mapping[str, str], what: str, document: str) -> flask.Response:
    """The public list, or that of whoever says a name."""
    if "userID" in values:
        return _listed(amda, f"UserDefined{what}", f"own-{document}")
    return _listed(amda, f"Shared{what}", document)


def _listed(amda: Amda, tag: str, document: str) -> flask.Response:
    """One line, one tag: clients take what is between the first `>` and the next `<`.

    Who has said a name and a wrong password gets a list of nothing, as at AMDA: clients fail at any other status.
    """
    if refusal() is not None and f"own-{document}" in _OWN:
        document = f"own-{document}"
    # what is somebody's own is fetched without a name and a password
    place = f"{amda.tickets.give({}, caller())}/{document}" if document in _OWN else document
    address = amda.settings.addresses.at(f"{AMDA}/lists/{place}")
    return flask.Response(f"<{tag}>{address}</{tag}>", content_type=_XML)


def _document(amda: Amda, name: str) -> Document:
    catalog, products = amda.holdings()
    if name == _TREE:
        return amda.documents.get(
            f"tree {products.generation}", catalog, lambda known: _tree(amda, products, known, ANONYMOUS)
        )
    if name in _LISTS:
        return amda.documents.get(name, catalog, lambda _catalog: _LISTS[name](amda.tables.all()))
    raise NotFoundError(f"There is no list {name[:80]!r}.")


def _tree(amda: Amda, products: Products, catalog: Catalog, who: Caller) -> bytes:
    """All that somebody may have."""
    datasets = list(products.datasets(who))
    centre = amda.settings.hapi_title or next((one.held.publisher for one in datasets if one.held.publisher), "")
    titles = {schema.name: schema.title or schema.name for schema in catalog.schemas}
    return obs_data_tree(datasets, centre or "EPN-TAP", titles, places_of(amda.files.connect))


def _own_tree(amda: Amda, who: Caller) -> bytes:
    """What somebody gains by their groups."""
    catalog, products = amda.holdings()
    open_to_all = {one.id for one in products.datasets(ANONYMOUS)}
    gained = [one for one in products.datasets(who) if one.id not in open_to_all]
    if not gained:
        return EMPTY_TREE.encode()
    titles = {schema.name: schema.title or schema.name for schema in catalog.schemas}
    centre = amda.settings.hapi_title or gained[0].held.publisher or "EPN-TAP"
    return obs_data_tree(gained, centre, titles, places_of(amda.files.connect))


def _whole_tree(amda: Amda, who: Caller) -> bytes:
    catalog, products = amda.holdings()
    return _tree(amda, products, catalog, who)


#: what somebody may have besides, by the name of its document
_OWN: Mapping[str, Callable[[Amda, Caller], bytes]] = {
    "own-timetables.xml": lambda amda, who: own_time_table_list(amda.tables.all(who)),
    "own-catalogs.xml": lambda amda, who: own_catalog_list(amda.tables.all(who)),
    "own-parameters.xml": lambda _amda, _who: NO_PARAMETERS.encode(),
    "own-tree.xml": _own_tree,
    "whole-tree.xml": _whole_tree,
}


def _private(response: flask.Response) -> flask.Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _begun(amda: Amda, values: Mapping[str, str], *, of_dataset: bool) -> flask.Response:
    """Where the data are, once it is sure that they can be given."""
    if (refused := refusal()) is not None:
        return _refused(refused.message)
    _, products = amda.holdings()
    try:
        plan = amda.files.plan(amda_request(values, products, caller(), of_dataset=of_dataset))
    except UnavailableError:
        raise
    except EpnTapError as exc:
        return _refused(exc.message)
    kept = {name: values[name] for name in _KEPT if name in values and name != _other(of_dataset=of_dataset)}
    if plan.size_bytes > amda.files.at_once_bytes:
        job = amda.jobs.create(JobRequest([*kept.items(), ("PHASE", "RUN")], caller=caller(), client=client_digest()))
        return _said(_progress(amda, job))
    address = f"{AMDA}/data/{amda.tickets.give(kept, caller())}/{plan.file_name}"
    return _said({"success": True, "dataFileURLs": amda.settings.addresses.at(address)})


def _other(*, of_dataset: bool) -> str:
    return "parameterID" if of_dataset else "datasetID"


def _status(amda: Amda, values: Mapping[str, str]) -> flask.Response:
    """How far a process is."""
    try:
        job_id = values.get("id", "").removeprefix(_PROCESS)
        job = amda.jobs.get(job_id, amda.jobs.owner_of(job_id))
    except NotFoundError:
        return _refused(f"id: there is no process {shortened(values.get('id', ''))!r}, or none any more.")
    return _said(_progress(amda, job))


def _progress(amda: Amda, job: Job) -> Mapping[str, object]:
    if job.results:
        address = f"{AMDA}/processes/{job.job_id}/{job.results[0].file_name}"
        return {"success": True, "dataFileURLs": amda.settings.addresses.at(address)}
    if job.phase in ACTIVE:
        return {"success": True, "status": "in progress", "id": f"{_PROCESS}{job.job_id}"}
    return {"success": False, "message": job.error.message if job.error else "The process was ended."}


def _table(amda: Amda, values: Mapping[str, str], name: str) -> flask.Response:
    """Where a table is: nothing but the address, as AMDA answers."""
    if (refused := refusal()) is not None:
        return _refused(refused.message)
    try:
        stored = amda.tables.numbered(number_of(values.get(name, ""), name), caller())
    except NotFoundError as exc:
        return _refused(exc.message)
    place = amda.tickets.give({"ID": public_id(stored)}, caller()) if stored.owner else public_id(stored)
    address = f"{AMDA}/tables/{place}/{stored.name}.{_AMDA_FORM.extension}"
    return flask.Response(amda.settings.addresses.at(address), content_type=_HTML)


def _refused(message: str) -> flask.Response:
    return _said({"success": False, "message": message})


def _said(value: Mapping[str, object]) -> flask.Response:
    response = flask.Response(json.dumps(value, ensure_ascii=False), content_type=_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
