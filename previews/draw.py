"""Draws panels with matplotlib: figures as objects, Agg and SVG, no state of pyplot, no markup in texts."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from epntap.xml import xml_legal
from previews.panels import Lines, Panel, Spectrogram, raster
from previews.plan import InventoryPlan
from previews.request import Form
from previews.ticks import linear_ticks, log_ticks, time_ticks
from previews.timegrid import labels_of

__all__ = ["draw_inventory", "draw_panels", "set_up"]

_DPI: Final = 100
#: pixels of a point of type
_POINT: Final = _DPI / 72
_COLOURS: Final = ("#1f5aa6", "#c8461e", "#2f8a3e", "#7a4fa3", "#8a6d1d", "#1b8f99", "#b3367f", "#555555")
_FAINT: Final = "#d8d8d8"
_GREY: Final = "#666666"
_MAP: Final = "viridis"
#: below this a picture is a thumbnail without words
_WORDS_FROM: Final = 300
#: and with fewer of them
_ALL_WORDS_FROM: Final = 600
#: a series of fewer records has a dot for each
_DOTS_BELOW: Final = 40
_LONGEST_LABEL: Final = 24
#: of a logarithmic axis
_SMALLEST: Final = 1e-290


def set_up() -> None:
    """What holds for all pictures of this process."""
    mpl.rcParams.update(
        {
            "text.parse_math": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "previews",
            "font.family": "DejaVu Sans",
            "axes.linewidth": 0.6,
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

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Of a panel, as matplotlib has it."""
        top = self.top + number * (self.panel + self.between)
        return (
            self.left / self.width,
            1 - (top + self.panel) / self.height,
            self.inner / self.width,
            self.panel / self.height,
        )

    def figure(self) -> Figure:
        """An empty one."""
        return Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI, facecolor="white")


