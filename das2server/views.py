"""/das2/server over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import flask

from das2server import dsdf as said
from das2server.answer import Streams
from das2server.packets import BINARY, TEXT, Problem, element, exception, header
from das2server.params import SERVERS, data_request, dataset_of, values_of
from das2server.planes import Datasets
from epntap.access import ANONYMOUS
from epntap.addresses import DAS2
from epntap.archive.holdings import Holdings
from epntap.errors import EpnTapError, ParameterError, UserError
from epntap.http.browsers.faultpage import FaultPages, Remedy
from epntap.http.documents import Documents, to_conditional_response
from epntap.http.faults import TEXT as PLAIN
from epntap.http.faults import answer_bugs, answer_faults
from epntap.http.request import caller, client_socket
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages
from epntap.settings import Settings

__all__ = ["das2_blueprint"]

log = logging.getLogger(__name__)

_CACHING = "no-cache"


@dataclass(frozen=True, slots=True)
class Das2:
    """What the routes need."""

    settings: Settings
    holdings: Holdings[Datasets]
    streams: Streams
    sender: Sender
    #: those that are few, and those of single datasets
    documents: Documents
    dsdfs: Documents


def das2_blueprint(
    settings: Settings, holdings: Holdings[Datasets], streams: Streams, sender: Sender, pages: Pages
) -> flask.Blueprint:
    """The routes of das2."""
    started = datetime.now(UTC)
    das2 = Das2(settings, holdings, streams, sender, Documents(started), Documents(started))
    blueprint = flask.Blueprint("das2", __name__, url_prefix=DAS2)
    answers: Mapping[str, Callable[[Das2, Mapping[str, str]], flask.Response]] = {
        "list": _list,
        "discovery": _discovery,
        "dsdf": _dsdf,
        "dataset": _dataset,
        "id": _id,
        "logo": _logo,
        "peers": _peers,
    }
    assert sorted(answers) == sorted(SERVERS)

    @blueprint.get("/server", strict_slashes=False)
    def server() -> flask.Response:
        values = values_of(_pairs())
        answer = answers.get(values.get("server", ""))
        if answer is None:
            raise ParameterError(
                f"server: expected {', '.join(SERVERS[:-1])} or {SERVERS[-1]}, found something else; "
                f"{das2.settings.addresses.at(DAS2)}/server?server=list has the datasets."
            )
        return answer(das2, values)

    people = FaultPages(pages, lambda _error: Remedy(asked=_pairs()))
    answer_faults(blueprint, lambda _error: _as_stream, people)

    answer_bugs(blueprint, log, _as_stream, people)

    return blueprint


def _dataset(das2: Das2, values: Mapping[str, str]) -> flask.Response:
    _, datasets = das2.holdings()
    plan = das2.streams.plan(data_request(values, datasets, caller()))
    if flask.request.method == "HEAD":
        return flask.Response(content_type=plan.media_type)
    known = unchanged(plan.version, _CACHING)
    if known is not None:
        return known
    return das2.sender.respond(das2.streams.answer(plan, client_socket()), caching=_CACHING)


def _dsdf(das2: Das2, values: Mapping[str, str]) -> flask.Response:
    catalog, datasets = das2.holdings()
    dataset = dataset_of(values, datasets, caller())
    contact = das2.settings.hapi_contact or dataset.held.publisher or das2.settings.addresses.base or "the operators"
    name = f"{datasets.generation} {dataset.held.public_id}"
    return to_conditional_response(das2.dsdfs.get(name, catalog, lambda _catalog: said.dsdf(dataset, contact)), TEXT)


def _list(das2: Das2, _values: Mapping[str, str]) -> flask.Response:
    catalog, datasets = das2.holdings()
    name = f"list {datasets.generation}"
    asks = caller()
    made = das2.documents.get(name, catalog, lambda _catalog: said.dataset_list(datasets.all(asks)).encode(), asks)
    return to_conditional_response(made, PLAIN)


def _discovery(das2: Das2, _values: Mapping[str, str]) -> flask.Response:
    catalog, datasets = das2.holdings()
    name = f"discovery {datasets.generation}"
    asks = caller()
    made = das2.documents.get(name, catalog, lambda _catalog: said.discovery(datasets.all(asks)).encode(), asks)
    return to_conditional_response(made, PLAIN)


def _id(das2: Das2, _values: Mapping[str, str]) -> flask.Response:
    _, datasets = das2.holdings()
    settings = das2.settings
    publisher = next((one.publisher for one in datasets.all(ANONYMOUS) if one.publisher), None)
    text = settings.hapi_title or settings.hapi_id or publisher or "EPN-TAP service"
    return flask.Response(f"{text}\n", content_type=PLAIN)


def _logo(_das2: Das2, _values: Mapping[str, str]) -> flask.Response:
    return flask.Response(said.logo(), content_type="image/png")


def _peers(_das2: Das2, _values: Mapping[str, str]) -> flask.Response:
    # the federated catalogue of das2.org knows the servers; none is known here
    return flask.Response("", content_type=PLAIN)


def _pairs() -> list[tuple[str, str]]:
    return list(flask.request.args.items(multi=True))


def _as_stream(error: EpnTapError) -> tuple[bytes, str]:
    """A stream that consists of an exception."""
    problem = Problem.ARGUMENT if isinstance(error, UserError) else Problem.SERVER
    return header("00", element("stream", said.STREAM)) + exception(problem, error.message), BINARY
