"""Times of events: every spelling that comes, and the one that leaves. UTC, microseconds, years 1 to 9999."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eventtables.model import Instants

__all__ = [
    "NO_TIME",
    "DayCount",
    "all_match",
    "are_counted",
    "instant_of",
    "instants_of",
    "is_time",
    "julian_dates",
    "spelled",
]

NO_TIME = np.datetime64("NaT", "us")
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d*)?)?)?(?:Z|\+00:?00)?", re.ASCII | re.IGNORECASE
)
_PLAIN = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?"
_SEPARATORS = re.compile(r"[-:/T\s]+")
_DAY_US = 86_400_000_000
#: Julian date of 1970-01-01
_EPOCH_JD = 2_440_587.5
_FIRST, _AFTER = np.datetime64("0001-01-01", "us"), np.datetime64("10000-01-01", "us")
_EXPECTED = "expected a time in UTC such as 2001-02-03T04:05:06.789"


class DayCount:
    """How the first of January is counted where days are counted by year; and which numbers have been seen."""

    def __init__(self, first: int | None = None) -> None:
        #: 0, as AMDA's help has it, unless it is said
        self.first = 0 if first is None else first
        self.is_chosen = first is not None
        self.is_used = False

    def date(self, year: int, day: int) -> datetime:
        """The day. Raises ValueError."""
        self.is_used = True
        if not self.first <= day < self.first + 365 + calendar.isleap(year):
            raise ValueError(f"day {day} is not in the year {year}, if the first of January is day {self.first}")
        return datetime(year, 1, 1) + timedelta(days=day - self.first)  # noqa: DTZ001  # UTC throughout


def all_match(texts: Sequence[str], pattern: str) -> bool:
    """Whether each text is of a pattern as a whole. No loop of Python: files have millions of texts."""
    try:
        found = pc.match_substring_regex(pa.array(texts, pa.string()), f"^(?:{pattern})$", ignore_case=False)
    except UnicodeEncodeError:  # half a letter, as JSON can have it
        return False
    return bool(pc.all(found, min_count=0).as_py())


def is_time(text: str) -> bool:
    """Whether it is spelled by ISO 8601, to the day or closer."""
    return _ISO.fullmatch(text.strip()) is not None


def instant_of(text: str) -> np.datetime64:
    """One time of ISO 8601. Raises ValueError."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{_EXPECTED}, found {text[:40]!r}")
    day, clock, second, fraction = found.groups()
    leap = second == "60"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{'59' if leap else second or '00'}")
    except ValueError:
        raise ValueError(f"there is no time {text[:40]!r}") from None
    if leap and clock != "23:59":
        raise ValueError(f"there is no time {text[:40]!r}")
    microseconds = int((fraction or ".")[1:7].ljust(6, "0"))
    # a leap second has no number of its own: it is the second that follows
    found_us = np.datetime64(moment, "us") + np.timedelta64(microseconds + 1_000_000 * leap, "us")
    if found_us >= _AFTER:
        raise ValueError(f"{text[:40]!r} is after the year 9999")
    return found_us


def instants_of(texts: Sequence[str]) -> Instants:
    """Times of ISO 8601; none where there is no text. Raises ValueError, which says nothing of the place."""
    plain = [text.strip() for text in texts]
    if all_match(plain, _PLAIN):
        try:
            found = np.array(plain, dtype="datetime64[us]")
        except ValueError:
            pass  # said of one of them below
        else:
            return _counted(found)
    return np.array([instant_of(text) if text else NO_TIME for text in plain], dtype="datetime64[us]").reshape(-1)


def are_counted(times: Instants) -> bool:
    """Whether all are within the years 1 to 9999."""
    return bool(((times >= _FIRST) & (times < _AFTER)).all())


def _counted(found: Instants) -> Instants:
    if not are_counted(found):
        raise ValueError("there is no year 0")
    return found


def interval_of_numbers(line: str, days: DayCount) -> tuple[np.datetime64, np.datetime64] | None:
    """`Y M D h m s` or `Y DOY h m s` twice, with any of `-:/T` and blanks between; None for anything else.

    Raises ValueError for a time that does not exist.
    """
    numbers = [part for part in _SEPARATORS.split(line.strip()) if part]
    if len(numbers) not in {10, 12} or not all(re.fullmatch(r"\d+(\.\d*)?", part, re.ASCII) for part in numbers):
        return None
    half = len(numbers) // 2
    return _moment(numbers[:half], days), _moment(numbers[half:], days)


def _moment(numbers: Sequence[str], days: DayCount) -> np.datetime64:
    *whole, seconds = numbers
    if not all(part.isdigit() for part in whole):
        raise ValueError(f"expected whole numbers but for the seconds, found {' '.join(numbers)[:60]!r}")
    year, *date, hour, minute = map(int, whole)
    if len(date) == 1:
        found = days.date(year, date[0])
        day = f"{found:%m-%d}"
    else:
        day = f"{date[0]:02}-{date[1]:02}"
    second, _, fraction = seconds.partition(".")
    return instant_of(f"{year:04}-{day}T{hour:02}:{minute:02}:{int(second):02}.{fraction}")


def spelled(times: Instants, decimals: int = 3) -> list[str]:
    """Times as all clients of tables read them: `2001-02-03T04:05:06.789`; with six decimals where one needs them.

    Where there is no time there is no text.
    """
    known = times[~np.isnat(times)]
    fine = decimals < 6 and bool((known.astype(np.int64) % 1000).any())
    texts = np.datetime_as_string(times, unit="us" if fine or decimals > 3 else "ms").tolist()
    return ["" if text == "NaT" else text for text in texts]


def julian_dates(times: Instants) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Julian dates (UTC), the nearest doubles; NaN where there is no time."""
    microseconds = times.astype(np.int64)
    days, rest = np.divmod(microseconds, _DAY_US)
    found = (days + _EPOCH_JD) + rest / _DAY_US
    return np.where(np.isnat(times), np.nan, found)
