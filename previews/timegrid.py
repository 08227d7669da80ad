"""The pixel grid: ends of intervals at whole pixels of a round width, so that nearly equal requests are one picture."""

from __future__ import annotations

from typing import Final

import numpy as np

from cutouts.interval import Interval
from epntap.cdf import MAX_TT2000, MIN_TT2000
from epntap.instants.leapseconds import DAY_NS, offsets

__all__ = ["MIN_SHOWN_NS", "aligned", "labels_of"]

_MS: Final = 1_000_000
_S: Final = 1000 * _MS
_MIN: Final = 60 * _S
_HOUR: Final = 60 * _MIN
#: a shorter interval is shown with room on both sides
MIN_SHOWN_NS: Final = _MS
#: widths of a pixel, rising; each divides the day, or is some days
_STEPS: Final = (
    *(digit * 10**power for power in range(9) for digit in (1, 2, 5)),
    *(number * _S for number in (1, 2, 5, 10, 15, 30)),
    *(number * _MIN for number in (1, 2, 5, 10, 15, 30)),
    *(number * _HOUR for number in (1, 2, 3, 6, 12)),
    *(number * DAY_NS for number in (1, 2, 5, 10, 20, 50)),
)


def labels_of(instants: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """What the clock shows at these TT2000, as nanoseconds since 2000-01-01T00:00:00 with days of 86 400 s."""
    labels, leap = offsets().to_labels(instants)
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = labels - (leap >= 0)
    return found


def aligned(interval: Interval, pixels: int) -> Interval:
    """The interval with its ends moved out to the grid, each by less than a pixel. Not for an empty one."""
    start, stop = _shown(interval.start_tt2000), _shown(interval.stop_tt2000 - 1) + 1
    if stop - start < MIN_SHOWN_NS:
        start -= (MIN_SHOWN_NS - (stop - start)) // 2
        stop = start + MIN_SHOWN_NS
    step = max((one for one in _STEPS if one * pixels <= stop - start), default=1)
    ends = offsets().to_instants(np.array([start // step * step, -(-stop // step) * step]))
    first, last = (int(one) for one in ends)
    # within a leap second the clock shows one label only
    return Interval(
        max(min(first, interval.start_tt2000), MIN_TT2000), min(max(last, interval.stop_tt2000), MAX_TT2000)
    )


def _shown(tt2000: int) -> int:
    return int(labels_of(np.array([tt2000]))[0])
