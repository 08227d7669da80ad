"""What a page shows of the values of a dataset in an interval: a picture, and the addresses of those around it.

Without scripts these are pictures and links; the script `series` draws the same from `/plot` and takes it from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from cutouts.formats import FORMATS
from cutouts.interval import Interval
from epntap.addresses import PLOT, PREVIEW, SODA_SYNC
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc
from epntap.dali.params import Params
from epntap.pages import Pages
from previews.request import MOST_PANELS, events_of, interval_of, names_of
from voweb.islands import Island, island

__all__ = ["Choice", "Look", "Shown", "look_at"]

#: to which instants are said; a shorter interval is not zoomed into
_MILLISECOND_NS = 1_000_000
#: parameters that are offered; others may be named in the address
MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that may be shown."""

    name: str
    #: of the same page with this one alone
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page may look at."""

    schema: str
    dataset_id: str
    #: of the granule or dataset, as cut-outs call it
    identifier: str
    #: from its first record to its last
    extent: Interval
    #: epoch variable → what is measured along it: one plot has one of them
    axes: Mapping[str, Sequence[str]]
    #: path of the page
    here: str


@dataclass(frozen=True, slots=True)
class Look:
    """Facts of the template `look.html`."""

    schema: str
    #: what a cut-out of this is asked of
    identifier: str
    #: of the granule or dataset itself
    own: str
    #: the dataset, of which the view may show more than the granule
    dataset_id: str
    #: UTC, to a millisecond
    start: str
    stop: str
    #: of the granule or dataset
    first: str
    last: str
    is_whole: bool
    picture: str
    #: of the values, without an interval
    values: str
    steps: Mapping[str, str]
    whole: str
    #: of the usual parameters
    usual: str
    axes: Mapping[str, Sequence[Choice]]
    #: parameters that are not offered
    more: int
    chosen: tuple[str, ...]
    most: int
    cut_at: str
    #: of cut-outs: as they are asked for, and as they are shown
    formats: Sequence[tuple[str, str]]
    island: Island

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The cut-out that other programs are sent."""
        named = [("PARAMETERS", name) for name in self.chosen]
        place = [("ID", self.identifier), ("SCHEMA", self.schema), *named]
        return [*place, ("START", self.start), ("STOP", self.stop), ("FORMAT", "votable")]


def look_at(shown: Shown, given: Params, pages: Pages) -> Look:
    """What is asked for by start, stop and parameters. Raises ParameterError for what they cannot be."""
    extent = shown.extent
    start, stop = interval_of(given)
    names = names_of(given)
    span = Interval(
        extent.start_tt2000 if start in {None, MIN_TT2000} else start or 0,
        extent.stop_tt2000 if stop in {None, MAX_TT2000} else stop or 0,
    )
    is_whole = start is stop is None
    if span.is_empty:
        span = Interval(extent.start_tt2000, max(extent.stop_tt2000, extent.start_tt2000 + 1))

    marked = events_of(given)

    def address(ends: tuple[int, int], parameters: tuple[str, ...] = names) -> str:
        return f"{shown.here}?{_query(ends, parameters, marked)}#plot"

    here = (span.start_tt2000, span.stop_tt2000)
    offered = _offered(shown.axes, names)
    place = f"{shown.schema}/{quote(shown.dataset_id)}"
    return Look(
        schema=shown.schema,
        # a granule ends where the view may go on
        identifier=shown.identifier if is_whole else shown.dataset_id,
        own=shown.identifier,
        dataset_id=shown.dataset_id,
        start=_said(here[0]),
        stop=_said(here[1], is_end=True),
        first=_said(extent.start_tt2000),
        last=_said(extent.stop_tt2000, is_end=True),
        is_whole=is_whole,
        picture=f"{pages.site.prefix}{PREVIEW}/{place}.png?{_query(here, names, marked)}",
        values=f"{pages.site.prefix}{PLOT}/{place}",
        steps={label: address(ends) for label, ends in _steps(span).items()},
        whole=f"{shown.here}?{urlencode({'events': marked})}#plot" if marked else f"{shown.here}#plot",
        usual=address(here, ()),
        axes={
            axis: [Choice(name, address(here, (name,)), name in names) for name in some]
            for axis, some in offered.items()
        },
        more=sum(map(len, shown.axes.values())) - sum(map(len, offered.values())),
        chosen=names,
        most=MOST_PANELS,
        cut_at=pages.site.at(SODA_SYNC),
        formats=[(form.names[0], form.names[0].upper()) for form in FORMATS],
        island=island("series"),
    )


def _steps(span: Interval) -> Mapping[str, tuple[int, int]]:
    """What the buttons lead to."""
    first, last = span.start_tt2000, span.stop_tt2000
    length = last - first
    steps = {
        "Earlier": (first - length // 2, last - length // 2),
        "Later": (first + length // 2, last + length // 2),
        "Zoom out": (first - length, last + length),
    }
    if length > 4 * _MILLISECOND_NS:
        steps["Zoom in"] = (first + length // 4, last - length // 4)
    return steps


def _offered(axes: Mapping[str, Sequence[str]], names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """So many as a page can show, those that are chosen among them."""
    room = MOST_OFFERED
    found = {}
    for axis, some in axes.items():
        first = [*some[:room], *(name for name in some[room:] if name in names)]
        room -= len(first)
        if first:
            found[axis] = first
        room = max(room, 0)
    return found


def _query(ends: tuple[int, int], parameters: Sequence[str], events: str) -> str:
    pairs = [("start", _said(ends[0])), ("stop", _said(ends[1], is_end=True))]
    more = [("parameters", ",".join(parameters)), ("events", events)]
    return urlencode([*pairs, *((name, text) for name, text in more if text)])


def _said(tt2000: int, *, is_end: bool = False) -> str:
    """UTC as far as it is counted; an end is not before the last record."""
    tt2000 += _MILLISECOND_NS - 1 if is_end else 0
    return format_utc(min(max(tt2000, MIN_TT2000), MAX_TT2000), 3)
