"""Which values of a variable its own FILLVAL means, whatever type a file gives that in.

Files write FILLVAL in another type than their data: as text, as a number of other width or sign, or one for each
component. Times are not looked at here: see `epochs.is_fill`.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from epntap.cdf.variable import Variable

__all__ = ["is_fill", "plain_fill"]

#: variables whose fills are kept: files of one dataset share them
_MOST_KEPT = 1 << 10
_INTEGER = re.compile(r"[+-]?\d+")


def plain_fill(variable: Variable) -> Any:  # a scalar of the variable's type
    """Return FILLVAL as the one value of the variable's own type that it means; None if there is none such."""
    found = _fills(variable)
    return found[()] if found is not None and found.dtype == variable.dtype and not found.ndim else None


def is_fill(variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Return which values are fills, None if none can be; shape of `values`, which is (n, *dims)."""
    fills = _fills(variable)
    if fills is None:
        return None
    if fills.dtype.kind == "f":
        # a fill in fewer bits stands for whatever has these bits
        with np.errstate(over="ignore", invalid="ignore"):
            alike = values if values.dtype == fills.dtype else values.astype(fills.dtype)
        found: npt.NDArray[np.bool_] = alike == fills
        missing = np.isnan(fills)
        return found | (np.isnan(values) & missing) if missing.any() else found
    same: npt.NDArray[np.bool_] = values == fills
    return same


def may_be_missing(variable: Variable, low: npt.NDArray[Any], high: npt.NDArray[Any]) -> bool:
    """Whether there may be a fill or NaN among values between these, shape (components, n); NaN where one is there.

    So whoever knows the limits of values need not look at each of them.
    """
    if low.dtype.kind == "f" and bool(np.isnan(low).any()):
        return True
    fills = _fills(variable)
    if fills is None:
        return False
    if fills.dtype.kind == "f":
        # what is rounded keeps its order
        with np.errstate(over="ignore"):
            low, high = low.astype(fills.dtype, copy=False), high.astype(fills.dtype, copy=False)
    each = fills.reshape(-1, 1)
    return bool(((low <= each) & (each <= high)).any())


@lru_cache(maxsize=_MOST_KEPT)
def _fills(variable: Variable) -> npt.NDArray[Any] | None:
    """FILLVAL as numbers that values are compared with: shape (), or that of a record."""
    entry = variable.attributes.get("FILLVAL")
    if entry is None or variable.cdf_type.is_text or variable.cdf_type.is_epoch:
        return None
    stored = _parsed(entry.value) if isinstance(entry.value, str) else entry.value
    if stored is None or not stored.size or stored.dtype.kind not in "iuf":
        return None
    one_each = len(variable.dims) > 0 and stored.size > 1 and stored.size == np.prod(variable.dims)
    fills = stored.reshape(variable.dims) if one_each and len(set(stored.tolist())) > 1 else stored[0]
    return _in_type(np.asarray(fills), variable.dtype)


def _parsed(text: str) -> npt.NDArray[Any] | None:
    word = text.strip()
    try:
        number = int(word) if _INTEGER.fullmatch(word) else float(word)
        return np.array([number])
    except (ValueError, OverflowError):
        return None


def _in_type(fills: npt.NDArray[Any], wanted: np.dtype[Any]) -> npt.NDArray[Any] | None:
    if wanted.kind == "f":
        if fills.dtype.kind == "f" and fills.dtype.itemsize < wanted.itemsize:
            return fills
        with np.errstate(over="ignore", invalid="ignore"):
            converted = fills.astype(wanted)
        return converted if np.array_equal(np.isinf(converted), np.isinf(fills)) else None
    signs = fills.dtype.kind in "iu" and fills.dtype.itemsize == wanted.itemsize
    values = [_whole(number, wanted, signs=signs) for number in fills.reshape(-1).tolist()]
    if any(value is None for value in values):
        return None
    return np.array(values, wanted).reshape(fills.shape)


def _whole(number: float, wanted: np.dtype[Any], *, signs: bool) -> int | None:
    """The number as one of an integer type; with `signs`, as the one of the same bits (UINT2 65535 for INT2 -1)."""
    if not math.isfinite(number) or number != int(number):
        return None
    whole, limits = int(number), np.iinfo(wanted)
    if limits.min <= whole <= limits.max:
        return whole
    if not signs:
        return None
    return whole + (1 << limits.bits) if whole < 0 else whole - (1 << limits.bits)
