"""Times as HAPI writes them, and durations."""

from __future__ import annotations

import pytest

from epntap.instants.isotime import first_instant
from epntap.instants.tt2000 import MAX_TT2000, MIN_TT2000, parse_utc
from hapiserver.info import duration, short_title


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2017Z", "2017-01-01"),
        ("2017", "2017-01-01"),
        ("2017-02", "2017-02-01"),
        ("2017-001Z", "2017-01-01"),
        ("2016-366T23:59:60.5", "2016-12-31T23:59:60.5"),
        ("2017-01-15T23Z", "2017-01-15T23:00"),
        ("2017-01-15T23:05:00.123456789Z", "2017-01-15T23:05:00.123456789"),
        ("2016-12-31T24:00Z", "2017-01-01"),
        ("2017-01-15T24Z", "2017-01-16"),
        ("2017-01-15T00:00:00.", "2017-01-15"),
    ],
)
def test_what_is_cut_off_is_the_smallest(text: str, same: str) -> None:
    assert first_instant(text) == parse_utc(same)


def test_between_two_nanoseconds_the_later_is_the_first_that_is_not_before() -> None:
    whole = parse_utc("2017-01-01T00:00:00.000000001")
    assert first_instant("2017-01-01T00:00:00.00000000100000000000") == whole
    assert first_instant("2017-01-01T00:00:00.00000000100000000001") == whole + 1


@pytest.mark.parametrize(("text", "end"), [("0000Z", MIN_TT2000), ("1600-060", MIN_TT2000), ("9999-12-31", MAX_TT2000)])
def test_years_that_are_not_counted_are_before_or_after_everything(text: str, end: int) -> None:
    assert first_instant(text) == end


@pytest.mark.parametrize(
    "text",
    [
        *["", "Z", "now", "17Z", "2017-1", "2017-13", "2017-00", "2017-02-29", "2015-366", "2016-367", "2016-000"],
        *["2017-01T00", "2017T00", "2017-01-01T25", "2017-01-01T24:01", "2017-01-01T00:60", "2017-01-01T00:00:61"],
        *["2017-01-01T12:00:60", "2017-06-30T23:59:60", "2017-01-01T00:00:00+01:00", "20170101", "2017-W01-1"],
        *["2017-01-01 00:00", " 2017", "2017-01-01T00:00:00,5", "\u0662\u0660\u0661\u0667", "9999-13-01", "-2017"],
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        first_instant(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (500_000_000, "PT0.5S"),
        (60_000_000_000, "PT1M"),
        (3_600_000_000_000, "PT1H"),
        (86_400_000_000_000, "P1D"),
        (90_061_000_000_001, "P1DT1H1M1.000000001S"),
        (7_812_603, "PT0.007812603S"),
    ],
)
def test_durations_are_exact(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_a_longest_duration_is_in_whole_seconds() -> None:
    assert duration(90_061_500_000_000, whole=True) == "P1DT1H1M1S"


def test_titles_have_forty_characters_at_most() -> None:
    assert short_title("x" * 40) == "x" * 40
    assert short_title("word " * 20) == "word word word word word word word word\u2026"
