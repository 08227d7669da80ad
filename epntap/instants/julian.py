"""Julian dates, calendar days and DALI timestamps. UTC throughout, days of 86400 seconds. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

__all__ = [
    "dali_timestamp",
    "datetime_from_jd",
    "day_span",
    "days",
    "jd_from_datetime",
    "month_span",
    "months",
]

_MICROSECONDS_PER_DAY = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)
_ORIGIN = datetime(2000, 1, 1, 12)  # noqa: DTZ001  # UTC without tzinfo, as in archive.model
_ORIGIN_JD = 2_451_545
_ONE_DAY = timedelta(days=1)


def _naive_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def jd_from_datetime(moment: datetime) -> float:
    """The nearest double to the Julian date of a moment (UTC; without tzinfo it is taken as UTC).

    A double holds today's dates to about 40 microseconds (EPN-TAP 2.0 §2.1).
    """
    microseconds = (_naive_utc(moment) - _ORIGIN) // _MICROSECOND
    # one division of integers, so the result is rounded once
    return (microseconds + _ORIGIN_JD * _MICROSECONDS_PER_DAY) / _MICROSECONDS_PER_DAY


def datetime_from_jd(jd: float) -> datetime:
    """The moment of a Julian date, UTC without tzinfo, rounded to the millisecond."""
    milliseconds = round((Fraction(jd) - _ORIGIN_JD) * 86_400_000)
    return _ORIGIN + timedelta(milliseconds=milliseconds)


def dali_timestamp(moment: datetime) -> str:
    """A moment as DALI writes it (DALI 1.1 §3.3.3): `2016-12-31T23:59:59`, with milliseconds where there are some."""
    moment = _naive_utc(moment)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision)


def days(start: datetime, stop: datetime) -> Iterator[date]:
    """Every UTC day from that of `start` to that of `stop`, both included; none if `stop` is on an earlier day."""
    day, last = _naive_utc(start).date(), _naive_utc(stop).date()
    while day <= last:
        yield day
        day += _ONE_DAY


def months(start: datetime, stop: datetime) -> Iterator[date]:
    """The first day of every UTC month from that of `start` to that of `stop`, both included."""
    day, last = _naive_utc(start).date().replace(day=1), _naive_utc(stop).date()
    while day <= last:
        yield day
        day = _next_month(day)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def day_span(day: date) -> tuple[datetime, datetime]:
    """Start of a day and start of the next."""
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # UTC without tzinfo
    return start, start + _ONE_DAY


def month_span(day: date) -> tuple[datetime, datetime]:
    """Start of the month of a day and start of the next month."""
    first = day.replace(day=1)
    return day_span(first)[0], day_span(_next_month(first))[0]
