"""Instants of ISO 8601 as clients ask for them: `2016-12-31T23:59:60.5Z`, by month or day of year, cut off anywhere."""

from __future__ import annotations

import calendar
import re

from epntap.instants.leapseconds import SECOND_NS
from epntap.instants.tt2000 import FIRST_YEAR, LAST_YEAR, MAX_TT2000, MIN_TT2000, InstantError, parse_utc

__all__ = ["first_instant"]

_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<doy>[0-9]{3})|-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
    r"(?P<clock>T(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]*))?)?)?)?Z?",
    re.ASCII,
)
_DECIMALS = 9
_LEAP_YEAR, _COMMON_YEAR = 2000, 2001


def first_instant(text: str) -> int:
    """The first TT2000 that is not before a time; what is cut off is the smallest. Raises InstantError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise InstantError("expected a time of ISO 8601 in UTC, such as 2016-12-31T10:00:00.5Z")
    if found["clock"] and not (found["doy"] or found["day"]):
        raise InstantError("expected a day before the time of day")
    year, month, day = _date(found)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    digits = (found["fraction"] or "").rstrip("0")
    whole_day = hour == 24
    if whole_day and (minute or second or digits):
        raise InstantError("expected nothing after hour 24")
    _check_clock(hour, minute, second)
    # other years are before or after everything
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return MIN_TT2000 if year < FIRST_YEAR else MAX_TT2000
    nanoseconds = digits[:_DECIMALS].ljust(_DECIMALS, "0")
    clock = f"{0 if whole_day else hour:02}:{minute:02}:{second:02}.{nanoseconds}"
    instant = parse_utc(f"{year:04}-{month:02}-{day:02}T{clock}Z")
    if whole_day:
        instant = parse_utc(f"{year:04}-{month:02}-{day:02}T23:59:59Z") + SECOND_NS + _leap(year, month, day)
    # what is between two nanoseconds is before the second of them
    return min(instant + (1 if digits[_DECIMALS:] else 0), MAX_TT2000)


def _date(found: re.Match[str]) -> tuple[int, int, int]:
    """Year, month and day; in years that are not counted any day that some year has."""
    year = int(found["year"])
    leap = calendar.isleap(year)
    if found["doy"]:
        doy = int(found["doy"])
        if not 1 <= doy <= 365 + leap:
            raise InstantError("expected a day of this year")
        month = 1
        while doy > (length := _days(month, leap)):
            doy -= length
            month += 1
        return year, month, doy
    month, day = int(found["month"] or 1), int(found["day"] or 1)
    if not 1 <= month <= 12 or not 1 <= day <= _days(month, leap):
        raise InstantError("expected a day of the calendar")
    return year, month, day


def _days(month: int, leap: bool) -> int:
    return calendar.monthrange(_LEAP_YEAR if leap else _COMMON_YEAR, month)[1]


def _check_clock(hour: int, minute: int, second: int) -> None:
    if hour > 24 or minute > 59 or second > 60 or (second == 60 and (hour, minute) != (23, 59)):
        raise InstantError("expected a time of day")


def _leap(year: int, month: int, day: int) -> int:
    """Nanoseconds of the leap second at the end of a day."""
    try:
        parse_utc(f"{year:04}-{month:02}-{day:02}T23:59:60Z")
    except InstantError:
        return 0
    return SECOND_NS
