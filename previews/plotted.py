"""The values of a picture as JSON, for scripts that draw it themselves: lines and rasters as `panels` makes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from cutouts.interval import Interval
from epntap.answer.blocks import Version
from epntap.cdf import format_utc
from epntap.dali.params import Params, single
from epntap.errors import ParameterError
from epntap.instants.leapseconds import DAY_NS
from previews.drawing.hints import NO_HINTS, hints_of
from previews.drawing.panels import Line, Lines, Panel, Spectrogram, chosen, panel_of, remarks_of, with_bins
from previews.marks import Marks
from previews.plan import version_of_values
from previews.timegrid import labels_of
from summaries.reader import Asked

__all__ = ["MOST_POINTS", "PlotPlan", "plotted", "points_of"]

#: of the format; another one is another version of every answer
EDITION = "1"
MOST_POINTS = 2_000
_USUAL_POINTS = 500
#: panels where nothing is asked for
_USUAL_PANELS = 4
#: numbers in one answer: where there are many channels there are fewer times
_MOST_NUMBERS = 600_000
#: a float of four bytes comes back from so many digits
_DIGITS = "%.9g"
#: from 1970 to 2000 by the clock, milliseconds
_J2000_UNIX_MS = 946_684_800_000

Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlotPlan:
    """Values of an interval, as plain data, which goes to the process that reads them."""

    #: granule or dataset
    identifier: str
    title: str
    #: bins at least, where there are so many records; at most four times as many
    points: int
    asked: Asked
    #: as they were asked for; empty: those that matter most
    parameters: tuple[str, ...]
    #: first and last record that may be had, TT2000
    extent: Interval
    #: events that are marked
    marks: Marks = ()
    #: what there is to say of them
    remark: str = ""

    def carried(self) -> PlotPlan:
        """The same for another process, which has no database."""
        return replace(self, asked=self.asked.carried())

    @property
    def version(self) -> Version:
        """What tells these values from others, and from the same ones of other files."""
        wanted = (self.identifier, self.title, self.points, self.extent, self.marks, self.remark)
        return version_of_values(self.asked, wanted, self.parameters, EDITION)


def points_of(params: Params) -> int:
    """How many points are asked for. Raises ParameterError for a number that is not given."""
    text = (single(params, "POINTS") or str(_USUAL_POINTS)).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_POINTS):
        raise ParameterError(f"points must be a number from 1 to {MOST_POINTS}, but is {text[:40]!r}.")
    return int(text)


def plotted(plan: PlotPlan) -> bytes:
    """The document. Raises our errors."""
    asked, hints = plan.asked, hints_of(plan.asked.files or ())
    known = {one.name: one for one in asked.series.variables}
    names = plan.parameters or chosen([known[name] for name in asked.names], hints, _USUAL_PANELS)
    asked = replace(asked, names=with_bins(known, names))
    channels = sum(prod(known[name].dims) for name in asked.names)
    points = max(min(plan.points, _MOST_NUMBERS // (4 * max(channels, 1))), 1)
    series = asked.read(points)
    panels = [panel_of(series, name, hints.get(name, NO_HINTS)) for name in names]
    head = {
        "schema": series.schema,
        "dataset": series.dataset_id,
        "title": plan.title,
        "axis": series.axis,
        "start": f"{format_utc(series.interval.start_tt2000)}Z",
        "stop": f"{format_utc(series.interval.stop_tt2000)}Z",
        "first": f"{format_utc(plan.extent.start_tt2000)}Z",
        "last": f"{format_utc(plan.extent.stop_tt2000 - 1)}Z",
        "points": points,
        "bins": len(series.starts),
        "records": int(series.records.sum()),
        "width": series.width_ns / 1e9,
        "width_text": _width(series.width_ns),
        "remarks": remarks_of(series, names, plan.remark),
    }
    pieces = [json.dumps(head, ensure_ascii=False)[:-1]]
    if plan.marks:
        labels = labels_of(np.array(plan.marks, np.int64).reshape(-1))
        pieces.append(f', "marks": [{", ".join(map(_times, labels.reshape(-1, 2)))}]')
    pieces.append(', "panels": [')
    for number, (name, panel) in enumerate(zip(names, panels, strict=True)):
        pieces.append(",\n" if number else "\n")
        pieces += _panel(name, panel)
    return "".join([*pieces, "\n]}\n"]).encode(errors="replace")


def _panel(name: str, panel: Panel) -> Iterator[str]:
    common = {"name": name, "title": panel.title, "units": panel.units, "log": panel.is_log, "note": panel.note}
    if isinstance(panel, Lines):
        yield json.dumps({"kind": "lines", **common}, ensure_ascii=False)[:-1]
        yield f', "times": {_times(panel.times)}, "lines": ['
        yield ", ".join(map(_line, panel.lines))
        yield "]}"
        return
    yield json.dumps({"kind": "spectrogram", **common, **_axis(panel)}, ensure_ascii=False)[:-1]
    yield f', "starts": {_times(panel.starts)}, "stops": {_times(panel.stops)}, "edges": {_rows(panel.edges)}'
    yield f', "values": {_rows(panel.values)}}}'


def _axis(panel: Spectrogram) -> dict[str, object]:
    axis = {"title": panel.axis_title, "units": panel.axis_units, "log": panel.is_axis_log}
    return {"axis": axis, "span": panel.span}


def _line(line: Line) -> str:
    told = [f'{{"name": {json.dumps(line.name, ensure_ascii=False)}, "values": {_list(line.values)}']
    if line.low is not None and line.high is not None:
        told.append(f'"low": {_list(line.low)}, "high": {_list(line.high)}')
    return ", ".join(told) + "}"


def _times(labels: Numbers) -> str:
    """Labels, nanoseconds since 2000 by the clock, as milliseconds since 1970."""
    return _list(np.asarray(labels, np.float64) / 1e6 + _J2000_UNIX_MS, "%.4f")


def _rows(values: npt.NDArray[np.float64]) -> str:
    return f"[{', '.join(map(_list, values))}]"


def _list(values: npt.NDArray[np.float64], digits: str = _DIGITS) -> str:
    """A list of JSON; what is no finite number is null."""
    return f"[{','.join(_written(values.tolist(), digits))}]"


def _written(values: Iterable[float], digits: str) -> Iterator[str]:
    for one in values:
        # neither NaN nor an infinity equals itself after this
        yield digits % one if one - one == 0 else "null"


def _width(width_ns: int) -> str:
    if not width_ns:
        return "records"
    if width_ns >= DAY_NS:
        days = width_ns // DAY_NS
        return "one day" if days == 1 else f"{days} days"
    seconds = width_ns / 1e9
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1e3:.3g} ms"
