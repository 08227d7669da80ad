"""Times of the sample archive: a steady clock over the week, leap second included."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from cdflib import cdfepoch
from numpy.typing import NDArray

__all__ = ["clock", "day_bounds", "to_cdf_epoch"]

Epochs = NDArray[np.int64]

_SECOND_NS = 1_000_000_000


def _midnight(day: date) -> int:
    return int(cdfepoch.compute_tt2000([day.year, day.month, day.day, 0, 0, 0, 0, 0, 0]))


def day_bounds(day: date) -> tuple[int, int]:
    """Start of a UTC day and of the next as TT2000; the last of 2016 has 86401 seconds."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def clock(first: date, last: date, step_s: int) -> Epochs:
    """TT2000 of every tick from the start of the first day to the end of the last."""
    return np.arange(_midnight(first), _midnight(last + timedelta(days=1)), step_s * _SECOND_NS, dtype=np.int64)


def to_cdf_epoch(epochs: Epochs) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """CDF_EPOCH values, and which of the given times have one: a leap second has none."""
    parts = cdfepoch.breakdown_tt2000(epochs)
    representable: NDArray[np.bool_] = parts[:, 5] < 60  # seconds of a minute without a leap second
    return np.asarray(cdfepoch.compute_epoch(parts[representable, :7]), dtype=np.float64), representable
