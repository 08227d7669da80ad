"""/php over HTTP: names and ways of AMDA's REST interface.

Every list and every file with data is fetched in two steps: the first answer is an address, the second what is there.
What is refused is `success: false` with status 200, as clients expect it.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import flask

from amdarest.answer import DataFiles
from amdarest.params import amda_request, values_of
from amdarest.places import places_of
from amdarest.products import Products
from amdarest.tables import catalog_list, number_of, public_id, time_table_list
from amdarest.tree import EMPTY_LISTS, obs_data_tree
from epntap.access import ANONYMOUS
from epntap.addresses import AMDA
from epntap.archive.holdings import Holdings
from epntap.catalog.model import Catalog
from epntap.errors import EpnTapError, NotFoundError, UnavailableError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.documents import Document, Documents, to_conditional_response
from epntap.http.faults import answer_bugs, answer_faults, as_text
from epntap.http.request import caller, client_socket, pairs
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages
from epntap.settings import Settings
from eventtables.files import TableFiles, version_of_table
from eventtables.store.tables import StoredTable
from eventtables.writers import WRITERS

__all__ = ["amda_blueprint"]

log = logging.getLogger(__name__)

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_XML = "text/xml; charset=utf-8"
_CACHING = "no-cache"
_TREE = "tree.xml"
_AMDA_FORM = WRITERS["amda"]
#: what everybody may have, by the name of its document
_LISTS: Mapping[str, Callable[[Iterable[StoredTable]], bytes]] = {
    "timetables.xml": time_table_list,
    "catalogs.xml": catalog_list,
}
#: what the second step is told of the first
_KEPT = ("parameterID", "datasetID", "startTime", "stopTime", "outputFormat", "timeFormat", "sampling")


@dataclass(frozen=True, slots=True)
class Amda:
    """What the routes need."""

    settings: Settings
    holdings: Holdings[Products]
    files: DataFiles
    tables: TableFiles
    sender: Sender
    documents: Documents


def amda_blueprint(
    settings: Settings,
    holdings: Holdings[Products],
    files: DataFiles,
    tables: TableFiles,
    sender: Sender,
    pages: Pages,
) -> flask.Blueprint:
    """The routes of AMDA's REST interface."""
    amda = Amda(settings, holdings, files, tables, sender, Documents(datetime.now(UTC)))
    blueprint = flask.Blueprint("amda", __name__, url_prefix=AMDA)
    answers: Mapping[str, Callable[[Amda, Mapping[str, str]], flask.Response]] = {
        "isAlive": _is_alive,
        "auth": _auth,
        "getObsDataTree": lambda amda, values: _listed(
            amda, "LocalDataBaseParameters", "own-tree.xml" if "privateOnly" in values else _TREE
        ),
        "getTimeTablesList": lambda amda, values: _owned(amda, values, "TimeTables", "timetables.xml"),
        "getCatalogsList": lambda amda, values: _owned(amda, values, "Catalogs", "catalogs.xml"),
        "getParameterList": lambda amda, _values: _listed(amda, "UserDefinedParameters", "own-parameters.xml"),
        "getParameter": lambda amda, values: _begun(amda, values, of_dataset=False),
        "getDataset": lambda amda, values: _begun(amda, values, of_dataset=True),
        "getTimeTable": lambda amda, values: _table(amda, values, "ttID"),
        "getCatalog": lambda amda, values: _table(amda, values, "catID"),
        "getStatus": lambda _amda, _values: _refused("id: there is no such process; all is answered at once."),
    }

    @blueprint.route("/rest/<name>.php", methods=["GET", "POST"])
    def rest(name: str) -> flask.Response:
        answer = answers.get(name)
        if answer is None:
            raise NotFoundError(f"There is no {name[:80]!r} here; there are {', '.join(answers)}.")
        return answer(amda, values_of(pairs()))

    @blueprint.get("/lists/<name>")
    def document(name: str) -> flask.Response:
        return to_conditional_response(_document(amda, name), _XML)

    @blueprint.get("/data/<asked>/<file_name>")
    def data(asked: str, file_name: str) -> flask.Response:  # noqa: ARG001  # tells old clients the media type
        values = _unpacked(asked)
        _, products = amda.holdings()
        request = amda_request(values, products, caller(), of_dataset="datasetID" in values)
        plan = amda.files.plan(request)
        known = unchanged(plan.version, _CACHING)
        if known is not None:
            return known
        return amda.sender.respond(amda.files.answer(plan, client_socket()), caching=_CACHING)

    @blueprint.get("/tables/<identifier>/<file_name>")
    def table(identifier: str, file_name: str) -> flask.Response:  # noqa: ARG001  # for people who save it
        stored = amda.tables.numbered(number_of(identifier, "ID"))
        known = unchanged(version_of_table(stored, _AMDA_FORM), _CACHING)
        if known is not None:
            return known
        return amda.sender.respond(amda.tables.answer(stored, _AMDA_FORM, client_socket()), caching=_CACHING)

    people = FaultPages(pages)
    answer_faults(blueprint, lambda _error: as_text, people)
    answer_bugs(blueprint, log, as_text, people)
    return blueprint


