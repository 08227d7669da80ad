"""Packets of das2: what fits into their fields, and units in its words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from das2server.packets import FILL, header, layout_of, time_texts
from das2server.planes import Das2Dataset, Parameter, Plane, das2_unit
from epntap.archive.kept.series import Bins, HeldSeries, Series, SeriesVariable
from epntap.errors import ParameterError
from tests.support.das2 import UNITS, read_stream
from tests.support.places import shared_directory


def held(*variables: SeriesVariable) -> HeldSeries:
    series = Series("Epoch", "CDF_TIME_TT2000", 9, variables, 1)
    nothing = (None,) * 4
    return HeldSeries("x", "s", "x", "X", None, None, "Open", None, *nothing, {}, 0, 1, 0, series)


def planes(*variables: SeriesVariable) -> list[Plane]:
    return [plane for one in Das2Dataset(held(*variables)).parameters for plane in one.planes]


def test_every_double_survives_text_but_the_last_digit_of_extreme_ones() -> None:
    numbers = [
        0.1,
        -1 / 3,
        2**53 - 1.0,
        -1.2345678901234567e-10,
        -0.00012345678901234567,
        5e99,
        FILL,
        np.inf,
        1.7976931348623157e308,
    ]
    extreme = [-1.2345678901234567e-300, -1.2345678901234567e200, -2.2250738585072014e-308]
    (parameter,) = Das2Dataset(held(SeriesVariable("a", "CDF_REAL8"))).parameters
    layout = layout_of([parameter], is_text=True, is_reduced=False, decimals=9)
    values = np.array(numbers + extreme)[:, np.newaxis]
    text = layout.records((np.arange(len(values)), [values]))
    found = read_stream(header("00", '<stream version="2.2"/>') + layout.headers() + text).planes["a"]
    read = np.array(found.values)[:, 0]
    assert read[: len(numbers)].tolist() == numbers
    np.testing.assert_allclose(read[len(numbers) :], extreme, rtol=1e-15)
    assert found.width == 24


def test_a_header_that_has_no_room_is_an_error() -> None:
    with pytest.raises(ParameterError, match="fewer"):
        header("01", "x" * 1_000_000)


def test_times_before_and_after_numpy_nanoseconds() -> None:
    day = 86_400 * 10**9
    assert time_texts(np.array([-106_000 * day - 1, 0, 106_000 * day]), 3) == [
        "1709-10-12T23:59:59.999",
        "2000-01-01T00:00:00.000",
        "2290-03-21T00:00:00.000",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nT", ("nT", "")),
        ("1/s", ("s**-1", "")),
        ("cm-3", ("cm**-3", "")),
        ("cm^-3", ("cm**-3", "")),
        ("1/(cm2 s sr keV)", ("cm**-2 s**-1 sr**-1 keV**-1", "")),
        ("km/s", ("km s**-1", "")),
        ("#/cc", ("cm**-3", "")),
        ("", ("", "")),
        (None, ("", "")),
        ("unitless", ("", "")),
        ("Re", ("Re", "")),
        ("furlongs per fortnight", ("", "furlongs per fortnight")),
    ],
)
def test_units_are_in_words_of_das2(text: str | None, expected: tuple[str, str]) -> None:
    found = das2_unit(text)
    assert found == expected
    assert UNITS.fullmatch(found[0])


@pytest.mark.shared
def test_every_unit_of_the_shared_records_can_be_said() -> None:
    records = (shared_directory() / "data" / "spase").rglob("*.xml")
    found = {text for path in records for text in re.findall("<Units>([^<]*)</Units>", path.read_text("utf-8"))}
    assert len(found) > 100
    for text in found:
        word, spelled = das2_unit(text)
        assert UNITS.fullmatch(word)
        assert spelled in {"", text.strip()}
        assert word or spelled or text.strip().casefold() in {"", "n/a"}


def test_names_of_planes_are_plain_and_their_own() -> None:
    vector = SeriesVariable("B-gse (nT)", "CDF_REAL4", (3,), units=("nT",), labels=("Bx (GSE)", "By", "Bz"))
    same = SeriesVariable("B_gse__nT_", "CDF_REAL4", (3,), labels=("B", "B", "B"))
    number = SeriesVariable("3rd", "CDF_REAL8", units=("per fortnight",))
    found = planes(vector, same, number)
    assert [one.name for one in found] == [
        *("B_gse__nT__Bx_GSE", "B_gse__nT__By", "B_gse__nT__Bz"),
        *("B_gse__nT__1", "B_gse__nT__2", "B_gse__nT__3"),
        "_3rd",
    ]
    assert (found[6].units, found[6].label) == ("", "3rd (per fortnight)")


def test_what_is_a_spectrum() -> None:
    fixed = SeriesVariable("f", "CDF_REAL4", (3,), bins=(Bins("energy", "eV", (1.0, 2.0, 4.0)),))
    moving = SeriesVariable("g", "CDF_REAL4", (2, 3), bins=(Bins("a"), Bins("energy", variable="e")))
    plain = SeriesVariable("h", "CDF_REAL4", (10,))
    found = {one.name: one for one in planes(fixed, moving, plain)}
    assert list(found) == ["f", "g_1", "g_2", "h"]
    assert (found["f"].tags, found["f"].tag_units) == ((1.0, 2.0, 4.0), "eV")
    assert (found["g_2"].first, found["g_2"].count, found["g_2"].tags) == (3, 3, (0.0, 1.0, 2.0))
    assert found["g_1"].tag_label == "channel (e has what it stands for)"
    assert found["h"].count == 10


@pytest.mark.parametrize(
    "variable",
    [
        SeriesVariable("t", "CDF_CHAR", length=3),
        SeriesVariable("t", "CDF_TIME_TT2000"),
        SeriesVariable("t", "CDF_INT8", is_wide=True),
        SeriesVariable("t", "CDF_REAL4", (5000,)),
        SeriesVariable("t", "CDF_REAL4", (65, 3)),
        SeriesVariable("t", "CDF_REAL4", (0,)),
    ],
)
def test_what_is_no_number_is_left_out(variable: SeriesVariable) -> None:
    parameters: tuple[Parameter, ...] = Das2Dataset(held(variable)).parameters
    assert parameters == ()
