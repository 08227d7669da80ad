"""The data types of CDF and how numpy sees them."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

__all__ = ["EPOCH_TYPES", "CdfType", "ElementType", "element_type"]

# numpy arrays of any element type: which one is only known from the file
ElementType: TypeAlias = np.dtype[Any]


class CdfType(IntEnum):
    """A data type by its number in the file (CDF Internal Format Description, table 3.4)."""

    CDF_INT1 = 1
    CDF_INT2 = 2
    CDF_INT4 = 4
    CDF_INT8 = 8
    CDF_UINT1 = 11
    CDF_UINT2 = 12
    CDF_UINT4 = 14
    CDF_REAL4 = 21
    CDF_REAL8 = 22
    CDF_EPOCH = 31
    CDF_EPOCH16 = 32
    CDF_TIME_TT2000 = 33
    CDF_BYTE = 41
    CDF_FLOAT = 44
    CDF_DOUBLE = 45
    CDF_CHAR = 51
    CDF_UCHAR = 52

    @property
    def is_text(self) -> bool:
        """Whether one element is a character and a value is a string of them."""
        return self in {CdfType.CDF_CHAR, CdfType.CDF_UCHAR}

    @property
    def is_epoch(self) -> bool:
        """Whether the values are instants."""
        return self in EPOCH_TYPES


EPOCH_TYPES = frozenset({CdfType.CDF_EPOCH, CdfType.CDF_EPOCH16, CdfType.CDF_TIME_TT2000})

_CODES = {
    CdfType.CDF_INT1: "i1",
    CdfType.CDF_INT2: "i2",
    CdfType.CDF_INT4: "i4",
    CdfType.CDF_INT8: "i8",
    CdfType.CDF_UINT1: "u1",
    CdfType.CDF_UINT2: "u2",
    CdfType.CDF_UINT4: "u4",
    CdfType.CDF_REAL4: "f4",
    CdfType.CDF_REAL8: "f8",
    CdfType.CDF_EPOCH: "f8",
    CdfType.CDF_EPOCH16: "c16",
    CdfType.CDF_TIME_TT2000: "i8",
    CdfType.CDF_BYTE: "i1",
    CdfType.CDF_FLOAT: "f4",
    CdfType.CDF_DOUBLE: "f8",
}


@lru_cache(maxsize=1 << 10)
def element_type(cdf_type: CdfType, elements: int, byte_order: str = "=") -> ElementType:
    """Return the numpy type of one value; `elements` is the length of a character string.

    An EPOCH16 (seconds, picoseconds) is one complex number: real part seconds, imaginary part picoseconds.
    """
    if cdf_type.is_text:
        return np.dtype(f"S{elements}")
    return np.dtype(byte_order + _CODES[cdf_type])
