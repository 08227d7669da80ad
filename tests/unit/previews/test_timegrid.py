"""Ends of intervals go out to round pixels, and what is written at ticks can be read."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutouts.interval import Interval
from epntap.cdf import format_utc, parse_utc
from previews.drawing.ticks import linear_ticks, log_ticks, number_text, power_text, time_ticks
from previews.timegrid import aligned
from tests.support.known_truth import midnight_tt2000

DAY = 86_400_000_000_000


@given(
    start=st.integers(-(10**17), 6 * 10**17),
    length=st.integers(1, 10**18),
    pixels=st.sampled_from([160, 960, 1920]),
)
def test_an_interval_only_grows_by_less_than_two_pixels(start: int, length: int, pixels: int) -> None:
    shown = aligned(Interval(start, start + length), pixels)
    assert shown.start_tt2000 <= start
    assert shown.stop_tt2000 >= start + length
    grown = shown.stop_tt2000 - shown.start_tt2000 - length
    # up to a leap second more
    assert grown <= max(2 * length // pixels, 1_000_000) + 2_000_000_000


def test_a_day_is_a_day_and_its_neighbours_are_the_same_picture() -> None:
    start = midnight_tt2000(date(2017, 3, 4))
    day = aligned(Interval(start, start + DAY), 960)
    assert (day.start_tt2000, day.stop_tt2000) == (start, start + DAY)
    assert aligned(Interval(start + 5 * 10**9, start + DAY - 7 * 10**9), 960) == day


def test_the_leap_second_is_within_its_day() -> None:
    start, stop = midnight_tt2000(date(2016, 12, 31)), midnight_tt2000(date(2017, 1, 1))
    assert stop - start == DAY + 10**9
    shown = aligned(Interval(start, stop), 960)
    assert (shown.start_tt2000, shown.stop_tt2000) == (start, stop)


@pytest.mark.parametrize(
    ("start", "stop", "expected", "common"),
    [
        ("2017-01-02T00:00:00", "2017-01-03T00:00:00", ["00:00\nJan 02", "06:00", "12:00", "18:00"], "2017-01-02"),
        ("2017-01-02T03:04:05", "2017-01-02T03:04:05.004", ["03:04:05.000", "03:04:05.001"], "2017-01-02"),
        ("2001-01-01T00:00:00", "2021-01-01T00:00:00", ["2005", "2010", "2015", "2020"], ""),
    ],
)
def test_times_at_ticks(start: str, stop: str, expected: list[str], common: str) -> None:
    bounds = [_label(one) for one in (start, stop)]
    ticks, texts, said = time_ticks(bounds[0], bounds[1], 6)
    assert [one.partition("\n")[0] for one in expected] == [one.partition("\n")[0] for one in texts][: len(expected)]
    assert said == common
    assert all(bounds[0] <= tick <= bounds[1] for tick in ticks)


def _label(text: str) -> int:
    """What the clock shows, by the calendar alone."""
    day, _, clock = text.partition("T")
    hours, minutes, seconds = clock.split(":")
    days = (date.fromisoformat(day) - date(2000, 1, 1)).days
    return days * DAY + round(((int(hours) * 60 + int(minutes)) * 60 + float(seconds)) * 1000) * 10**6


@given(low=st.floats(1e-20, 1e20), factor=st.floats(1.5, 1e12), most=st.integers(2, 12))
def test_ticks_of_logarithms_lie_within(low: float, factor: float, most: int) -> None:
    ticks, texts, small = log_ticks(low, low * factor, most)
    assert len(ticks) == len(texts) <= max(most, 3) + 1
    assert all(low * 0.999 <= one <= low * factor * 1.001 for one in [*ticks, *small])


@given(low=st.floats(-1e20, 1e20), span=st.floats(1e-6, 1e20), most=st.integers(2, 12))
def test_linear_ticks_are_few(low: float, span: float, most: int) -> None:
    ticks, texts, _ = linear_ticks(low, low + span, most)
    assert len(ticks) == len(texts) <= most + 1


def test_numbers_have_no_markup() -> None:
    assert [power_text(one) for one in (-5, 0, 12)] == ["10⁻⁵", "1", "10¹²"]
    assert [number_text(one) for one in (0, -2.5, 3e9, 1.5e-7)] == ["0", "\u22122.5", "3\u00d710⁹", "1.5\u00d710⁻⁷"]


def test_ends_are_utc() -> None:
    shown = aligned(Interval(parse_utc("2020-01-01T00:00:01"), parse_utc("2020-01-01T00:10:59")), 320)
    assert format_utc(shown.start_tt2000).startswith("2020-01-01T00:00:00")
