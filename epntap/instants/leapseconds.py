"""How far UTC is from uniform time: the one table behind every conversion of instants.

An instant is a TT2000: nanoseconds of Terrestrial Time since 2000-01-01T12:00:00 TT. A label is what a UTC
clock shows, as nanoseconds since 2000-01-01T00:00:00 when every day counts 86 400 s. Labels repeat or skip
at leap seconds, instants do not. Before 1972 the CDF library steps UTC by a millisecond or two every
midnight, and by tenths of a second at some; before 1960 there is no step.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from cdflib.epochs import CDFepoch

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["DAY_NS", "SECOND_NS", "Label", "OffsetTable", "leap_days", "offsets"]

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
_DAY_ZERO: Final = date(2000, 1, 1).toordinal()
_MJD_ZERO: Final = date(1858, 11, 17).toordinal()
#: TT - TAI, and J2000 is at noon
_SHIFT_NS: Final = 32_184_000_000 - DAY_NS // 2
_UNIFORM_SINCE: Final = 1972


@dataclass(frozen=True, slots=True)
class Label:
    """What the clock shows: nanoseconds since 2000-01-01, and how far into a leap second it is."""

    #: during a leap second, the midnight after it
    ns: int
    #: nanoseconds since 23:59:60 during a leap second, else None
    leap_ns: int | None = None


class OffsetTable:
    """TAI-UTC by day, with conversions between instants and labels."""

    def __init__(self, label_starts: list[int], offsets_ns: list[int]) -> None:
        self._label_starts = label_starts
        self._offsets = offsets_ns
        self._instant_starts = [start + _SHIFT_NS + step for start, step in zip(label_starts, offsets_ns, strict=True)]
        self._label_array = np.array(label_starts, np.int64)
        self._offset_array = np.array(offsets_ns, np.int64)
        self._instant_array = np.array(self._instant_starts, np.int64)

    def to_instant(self, label_ns: int) -> int:
        """Return the TT2000 of a label; a label that UTC skipped is the midnight after it."""
        number = bisect_right(self._label_starts, label_ns)
        instant = label_ns + _SHIFT_NS + (self._offsets[number - 1] if number else 0)
        return min(instant, self._instant_starts[number]) if number < len(self._offsets) else instant

    def to_label(self, instant: int) -> Label:
        """Return what the clock shows at a TT2000."""
        number = bisect_right(self._instant_starts, instant)
        label = instant - _SHIFT_NS - (self._offsets[number - 1] if number else 0)
        if number < len(self._offsets) and label >= self._label_starts[number]:
            return Label(self._label_starts[number], label - self._label_starts[number])
        return Label(label)

    def first_label(self, instant: int) -> int:
        """Return the first label whose instant is not before a TT2000: at a midnight, what was skipped before it."""
        number = bisect_right(self._instant_starts, instant) - 1
        label = self.to_label(instant).ns
        if number < 0 or self._instant_starts[number] != instant:
            return label
        return label - max((self._offsets[number - 1] if number else 0) - self._offsets[number], 0)

    def leap_ns_before(self, label_ns: int) -> int:
        """Return how long 23:59:60 lasts before this midnight; 0 on most days."""
        number = bisect_right(self._label_starts, label_ns) - 1
        if number < 0 or self._label_starts[number] != label_ns:
            return 0
        return max(self._offsets[number] - (self._offsets[number - 1] if number else 0), 0)

    def to_instants(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """As `to_instant`, shape (n,)."""
        number = np.searchsorted(self._label_array, labels, side="right")
        instants = labels + (_SHIFT_NS + np.where(number > 0, self._offset_array[number - 1], 0))
        following = np.append(self._instant_array, np.iinfo(np.int64).max)[number]
        clipped: npt.NDArray[np.int64] = np.minimum(instants, following)
        return clipped

    def to_labels(self, instants: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return labels and, per label, nanoseconds since 23:59:60 or -1 outside leap seconds; both shape (n,)."""
        shift = self._common_shift(instants)
        if shift is not None:
            return instants - shift, np.full(len(instants), -1)
        number = np.searchsorted(self._instant_array, instants, side="right")
        labels = instants - (_SHIFT_NS + np.where(number > 0, self._offset_array[number - 1], 0))
        following = np.append(self._label_array, np.iinfo(np.int64).max)[number]
        return np.minimum(labels, following), np.where(labels >= following, labels - following, -1)

    def _common_shift(self, instants: npt.NDArray[np.int64]) -> int | None:
        """What all these instants have to have taken away to become labels; None where they differ."""
        if not len(instants):
            return 0
        first, last = int(instants.min()), int(instants.max())
        number = bisect_right(self._instant_starts, first)
        shift = _SHIFT_NS + (self._offsets[number - 1] if number else 0)
        is_before = number == len(self._offsets) or last - shift < self._label_starts[number]
        return shift if is_before and bisect_right(self._instant_starts, last) == number else None


@cache
def offsets() -> OffsetTable:
    """Return the table that cdflib carries (or finds through CDF_LEAPSECONDSTABLE), day by day before 1972."""
    rows = CDFepoch.LTS
    starts: list[int] = []
    steps: list[int] = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        year, month, day = (int(number) for number in row[:3])
        tai_utc, drift_since, drift = row[3:6]
        first = date(year, month, day).toordinal()
        drifting = year < _UNIFORM_SINCE and following is not None
        last = date(*(int(number) for number in following[:3])).toordinal() if drifting else first + 1
        for ordinal in range(first, last):
            # the drift at noon, in doubles and cut off, as the library has it: files hold the result
            seconds = tai_utc + ((ordinal - _MJD_ZERO + 0.5) - drift_since) * drift
            starts.append((ordinal - _DAY_ZERO) * DAY_NS)
            steps.append(int(seconds * SECOND_NS))
    return OffsetTable(starts, steps)


@cache
def leap_days() -> tuple[tuple[str, int], ...]:
    """Return the days since 1972 that began with another offset, as `2017-01-01`, and the TT2000 of their midnights."""
    days = [date(*(int(number) for number in row[:3])) for row in CDFepoch.LTS]
    table = offsets()
    return tuple(
        (day.isoformat(), table.to_instant((day.toordinal() - _DAY_ZERO) * DAY_NS))
        for day in days
        if day.year >= _UNIFORM_SINCE
    )
