"""What is drawn of each variable: a series becomes lines or a raster. Numbers only, nothing of drawing here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from epntap.archive.kept.series import Bins, SeriesVariable
from previews.drawing.hints import NO_HINTS, Hints
from previews.timegrid import labels_of
from summaries.reader import ParameterSeries, SummarySeries

__all__ = [
    "NOTHING_TO_DRAW",
    "Line",
    "Lines",
    "Panel",
    "Spectrogram",
    "bins_along",
    "chosen",
    "panel_of",
    "raster",
    "remarks_of",
    "with_bins",
]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: said where `chosen` finds none
NOTHING_TO_DRAW = "No parameter can be drawn over time: they hold texts, times or images"
#: components that are drawn as lines at most, where nothing says what they are; more are a spectrogram
MOST_LINES = 12
#: fewer places along a dimension are no spectrum
_LEAST_CHANNELS = 5
#: times the usual cadence: a longer wait is a gap
_GAP = 2.5
#: a range of values over which is shown on a logarithmic scale where the files say nothing
_WIDE_RANGE = 1_000
#: of values that must be above zero on a logarithmic scale that is asked for
_LEAST_POSITIVE = 0.5
#: names of what is said of measurements
_ASIDE = re.compile(
    r"flag|qual|stat(us|e)|count|cnt|^num_|n(um)?_?pts|err|sigma|unc|delta|delphi|spin_?(phase|per)|mode|time$",
    re.IGNORECASE,
)
#: types that flags have, mostly
_SMALL_INTEGERS = ("BYTE", "INT1", "INT2")
#: share of values that may lie outside of a colour scale at each end
_BEYOND = 0.003


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One component."""

    name: str
    values: Floats
    #: of bins: NaN where nothing is; None for records
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines over time; NaN breaks them."""

    title: str
    units: str
    #: what the clock shows, nanoseconds since 2000-01-01
    times: Floats
    lines: tuple[Line, ...]
    is_log: bool
    #: of the values, None without any
    span: tuple[float, float] | None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Spectrogram:
    """Colours over time and another axis."""

    title: str
    units: str
    #: of the columns, labels in nanoseconds: begin and end
    starts: Labels
    stops: Labels
    #: (columns, channels)
    values: Floats
    #: edges of the channels, rising, one row for each column or one for all: (1 or columns, channels + 1)
    edges: Floats
    axis_title: str
    axis_units: str
    is_axis_log: bool
    is_log: bool
    span: tuple[float, float] | None
    note: str = ""


Panel = Lines | Spectrogram


def remarks_of(series: SummarySeries, names: Sequence[str], more: str) -> list[str]:
    """What is said beside the panels of these parameters, which may be none."""
    return [*series.remarks, *filter(None, ["" if names else NOTHING_TO_DRAW, more])]


def chosen(variables: Sequence[SeriesVariable], hints: Mapping[str, Hints], most: int) -> list[str]:
    """The variables that matter most: those that are data, not what others are measured along."""
    along = {bins.variable for one in variables for bins in one.bins if bins.variable}
    shown = [one for one in variables if one.name not in along]
    data = [one for one in shown if hints.get(one.name, NO_HINTS).var_type == "data"]
    named = [one for one in data if hints.get(one.name, NO_HINTS).display not in {"", "no_plot"}]
    measured = [one for one in data if not _is_aside(one)]
    # what was measured before what is said of it, even where only the latter has a DISPLAY_TYPE
    named = named if any(not _is_aside(one) for one in named) or not measured else measured
    for some in (named, data, shown, list(variables)):
        if some:
            return [one.name for one in sorted(some, key=_is_aside)[:most]]
    return []


def _is_aside(one: SeriesVariable) -> bool:
    """Whether it is a flag, a counter or an error: by its name, or small integers without a unit."""
    if _ASIDE.search(one.name):
        return True
    has_unit = any(unit.strip() for unit in one.units)
    return not has_unit and any(word in one.cdf_type for word in _SMALL_INTEGERS)


def bins_along(one: SeriesVariable) -> tuple[int, Bins | None] | None:
    """The dimension that a spectrogram of it goes along and what its places stand for; None: lines are drawn."""
    count = prod(one.dims)
    told = [
        (number, bins)
        for number, bins in enumerate(one.bins)
        if (bins.centers or bins.variable)
        and one.dims[number] >= _LEAST_CHANNELS
        # numbers that only count are no channels
        and not (count <= MOST_LINES and bins.centers and set(np.diff(bins.centers)) == {1.0})
    ]
    if told:
        # energies and frequencies before angles: they have more places, mostly
        energetic = [each for each in told if _is_spectral(each[1].units)]
        return max(energetic or told, key=lambda each: one.dims[each[0]])
    if count <= MOST_LINES:
        return None
    return int(np.argmax(one.dims)), None


def with_bins(known: Mapping[str, SeriesVariable], names: Sequence[str]) -> tuple[str, ...]:
    """The names with those of the variables that say where their channels are."""
    found = list(names)
    for name in names:
        along = bins_along(known[name])
        bins = along and along[1]
        if bins and bins.variable and bins.variable in known:
            found.append(bins.variable)
    return tuple(dict.fromkeys(found))


def _is_spectral(units: str | None) -> bool:
    return (units or "").strip().casefold().endswith(("ev", "hz", "ev/q", "ev/e", "j"))


def panel_of(series: SummarySeries, name: str, hints: Hints) -> Panel:
    """What is drawn of one variable."""
    one = series.parameters[name]
    along = bins_along(one.about)
    if along is None and hints.display == "spectrogram" and prod(one.about.dims) >= _LEAST_CHANNELS:
        along = int(np.argmax(one.about.dims)), None
    return _lines(series, one, hints) if along is None else _spectrogram(series, one, hints, along)


# -- lines


def _lines(series: SummarySeries, one: ParameterSeries, hints: Hints) -> Lines:
    count = one.count.reshape(len(series.starts), prod(one.count.shape[1:]))
    there = count > 0
    mean, low, high = (
        np.where(there, values.reshape(there.shape).astype(np.float64), np.nan)
        for values in (one.mean, one.minimum, one.maximum)
    )
    starts, stops = labels_of(series.starts).astype(np.float64), labels_of(series.stops - 1).astype(np.float64)
    times = starts if series.is_records else (starts + stops) / 2
    breaks = np.flatnonzero(_waits(series) > _longest(series)) + 1
    times = np.insert(times, breaks, (stops[breaks - 1] + starts[breaks]) / 2)
    mean, low, high = (np.insert(values, breaks, np.nan, axis=0) for values in (mean, low, high))
    low, high = (
        np.where((values >= hints.valid_min) & (values <= hints.valid_max), values, mean) for values in (low, high)
    )
    names = _names(one.about, there.shape[1])
    usual = (mean >= hints.valid_min) & (mean <= hints.valid_max)
    note = ""
    if usual.any() and not (usual | np.isnan(mean)).all():
        note = f"{int((~usual & ~np.isnan(mean)).sum())} beyond VALIDMIN, VALIDMAX not shown"
        mean, low, high = (np.where(usual, values, np.nan) for values in (mean, low, high))
    is_log, said = _scale(mean, hints.scale if hints.scale in {"log", "linear"} else "linear")
    if is_log:
        mean, low, high = (np.where(values > 0, values, np.nan) for values in (mean, low, high))
        low = np.where(np.isnan(low), mean, low)
    lines = tuple(
        Line(names[number], mean[:, number])
        if series.is_records
        else Line(names[number], mean[:, number], low[:, number], high[:, number])
        for number in range(min(there.shape[1], MOST_LINES))
    )
    finite = np.concatenate([values[np.isfinite(values)] for values in (mean, low, high)])
    return Lines(
        title=_title(one.about),
        units=_units(one.about),
        times=times,
        lines=lines,
        is_log=is_log,
        span=(float(finite.min()), float(finite.max())) if len(finite) else None,
        note="; ".join(text for text in (note, said) if text),
    )


def _waits(series: SummarySeries) -> Labels:
    """From the end of each bin, or from each record, to the next."""
    return series.starts[1:] - (series.starts[:-1] if series.is_records else series.stops[:-1])


def _longest(series: SummarySeries) -> float:
    """A wait that is no gap yet."""
    cadence = series.cadence_ns or 0
    if series.is_records and len(series.starts) > 1:
        # burst modes are faster than the usual cadence, survey modes slower: what is usual here counts
        here = float(np.median(np.diff(series.starts)))
        return _GAP * max(here, min(cadence, 4 * here))
    return _GAP * cadence


def _names(about: SeriesVariable, count: int) -> list[str]:
    for names in (about.labels, about.representation):
        if len(names) == count and count > 1:
            return list(names)
    return [""] if count == 1 else [str(number + 1) for number in range(count)]


def _title(about: SeriesVariable) -> str:
    label = about.labels[0] if len(about.labels) == 1 else ""
    return label or about.name


def _units(about: SeriesVariable) -> str:
    return ", ".join(dict.fromkeys(one.strip() for one in about.units if one.strip()))


def _scale(values: Floats, said: str) -> tuple[bool, str]:
    """Whether values are shown on a logarithmic scale, and what to say of those that cannot be.

    `said` is log, linear, or empty where the range decides.
    """
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    if said == "linear" or not len(positive):
        return False, ""
    if said == "log":
        if len(positive) < _LEAST_POSITIVE * len(finite):
            return False, ""
    elif (finite < 0).any() or not _is_wide(positive):
        return False, ""
    below = len(finite) - len(positive)
    return True, f"{below} of {len(finite)} not above 0 not shown" if below and said == "log" else ""


def _is_wide(positive: Floats) -> bool:
    low, high = np.quantile(positive, (_BEYOND, 1 - _BEYOND))
    return bool(high > _WIDE_RANGE * low)


# -- spectrograms


def _spectrogram(
    series: SummarySeries, one: ParameterSeries, hints: Hints, along: tuple[int, Bins | None]
) -> Spectrogram:
    dimension, bins = along
    values = np.where(one.count > 0, one.mean, np.nan)
    values = np.where((values >= hints.valid_min) & (values <= hints.valid_max), values, np.nan)
    others = tuple(number + 1 for number in range(len(one.about.dims)) if number != dimension)
    note = ""
    if others:
        values = _mean(values, others)
        size = prod(one.about.dims) // one.about.dims[dimension]
        note = f"mean over {size} of the other dimension{'s' if len(others) > 1 else ''}" if size > 1 else ""
    centers = _centers(series, one.about, dimension, bins)
    order = np.argsort(np.where(np.isfinite(centers), centers, np.inf), axis=1, kind="stable")
    centers = np.take_along_axis(centers, order, axis=1)
    values = np.take_along_axis(values, np.broadcast_to(order, values.shape), axis=1)
    is_axis_log = _is_geometric(centers)
    is_log, said = _scale(values, hints.scale if hints.scale in {"log", "linear"} else "")
    shown = values[np.isfinite(values) & ((values > 0) | (not is_log))]
    starts, stops = labels_of(series.starts), labels_of(series.stops - 1) + 1
    if series.is_records and len(starts):
        # a record lasts until the next one, but not over a gap
        usual = int(_longest(series) / _GAP) or 1
        waits = np.append(np.diff(starts), usual)
        stops = starts + np.maximum(np.where(waits > _longest(series), usual, waits), 1)
    return Spectrogram(
        title=_title(one.about),
        units=_units(one.about),
        starts=starts,
        stops=stops,
        values=values,
        edges=_edges(centers, is_log=is_axis_log),
        axis_title=bins.name if bins else "component",
        axis_units=(bins.units or "").strip() if bins else "",
        is_axis_log=is_axis_log,
        is_log=is_log,
        span=_colour_span(shown),
        note="; ".join(text for text in (note, said) if text),
    )


def _mean(values: Floats, axes: tuple[int, ...]) -> Floats:
    there = np.isfinite(values)
    count = there.sum(axis=axes)
    total = np.where(there, values, 0).sum(axis=axes)
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _centers(series: SummarySeries, about: SeriesVariable, dimension: int, bins: Bins | None) -> Floats:
    """What the channels stand for, (1 or columns, channels)."""
    size = about.dims[dimension]
    if bins is not None and bins.centers is not None and len(bins.centers) == size:
        return np.array([bins.centers], np.float64)
    if bins is not None and bins.variable is not None and bins.variable in series.parameters:
        one = series.parameters[bins.variable]
        values = np.where(one.count > 0, one.mean, np.nan)
        if one.about.dims == (size,) and len(values) and np.isfinite(values).any():
            return values[:1] if (values == values[:1]).all() else values
    return np.arange(1, size + 1, dtype=np.float64)[np.newaxis]


def _is_geometric(centers: Floats) -> bool:
    """Whether the channels are spaced by factors rather than by steps."""
    first = next((row for row in centers if np.isfinite(row).sum() > 2), None)
    if first is None:
        return False
    row = np.unique(first[np.isfinite(first)])
    if len(row) < 3:
        return False
    positive = row[row > 0]
    if len(positive) < len(row) - 1 or len(positive) < 3:
        return False
    return bool(np.median(np.diff(positive)) * 3 < np.diff(positive).max() and positive[-1] > 10 * positive[0])


def _edges(centers: Floats, *, is_log: bool) -> Floats:
    """Halfway between centers that rise; channels without one have no height."""
    places = np.log(np.where(centers > 0, centers, np.nan)) if is_log else centers
    edges = np.full((len(places), places.shape[1] + 1), np.nan)
    for number, row in enumerate(places):
        known = np.flatnonzero(np.isfinite(row))
        if not len(known):
            continue
        some = row[known]
        middle = (some[1:] + some[:-1]) / 2
        first = some[0] - (middle[0] - some[0] if len(middle) else 0.5)
        last = some[-1] + (some[-1] - middle[-1] if len(middle) else 0.5)
        made = np.concatenate([[first], middle, [last]])
        # channels that are known lie side by side; those that are not come last and end where they begin
        edges[number, known[0] : known[-1] + 2] = made
    return np.exp(edges) if is_log else edges


def _colour_span(values: Floats) -> tuple[float, float] | None:
    if not len(values):
        return None
    low, high = np.quantile(values, (_BEYOND, 1 - _BEYOND))
    return float(low), float(high)


def raster(one: Spectrogram, times: Labels, heights: Floats) -> Floats:
    """The value at each pixel, (heights, times), NaN where there is none: that of the column and channel it lies in.

    `times` are labels and `heights` values of the axis, both rising.
    """
    found = np.full((len(heights), len(times)), np.nan)
    if not len(one.starts):
        return found
    column = np.searchsorted(one.starts, times, side="right") - 1
    hit = column >= 0
    hit &= times < one.stops[column]
    rows = one.edges if len(one.edges) > 1 else np.broadcast_to(one.edges, (len(one.starts), one.edges.shape[1]))
    edges, which = (
        np.unique(rows[column[hit]], axis=0, return_inverse=True)
        if len(one.edges) > 1
        else (one.edges, np.zeros(int(hit.sum()), np.intp))
    )
    places = np.flatnonzero(hit)
    for number, row in enumerate(edges):
        channel = np.searchsorted(row, heights, side="right") - 1
        # NaN sorts last; the upper end belongs to the last channel
        top = np.nanmax(row) if np.isfinite(row).any() else np.nan
        channel = np.where(heights == top, channel - 1, channel)
        inside = (channel >= 0) & (heights <= top)
        columns = places[which.reshape(-1) == number]
        taken = one.values[column[columns]][:, np.clip(channel, 0, one.values.shape[1] - 1)].T
        found[:, columns] = np.where(inside[:, np.newaxis], taken, np.nan)
    return found
