"""Pictures of values that are known: what is drawn is read back from pixels and paths."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from lxml import etree
from PIL import Image

from cutouts.interval import Interval
from epntap.archive.kept.series import Bins, SeriesVariable
from epntap.cdf import parse_utc
from previews.drawing.draw import draw_panels, set_up
from previews.drawing.hints import NO_HINTS, Hints
from previews.drawing.panels import Lines, Panel, Spectrogram, panel_of, raster
from previews.request import Form
from summaries.reader import ParameterSeries, SummarySeries

START = parse_utc("2020-01-01T00:00:00")
SECOND = 1_000_000_000
SPAN = ((7305 * 86_400) * SECOND, (7305 * 86_400 + 100) * SECOND)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", autouse=True)
def _once() -> None:
    set_up()


def series(values: Any, *, seconds: Any = None, bins: tuple[Bins, ...] = (), **about: Any) -> SummarySeries:
    """Records, one a second unless told; NaN is missing."""
    found = np.asarray(values, np.float64)
    times = np.arange(len(found)) if seconds is None else np.asarray(seconds)
    starts = START + (times * SECOND).astype(np.int64)
    there = np.isfinite(found)
    kept = np.where(there, found, 0)
    variable = SeriesVariable("x", "CDF_DOUBLE", found.shape[1:], bins=bins, **about)
    one = ParameterSeries(
        "x", variable, there.astype(np.int64), kept, kept, np.where(there, found, np.nan), np.zeros(found.shape)
    )
    interval = Interval(START, START + 100 * SECOND)
    return SummarySeries(
        "s", "d", "Epoch", interval, 0, starts, starts + 1, np.ones(len(starts), np.int64), {"x": one}, SECOND
    )


def panel(values: Any, hints: Hints = NO_HINTS, **rest: Any) -> Panel:
    return panel_of(series(values, **rest), "x", hints)


def drawn(one: Panel, form: Form = Form.PNG, width: int = 640, title: str = "title") -> bytes:
    return draw_panels([one], title=title, span=SPAN, form=form, width=width)


def paths(svg: bytes) -> list[Any]:
    """Vertices of each line, pixels; a break begins another."""
    tree = etree.fromstring(svg)
    found = []
    for group in tree.iter(f"{SVG}g"):
        if (group.get("id") or "").startswith("series"):
            text = group[0].get("d") or ""
            for part in text.split("M")[1:]:
                numbers = part.replace("L", " ").split()
                found.append(np.array(numbers, float).reshape(-1, 2))
    return found


def test_the_path_of_a_line_has_the_values_as_its_vertices() -> None:
    values = np.sin(np.arange(100) / 7) * 40 - 3
    (path,) = paths(drawn(panel(values), Form.SVG))
    assert len(path) == 100
    for column, truth in ((0, np.arange(100.0)), (1, values)):
        fit = np.polyfit(truth, path[:, column], 1)
        assert np.abs(np.polyval(fit, truth) - path[:, column]).max() < 2e-3
        assert bool(fit[0] > 0) is (column == 0), "SVG counts from the top"


def test_a_gap_breaks_the_line_and_a_step_does_not() -> None:
    seconds = np.concatenate([np.arange(40), np.arange(60, 100)])
    found = paths(drawn(panel(np.ones(80), seconds=seconds), Form.SVG))
    assert [len(one) for one in found] == [40, 40]
    values = np.ones(100)
    values[50] = np.nan
    assert [len(one) for one in paths(drawn(panel(values), Form.SVG))] == [50, 49]


def test_a_step_function_is_where_it_belongs_in_the_pixels() -> None:
    values = np.where(np.arange(100) < 25, 10.0, 30.0)
    image = np.asarray(Image.open(io.BytesIO(drawn(panel(values), width=160))).convert("RGB")).astype(int)
    dark = (image.sum(axis=2) < 500) & (image[:, :, 2] > image[:, :, 0] + 40)
    rows = [float(np.flatnonzero(dark[:, column]).mean()) for column in range(8, 150, 4) if dark[:, column].any()]
    columns = [column for column in range(8, 150, 4) if dark[:, column].any()]
    low = [row for row, column in zip(rows, columns, strict=True) if column < 36]
    high = [row for row, column in zip(rows, columns, strict=True) if column > 44]
    assert np.ptp(low) <= 1.5
    assert np.ptp(high) <= 1.5
    assert np.mean(low) - np.mean(high) > 30, "the larger value is higher up"


def test_a_spectrogram_has_each_value_in_its_column_and_channel() -> None:
    energies = tuple(10.0 * 2.0**number for number in range(8))
    values = np.arange(100)[:, np.newaxis] * 10 + np.arange(8)[np.newaxis, :] + 1.0
    one = panel(values, bins=(Bins("energy", "eV", centers=energies),))
    assert isinstance(one, Spectrogram)
    assert one.is_axis_log
    times = SPAN[0] + (np.arange(100) * SECOND + SECOND // 2)
    found = raster(one, times, np.array(energies))
    assert np.array_equal(found, values.T)


def test_channels_that_fall_or_move_are_where_they_say() -> None:
    values = np.arange(800.0).reshape(100, 8)
    falling = panel(values, bins=(Bins("energy", "eV", centers=tuple(float(8 - one) for one in range(8))),))
    assert isinstance(falling, Spectrogram)
    times = SPAN[0] + np.arange(100) * SECOND
    assert np.array_equal(raster(falling, times, np.arange(1.0, 9.0)), values[:, ::-1].T)


@pytest.mark.parametrize(
    ("scale", "factor", "expected"), [("log", 2, True), ("linear", 10, False), ("", 10, True), ("", 1.5, False)]
)
def test_colours_are_logarithmic_where_the_file_or_the_range_says(scale: str, factor: float, expected: bool) -> None:
    values = np.tile(factor ** np.arange(8.0), (100, 1))
    one = panel(values, Hints(scale=scale), bins=(Bins("e", "eV", centers=tuple(10.0 * one for one in range(1, 9))),))
    assert isinstance(one, Spectrogram)
    assert one.is_log is expected


def test_what_a_logarithm_cannot_show_is_counted() -> None:
    values = np.concatenate([np.full(60, 5.0), np.full(40, -1.0)])
    one = panel(values, Hints(scale="log"))
    assert isinstance(one, Lines)
    assert one.is_log
    assert one.note == "40 of 100 not above 0 not shown"
    mostly = panel(-values, Hints(scale="log"))
    assert isinstance(mostly, Lines)
    assert not mostly.is_log


ODD = {
    "one record": np.array([3.0]),
    "no record": np.empty(0),
    "constant": np.full(100, 7.0),
    "all zero": np.zeros(100),
    "nothing but fill": np.full(100, np.nan),
    "infinite": np.where(np.arange(100) < 50, np.inf, 1.0),
    "huge": np.array([-1.7e308, 1.7e308]),
    "tiny steps": 1e9 + np.arange(100) * 1e-6,
    "4 096 components": np.arange(409_600.0).reshape(100, 4096),
    "nothing in a spectrogram": np.full((100, 20), np.nan),
    "one record of a spectrogram": np.ones((1, 20)),
    "many dimensions": np.ones((50, 6, 7, 8)),
    "negative spectrogram": -np.ones((100, 20)),
}


@pytest.mark.parametrize("width", [160, 320, 1920])
@pytest.mark.parametrize("scale", ["", "log"])
@pytest.mark.parametrize("name", ODD)
def test_odd_values_are_drawn_without_a_word_of_warning(name: str, scale: str, width: int) -> None:
    for form in Form:
        content = drawn(panel(ODD[name], Hints(scale=scale)), form, width)
        if form is Form.PNG:
            assert Image.open(io.BytesIO(content)).width == width
        else:
            etree.fromstring(content)


def test_texts_are_what_they_are() -> None:
    text = "$\\frac{1}{2}$ <b> & \x07 Größe Ионы ∂B"
    svg = drawn(panel(np.arange(100.0), units=("$nT^2$ {x}",)), Form.SVG, 960, text)
    said = [one.text for one in etree.fromstring(svg).iter(f"{SVG}text", f"{SVG}tspan")]
    assert "$\\frac{1}{2}$ <b> & Größe Ионы ∂B" in said
    assert "$nT^2$ {x}" in said
    assert drawn(panel(np.arange(100.0)), title="電場 $x$").startswith(b"\x89PNG")


def test_nothing_to_draw_is_said() -> None:
    svg = drawn(panel(np.full(100, np.nan)), Form.SVG)
    assert b"no data in this interval" in svg


def test_the_same_picture_has_the_same_bytes() -> None:
    for form in Form:
        assert drawn(panel(np.arange(100.0)), form) == drawn(panel(np.arange(100.0)), form)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("s!E-1!Ncm!E-2!Nster!E-1!NkeV!E-1!N", "s^-1 cm^-2 ster^-1 keV^-1"),
        ("#/cm!U3!N", "#/cm^3"),
        ("m!D0!N", "m_0"),
        ("nT", "nT"),
    ],
)
def test_codes_of_raised_letters_are_spelled_in_units(given: str, expected: str) -> None:
    svg = drawn(panel(np.arange(100.0), units=(given,)), Form.SVG, 960)
    said = [one.text for one in etree.fromstring(svg).iter(f"{SVG}text", f"{SVG}tspan")]
    assert expected in said


def test_the_power_of_colours_stands_with_their_units() -> None:
    values = np.linspace(1e8, 2e8, 6400).reshape(100, 64)
    svg = drawn(panel(values, Hints(scale="linear"), units=("keV",)), Form.SVG, 960)
    said = [one.text for one in etree.fromstring(svg).iter(f"{SVG}text", f"{SVG}tspan")]
    assert any(text and "10" in text and text.endswith(" keV") for text in said), said
