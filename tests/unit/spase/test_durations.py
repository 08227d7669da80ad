# ruff: noqa: DTZ001  # UTC without tzinfo is what the code works with
"""ISO 8601 durations and dates as SPASE archives write them."""

from datetime import datetime

import pytest

from ingest.spase.durations import parse_date, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT60S", 60.0),
        ("PT1M", 60.0),
        ("PT24H", 86400.0),
        ("P1D", 86400.0),
        ("P1DT2H", 93600.0),
        ("P1W", 604800.0),
        ("PT0.00015S", 0.00015),
        ("PT5.0S", 5.0),
        ("PT1,5M", 90.0),
        ("PT1H30M", 5400.0),
        ("-PT5M", -300.0),
        ("P0Y0M1DT", 86400.0),
        ("P0M", 0.0),
    ],
)
def test_lengths_in_seconds(text: str, seconds: float) -> None:
    duration = parse_duration(text)
    assert duration is not None
    assert duration.seconds == seconds


@pytest.mark.parametrize("text", ["P1M", "P2Y", "P1Y2M3D"])
def test_months_and_years_have_no_length(text: str) -> None:
    duration = parse_duration(text)
    assert duration is not None
    assert duration.seconds is None


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1.5H3M", "P1.5M", "PT1X", "P1H", "PT1S2M"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("-P1M", datetime(2024, 2, 29)),
        ("-P1Y", datetime(2023, 3, 31)),
        ("P13M", datetime(2025, 4, 30)),
        ("-P0Y0M1DT", datetime(2024, 3, 30)),
        ("-PT0.5S", datetime(2024, 3, 30, 23, 59, 59, 500000)),
    ],
)
def test_dates_move_by_the_calendar(text: str, moved: datetime) -> None:
    duration = parse_duration(text)
    assert duration is not None
    assert duration.after(datetime(2024, 3, 31)) == moved


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1997-09-02T00:00:12Z", datetime(1997, 9, 2, 0, 0, 12)),
        ("1997-09-02T00:00:12", datetime(1997, 9, 2, 0, 0, 12)),
        ("1997-09-02 00:00:12.25", datetime(1997, 9, 2, 0, 0, 12, 250000)),
        ("1997-09-02T02:00:12+02:00", datetime(1997, 9, 2, 0, 0, 12)),
        ("1997-09-02T00:00:12.123456789Z", datetime(1997, 9, 2, 0, 0, 12, 123456)),
        ("1997-09-02", datetime(1997, 9, 2)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1)),
        ("02/09/1997", None),
        ("1997-02-30", None),
        ("1997-09-02T25:00:00", None),
        ("", None),
    ],
)
def test_dates(text: str, moment: datetime | None) -> None:
    assert parse_date(text) == moment
