"""Draws panels with matplotlib: lines, polygons, images and texts on a figure, Agg and SVG, no markup in texts.

Places of ticks and texts are known, so there are no Axes: they would take most of the time of a picture. What goes into
a panel has coordinates from 0 to 1 in both directions.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, Transform, TransformedBbox

from epntap.xml import xml_legal
from previews.drawing.panels import Line, Lines, Panel, Spectrogram, raster
from previews.drawing.ticks import linear_ticks, log_ticks, time_ticks
from previews.plan import InventoryPlan
from previews.png import png_of
from previews.request import Form
from previews.timegrid import labels_of

__all__ = ["draw_inventory", "draw_panels", "points_across", "set_up"]

Floats = npt.NDArray[np.float64]

_DPI: Final = 100
#: pixels of a point of type
_POINT: Final = _DPI / 72
_COLOURS: Final = ("#1f5aa6", "#c8461e", "#2f8a3e", "#7a4fa3", "#8a6d1d", "#1b8f99", "#b3367f", "#555555")
_FAINT: Final = "#d8d8d8"
_GREY: Final = "#666666"
_BLACK: Final = "#000000"
_MAP: Final = "viridis"
_MARK: Final = "#f0a30a"
#: below this a picture is a thumbnail without words
_WORDS_FROM: Final = 300
#: and with fewer of them
_ALL_WORDS_FROM: Final = 600
#: a series of fewer records has a dot for each
_DOTS_BELOW: Final = 40
_LONGEST_LABEL: Final = 24
#: of a logarithmic axis
_SMALLEST: Final = 1e-290
#: of ticks, pixels; of their lines and of frames, points
_TICK: Final = 4
_SMALL_TICK: Final = 2.5
_THIN: Final = 0.6
#: codes of IDL for letters above, below and on the line
_UP: Final = re.compile(r"![EU]")
_DOWN: Final = re.compile(r"![DIL]")
_BACK: Final = re.compile(r"!N ?")
#: values far outside of a panel are drawn as being so many heights away
_FAR: Final = 50.0


def set_up() -> None:
    """What holds for all pictures of this process."""
    mpl.rcParams.update(
        {
            "text.parse_math": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "previews",
            "font.family": "DejaVu Sans",
            "path.simplify": False,
            "agg.path.chunksize": 20_000,
        }
    )


class _Layout:
    """Where things are, in pixels from the top left."""

    def __init__(self, width: int, panels: int) -> None:
        self.width = width
        self.has_words = width >= _WORDS_FROM
        self.has_all_words = width >= _ALL_WORDS_FROM
        self.size = 6.0 if not self.has_all_words else min(7.0 + width / 640, 9.5)
        letter = self.size * _POINT
        self.left = round(letter * 6.9) if self.has_words else 2
        self.right = round(letter * 7.2) if self.has_words else 2
        self.top = round(letter * 1.9) if self.has_words else 2
        self.bottom = round(letter * 4.3) if self.has_words else 2
        self.between = round(letter * 0.9) if self.has_words else 2
        self.panel = max(24, round(width * (0.30 if panels == 1 else 0.20 if panels == 2 else 0.15)))
        self.panels = panels
        self.height = self.top + self.bottom + panels * self.panel + (panels - 1) * self.between

    @property
    def inner(self) -> int:
        """Width of a panel."""
        return self.width - self.left - self.right

    @property
    def letter(self) -> float:
        """Width of one, about."""
        return self.size * _POINT * 0.62

    def figure(self) -> Figure:
        """An empty one."""
        return Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI, facecolor="white")


@dataclass(frozen=True, slots=True)
class _Box:
    """A part of a figure, whose own coordinates go from 0 to 1."""

    figure: Figure
    layout: _Layout
    #: pixels from the top left of the figure
    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of_panel(cls, figure: Figure, layout: _Layout, number: int) -> _Box:
        """The place of a panel."""
        top = layout.top + number * (layout.panel + layout.between)
        return cls(figure, layout, layout.left, top, layout.inner, layout.panel)

    @property
    def bbox(self) -> TransformedBbox:
        """The same as matplotlib has it, on any canvas."""
        width, height = self.layout.width, self.layout.height
        low = 1 - (self.top + self.height) / height
        bounds = Bbox.from_bounds(self.left / width, low, self.width / width, self.height / height)
        return TransformedBbox(bounds, self.figure.transFigure)

    @property
    def inside(self) -> Transform:
        """From its own coordinates to those of the canvas."""
        width, height = self.layout.width, self.layout.height
        scale = Affine2D().scale(self.width / width, self.height / height)
        return scale.translate(self.left / width, 1 - (self.top + self.height) / height) + self.figure.transFigure

    def add(self, artist: Artist, *, is_clipped: bool = False) -> None:
        """Draw something over what is there."""
        artist.set_transform(self.inside)
        if is_clipped:
            artist.set_clip_box(self.bbox)
        self.figure.add_artist(artist)

    def line(self, x: Any, y: Any, colour: str, width: float, *, is_clipped: bool = False, **rest: Any) -> None:
        """A line through points; what numpy takes as an array."""
        self.add(Line2D(x, y, color=colour, linewidth=width, **rest), is_clipped=is_clipped)

    def segments(self, ends: Sequence[Any], colour: str, width: float) -> None:
        """Lines from one point to another."""
        if len(ends):
            self.add(LineCollection(ends, colors=colour, linewidths=width))

    def text(self, x: float, y: float, text: str, *, size: float | None = None, **rest: Any) -> None:
        """A text at a place that is so many pixels from the top left of the figure."""
        place = x / self.layout.width, 1 - y / self.layout.height
        found = Text(*place, text, fontsize=size or self.layout.size, **rest)
        found.set_transform(self.figure.transFigure)
        self.figure.add_artist(found)

    def frame(self) -> None:
        """A line around it."""
        self.line([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], _GREY, _THIN, solid_joinstyle="miter", zorder=2.5)

    def say(self, text: str) -> None:
        """A text in the middle."""
        middle = self.left + self.width / 2, self.top + self.height / 2
        self.text(*middle, _fitted(text, 70), ha="center", va="center", color=_GREY)

    def aside(self, text: str, *, at_right: bool) -> None:
        """A small text in an upper corner, over what is drawn."""
        x = self.left + (self.width - 4 if at_right else 4)
        ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
        place: dict[str, Any] = {"ha": "right" if at_right else "left", "va": "top", "color": _GREY}
        self.text(x, self.top + 4, _fitted(text, 80), size=self.layout.size * 0.85, bbox=ground, zorder=4, **place)


def points_across(width: int) -> int:
    """How many points across a picture are worth reading."""
    return max(_Layout(width, 1).inner // 2, 16)


def draw_panels(
    panels: Sequence[Panel],
    *,
    title: str,
    span: tuple[int, int],
    form: Form,
    width: int,
    note: str = "",
    marks: Sequence[tuple[float, float]] = (),
) -> bytes:
    """A picture; `span` is what the time axis shows, as labels. Without panels it says `note` alone.

    `marks` are stretches of the axis, from 0 to 1, that stand out.
    """
    layout = _Layout(width, max(len(panels), 1))
    figure = layout.figure()
    for number in range(layout.panels):
        box = _Box.of_panel(figure, layout, number)
        box.frame()
        match panels[number] if number < len(panels) else None:
            case None:
                box.say(note or "no data in this interval")
            case Lines() as lines:
                _draw_lines(box, lines, span)
            case Spectrogram() as spectrogram:
                _draw_spectrogram(box, spectrogram, span)
        _draw_marks(box, marks)
        _draw_times(box, span, is_last=number == layout.panels - 1)
    if layout.has_words:
        text = f"{title} \u2014 {note}" if note and panels else title
        weight = "bold" if layout.has_all_words else "normal"
        shown = _fitted(text, (width - layout.left - 4) / layout.letter)
        box.text(layout.left, layout.top * 0.5, shown, fontweight=weight, va="center")
    return _written(figure, form)


def _written(figure: Figure, form: Form) -> bytes:
    with warnings.catch_warnings():
        # letters that the font lacks are drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        return _bytes_of(figure, form)


def _bytes_of(figure: Figure, form: Form) -> bytes:
    if form is Form.PNG:
        canvas: Any = FigureCanvasAgg(figure)  # it has no types
        canvas.draw()
        # nothing shines through
        return png_of(np.asarray(canvas.buffer_rgba())[:, :, :3], _DPI)
    target = io.BytesIO()
    print_svg: Any = FigureCanvasSVG(figure).print_svg  # it has no types
    print_svg(target, metadata={"Date": None, "Creator": "EPN-TAP previews"})
    return target.getvalue()


def _plain(text: str) -> str:
    """On one line, and nothing that a font or XML does not bear."""
    return " ".join(xml_legal("".join(one if one.isprintable() else " " for one in text)).split())


def _fitted(text: str, most: float) -> str:
    plain = _plain(text)
    return plain if len(plain) <= most else f"{plain[: max(int(most) - 1, 1)]}\u2026"


def _spelled(units: str) -> str:
    """Units without the codes by which IDL raises and lowers letters (`!E-1!N`), which some files have."""
    return _BACK.sub(" ", _UP.sub("^", _DOWN.sub("_", units))).strip()


def _draw_marks(box: _Box, marks: Sequence[tuple[float, float]]) -> None:
    """A shade over each stretch; an instant is as wide as can be seen."""
    least = 1 / box.width
    stretches = [(first, max(last, first + least)) for first, last in marks]
    corners = [[(first, 0), (last, 0), (last, 1), (first, 1)] for first, last in stretches]
    if corners:
        box.add(PolyCollection(corners, facecolors=_MARK, alpha=0.3, linewidths=0, zorder=2.2), is_clipped=True)


def _draw_times(box: _Box, span: tuple[int, int], *, is_last: bool) -> None:
    start, stop = span
    layout = box.layout
    if not layout.has_words:
        return
    ticks, texts, common = time_ticks(start, stop, max(layout.inner // round(layout.size * _POINT * 6.5), 2))
    places = [(tick - start) / (stop - start) for tick in ticks]
    box.segments([((x, 0), (x, -_TICK / box.height)) for x in places], _BLACK, _THIN)
    if not is_last:
        return
    below = box.top + box.height + _TICK + 3
    for x, text in zip(places, texts, strict=True):
        box.text(box.left + x * box.width, below, text, ha="center", va="top")
    box.text(box.left + box.width, layout.height - 3, _plain(f"{common} UTC"), ha="right", va="bottom", color=_GREY)


def _label(box: _Box, title: str, units: str) -> None:
    layout = box.layout
    if not layout.has_words:
        return
    most = box.height / layout.letter
    name = _fitted(title, most)
    text = f"{name}\n{_fitted(units, most)}" if units and layout.has_all_words else name
    place: dict[str, Any] = {"rotation": 90, "ha": "left", "va": "center", "linespacing": 1.05}
    box.text(3, box.top + box.height / 2, text, **place)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places between 0 and 1."""

    low: float
    high: float
    is_log: bool

    def __call__(self, values: npt.ArrayLike) -> Floats:
        """Places; NaN and what has none stays NaN."""
        found = np.asarray(values, np.float64)
        with np.errstate(all="ignore"):
            if self.is_log:
                places = np.log(found / self.low) / np.log(self.high / self.low)
            else:
                # halves first: the difference of two large numbers may be more than a double holds
                places = (found / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
            clipped: Floats = np.clip(places, -_FAR, _FAR)
        return clipped


def _value_ticks(box: _Box, scale: _Scale, *, at_right: bool = False, size: float | None = None) -> str:
    """Ticks and what is written at them, at one side; the power of ten that they are to be taken times, or nothing."""
    layout = box.layout
    if not layout.has_words:
        return ""
    size = size or layout.size
    most = max(int(layout.panel / (layout.size * _POINT * 2.4)), 2)
    small: list[float] = []
    power = ""
    if scale.is_log:
        ticks, texts, small = log_ticks(scale.low, scale.high, most)
    else:
        ticks, texts, power = linear_ticks(scale.low, scale.high, most)
    edge, outwards = (1, 1) if at_right else (0, -1)
    for values, length, width in ((ticks, _TICK, _THIN), (small, _SMALL_TICK, _THIN)):
        end = edge + outwards * length / box.width
        box.segments([((edge, y), (end, y)) for y in scale(values).tolist()], _BLACK, width)
    x = box.left + edge * box.width + outwards * (_TICK + 3)
    align = "left" if at_right else "right"
    for y, text in zip(scale(ticks).tolist(), texts, strict=True):
        if -0.001 <= y <= 1.001:
            # the middle of digits: the middle of a line of text is lower
            box.text(x, box.top + (1 - y) * box.height, text, size=size, ha=align, va="center_baseline")
    return power


# -- lines


def _draw_lines(box: _Box, panel: Lines, span: tuple[int, int]) -> None:
    _label(box, panel.title, _spelled(panel.units))
    if panel.span is None:
        box.say("no data in this interval")
        return
    scale = _Scale(*_limits(panel.span, is_log=panel.is_log), is_log=panel.is_log)
    if scale.low < 0 < scale.high and not panel.is_log:
        zero = float(scale(0.0))
        box.line([0, 1], [zero, zero], _FAINT, _THIN)
    times = (panel.times - span[0]) / (span[1] - span[0])
    for number, line in enumerate(panel.lines):
        _draw_line(box, line, times, scale, number)
    power = _value_ticks(box, scale)
    if power:
        box.aside(power, at_right=False)
    _name_lines(box, panel)
    if panel.note and box.layout.has_all_words:
        box.aside(panel.note, at_right=True)


def _draw_line(box: _Box, line: Line, times: Floats, scale: _Scale, number: int) -> None:
    colour = _COLOURS[number % len(_COLOURS)]
    if line.low is not None and line.high is not None:
        bands = list(_bands(times, scale(line.low), scale(line.high)))
        if bands:
            shade = PolyCollection(bands, facecolors=colour, alpha=0.25, linewidths=0)
            box.add(shade, is_clipped=True)
    values = scale(line.values)
    box.line(times, values, colour, 0.8, is_clipped=True, gid=f"series{number}")
    lonely = _lonely(line.values)
    if lonely.any():
        dots = {"linestyle": "none", "marker": ".", "markersize": 2.5}
        box.line(times[lonely], values[lonely], colour, 0, is_clipped=True, **dots)


def _bands(times: Floats, low: Floats, high: Floats) -> Iterable[Floats]:
    """Polygons between two lines, one for each stretch in which both have values."""
    there = np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
    for first, stop in edges.reshape(-1, 2):
        if stop - first > 1:
            x = times[first:stop]
            yield np.stack([np.append(x, x[::-1]), np.append(low[first:stop], high[first:stop][::-1])], axis=1)


def _lonely(values: Floats) -> npt.NDArray[np.bool_]:
    """Points without a neighbour, which a line does not show; all of a few."""
    there: npt.NDArray[np.bool_] = np.isfinite(values)
    if there.sum() < _DOTS_BELOW:
        return there
    padded = np.concatenate([[False], there, [False]])
    beside: npt.NDArray[np.bool_] = padded[:-2] | padded[2:]
    return there & ~beside


def _name_lines(box: _Box, panel: Lines) -> None:
    layout = box.layout
    if len(panel.lines) < 2 or not layout.has_words:
        return
    step = layout.size * _POINT * 1.15
    most = max(int(0.98 * box.height / step), 1)
    room = (layout.right - 8) / layout.letter
    for number, line in enumerate(panel.lines[:most]):
        y = box.top + 0.02 * box.height + number * step
        colour = _COLOURS[number % len(_COLOURS)]
        box.text(box.left + box.width + 5, y, _fitted(line.name, room), va="top", color=colour)


def _limits(span: tuple[float, float], *, is_log: bool) -> tuple[float, float]:
    """With some room around the values; constant ones are in the middle."""
    low, high = span
    if is_log:
        low, high = max(low, _SMALLEST), min(max(high, _SMALLEST), 1 / _SMALLEST)
        return (
            (low / 2, high * 2) if high <= low * 1.0001 else (low / (high / low) ** 0.04, high * (high / low) ** 0.04)
        )
    largest = np.finfo(np.float64).max / 8
    low, high = max(low, -largest), min(high, largest)
    room = (high - low) * 0.06
    if not room > max(abs(low), abs(high)) * 1e-12:
        room = abs(high) * 0.1 or 1.0
    return low - room, high + room


# -- spectrograms


def _draw_spectrogram(box: _Box, panel: Spectrogram, span: tuple[int, int]) -> None:
    units = f" [{_spelled(panel.axis_units)}]" if panel.axis_units else ""
    _label(box, panel.title, f"{panel.axis_title}{units}")
    edges = panel.edges[np.isfinite(panel.edges)]
    if panel.span is None or not len(edges):
        box.say("no data in this interval")
        return
    low, high = float(edges.min()), float(edges.max())
    colours = _norm(panel)
    start, stop = span
    across, down = round(box.width), round(box.height)
    pixels = start + ((np.arange(across) + 0.5) * ((stop - start) / across)).astype(np.int64)
    parts = (np.arange(down) + 0.5) / down
    heights = low * (high / low) ** parts if panel.is_axis_log else low + (high - low) * parts
    found = raster(panel, pixels, heights)
    if panel.is_log:
        found = np.where(found > 0, found, np.nan)
    image = mpl.colormaps[_MAP](colours(np.ma.masked_invalid(found)), bytes=True)
    image[~np.isfinite(found)] = (255, 255, 255, 0)
    _show(box, image)
    power = _value_ticks(box, _Scale(low, high, panel.is_axis_log))
    if power:
        box.aside(power, at_right=False)
    if panel.note and box.layout.has_all_words:
        box.aside(panel.note, at_right=True)
    if box.layout.has_words:
        _draw_colours(box, panel, colours)


def _show(box: _Box, image: npt.NDArray[np.uint8]) -> None:
    """Pixels, the lowest row first, in the whole of a box."""
    found = BboxImage(box.bbox, origin="lower", interpolation="nearest")
    found.set_data(image)
    found.set_zorder(1)
    box.figure.add_artist(found)


def _norm(panel: Spectrogram) -> Normalize:
    assert panel.span is not None
    low, high = panel.span
    if panel.is_log:
        return LogNorm(low, high if high > low else low * 10, clip=True)
    return Normalize(low, high if high > low else low + (abs(low) or 1.0), clip=True)


def _draw_colours(box: _Box, panel: Spectrogram, colours: Normalize) -> None:
    layout = box.layout
    across = max(round(layout.size * 0.8), 4)
    bar = _Box(box.figure, layout, box.left + box.width + 5, box.top, across, box.height)
    shades = mpl.colormaps[_MAP](np.linspace(0, 1, 256), bytes=True)
    _show(bar, shades[:, np.newaxis])
    bar.frame()
    assert colours.vmin is not None
    assert colours.vmax is not None
    scale = _Scale(float(colours.vmin), float(colours.vmax), panel.is_log)
    power = _value_ticks(bar, scale, at_right=True, size=layout.size * 0.9)
    words = f"{power} {_spelled(panel.units)}".strip()
    if words and (power or layout.has_all_words):
        size = layout.size * 0.85
        text = _fitted(words, layout.panel / (size * _POINT * 0.62))
        place: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "center", "color": _GREY}
        box.text(layout.width - 2, box.top + box.height / 2, text, size=size, **place)


