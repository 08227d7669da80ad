"""Epochs as CDF files store them: their instants, their fills, and bounds to compare stored values with.

CDF_EPOCH is a double: milliseconds since year 0, fractions included. EPOCH16 is two: seconds since year 0
and picoseconds. Both count UTC without leap seconds: an instant inside a leap second has no value of its
own there, and a value that a writer meant for one reads as the second after or before. TT2000 is an int64
and says every instant.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from epntap.cdf.binary.datatypes import CdfType
from epntap.instants.leapseconds import SECOND_NS, offsets
from epntap.instants.tt2000 import FILL_TT2000, MAX_TT2000, MIN_TT2000

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["StoredInstant", "as_epochs", "bound_in", "is_fill", "select", "to_tt2000"]

#: one epoch as stored: int TT2000, float CDF_EPOCH, (seconds, picoseconds) EPOCH16
StoredInstant: TypeAlias = int | float | tuple[float, float]

_SECONDS_TO_2000: Final = 63_113_904_000
_MS_TO_2000: Final = 1000 * _SECONDS_TO_2000
_NS_PER_MS: Final = 1_000_000
_PS_PER_NS: Final = 1000
_PS_PER_S: Final = 10**12


def as_epochs(values: npt.NDArray[Any], cdf_type: CdfType) -> npt.NDArray[Any]:
    """Return values of an epoch variable of any shape as the functions here take them.

    They are int64 (n,) TT2000, float64 (n,) CDF_EPOCH, or float64 (n, 2) EPOCH16.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(np.float64).reshape(-1, 2) if cdf_type is CdfType.CDF_EPOCH16 else flat


def bound_in(cdf_type: CdfType, tt2000: int) -> StoredInstant:
    """Return the first stored value that is not before an instant.

    The answer is exact: `value >= bound_in(t, x)` holds for just those stored values whose instant is at or
    after x. A bound inside a leap second becomes the midnight after it in types that cannot say it.
    """
    if cdf_type is CdfType.CDF_TIME_TT2000:
        return tt2000
    label_ns = offsets().first_label(tt2000)
    if cdf_type is CdfType.CDF_EPOCH16:
        seconds, ns = divmod(label_ns, SECOND_NS)
        return float(seconds + _SECONDS_TO_2000), float(ns * _PS_PER_NS)
    if cdf_type is CdfType.CDF_EPOCH:
        exact = Fraction(label_ns, _NS_PER_MS) + _MS_TO_2000
        bound = float(exact)
        return bound if Fraction(bound) >= exact else math.nextafter(bound, math.inf)
    raise ValueError(f"{cdf_type.name} holds no instants")


def select(
    epochs: npt.NDArray[Any], cdf_type: CdfType, start: int, stop: int, *, closed: bool = False, fill: Any = None
) -> npt.NDArray[np.bool_]:
    """Return which stored epochs lie in [start, stop), or [start, stop] when `closed`; shape (n,).

    Takes epochs as `CdfFile.epochs` gives them. An epoch counts as the nanosecond it lies in, as `to_tt2000`
    says it: an epoch 0.5 ns after `stop` is within a closed interval. Fills are never selected, those that the file
    itself names included when it is said which (`fill`, as `Variable.fill` gives it).
    """
    selected: npt.NDArray[np.bool_]
    low = bound_in(cdf_type, max(start, MIN_TT2000))
    high = bound_in(cdf_type, min(stop, MAX_TT2000) + closed)
    if isinstance(low, tuple):
        assert isinstance(high, tuple)
        whole = (epochs[:, 1] >= 0) & (epochs[:, 1] < _PS_PER_S)
        selected = whole & _not_before(epochs, low) & ~_not_before(epochs, high)
    else:
        selected = (epochs >= low) & (epochs < high)
    if fill is None:
        return selected
    if cdf_type is CdfType.CDF_EPOCH16:
        selected &= (epochs[:, 0] != fill.real) | (epochs[:, 1] != fill.imag)
    else:
        selected &= epochs != fill
    return selected


def is_fill(epochs: npt.NDArray[Any], cdf_type: CdfType, fill: Any = None) -> npt.NDArray[np.bool_]:
    """Return which stored epochs stand for no time, shape (n,).

    These are the file's own FILLVAL (`fill`, as `Variable.fill` gives it), pad values, NaN, and whatever lies
    outside the years 1708 to 2291: -1e31, 0.0, 9999-12-31T23:59:59.999 and the lowest int64 among them.
    """
    return ~_is_valid(epochs, cdf_type, fill)


def to_tt2000(epochs: npt.NDArray[Any], cdf_type: CdfType, fill: Any = None) -> npt.NDArray[np.int64]:
    """Return instants of stored epochs, shape (n,); parts of a nanosecond are cut off, fills become FILL_TT2000."""
    valid = _is_valid(epochs, cdf_type, fill)
    if cdf_type is CdfType.CDF_TIME_TT2000:
        return np.where(valid, epochs, FILL_TT2000)
    instants = np.full(len(epochs), FILL_TT2000, np.int64)
    instants[valid] = offsets().to_instants(_labels(epochs[valid], cdf_type))
    return instants


def _is_valid(epochs: npt.NDArray[Any], cdf_type: CdfType, fill: Any) -> npt.NDArray[np.bool_]:
    # a comparison from both sides is False for NaN
    return select(epochs, cdf_type, MIN_TT2000, MAX_TT2000, closed=True, fill=fill)


def _labels(epochs: npt.NDArray[np.float64], cdf_type: CdfType) -> npt.NDArray[np.int64]:
    match cdf_type:
        case CdfType.CDF_EPOCH:
            whole = np.floor(epochs)
            # exact: the difference has few bits
            parts = np.floor((epochs - whole) * _NS_PER_MS)
            return (whole.astype(np.int64) - _MS_TO_2000) * _NS_PER_MS + parts.astype(np.int64)
        case CdfType.CDF_EPOCH16:
            seconds = epochs[:, 0].astype(np.int64) - _SECONDS_TO_2000
            return seconds * SECOND_NS + np.floor(epochs[:, 1] / _PS_PER_NS).astype(np.int64)
        case _:
            raise ValueError(f"{cdf_type.name} holds no labels")


def _not_before(epochs: npt.NDArray[np.float64], bound: tuple[float, float]) -> npt.NDArray[np.bool_]:
    seconds, picoseconds = epochs[:, 0], epochs[:, 1]
    later: npt.NDArray[np.bool_] = (seconds > bound[0]) | ((seconds == bound[0]) & (picoseconds >= bound[1]))
    return later
