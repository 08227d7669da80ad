"""/granules/<schema>/<granule_uid>."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import flask

from cutouts.interval import Interval
from epntap.access import may_now
from epntap.addresses import DATASETS, GRANULES, LINKS, Addresses
from epntap.archive.finding.finder import Finder
from epntap.archive.finding.locate import LocatedGranule
from epntap.catalog.model import Column
from epntap.errors import NotFoundError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.faults import HTML, answer_faults, as_text
from epntap.http.request import caller, handed_on, params
from epntap.instants.julian import datetime_from_jd
from epntap.media import MEDIA_TYPES, sent_as
from epntap.pages import Pages
from voweb.granules.facts import Granule, Granules
from voweb.look import Shown, look_at

__all__ = ["granules_blueprint"]


def granules_blueprint(granules: Granules, finder: Finder, pages: Pages) -> flask.Blueprint:
    """The route of granules."""
    blueprint = flask.Blueprint("granules", __name__)
    relative = Addresses(pages.site.prefix)

    @blueprint.get(f"{GRANULES}/<schema>/<path:granule_uid>")
    def granule(schema: str, granule_uid: str) -> flask.Response:
        one = granules.get(schema, granule_uid, caller())
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
            is_open=located is not None and may_now(caller(), located.dataset.rights_to(located.files)),
            sends=[(kind, _handed_on(address, pages)) for kind, address in _sends(one, located, relative)],
            look=look_at(_shown_of(one, located, here), params(), pages) if located and located.files else None,
        )
        return flask.Response(text, headers={"Cache-Control": "no-cache"}, content_type=HTML)

    answer_faults(blueprint, lambda _error: as_text, FaultPages(pages))
    return blueprint


def _located(finder: Finder, one: Granule) -> LocatedGranule | None:
    """What can be cut of it; None where the service publishes files as they are."""
    if one.schema not in finder.schemas():
        return None
    try:
        return finder.granule(one.granule_uid, one.schema, caller())
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


def _handed_on(address: str, pages: Pages) -> str:
    """As programs on the reader's machine get it, which have no cookie; those of others as they are."""
    prefix = pages.site.prefix
    return handed_on(address, prefix) if address.startswith(f"{prefix}/") else address


def _shown_of(one: Granule, located: LocatedGranule, here: str) -> Shown:
    extent = Interval(located.start_tt2000, located.stop_tt2000)
    return Shown(one.schema, located.dataset.dataset_id, one.granule_uid, extent, located.files[0].axes, here)


def _shown(column: Column, value: Any) -> str:  # of any column
    """A value with what it means: a Julian day with its date."""
    if column.unit == "d" and (column.ucd or "").startswith("time.") and isinstance(value, float):
        try:
            return f"{value!r} ({datetime_from_jd(value) + timedelta(milliseconds=0.5):%Y-%m-%d %H:%M:%S} UTC)"
        except (ValueError, OverflowError):
            return repr(value)
    return str(value)