# -- inventories


def draw_inventory(plan: InventoryPlan) -> bytes:
    """A bar for each stretch of each dataset."""
    bars = [bar for row in plan.rows for bar in (*row.held, *([row.described] if row.described else []))]
    layout = _Layout(plan.width, 1)
    line = round(layout.size * _POINT * 1.5) if layout.has_words else 4
    layout.panel = max(line * max(len(plan.rows), 1), 24)
    longest = max((len(row.dataset_id) for row in plan.rows), default=0)
    letters = min(longest, _LONGEST_LABEL)
    if layout.has_words:
        layout.left = min(round(letters * layout.size * _POINT * 0.68) + 8, layout.width // 2)
        layout.right = round(layout.size * _POINT * 2)
    layout.height = layout.top + layout.bottom + layout.panel
    box = _Box.of_panel(layout.figure(), layout, 0)
    box.frame()
    if not bars:
        box.say("no dataset with a time")
        return _written(box.figure, plan.form)
    ends = labels_of(np.array([[bar.first, bar.last] for bar in bars]).reshape(-1)).reshape(-1, 2)
    start, stop = int(ends.min()), int(ends.max()) + 1
    room = max((stop - start) // 100, 1_000_000)
    start, stop = start - room, stop + room
    _draw_bars(box, plan, (ends - start) / (stop - start))
    _draw_times(box, (start, stop), is_last=True)
    if layout.has_words:
        for place, row in enumerate(plan.rows):
            y = box.top + (place + 0.5) / len(plan.rows) * box.height
            box.text(box.left - 4, y, _fitted(row.dataset_id, _LONGEST_LABEL), ha="right", va="center")
        more = f" (and {plan.more} more datasets)" if plan.more else ""
        text = _fitted(f"{plan.title}{more}", plan.width / (layout.size * _POINT * 0.65))
        box.text(4, layout.top * 0.5, text, fontweight="bold", va="center")
    return _written(box.figure, plan.form)


def _draw_bars(box: _Box, plan: InventoryPlan, ends: Floats) -> None:
    """What is described as a thin bar below what is held; `ends` are those of all, row by row, from 0 to 1."""
    held: list[list[tuple[float, float]]] = []
    described: list[list[tuple[float, float]]] = []
    number = 0
    for place, row in enumerate(plan.rows):
        for bar in (*row.held, *([row.described] if row.described else [])):
            first, last = ends[number].tolist()
            last = max(last, first + 1 / box.width)
            number += 1
            is_held = bar is not row.described
            half = 0.32 if is_held else 0.06
            low, high = (1 - (place + 0.5 + half * side) / len(plan.rows) for side in (1, -1))
            (held if is_held else described).append([(first, low), (last, low), (last, high), (first, high)])
    for polygons, colour in ((described, "#b5b5b5"), (held, _COLOURS[0])):
        if polygons:
            box.add(PolyCollection(polygons, facecolors=colour, linewidths=0), is_clipped=True)
