"""/search and /search.json."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import MAXYEAR
from typing import Any
from urllib.parse import urlencode

import flask
import numpy as np

from epntap.addresses import BULK, QUERY, SEARCH, SERVICES, TAP, Addresses
from epntap.connection import Connection
from epntap.dali.params import MAXREC
from epntap.errors import ParameterError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.faults import HTML, answer_faults, as_text
from epntap.http.request import pairs
from epntap.pages import Pages
from epntap.settings import Settings
from voweb.query.code import code_of
from voweb.search.find import Found, Missing, find
from voweb.search.form import Facet, Search, read_search
from voweb.search.granules import Granules, page_of_granules
from voweb.search.shelf import Shelf, Shelves
from voweb.search.timeline import timeline_of
from voweb.search.words import QUANTITIES, TARGET_NAMES, quantity_called

__all__ = ["search_blueprint"]

#: asked about each time: a publication is seen at once
_CACHING = "no-cache"
PAGE_DATASETS = 20
#: values of a facet that are shown at first, and at most
_FIRST_VALUES = 7
_MOST_VALUES = 120
#: a longer query is no address
_LONGEST_LINK = 4_000
_IN_A_YEAR = re.compile("[0-9]{4}-")
_FORMATS = (("CSV", "csv"), ("VOTable", "votable"), ("Parquet", "parquet"))

_TITLES: Mapping[Facet, str] = {
    Facet.TARGET: "Target",
    Facet.QUANTITY: "Quantity",
    Facet.MISSION: "Mission",
    Facet.INSTRUMENT: "Instrument",
    Facet.REGION: "Region",
    Facet.CLASS: "Kind of target",
    Facet.TYPE: "Kind of data",
    Facet.LEVEL: "Processing level",
    Facet.RIGHTS: "Access rights",
    Facet.SERVICE: "Service",
    Facet.DATASET: "Dataset",
}


@dataclass(frozen=True, slots=True)
class _Taken:
    """The granules of a service, for programs and as files."""

    schema: str
    title: str
    granules: int
    adql: str
    #: address of the query page; empty where the query is too long for one
    query: str
    files: Sequence[tuple[str, str]]
    votable: str
    #: granules whose data can be fetched, and where; an address only for so many as are allowed at once
    with_data: int
    bulk: str
    code: Mapping[str, str]


def search_blueprint(
    pages: Pages,
    settings: Settings,
    shelves: Shelves,
    connect: Callable[[], AbstractContextManager[Connection]],
) -> flask.Blueprint:
    """The routes of the search."""
    blueprint = flask.Blueprint("search", __name__)

    def answer() -> tuple[Found, Granules, str]:
        search, problem = read_search(pairs())
        found = find(shelves(), search, connect)
        try:
            granules = page_of_granules(found, connect)
        except ParameterError as exc:
            granules, problem = Granules(), problem or exc.message
        return found, granules, problem

    @blueprint.get(SEARCH)
    def page() -> flask.Response:
        found, granules, problem = answer()
        text = _page(pages, settings, found, granules, problem)
        status = 400 if problem else 200
        return flask.Response(text, status, {"Cache-Control": _CACHING}, content_type=HTML)

    @blueprint.get(f"{SEARCH}.json")
    def as_json() -> flask.Response:
        found, granules, problem = answer()
        response = flask.jsonify(_document(settings, found, granules, problem))
        response.status_code = 400 if problem else 200
        response.headers["Cache-Control"] = _CACHING
        return response

    answer_faults(blueprint, lambda _error: as_text, FaultPages(pages))
    return blueprint


def _page(pages: Pages, settings: Settings, found: Found, granules: Granules, problem: str) -> str:
    search, shelf, site = found.search, found.shelf, pages.site
    datasets = found.datasets
    shown = datasets[(search.page - 1) * PAGE_DATASETS : search.page * PAGE_DATASETS]

    def link(asked: Search) -> str:
        given = urlencode(asked.pairs, errors="replace")
        return site.at(SEARCH) + (f"?{given}" if given else "")

    def dataset_link(schema: str, dataset_id: str | None) -> str:
        if dataset_id is None:
            return site.at(f"{SERVICES}/{schema}")
        # with the year in which the period ends its last granule is at hand
        year = int(search.ends[:4]) if _IN_A_YEAR.match(search.ends) else 0
        there = f"?year={year}" if 0 < year < MAXYEAR else ""
        return site.prefix + Addresses().dataset_page(schema, dataset_id) + there

    return pages.render(
        "voweb.search/page.html",
        search=search,
        problem=problem,
        found=found,
        titles=_TITLES,
        facets=Facet,
        link=link,
        first_values=_FIRST_VALUES,
        most_values=_MOST_VALUES,
        offers={facet: some for facet, some in found.offers.items() if some},
        missing=[(one, _in_place_of(search, one)) for one in found.missing],
        meant=_meant(shelf, search),
        timeline=timeline_of(found),
        datasets=shown,
        dataset_count=len(datasets),
        dataset_pages=math.ceil(len(datasets) / PAGE_DATASETS),
        dataset_link=dataset_link,
        granules=granules,
        granule_link=lambda one: site.prefix + Addresses().granule_page(one.schema, one.granule_uid),
        services=[_taken(settings, found, schema, many, site.at) for schema, many in found.services],
        most_members=settings.bulk_members,
        names=_names(shelf),
        quantities=[one.name for one in QUANTITIES if one.name in shelf.index[Facet.QUANTITY].keys],
        json=site.at(f"{SEARCH}.json") + (f"?{urlencode(search.pairs, errors='replace')}" if search.pairs else ""),
        page_datasets=PAGE_DATASETS,
    )


def _in_place_of(search: Search, missing: Missing) -> list[tuple[str, Search]]:
    """Similar values, and the search with each."""
    without = search.minus(missing.facet, missing.value)
    return [(value, without.plus(missing.facet, value)) for value in missing.similar]


def _meant(shelf: Shelf, search: Search) -> list[tuple[str, str, Search]]:
    """What the text may mean besides: facet, value, and the search for that instead of the text."""
    if not search.text:
        return []
    without = Search(search.chosen, "", search.begins, search.ends, search.period, search.with_data)
    found = []
    names = {name.lower(): name for name in _names(shelf)}
    if search.text.lower() in names:
        found.append(("target", names[search.text.lower()], Facet.TARGET))
    quantity = quantity_called(search.text)
    if quantity is not None and quantity.name in shelf.index[Facet.QUANTITY].keys:
        found.append(("quantity", quantity.name, Facet.QUANTITY))
    missions = shelf.index[Facet.MISSION]
    if search.text.lower() in missions.keys:
        label = missions.labels[missions.keys[search.text.lower()]]
        found.append(("mission", label, Facet.MISSION))
    return [(what, value, without.plus(facet, value)) for what, value, facet in found]


def _names(shelf: Shelf) -> list[str]:
    """Names of targets that lead somewhere."""
    index = shelf.index[Facet.TARGET]
    known = [name for names in TARGET_NAMES if any(name.lower() in index.keys for name in names) for name in names]
    return sorted({*index.labels, *known}, key=str.lower)


def _taken(settings: Settings, found: Found, schema: str, granules: int, at: Callable[..., str]) -> _Taken:
    adql = found.adql(schema)
    is_link = len(adql) <= _LONGEST_LINK

    def file(form: str) -> dict[str, Any]:  # of an address
        return {"LANG": "ADQL", "RESPONSEFORMAT": form, MAXREC: min(granules, settings.maxrec_hard), "QUERY": adql}

    number = found.shelf.schemas.index(schema)
    here = (found.shelf.service_of == number) & found.shelf.has_access
    with_data = int(found.counts[here].sum()) if "dataset_id" in found.shelf.columns[schema] else 0
    needed = () if found.search.with_data or with_data == granules else ("access_url IS NOT NULL",)
    wanted = found.adql(schema, "granule_uid", needed)
    can_pack = 0 < with_data <= settings.bulk_members and len(wanted) <= _LONGEST_LINK
    return _Taken(
        schema,
        found.shelf.titles.get(schema, schema),
        granules,
        adql,
        at(QUERY, sql=adql) if is_link else "",
        [(name, at(f"{TAP}/sync", **file(form))) for name, form in _FORMATS] if is_link else [],
        f"{settings.addresses.tap('sync')}?{urlencode(file('votable'))}" if is_link else "",
        with_data,
        at(BULK, QUERY=wanted, SCHEMA=schema) if can_pack else "",
        code_of(adql, settings.addresses.tap()),
    )


def _document(settings: Settings, found: Found, granules: Granules, problem: str) -> dict[str, Any]:  # of JSON
    addresses, shelf = settings.addresses, found.shelf
    sums = np.bincount(shelf.service_of, weights=found.counts, minlength=len(shelf.schemas))
    timeline = timeline_of(found)
    return {
        "problem": problem,
        "asked": found.search.pairs,
        "unknown_parameters": found.search.unknown,
        "unknown_values": [
            {"facet": one.facet, "value": one.value, "similar": list(one.similar)} for one in found.missing
        ],
        "not_counted": shelf.uncounted,
        "granules": found.granules,
        "services": [
            {"schema": schema, "granules": int(sums[number]), "adql": found.adql(schema)}
            for number, schema in enumerate(shelf.schemas)
            if sums[number]
        ],
        "facets": {
            facet.value: [
                {"value": one.value, "label": one.label, "granules": one.granules, "chosen": one.is_chosen}
                for one in some
            ]
            for facet, some in found.offers.items()
        },
        "months": []
        if timeline is None
        else [{"from": bar.begins, "to": bar.ends, "granules": bar.granules} for bar in timeline.bars],
        "datasets": [
            {
                "schema": dataset.schema,
                "dataset_id": dataset.dataset_id,
                "title": dataset.title,
                "granules": many,
                "page": None
                if dataset.dataset_id is None
                else addresses.dataset_page(dataset.schema, dataset.dataset_id),
            }
            for _, dataset, many in found.datasets
        ],
        "granule_rows": [
            {
                "schema": one.schema,
                "granule_uid": one.granule_uid,
                "dataset_id": one.dataset_id,
                "target_name": one.target_name,
                "time_min": one.time_min,
                "time_max": one.time_max,
                "page": addresses.granule_page(one.schema, one.granule_uid),
            }
            for one in granules.rows
        ],
        "after": granules.after,
    }
