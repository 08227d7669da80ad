"""Instants to text and back, dates, and the leap-second table."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pycdfpp
import pytest
from astropy.time import Time
from astropy.utils.iers import LeapSeconds
from cdflib import cdfepoch
from hypothesis import given
from hypothesis import strategies as st

from epntap.cdf import (
    FILL_TT2000,
    MAX_TT2000,
    MIN_TT2000,
    InstantError,
    format_utc,
    format_utc_array,
    jd_from_tt2000,
    parse_utc,
    tt2000_from_mjd,
)
from epntap.errors import UserError
from epntap.instants.leapseconds import DAY_NS, offsets

instants = st.integers(MIN_TT2000, MAX_TT2000)
#: nanoseconds around steps of UTC are as likely as all others together
steps = [parse_utc(f"{year}-01-01") for year in (1960, 1964, 1972, 1999, 2017)] + [parse_utc("2015-07-01")]
near_steps = st.builds(lambda step, off: step + off, st.sampled_from(steps), st.integers(-2 * 10**9, 10**9))
#: UTC has run in whole seconds since then
modern = st.integers(parse_utc("1972-01-01"), parse_utc("2200-01-01"))


@given(instants | near_steps)
def test_text_of_an_instant_reads_back_as_the_instant(instant: int) -> None:
    assert parse_utc(format_utc(instant)) == instant
    assert parse_utc(format_utc(instant).replace("T", " ") + "Z") == instant


@given(st.lists(instants | near_steps, max_size=20), st.integers(0, 9))
def test_arrays_are_formatted_as_single_instants_are(many: list[int], digits: int) -> None:
    expected = [format_utc(instant, digits) for instant in many]
    assert format_utc_array(np.array(many, np.int64), digits).astype(str).tolist() == expected
    with_zone = format_utc_array(np.array(many, np.int64), digits, "Z").astype(str).tolist()
    assert with_zone == [text + "Z" for text in expected]


@pytest.mark.parametrize("step_ns", [1, 999, 10**6, 7 * 10**8, 10**9, 6_400_123_457, 60 * 10**9, 3600 * 10**9])
@pytest.mark.parametrize("at", ["1972-07-01", "2016-12-31T23:59:59", "2017-01-01", "2020-02-29T23:59:58.5"])
def test_series_are_formatted_as_single_instants_are(step_ns: int, at: str) -> None:
    # fewer minutes than instants, one minute, and more minutes than instants are told apart; so are steps of UTC
    for count in (1, 2, 400):
        many = parse_utc(at) - 3 * 10**9 + np.arange(count) * step_ns
        for digits in (0, 3, 4, 6, 9):
            expected = [f"{format_utc(instant, digits)}Z" for instant in many.tolist()]
            assert format_utc_array(many, digits, "Z").astype(str).tolist() == expected
            backwards = format_utc_array(many[::-1], digits, "Z").astype(str).tolist()
            assert backwards == expected[::-1]


def test_leap_seconds_are_the_sixty_first() -> None:
    after = parse_utc("2017-01-01")
    many = after + np.array([-1_000_000_001, -1_000_000_000, -1, 0])
    assert format_utc_array(many, 9, "Z").tolist() == [
        b"2016-12-31T23:59:59.999999999Z",
        b"2016-12-31T23:59:60.000000000Z",
        b"2016-12-31T23:59:60.999999999Z",
        b"2017-01-01T00:00:00.000000000Z",
    ]


@pytest.mark.parametrize("count", [0, 1, 2000])
def test_what_is_no_instant_is_formatted_as_nothing(count: int) -> None:
    assert format_utc_array(np.array([FILL_TT2000, 0]), 3).tolist() == [b"", b"2000-01-01T11:58:55.816"]
    none = format_utc_array(np.full(count, FILL_TT2000), 6, "Z")
    assert none.dtype == "S27"
    assert none.tolist() == [b""] * count


@given(modern)
def test_text_agrees_with_another_library(instant: int) -> None:
    assert format_utc(instant) == str(pycdfpp.tt2000_t(instant)).removesuffix("Z")


@pytest.mark.parametrize(
    "text", ["1959-06-01T00:00:00", "1961-07-31T12:00:00", "1965-06-15T12:00:00", "1968-02-01T00:00:00", "1971-12-31"]
)
def test_years_before_whole_leap_seconds_agree_with_the_cdf_library(text: str) -> None:
    day = date.fromisoformat(text[:10])
    hour = int(text[11:13] or 0)
    assert parse_utc(text) == int(cdfepoch.compute_tt2000([day.year, day.month, day.day, hour, 0, 0, 0, 0, 0]))


@given(*[st.integers(parse_utc("1972-01-01"), parse_utc("2025-01-01"))] * 2)
def test_differences_agree_with_astropy(one: int, other: int) -> None:
    seconds = (Time(format_utc(one), scale="utc") - Time(format_utc(other), scale="utc")).sec
    assert seconds == pytest.approx((one - other) / 1e9, abs=1e-3, rel=1e-13)


def test_the_leap_seconds_are_those_of_the_iers() -> None:
    table = offsets()
    for year, month, tai_utc in LeapSeconds.from_erfa().iterrows("year", "month", "tai_utc"):
        if year >= 1972:
            midnight = (date(int(year), int(month), 1) - date(2000, 1, 1)).days * DAY_NS
            assert table.to_instant(midnight) == midnight - 43_200 * 10**9 + 32_184_000_000 + int(tai_utc) * 10**9


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2000-01-01T11:58:55.816", 0),
        ("2016-12-31T23:59:59Z", 536_500_867_184_000_000),
        ("2016-12-31T23:59:60", 536_500_868_184_000_000),
        ("2016-12-31 23:59:60.999999999", 536_500_869_183_999_999),
        ("2017-01-01", 536_500_869_184_000_000),
        ("2017-01-01Z", 536_500_869_184_000_000),
        ("2017-01-01T00:00", 536_500_869_184_000_000),
        (" 2017-01-01T00:00:00.0000000000000 ", 536_500_869_184_000_000),
        ("2017-01-01T00:00:00.", 536_500_869_184_000_000),
    ],
)
def test_spellings_of_a_time(text: str, instant: int) -> None:
    assert parse_utc(text) == instant


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2016-12-31T23:59:55+00:00", "2016-12-31T23:59:55"),
        ("2016-12-31T23:59:55.250000+0000", "2016-12-31T23:59:55.25"),
        ("2016-12-31T23:59:55 00:00", "2016-12-31T23:59:55"),
        ("2016-12-31T23:59:55-00:00", "2016-12-31T23:59:55"),
        ("2016-366T23:59:60.5Z", "2016-12-31T23:59:60.5"),
        ("2016-366", "2016-12-31"),
        ("2016-001T12Z", "2016-01-01T12:00:00"),
    ],
)
def test_what_python_and_hapi_write_is_read(text: str, same: str) -> None:
    assert parse_utc(text) == parse_utc(same)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a UTC time such as"),
        ("yesterday", "found 'yesterday'"),
        ("2015-12-01T10:00:00+01:00", "expected a UTC time"),
        ("20151201", "expected a UTC time"),
        ("٢٠١٥-12-01", "expected a UTC time"),
        ("2015-02-29", "expected a day of the calendar"),
        ("2015-366", "expected a day of the year 2015"),
        ("2015-000", "expected a day of the year 2015"),
        ("2015-12-01+00:00", "expected a UTC time"),
        ("2015-12-01T10:00:00+00:00Z", "expected a UTC time"),
        ("2015-12-01T24:00:00", "hours up to 23"),
        ("2015-12-01T10:60:00", "minutes up to 59"),
        ("2015-12-01T10:00:61", "seconds up to 60"),
        ("2015-12-31T23:59:60", "no leap second here"),
        ("2016-12-31T22:59:60", "no leap second here"),
        ("1971-12-31T23:59:60.2", "no leap second here"),
        ("2015-12-01T10:00:00.1234567891", "at most 9 decimals"),
        ("1500-01-01", "between the years 1708 and 2291"),
        ("9999-12-31T23:59:59", "between the years 1708 and 2291"),
    ],
)
def test_what_is_not_a_time_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InstantError, match=reason) as caught:
        parse_utc(text)
    assert isinstance(caught.value, UserError)
    assert isinstance(caught.value, ValueError)


def test_a_time_that_utc_skipped_is_the_next_midnight() -> None:
    assert parse_utc("1961-07-31T23:59:59.97") == parse_utc("1961-08-01")


@given(modern)
def test_julian_dates_are_the_nearest_double(instant: int) -> None:
    text = format_utc(instant)
    if ":60" in text:
        return
    day = date.fromisoformat(text[:10])
    seconds = Fraction(text[17:]) + int(text[14:16]) * 60 + int(text[11:13]) * 3600
    exact = day.toordinal() + Fraction(3_442_849, 2) + seconds / 86_400
    assert jd_from_tt2000(instant) == float(exact)


@given(st.integers(0, 80_000), st.integers(0, DAY_NS - 1))
def test_modified_julian_dates_are_exact(day: int, ns: int) -> None:
    expected = parse_utc((date(1858, 11, 17) + timedelta(day)).isoformat()) + ns
    exact = Decimal(ns) / Decimal(DAY_NS)
    text = f"{day + exact:.26f}"
    assert tt2000_from_mjd(f"{Decimal(day) + exact:.22f}") in {expected, expected - 1}
    assert tt2000_from_mjd(text, round_up=True) in {expected, expected + 1}


@pytest.mark.parametrize(
    ("text", "round_up", "utc"),
    [
        ("57357.5", False, "2015-12-01T12:00:00"),
        ("57357.5000000000000001", False, "2015-12-01T12:00:00"),
        ("57357.5000000000000001", True, "2015-12-01T12:00:00.000000001"),
        ("5.73575E4", False, "2015-12-01T12:00:00"),
        ("57753.99999999999", False, "2016-12-31T23:59:59.999999136"),
        (" 57754 ", False, "2017-01-01"),
    ],
)
def test_spellings_of_a_modified_julian_date(text: str, round_up: bool, utc: str) -> None:
    assert tt2000_from_mjd(text, round_up=round_up) == parse_utc(utc)


@pytest.mark.parametrize(
    ("text", "instant"),
    [("-Inf", MIN_TT2000), ("+Inf", MAX_TT2000), ("inf", MAX_TT2000), ("-1e999999", MIN_TT2000), ("1e9", MAX_TT2000)],
)
def test_open_and_far_dates_are_the_ends_of_time(text: str, instant: int) -> None:
    assert tt2000_from_mjd(text) == instant


@pytest.mark.parametrize("text", ["", "nan", "sNaN", "2015-12-01", "1,5"])
def test_what_is_not_a_modified_julian_date_is_refused(text: str) -> None:
    with pytest.raises(InstantError, match="expected a Modified Julian Date"):
        tt2000_from_mjd(text)


def test_a_tiny_exponent_costs_nothing() -> None:
    assert tt2000_from_mjd("1e-999999") == parse_utc("1858-11-17")
