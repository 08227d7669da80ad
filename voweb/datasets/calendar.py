"""Coverage over the years as a picture of vectors, and one year as a calendar. No I/O here."""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

__all__ = ["Day", "Year", "days_of", "jd_of", "month_rows", "years_of"]

#: Julian date of the midnight before ordinal 0
_JD_OF_ORDINAL_ZERO = 1_721_424.5
_LAST_ORDINAL = date.max.toordinal()
#: rows of the picture; what is earlier is said, not drawn
MOST_YEARS = 100


@dataclass(frozen=True, slots=True)
class Year:
    """One row: days with granules as the path of a picture of 366 by 10 units, and how many there are."""

    number: int
    path: str
    days: int


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a calendar."""

    number: int
    #: of the first granule that reaches into it; empty for none
    granule_uid: str = ""
    count: int = 0


def jd_of(day: date) -> float:
    """The Julian date of its midnight (UTC)."""
    return _JD_OF_ORDINAL_ZERO + day.toordinal()


def days_of(spans: Iterable[tuple[float, float]]) -> list[tuple[int, int]]:
    """Runs of days that granules reach into, as ordinals, both ends inclusive; `spans` are ordered by their start.

    A granule that ends at midnight has nothing of the next day. Years before 1 and after 9999 are left out.
    """
    runs: list[tuple[int, int]] = []
    for start, stop in spans:
        first = max(math.floor(start - _JD_OF_ORDINAL_ZERO), 1)
        last = stop - _JD_OF_ORDINAL_ZERO
        last = min(math.ceil(last) - 1 if last > first else first, _LAST_ORDINAL)
        if last < first:
            continue
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(runs[-1][1], last))
        else:
            runs.append((first, last))
    return runs


def years_of(runs: Sequence[tuple[int, int]]) -> list[Year]:
    """The years from the first to the last with a granule, at most a hundred up to the last."""
    if not runs:
        return []
    first, last = date.fromordinal(runs[0][0]).year, date.fromordinal(runs[-1][1]).year
    first = max(first, last - MOST_YEARS + 1)
    paths: dict[int, list[str]] = {}
    counts: dict[int, int] = {}
    for start, stop in runs:
        for number in range(max(date.fromordinal(start).year, first), date.fromordinal(stop).year + 1):
            begin, end = date(number, 1, 1).toordinal(), date(number, 12, 31).toordinal()
            left, right = max(start, begin), min(stop, end)
            paths.setdefault(number, []).append(f"M{left - begin} 0h{right - left + 1}v10h-{right - left + 1}z")
            counts[number] = counts.get(number, 0) + right - left + 1
    return [Year(number, "".join(paths.get(number, ())), counts.get(number, 0)) for number in range(first, last + 1)]


def month_rows(year: int, granules: Iterable[tuple[str, float, float]]) -> list[tuple[str, list[Day]]]:
    """The months of a year, each with its days; granules are granule_uid, first and last instant, in order of time."""
    begin, end = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    held: dict[int, tuple[str, int]] = {}
    for uid, start, stop in granules:
        for first, last in days_of([(start, stop)]):
            for ordinal in range(max(first, begin), min(last, end) + 1):
                known = held.get(ordinal)
                held[ordinal] = (known[0], known[1] + 1) if known else (uid, 1)
    return [(calendar.month_abbr[month], _days(year, month, held)) for month in range(1, 13)]


def _days(year: int, month: int, held: Mapping[int, tuple[str, int]]) -> list[Day]:
    count = calendar.monthrange(year, month)[1]
    return [Day(day, *held.get(date(year, month, day).toordinal(), ("", 0))) for day in range(1, count + 1)]
