"""Bins of UTC: widths that divide the day, counted from one origin. A leap second belongs to the last bin of its day.

A label is what the clock shows, as nanoseconds since 2000-01-01T00:00:00 when every day counts 86 400 s; a bin is the
labels from `number * width` up to, not including, `(number + 1) * width`. The width may be some days, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from cutouts.interval import Interval
from epntap.instants.leapseconds import DAY_NS, offsets

__all__ = [
    "DAY_NS",
    "STORED_NS",
    "bins_within",
    "day_number",
    "days_of_year",
    "first_bin",
    "instants_of",
    "labels_of",
    "last_bin",
    "levels_from",
    "periods_of",
    "shown_at",
    "widest_within",
    "width_for",
    "year_of",
]

#: widths that are stored, rising: a quarter of a day again and again, as long as whole nanoseconds come out, and
#: thirds below that
STORED_NS: Final = (
    *(DAY_NS // 4**8 // 3**power for power in (3, 2, 1)),
    *(DAY_NS // 4**power for power in range(8, -1, -1)),
)
#: a reader may join days to bins of so many
_MOST_DAYS: Final = 4**8
_DAY_ZERO: Final = date(2000, 1, 1).toordinal()


def labels_of(instants: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Labels of TT2000, shape (n,); those within a leap second lie in the last nanosecond of its day."""
    labels, leap = offsets().to_labels(instants)
    return labels - (leap >= 0)


def instants_of(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """TT2000 at which the clock begins to show these labels, shape (n,)."""
    return offsets().to_instants(labels)


def shown_at(tt2000: int) -> int:
    """The label of one instant."""
    label = offsets().to_label(tt2000)
    return label.ns - (label.leap_ns is not None)


def levels_from(base_ns: int) -> tuple[int, ...]:
    """The stored widths from a base on, rising."""
    return tuple(width for width in STORED_NS if width >= base_ns)


@cache
def _widths() -> tuple[int, ...]:
    """All widths that a reader may give, falling."""
    days = [DAY_NS * 4**power for power in range(8, 0, -1)]
    fine, below = [], STORED_NS[0] // 4
    while below:
        fine.append(below)
        below //= 4
    return (*days, *reversed(STORED_NS), *fine)


def width_for(interval: Interval, points: int) -> int:
    """The widest width of which at least so many bins meet an interval; at most four times as many do.

    Widths below the stored ones need not divide the day.
    """
    first, last = shown_at(interval.start_tt2000), shown_at(interval.stop_tt2000 - 1)
    for width in _widths():
        if last // width - first // width + 1 >= points:
            return width
    return _widths()[-1]


def widest_within(width_ns: int) -> int:
    """The widest width that is not above this one, which is at least a nanosecond; more than a quarter of it, unless
    it is above all.
    """  # noqa: D205  # one sentence
    return next((width for width in _widths() if width <= width_ns), 1)


def first_bin(interval: Interval, width: int) -> int:
    """Number of the first bin that begins in an interval, not before it."""
    number = shown_at(interval.start_tt2000) // width
    return number if offsets().to_instant(number * width) >= interval.start_tt2000 else number + 1


def last_bin(interval: Interval, width: int) -> int:
    """Number of the bin after the last one that ends in an interval, not after it."""
    number = shown_at(interval.stop_tt2000 - 1) // width + 1
    return number if offsets().to_instant(number * width) <= interval.stop_tt2000 else number - 1


def bins_within(interval: Interval, width: int) -> range:
    """Numbers of the bins that lie in an interval as a whole."""
    first = first_bin(interval, width)
    return range(first, max(first, last_bin(interval, width)))


def day_number(day: date) -> int:
    """Number of the bin of one day that is this day."""
    return day.toordinal() - _DAY_ZERO


def days_of_year(year: int) -> range:
    """Numbers of its days."""
    return range(day_number(date(year, 1, 1)), day_number(date(year + 1, 1, 1)))


def year_of(day: int) -> int:
    """The year of a day."""
    return date.fromordinal(day + _DAY_ZERO).year


def periods_of(year: int, kind: str) -> Iterator[tuple[str, range]]:
    """The periods of a kind (year, month, day) that make a year: name such as `2016-12`, and numbers of their days."""
    match kind:
        case "year":
            yield f"{year:04}", days_of_year(year)
        case "month":
            for month in range(1, 13):
                first = day_number(date(year, month, 1))
                last = day_number(date(year + month // 12, month % 12 + 1, 1))
                yield f"{year:04}-{month:02}", range(first, last)
        case _:
            for day in days_of_year(year):
                yield date.fromordinal(day + _DAY_ZERO).isoformat(), range(day, day + 1)