def _is_alive(_amda: Amda, _values: Mapping[str, str]) -> flask.Response:
    return _said({"alive": True})


def _auth(_amda: Amda, _values: Mapping[str, str]) -> flask.Response:
    # clients ask before each request and send it back; text that is not JSON, or Speasy takes it for something else
    return flask.Response(f"open-{int(time.time()):x}", content_type=_HTML)


def _owned(amda: Amda, values: Mapping[str, str], what: str, document: str) -> flask.Response:
    """The public list, or that of whoever says a name."""
    if "userID" in values:
        return _listed(amda, f"UserDefined{what}", f"own-{document}")
    return _listed(amda, f"Shared{what}", document)


def _listed(amda: Amda, tag: str, document: str) -> flask.Response:
    """One line, one tag: clients take what is between the first `>` and the next `<`."""
    address = amda.settings.addresses.at(f"{AMDA}/lists/{document}")
    return flask.Response(f"<{tag}>{address}</{tag}>", content_type=_XML)


def _document(amda: Amda, name: str) -> Document:
    catalog, products = amda.holdings()
    if name == _TREE:
        return amda.documents.get(f"tree {products.generation}", catalog, lambda known: _tree(amda, products, known))
    if name in _LISTS:
        return amda.documents.get(name, catalog, lambda _catalog: _LISTS[name](amda.tables.all()))
    if name in EMPTY_LISTS:
        return amda.documents.get(name, catalog, lambda _catalog: EMPTY_LISTS[name].encode())
    raise NotFoundError(f"There is no list {name[:80]!r}.")


def _tree(amda: Amda, products: Products, catalog: Catalog) -> bytes:
    datasets = list(products.datasets(ANONYMOUS))
    centre = amda.settings.hapi_title or next((one.held.publisher for one in datasets if one.held.publisher), "")
    titles = {schema.name: schema.title or schema.name for schema in catalog.schemas}
    return obs_data_tree(datasets, centre or "EPN-TAP", titles, places_of(amda.files.connect))


def _begun(amda: Amda, values: Mapping[str, str], *, of_dataset: bool) -> flask.Response:
    """Where the data are, once it is sure that they can be given."""
    _, products = amda.holdings()
    try:
        plan = amda.files.plan(amda_request(values, products, caller(), of_dataset=of_dataset))
    except UnavailableError:
        raise
    except EpnTapError as exc:
        return _refused(exc.message)
    address = f"{AMDA}/data/{_packed(values, of_dataset=of_dataset)}/{plan.file_name}"
    return _said({"success": True, "dataFileURLs": amda.settings.addresses.at(address)})


def _table(amda: Amda, values: Mapping[str, str], name: str) -> flask.Response:
    """Where a table is: nothing but the address, as AMDA answers."""
    try:
        stored = amda.tables.numbered(number_of(values.get(name, ""), name))
    except NotFoundError as exc:
        return _refused(exc.message)
    address = f"{AMDA}/tables/{public_id(stored)}/{stored.name}.{_AMDA_FORM.extension}"
    return flask.Response(amda.settings.addresses.at(address), content_type=_HTML)


def _packed(values: Mapping[str, str], *, of_dataset: bool) -> str:
    other = "parameterID" if of_dataset else "datasetID"
    kept = {name: values[name] for name in _KEPT if name in values and name != other}
    return base64.urlsafe_b64encode(urlencode(kept).encode()).rstrip(b"=").decode()


def _unpacked(asked: str) -> Mapping[str, str]:
    try:
        text = base64.urlsafe_b64decode(asked.encode() + b"=" * (-len(asked) % 4)).decode()
        return values_of(parse_qsl(text, keep_blank_values=True, strict_parsing=True))
    except (binascii.Error, UnicodeError, ValueError):
        raise NotFoundError("This is no address that getParameter or getDataset has given.") from None


def _refused(message: str) -> flask.Response:
    return _said({"success": False, "message": message})


def _said(value: Mapping[str, object]) -> flask.Response:
    response = flask.Response(json.dumps(value, ensure_ascii=False), content_type=_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
