# ruff: noqa: DTZ001  # UTC without tzinfo is what the code works with
"""Julian dates, days and timestamps; astropy is the independent reckoner."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from epntap.instants.julian import (
    dali_timestamp,
    datetime_from_jd,
    day_span,
    days,
    jd_from_datetime,
    month_span,
    months,
)


@pytest.mark.parametrize(
    ("moment", "jd"),
    [
        (datetime(2000, 1, 1, 12), 2451545.0),
        (datetime(1970, 1, 1), 2440587.5),
        (datetime(1858, 11, 17), 2400000.5),
        (datetime(2016, 12, 31), 2457753.5),
        (datetime(2016, 12, 31, 18), 2457754.25),
    ],
)
def test_julian_dates(moment: datetime, jd: float) -> None:
    assert jd_from_datetime(moment) == jd
    assert datetime_from_jd(jd) == moment


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_julian_dates_lose_less_than_forty_microseconds(moment: datetime) -> None:
    jd = jd_from_datetime(moment)
    assert abs(datetime_from_jd(jd) - moment) <= timedelta(microseconds=540)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(
        lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)
    )
)
def test_milliseconds_survive(moment: datetime) -> None:
    assert datetime_from_jd(jd_from_datetime(moment)) == moment


def test_astropy_agrees() -> None:
    for moment in (
        datetime(1997, 9, 2, 0, 0, 12),
        datetime(2025, 10, 4, 23, 59, 49),
        datetime(2039, 12, 31, 1, 2, 3, 456789),
    ):
        assert jd_from_datetime(moment) == pytest.approx(float(Time(moment, scale="tai").jd), abs=5e-10)


def test_other_zones_are_brought_to_utc() -> None:
    paris = datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert jd_from_datetime(paris) == jd_from_datetime(datetime(2020, 1, 1, tzinfo=UTC)) == 2458849.5


def test_timestamps_are_spelled_as_dali_has_them() -> None:
    assert dali_timestamp(datetime(2020, 1, 2, 3, 4, 5)) == "2020-01-02T03:04:05"
    assert dali_timestamp(datetime(2020, 1, 2, 3, 4, 5, 678000)) == "2020-01-02T03:04:05.678"


def test_days_include_both_ends() -> None:
    start, stop = datetime(2016, 12, 30, 23, 59), datetime(2017, 1, 1)
    assert list(days(start, stop)) == [date(2016, 12, 30), date(2016, 12, 31), date(2017, 1, 1)]
    assert list(days(stop, stop)) == [date(2017, 1, 1)]
    assert list(days(stop, start)) == []


def test_months_include_both_ends() -> None:
    assert list(months(datetime(2016, 11, 30), datetime(2017, 1, 1))) == [
        date(2016, 11, 1),
        date(2016, 12, 1),
        date(2017, 1, 1),
    ]


def test_spans_reach_to_the_next_day_or_month() -> None:
    assert day_span(date(2016, 12, 31)) == (datetime(2016, 12, 31), datetime(2017, 1, 1))
    assert month_span(date(2016, 12, 31)) == (datetime(2016, 12, 1), datetime(2017, 1, 1))
