"""/datasets and /datasets/<schema>/<dataset>, and the same as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any
from urllib.parse import urlencode

import flask

from epntap.access import Caller, may_now
from epntap.addresses import DATASETS, HAPI_SERVER, TAP, Addresses
from epntap.archive.kept.series import Series
from epntap.cdf import format_utc
from epntap.dali.params import Params, single
from epntap.errors import EpnTapError, ParameterError
from epntap.http.browsers.faultpage import FaultPages, Remedy, Way
from epntap.http.faults import HTML, answer_faults, as_text
from epntap.http.request import caller, params
from epntap.pages import Pages
from epntap.settings import Settings
from voweb.datasets.calendar import Year, jd_of, month_rows, years_of
from voweb.datasets.choice import Found, choose, read_choice
from voweb.datasets.code import Sample, code_of, query_of
from voweb.datasets.facts import DatasetFacts, Datasets, ParameterFacts, UnknownDatasetError, plain
from voweb.datasets.linked import catalog_of, dataset_of, embedded
from voweb.look import Look, Shown, look_at

__all__ = ["citation_of", "datasets_blueprint"]

_CACHING = "no-cache"
#: parameters on one page
_PARAMETERS = 100
#: granules of one year that its calendar is made of
_MOST_GRANULES = 20_000
#: of a dataset that are listed as JSON
_MOST_LISTED = 20_000


def datasets_blueprint(datasets: Datasets, pages: Pages, settings: Settings) -> flask.Blueprint:
    """The routes of datasets."""
    blueprint = flask.Blueprint("datasets", __name__)

    @blueprint.get(DATASETS)
    def listed() -> flask.Response:
        choice = read_choice(params())
        found = choose(datasets.seen_by(caller()), choice)

        def link(**change: Any) -> str:
            pairs = choice.query(**change)
            return pages.site.at(DATASETS) + (f"?{urlencode(pairs)}" if pairs else "")

        return _page(
            pages.render(
                "voweb.datasets/list.html",
                found=found,
                choice=choice,
                link=link,
                page_of=page_of(pages),
                all=link(),
                linked=embedded(catalog_of(pages.site.name, found.shown, settings.addresses)),
            )
        )

    @blueprint.get(f"{DATASETS}.json")
    def listed_json() -> flask.Response:
        choice = read_choice(params())
        return _json(_documents(choose(datasets.seen_by(caller()), choice), choice.page, settings.addresses))

    @blueprint.get(f"{DATASETS}/<schema>/<path:dataset_id>")
    def dataset(schema: str, dataset_id: str) -> flask.Response:
        asks = caller()
        seen = datasets.seen_by(asks)
        known = seen.state().all
        if dataset_id.endswith(".json") and (schema, dataset_id) not in known:
            one = seen.get(schema, dataset_id.removesuffix(".json"))
            return _json(_document(seen, one, settings.addresses))
        one = seen.get(schema, dataset_id)
        if (one.schema_name, one.dataset_id) != (schema, dataset_id):
            return flask.Response(status=302, headers={"Location": page_of(pages)(one)})
        return _page(_rendered(seen, one, pages, settings.addresses, params(), asks))

    def remedy(error: EpnTapError) -> Remedy:
        similar = error.similar if isinstance(error, UnknownDatasetError) else ()
        return Remedy(ways=[Way(f"{one.dataset_id}: {one.title}", page_of(pages)(one)) for one in similar])

    answer_faults(blueprint, lambda _error: as_text, FaultPages(pages, remedy))
    return blueprint


def page_of(pages: Pages) -> Callable[[DatasetFacts], str]:
    """What makes the address of the page of a dataset, from another page."""
    relative = Addresses(pages.site.prefix)

    def address(one: DatasetFacts) -> str:
        return relative.dataset_page(one.schema_name, one.dataset_id)

    return address


def citation_of(one: DatasetFacts, address: str) -> str:
    """How to cite it, as far as that is known."""
    who = one.creator or one.publisher
    publisher = one.publisher if one.publisher != who else None
    year = f"({one.last_ingested:%Y})"
    where = f"https://doi.org/{one.doi}" if one.doi else one.landing_url or address
    parts = (f"{who} {year}" if who else year, f"{one.title} [Data set]", publisher, where)
    return ". ".join(part for part in parts if part)


def _rendered(
    datasets: Datasets, one: DatasetFacts, pages: Pages, addresses: Addresses, given: Params, asks: Caller
) -> str:
    first = (_number(given, "P", 1) - 1) * _PARAMETERS
    parameters = datasets.parameters(one, first, _PARAMETERS)
    series = datasets.series(one) if may_now(asks, one.rights) else {}
    years = years_of(datasets.days(one))
    year = _year(given, years)
    newest = max((each.number for each in years if each.days), default=0)
    granules = datasets.granules_of(one, *_ends_of(year), _MOST_GRANULES) if year else []
    latest = datasets.newest(one, *_ends_of(year if granules else newest)) if newest else ""
    relative = Addresses(pages.site.prefix)
    address = addresses.dataset_page(one.schema_name, one.dataset_id)
    sample = _sample(one, addresses, latest, series)
    return pages.render(
        "voweb.datasets/dataset.html",
        one=one,
        parameters=parameters,
        first=first,
        per_page=_PARAMETERS,
        here_at=page_of(pages)(one),
        gaps=datasets.gaps(one),
        years=years,
        year=year,
        is_newest=year == newest or not granules,
        months=month_rows(year, granules) if year else [],
        granule_page=lambda uid: relative.granule_page(one.schema_name, uid),
        latest=latest,
        citation=citation_of(one, address),
        code=code_of(sample, addresses),
        query=(query := query_of(one.schema_name, one.dataset_id)),
        granules_at=pages.site.at(f"{TAP}/sync", LANG="ADQL", RESPONSEFORMAT="votable", QUERY=query),
        hapi={name: pages.site.at(HAPI_SERVER, dataset=name) for name in series},
        look=_look(datasets, one, series, given, pages) if series else None,
        linked=embedded(dataset_of(one, parameters, addresses, series)),
    )


def _look(
    datasets: Datasets, one: DatasetFacts, series: Mapping[str, Series], given: Params, pages: Pages
) -> Look | None:
    """Its values over all its time; None without a file that everybody may have."""
    extent = datasets.extent(one)
    if extent is None:
        return None
    axes = {each.axis: [variable.name for variable in each.variables] for each in series.values()}
    shown = Shown(one.schema_name, one.dataset_id, one.dataset_id, extent, axes, page_of(pages)(one))
    return look_at(shown, given, pages)


def _year(given: Params, years: Sequence[Year]) -> int:
    """The year whose calendar is shown, 0 for none. Raises ParameterError for one that cannot be."""
    text = single(given, "YEAR")
    held = [one.number for one in years if one.days]
    if text is None:
        return max(held, default=0)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= 9998):
        raise ParameterError(f"year must be a number from 1 to 9998, but is {text[:40]!r}.")
    return int(text)


def _ends_of(year: int) -> tuple[float, float]:
    return jd_of(date(year, 1, 1)), jd_of(date(year, 12, 31)) + 1


def _number(given: Params, name: str, otherwise: int) -> int:
    text = single(given, name) or str(otherwise)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:7]) <= 1_000_000):
        raise ParameterError(f"{name.lower()} must be a number from 1 on, but is {text[:40]!r}.")
    return int(text)


def _sample(
    one: DatasetFacts,
    addresses: Addresses,
    uid: str,
    series: Mapping[str, Series],
) -> Sample:
    has_files = bool(series) and bool(uid)
    if series:
        name, first = next(iter(series.items()))
        start, stop = (f"{format_utc(instant, 3)}Z" for instant in (first.sample_start, first.sample_stop))
        return Sample(one.schema_name, one.dataset_id, uid, has_files, addresses.at(HAPI_SERVER), name, start, stop)
    if one.hapi_url and one.last:
        begin = one.last.replace(hour=0, minute=0, second=0, microsecond=0)
        return Sample(
            one.schema_name,
            one.dataset_id,
            uid,
            has_files,
            one.hapi_url,
            one.hapi_id or one.dataset_id,
            f"{begin:%Y-%m-%dT%H:%M:%S}Z",
            f"{one.last:%Y-%m-%dT%H:%M:%S}Z",
        )
    return Sample(one.schema_name, one.dataset_id, uid, has_files)


def _listed(one: DatasetFacts, addresses: Addresses) -> dict[str, Any]:  # ready for json.dumps
    shown = {
        name: plain(getattr(one, name))
        for name in (each.name for each in fields(DatasetFacts))
        if name not in {"parameter_words", "facets", "groups", "hidden"}
    }
    shown["page"] = addresses.dataset_page(one.schema_name, one.dataset_id)
    return {**shown, "facets": {name: list(values) for name, values in one.facets.items()}}


def _documents(found: Found, page: int, addresses: Addresses) -> dict[str, Any]:  # ready for json.dumps
    return {
        "count": found.count,
        "page": page,
        "pages": found.pages,
        "facets": {one.name: {value: count for value, count, _ in one.values} for one in found.facets},
        "datasets": [_listed(one, addresses) for one in found.shown],
    }


def _document(datasets: Datasets, one: DatasetFacts, addresses: Addresses) -> dict[str, Any]:  # ready for json.dumps
    parameters = datasets.parameters(one, 0, _MOST_LISTED)
    gaps = datasets.gaps(one)
    return {
        **_listed(one, addresses),
        "citation": citation_of(one, addresses.dataset_page(one.schema_name, one.dataset_id)),
        "parameters": [_given(each) for each in parameters],
        "gaps": {
            "count": gaps.count,
            "seconds": gaps.seconds,
            "longest": [{"start": start, "stop": stop, "seconds": seconds} for start, stop, seconds in gaps.longest],
        },
        "days": [
            f"{date.fromordinal(first)}/{date.fromordinal(last)}" if last > first else f"{date.fromordinal(first)}"
            for first, last in datasets.days(one)
        ],
    }


def _given(one: ParameterFacts) -> dict[str, Any]:  # ready for json.dumps
    values = {each.name: getattr(one, each.name) for each in fields(ParameterFacts)}
    return {name: value for name, value in values.items() if value is not None}


def _page(text: str) -> flask.Response:
    return flask.Response(text, headers={"Cache-Control": _CACHING}, content_type=HTML)


def _json(document: dict[str, Any]) -> flask.Response:  # of any shape
    response = flask.jsonify(document)
    response.headers["Cache-Control"] = _CACHING
    return response
