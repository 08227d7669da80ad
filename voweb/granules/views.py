"""/granules/<schema>/<granule_uid>."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import flask

from cutouts.formats import FORMATS
from cutouts.interval import Interval
from epntap.access import may_now
from epntap.addresses import DATASETS, GRANULES, LINKS, PREVIEW, SODA_SYNC, Addresses
from epntap.archive.finding.finder import Finder
from epntap.archive.finding.locate import LocatedGranule
from epntap.catalog.model import Column
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc
from epntap.errors import NotFoundError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.faults import HTML, answer_faults, as_text
from epntap.http.request import caller, params
from epntap.instants.julian import datetime_from_jd
from epntap.media import MEDIA_TYPES, sent_as
from epntap.pages import Pages
from previews.request import interval_of, names_of
from voweb.granules.facts import Granule, Granules

__all__ = ["granules_blueprint"]

#: of cut-outs: as they are asked for, and as they are shown
_FORMATS = tuple((form.names[0], form.names[0].upper()) for form in FORMATS)
#: a shorter interval is not zoomed into
_SHORTEST_NS = 1_000_000


def granules_blueprint(granules: Granules, finder: Finder, pages: Pages) -> flask.Blueprint:
    """The route of granules."""
    blueprint = flask.Blueprint("granules", __name__)
    relative = Addresses(pages.site.prefix)

    @blueprint.get(f"{GRANULES}/<schema>/<path:granule_uid>")
    def granule(schema: str, granule_uid: str) -> flask.Response:
        one = granules.get(schema, granule_uid)
        here = relative.granule_page(schema, one.granule_uid)
        if one.granule_uid != granule_uid:
            return flask.Response(status=302, headers={"Location": here})
        located = _located(finder, one)
        text = pages.render(
            "voweb.granules/page.html",
            one=one,
            here_at=here,
            values=[(column, _shown(column, value)) for column, value in one.values],
            dataset=located.dataset if located else None,
            dataset_page=relative.dataset_page(schema, located.dataset.dataset_id) if located else DATASETS,
            page_of=lambda uid: relative.granule_page(schema, uid),
            links=pages.site.at(LINKS, ID=one.granule_uid, SCHEMA=schema),
            files=located.files if located else (),
            cut_at=SODA_SYNC,
            formats=_FORMATS,
            is_open=located is not None and may_now(caller(), located.dataset.rights_to(located.files)),
            sends=_sends(one, located, relative),
            look=_look(one, located, here, pages) if located and located.files else None,
        )
        return flask.Response(text, headers={"Cache-Control": "no-cache"}, content_type=HTML)

    answer_faults(blueprint, lambda _error: as_text, FaultPages(pages))
    return blueprint


def _located(finder: Finder, one: Granule) -> LocatedGranule | None:
    """What can be cut of it; None where the service publishes files as they are."""
    if one.schema not in finder.schemas():
        return None
    try:
        return finder.granule(one.granule_uid, one.schema)
    except NotFoundError:
        return None


def _sends(one: Granule, located: LocatedGranule | None, relative: Addresses) -> list[tuple[str, str]]:
    """What programs on the reader's machine may be sent of it, each as what they take it, with its address."""
    product = str(one.get("dataproduct_type") or "")
    published = str(one.get("access_url") or "")
    found: dict[str, str] = {}
    if published and (kind := sent_as(str(one.get("access_format") or ""), product)):
        found[kind] = relative.absolute(published)
    if located and located.files:
        found.setdefault(sent_as(MEDIA_TYPES["vot"], product), relative.data(one.granule_uid, "vot", one.schema))
    return list(found.items())


def _look(one: Granule, located: LocatedGranule, here: str, pages: Pages) -> Mapping[str, Any]:
    """The picture of an interval of the dataset, and the addresses of those beside, around and within it."""
    given = params()
    start, stop = interval_of(given)
    names = names_of(given)
    span = Interval(
        located.start_tt2000 if start in {None, MIN_TT2000} else start or 0,
        located.stop_tt2000 if stop in {None, MAX_TT2000} else stop or 0,
    )
    if span.is_empty:
        span = Interval(located.start_tt2000, max(located.stop_tt2000, located.start_tt2000 + 1))
    length = span.stop_tt2000 - span.start_tt2000

    def query(first: int, last: int, parameters: tuple[str, ...] = names) -> str:
        ends = [f"{format_utc(min(max(tt, MIN_TT2000), MAX_TT2000), 3)}" for tt in (first, last)]
        pairs = [("start", ends[0]), ("stop", ends[1]), *([("parameters", ",".join(parameters))] if parameters else [])]
        return urlencode(pairs)

    first, last = span.start_tt2000, span.stop_tt2000
    steps = {
        "Earlier": (first - length // 2, last - length // 2),
        "Later": (first + length // 2, last + length // 2),
        "Zoom out": (first - length, last + length),
    }
    if length > 4 * _SHORTEST_NS:
        steps["Zoom in"] = (first + length // 4, last - length // 4)
    axes = [name for file in located.files[:1] for found in file.axes.values() for name in found]
    dataset = quote(located.dataset.dataset_id)
    return {
        "picture": f"{pages.site.prefix}{PREVIEW}/{one.schema}/{dataset}.png?{query(first, last)}",
        "steps": {label: f"{here}?{query(*ends)}#plot" for label, ends in steps.items()},
        "whole": f"{here}#plot",
        # a granule ends where the view may go on
        "identifier": one.granule_uid if start is stop is None else located.dataset.dataset_id,
        "is_whole": start is stop is None,
        "parameters": [(name, f"{here}?{query(first, last, (name,))}#plot", name in names) for name in axes[:200]],
        "all": f"{here}?{query(first, last, ())}#plot",
        "start": format_utc(min(max(first, MIN_TT2000), MAX_TT2000), 3),
        "stop": format_utc(min(max(last, MIN_TT2000), MAX_TT2000), 3),
    }


def _shown(column: Column, value: Any) -> str:  # of any column
    """A value with what it means: a Julian day with its date."""
    if column.unit == "d" and (column.ucd or "").startswith("time.") and isinstance(value, float):
        try:
            return f"{value!r} ({datetime_from_jd(value) + timedelta(milliseconds=0.5):%Y-%m-%d %H:%M:%S} UTC)"
        except (ValueError, OverflowError):
            return repr(value)
    return str(value)
