"""TT2000 and CDF_EPOCH of UTC days, in closed form: TT = UTC + (TAI - UTC) + 32.184 s, zero at 2000-01-01T12:00 TT."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

__all__ = ["DAY_NS", "in_leap_second", "midnight_tt2000", "to_cdf_epoch"]

DAY_NS = 86_400_000_000_000
_SECOND_NS = 1_000_000_000
_NOON_NS = DAY_NS // 2
_TT_MINUS_TAI_NS = 32_184_000_000
#: milliseconds from 0000-01-01 to 2000-01-01 (730 485 days)
_YEAR_2000_MS = 730_485 * 86_400_000
_J2000 = date(2000, 1, 1)
#: the first day of each value of TAI - UTC since 2000 (IERS Bulletin C)
_TAI_MINUS_UTC = (
    (date(2000, 1, 1), 32),
    (date(2006, 1, 1), 33),
    (date(2009, 1, 1), 34),
    (date(2012, 7, 1), 35),
    (date(2015, 7, 1), 36),
    (date(2017, 1, 1), 37),
)


def midnight_tt2000(day: date) -> int:
    """TT2000 of the beginning of a UTC day from 2000 on."""
    seconds = max(value for first, value in _TAI_MINUS_UTC if first <= day)
    return (day - _J2000).days * DAY_NS - _NOON_NS + seconds * _SECOND_NS + _TT_MINUS_TAI_NS


def _leap_seconds() -> NDArray[np.int64]:
    """TT2000 of the beginning of each leap second."""
    return np.array([midnight_tt2000(first) - _SECOND_NS for first, _ in _TAI_MINUS_UTC[1:]], np.int64)


def in_leap_second(epochs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which instants (TT2000) CDF_EPOCH cannot say."""
    leaps = _leap_seconds()
    place = np.searchsorted(leaps, epochs, side="right") - 1
    return (place >= 0) & (epochs - leaps[np.maximum(place, 0)] < _SECOND_NS)


def to_cdf_epoch(epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """CDF_EPOCH (milliseconds of UTC) of instants (TT2000) outside leap seconds."""
    changes = np.array([midnight_tt2000(first) for first, _ in _TAI_MINUS_UTC], np.int64)
    values = np.array([value for _, value in _TAI_MINUS_UTC], np.int64)
    seconds = values[np.searchsorted(changes, epochs, side="right") - 1]
    utc_ns = epochs - seconds * _SECOND_NS - _TT_MINUS_TAI_NS + _NOON_NS
    return utc_ns / 1e6 + _YEAR_2000_MS
