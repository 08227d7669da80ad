"""Raw values become values of columns, checked against astropy and plain arithmetic."""

from __future__ import annotations

import datetime as dt
import math

import astropy.units as u
import pytest
from astropy.time import Time

from epntap.catalog.model import Column
from ingest.facts import Value
from ingest.tables.values import Measure, Raw, ValueProblem, parse_moment, to_value
from tests.support.mappings import STANDARD


def value(column: str, raw: Raw, **keys: object) -> Value:
    return to_value(raw, STANDARD[column], **keys)[0]  # type: ignore[arg-type]  # keywords of any type


@pytest.mark.parametrize("word", ["", " ", "NULL", "null", "N/A", "UNK", "NaN", None, math.nan, [], ["NULL", None]])
def test_words_for_null(word: Raw) -> None:
    assert value("target_name", word) is None
    assert value("time_min", word) is None
    assert value("phase_min", word) is None


def test_further_words_for_null() -> None:
    assert value("phase_min", "-999.9", nulls={"-999.9"}) is None
    assert value("phase_min", -999.0, nulls={"-999"}) is None
    assert value("phase_min", "-99.9", nulls={"-999.9"}) == -99.9


@pytest.mark.parametrize(
    "text",
    [
        "1986-03-06T07:20:00.250",
        "1986-03-06 07:20:00.250Z",
        "1986-065T07:20:00.25",
        "19860306T072000.250",
        "1986-03-06T09:20:00.25+02:00",
        "1986-3-6T7:20:00.25",
    ],
)
def test_times_as_text(text: str) -> None:
    assert value("time_min", text) == pytest.approx(Time("1986-03-06T07:20:00.250").jd, abs=1e-9)


def test_dates_without_a_time() -> None:
    assert value("time_min", "2008-05-05") == Time("2008-05-05").jd
    assert value("time_min", "2008") == Time("2008-01-01").jd
    assert value("time_min", dt.date(2008, 5, 5)) == Time("2008-05-05").jd


def test_numbers_as_times() -> None:
    moment = Time("2008-05-05T12:00:00")
    assert value("time_min", moment.jd) == moment.jd
    assert value("time_min", str(moment.mjd), unit="MJD") == moment.jd
    assert value("time_min", round(moment.unix), unit="unix") == pytest.approx(moment.jd, abs=1e-9)
    assert value("time_min", "05/05/2008 12h", date_format="%d/%m/%Y %Hh") == moment.jd


def test_the_leap_second_is_the_next_second() -> None:
    assert parse_moment("2016-12-31T23:59:60Z") == dt.datetime.fromisoformat("2017-01-01")


@pytest.mark.parametrize("text", ["2008-13-01", "2008-02-30", "yesterday", "2008-05-05T25:00", "2007-366", "2008-000"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueProblem, match="needs a time"):
        value("time_min", text)


def test_a_number_that_is_no_julian_date() -> None:
    with pytest.raises(ValueProblem, match="none of the years 1000 to 3000; is a unit missing"):
        value("time_min", 54591.5)


def test_timestamps_stay_text() -> None:
    assert value("release_date", "2009-09-15") == "2009-09-15T00:00:00"
    assert value("creation_date", dt.datetime.fromisoformat("2009-09-15T01:02:03.5")) == "2009-09-15T01:02:03.500"


@pytest.mark.parametrize(
    ("column", "raw", "unit", "quantity"),
    [
        ("earth_distance_min", "149597870.7", "km", 149597870.7 * u.km),
        ("incidence_min", 1.0, "rad", 1.0 * u.rad),
        ("time_exp_min", "2.5", "ms", 2.5 * u.ms),
        ("time_exp_min", Measure(2.0, "MINUTES"), None, 2.0 * u.min),
        ("mean_radius", Measure(3.0e6, "<M>"), None, 3.0e6 * u.m),
        ("spectral_range_min", "4.8813", "um", (4.8813 * u.um).to(u.Hz, u.spectral())),
        ("spectral_range_min", 1.0, "keV", (1.0 * u.keV).to(u.Hz, u.spectral())),
        ("spectral_range_min", 1000.0, "cm-1", (1000.0 / u.cm).to(u.Hz, u.spectral())),
    ],
)
def test_units_are_converted(column: str, raw: Raw, unit: str | None, quantity: u.Quantity) -> None:
    expected = quantity.to_value(STANDARD[column].unit)
    assert value(column, raw, unit=unit) == pytest.approx(expected, rel=1e-12)


def test_what_cannot_be_converted() -> None:
    with pytest.raises(ValueProblem, match="'km' cannot be converted to 's'"):
        value("time_exp_min", 1.0, unit="km")
    with pytest.raises(ValueProblem, match="'furlongs' is not a unit that is known"):
        value("mean_radius", Measure(1.0, "furlongs"))
    with pytest.raises(ValueProblem, match="cannot be converted without the wavelength"):
        value("spectral_sampling_step_min", 0.01, unit="um")
    with pytest.raises(ValueProblem, match="is no wavelength"):
        value("spectral_range_min", 0.0, unit="um")


def test_numbers() -> None:
    assert value("phase_min", "1.5D2") == 150.0
    assert value("processing_level", "3") == 3
    assert value("processing_level", "3.0") == 3
    assert value("phase_min", "270535.") == 270535.0
    refused: tuple[tuple[str, Raw, str], ...] = (
        ("processing_level", "3.5", "needs a whole number"),
        ("phase_min", "1_000", "needs a number, but the source has '1_000'"),
        ("phase_min", "twelve", "needs a number"),
        ("phase_min", [1.0, 2.0], "needs a number"),
    )
    for column, raw, expected in refused:
        with pytest.raises(ValueProblem, match=expected):
            value(column, raw)


def test_text_is_cleaned_and_codes_are_checked() -> None:
    assert value("instrument_name", ' "Näv"  cam ') == "_Nav_ cam"
    assert value("instrument_name", "A#B") == "A#B"
    assert value("instrument_name", "A; B", split=";") == "A#B"
    assert value("instrument_name", ("A", "B", "A")) == "A#B"
    assert value("target_region", ("surface", "ring")) == "surface"
    assert value("dataproduct_type", "Dynamic spectrum") == "ds"
    assert value("target_class", "Dwarf Planet") == "dwarf_planet"
    assert value("granule_uid", "a b#c/d") == "a_b_c_d"
    assert value("access_format", "Image/JPEG") == "image/jpeg"
    assert value("file_name", "IKS 030.TAB") == "IKS 030.TAB"
    assert value("access_url", "https://example.org/a?b=c&d=%20#x") == "https://example.org/a?b=c&d=%20#x"


@pytest.mark.parametrize(
    ("column", "raw", "expected"),
    [
        ("target_class", "commet", "Did you mean 'comet'"),
        ("dataproduct_type", "xx", "holds one of"),
        ("access_url", "https://example.org/a b", "needs an address"),
        ("target_region", ["a", "b"], "holds one value, but the source has 2"),
    ],
)
def test_text_that_a_column_cannot_hold(column: str, raw: Raw, expected: str) -> None:
    with pytest.raises(ValueProblem, match=expected):
        value(column, raw)


def test_a_real_column_of_a_services_own() -> None:
    column = Column("run_f107", "double", unit="10**-22W.m**-2.Hz**-1", pg_type="double precision")
    assert to_value("1.2", column, unit="MJy")[0] == pytest.approx(1.2e6 * 1e-26 / 1e-22)