def points_across(width: int) -> int:
    """How many points across a picture are worth reading."""
    return max(_Layout(width, 1).inner // 2, 16)


def draw_panels(
    panels: Sequence[Panel], *, title: str, span: tuple[int, int], form: Form, width: int, note: str = ""
) -> bytes:
    """A picture; `span` is what the time axis shows, as labels. Without panels it says `note` alone."""
    layout = _Layout(width, max(len(panels), 1))
    figure = layout.figure()
    start, stop = span
    for number in range(layout.panels):
        axes = figure.add_axes(layout.box(number))
        axes.set_xlim(0, (stop - start) / 1e9)
        _frame(axes, layout)
        match panels[number] if number < len(panels) else None:
            case None:
                _say(axes, note or "no data in this interval", layout)
            case Lines() as lines:
                _draw_lines(axes, lines, start, layout)
            case Spectrogram() as spectrogram:
                _draw_spectrogram(figure, axes, spectrogram, span, layout)
        _draw_times(axes, span, layout, is_last=number == layout.panels - 1)
    if layout.has_words:
        text = f"{title} \u2014 {note}" if note and panels else title
        figure.text(
            layout.left / width,
            1 - layout.top * 0.5 / layout.height,
            _fitted(text, (width - layout.left - 4) / (layout.size * _POINT * 0.62)),
            fontsize=layout.size,
            fontweight="bold" if layout.has_all_words else "normal",
            va="center",
        )
    return _written(figure, form)


def _written(figure: Figure, form: Form) -> bytes:
    with warnings.catch_warnings():
        # letters that the font lacks are drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        return _bytes_of(figure, form)


def _bytes_of(figure: Figure, form: Form) -> bytes:
    target = io.BytesIO()
    # these two have no types
    if form is Form.PNG:
        print_png: Any = FigureCanvasAgg(figure).print_png
        print_png(target, metadata={"Software": "EPN-TAP previews"}, pil_kwargs={"compress_level": 3})
    else:
        print_svg: Any = FigureCanvasSVG(figure).print_svg
        print_svg(target, metadata={"Date": None, "Creator": "EPN-TAP previews"})
    return target.getvalue()


def _plain(text: str) -> str:
    """On one line, and nothing that a font or XML does not bear."""
    return " ".join(xml_legal("".join(one if one.isprintable() else " " for one in text)).split())


def _fitted(text: str, most: float) -> str:
    plain = _plain(text)
    return plain if len(plain) <= most else f"{plain[: max(int(most) - 1, 1)]}\u2026"


def _frame(axes: Axes, layout: _Layout) -> None:
    axes.tick_params(labelsize=layout.size, width=0.6, length=3, pad=2, direction="out")
    for side in axes.spines.values():
        side.set_color(_GREY)
    if not layout.has_words:
        axes.set_yticks([])


def _say(axes: Axes, text: str, layout: _Layout) -> None:
    axes.set_yticks([])
    axes.text(
        0.5,
        0.5,
        _fitted(text, 70),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=layout.size,
        color=_GREY,
    )


def _draw_times(axes: Axes, span: tuple[int, int], layout: _Layout, *, is_last: bool) -> None:
    start, stop = span
    if not layout.has_words:
        axes.set_xticks([])
        return
    ticks, texts, common = time_ticks(start, stop, max(layout.inner // round(layout.size * _POINT * 6.5), 2))
    axes.set_xticks([(one - start) / 1e9 for one in ticks], texts if is_last else [""] * len(ticks))
    axes.tick_params(axis="x", labelsize=layout.size)
    axes.set_xlim(0, (stop - start) / 1e9)
    if is_last:
        box = axes.get_position()
        axes.figure.text(
            box.x1,
            3 / layout.height,
            _plain(f"{common} UTC"),
            fontsize=layout.size,
            ha="right",
            va="bottom",
            color=_GREY,
        )


def _label(axes: Axes, title: str, units: str, layout: _Layout) -> None:
    if not layout.has_words:
        return
    most = layout.panel / (layout.size * _POINT * 0.62)
    name = _fitted(title, most)
    text = f"{name}\n{_fitted(units, most)}" if units and layout.has_all_words else name
    axes.text(
        -(layout.left - 3) / layout.inner,
        0.5,
        text,
        transform=axes.transAxes,
        rotation=90,
        fontsize=layout.size,
        ha="left",
        va="center",
        linespacing=1.05,
    )


def _note(axes: Axes, note: str, layout: _Layout) -> None:
    if note and layout.has_all_words:
        axes.text(
            0.995,
            0.97,
            _fitted(note, 80),
            transform=axes.transAxes,
            fontsize=layout.size * 0.85,
            ha="right",
            va="top",
            color=_GREY,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1},
        )


# -- lines


def _draw_lines(axes: Axes, panel: Lines, start: int, layout: _Layout) -> None:
    _label(axes, panel.title, panel.units, layout)
    if panel.span is None:
        _say(axes, "no data in this interval", layout)
        return
    low, high = _limits(panel.span, is_log=panel.is_log)
    if panel.is_log:
        axes.set_yscale("log")
    axes.set_ylim(low, high)
    times = (panel.times - start) / 1e9
    for number, line in enumerate(panel.lines):
        colour = _COLOURS[number % len(_COLOURS)]
        if line.low is not None and line.high is not None:
            axes.fill_between(times, line.low, line.high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(times, line.values, color=colour, linewidth=0.8, gid=f"series{number}")
        lonely = _lonely(line.values)
        if lonely.any():
            axes.plot(times[lonely], line.values[lonely], ".", color=colour, markersize=2.5)
    if low < 0 < high and not panel.is_log:
        axes.axhline(0, color=_FAINT, linewidth=0.6, zorder=0)
    _value_ticks(axes, low, high, layout, is_log=panel.is_log)
    _name_lines(axes, panel, layout)
    _note(axes, panel.note, layout)


def _lonely(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Points without a neighbour, which a line does not show; all of a few."""
    there: npt.NDArray[np.bool_] = np.isfinite(values)
    if there.sum() < _DOTS_BELOW:
        return there
    padded = np.concatenate([[False], there, [False]])
    beside: npt.NDArray[np.bool_] = padded[:-2] | padded[2:]
    return there & ~beside


def _name_lines(axes: Axes, panel: Lines, layout: _Layout) -> None:
    if len(panel.lines) < 2 or not layout.has_words:
        return
    step = layout.size * _POINT * 1.15 / layout.panel
    most = max(int(0.98 / step), 1)
    room = (layout.right - 8) / (layout.size * _POINT * 0.62)
    for number, line in enumerate(panel.lines[:most]):
        axes.text(
            1 + 5 / layout.inner,
            0.98 - number * step,
            _fitted(line.name, room),
            transform=axes.transAxes,
            fontsize=layout.size,
            va="top",
            color=_COLOURS[number % len(_COLOURS)],
        )


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


def _value_ticks(axes: Axes, low: float, high: float, layout: _Layout, *, is_log: bool) -> None:
    if not layout.has_words:
        axes.set_yticks([])
        axes.set_yticks([], minor=True)
        return
    most = max(int(layout.panel / (layout.size * _POINT * 2.4)), 2)
    _set_ticks(axes, low, high, most, layout.size, is_log=is_log)


def _set_ticks(axes: Axes, low: float, high: float, most: int, size: float, *, is_log: bool) -> None:
    if is_log:
        ticks, texts, small = log_ticks(low, high, most)
        axes.set_yticks(ticks, texts)
        axes.set_yticks(small, [""] * len(small), minor=True)
    else:
        ticks, texts, power = linear_ticks(low, high, most)
        axes.set_yticks(ticks, texts)
        if power:
            place = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
            axes.text(
                0.005, 0.97, power, transform=axes.transAxes, fontsize=size * 0.85, va="top", color=_GREY, bbox=place
            )
    axes.set_ylim(low, high)


# -- spectrograms


def _draw_spectrogram(figure: Figure, axes: Axes, panel: Spectrogram, span: tuple[int, int], layout: _Layout) -> None:
    units = f" [{panel.axis_units}]" if panel.axis_units else ""
    _label(axes, panel.title, f"{panel.axis_title}{units}", layout)
    edges = panel.edges[np.isfinite(panel.edges)]
    if panel.span is None or not len(edges):
        _say(axes, "no data in this interval", layout)
        return
    low, high = float(edges.min()), float(edges.max())
    colours = _norm(panel)
    start, stop = span
    pixels = start + ((np.arange(layout.inner) + 0.5) * ((stop - start) / layout.inner)).astype(np.int64)
    parts = (np.arange(layout.panel) + 0.5) / layout.panel
    heights = low * (high / low) ** parts if panel.is_axis_log else low + (high - low) * parts
    found = raster(panel, pixels, heights)
    if panel.is_log:
        found = np.where(found > 0, found, np.nan)
    image = mpl.colormaps[_MAP](colours(np.ma.masked_invalid(found)), bytes=True)
    image[~np.isfinite(found)] = (255, 255, 255, 0)
    axes.imshow(
        image,
        extent=(0, 1, 0, 1),
        transform=axes.transAxes,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xlim(0, (stop - start) / 1e9)
    if panel.is_axis_log:
        axes.set_yscale("log")
    axes.set_ylim(low, high)
    _value_ticks(axes, low, high, layout, is_log=panel.is_axis_log)
    _note(axes, panel.note, layout)
    if layout.has_words:
        _draw_colours(figure, axes, panel, colours, layout)


def _norm(panel: Spectrogram) -> Normalize:
    assert panel.span is not None
    low, high = panel.span
    if panel.is_log:
        return LogNorm(low, high if high > low else low * 10, clip=True)
    return Normalize(low, high if high > low else low + (abs(low) or 1.0), clip=True)


def _draw_colours(figure: Figure, axes: Axes, panel: Spectrogram, colours: Normalize, layout: _Layout) -> None:
    box = axes.get_position()
    across = max(round(layout.size * 0.8), 4)
    bar = figure.add_axes((box.x1 + 5 / layout.width, box.y0, across / layout.width, box.height))
    figure.colorbar(ScalarMappable(colours, _MAP), cax=bar)
    bar.tick_params(labelsize=layout.size * 0.9, width=0.5, length=2, pad=1.5)
    assert colours.vmin is not None
    assert colours.vmax is not None
    most = max(int(layout.panel / (layout.size * _POINT * 2.4)), 2)
    _set_ticks(bar, float(colours.vmin), float(colours.vmax), most, layout.size, is_log=panel.is_log)
    if panel.units and layout.has_all_words:
        figure.text(
            1 - 2 / layout.width,
            (box.y0 + box.y1) / 2,
            _fitted(panel.units, layout.panel / (layout.size * 0.85 * _POINT * 0.62)),
            rotation=90,
            fontsize=layout.size * 0.85,
            ha="right",
            va="center",
            color=_GREY,
        )


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
    figure = layout.figure()
    axes = figure.add_axes(layout.box(0))
    _frame(axes, layout)
    if not bars:
        _say(axes, "no dataset with a time", layout)
        return _written(figure, plan.form)
    ends = labels_of(np.array([[bar.first, bar.last] for bar in bars]).reshape(-1)).reshape(-1, 2)
    start, stop = int(ends.min()), int(ends.max()) + 1
    room = max((stop - start) // 100, 1_000_000)
    start, stop = start - room, stop + room
    least = (stop - start) / max(layout.inner, 1) / 1e9
    number = 0
    for place, row in enumerate(plan.rows):
        for bar in (*row.held, *([row.described] if row.described else [])):
            first, last = (float(one - start) / 1e9 for one in ends[number])
            is_held = bar is not row.described
            number += 1
            axes.broken_barh(
                [(first, max(last - first, least))],
                (place - 0.32, 0.64) if is_held else (place - 0.06, 0.12),
                facecolors=_COLOURS[0] if is_held else "#b5b5b5",
                zorder=2 if is_held else 1,
            )
    axes.set_ylim(len(plan.rows) - 0.5, -0.5)
    axes.set_yticks(
        range(len(plan.rows)) if layout.has_words else [],
        [_fitted(row.dataset_id, _LONGEST_LABEL) for row in plan.rows] if layout.has_words else [],
    )
    axes.tick_params(axis="y", length=0)
    _draw_times(axes, (start, stop), layout, is_last=True)
    if layout.has_words:
        more = f" (and {plan.more} more datasets)" if plan.more else ""
        figure.text(
            4 / plan.width,
            1 - layout.top * 0.5 / layout.height,
            _fitted(f"{plan.title}{more}", plan.width / (layout.size * _POINT * 0.65)),
            fontsize=layout.size,
            fontweight="bold",
            va="center",
        )
    return _written(figure, plan.form)
