"""Values of the files as HAPI has them: doubles, integers of 32 bits, texts and instants of one length (3.3 §3.6.8)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from cutouts.formats.cells import is_fill_value, text_values, time_bytes
from cutouts.joined.series import Column
from epntap.cdf import Variable
from epntap.errors import ServiceError
from hapiserver.datasets import HapiParameter, HapiType

__all__ = ["hapi_times", "hapi_values", "missing_values"]

_MOST_EXACT = 2**53


def hapi_times(column: Column, values: npt.NDArray[Any], decimals: int) -> npt.NDArray[np.bytes_]:
    """Epochs as texts that end in Z, one after the other; those that stand for no instant are empty."""
    return time_bytes(column.variable, values, decimals, "Z")


def hapi_values(parameter: HapiParameter, variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values of a variable in the type, size and length that are announced, shape (n, *size).

    Arrays that are smaller in this file are filled up. Raises ServiceError for what the announced type cannot say.
    """
    if values.shape[1:] != parameter.size:
        return _resized(parameter, hapi_values(_of_size(parameter, values.shape[1:]), variable, values))
    match parameter.type:
        case HapiType.DOUBLE:
            return _doubles(parameter, variable, values)
        case HapiType.INTEGER:
            if not np.can_cast(values.dtype, np.int32) and not _fits_32_bits(values):
                raise _unsayable(parameter)
            found = values.astype("<i4")
            _say_fills(variable, values, found, int(parameter.fill or 0))
            return found
        case HapiType.TIME:
            return _instants(parameter, variable, values)
        case HapiType.STRING:
            return _texts(parameter, variable, values)


def missing_values(parameter: HapiParameter, count: int) -> npt.NDArray[Any]:
    """What stands for records of a file that lacks the variable, shape (count, *size)."""
    shape = (count, *parameter.size)
    match parameter.type:
        case HapiType.DOUBLE:
            return np.full(shape, float(parameter.fill or "nan"), "<f8")
        case HapiType.INTEGER:
            return np.full(shape, int(parameter.fill or 0), "<i4")
        case HapiType.TIME | HapiType.STRING:
            return np.full(shape, (parameter.fill or "").encode(), parameter.dtype)


def _fits_32_bits(values: npt.NDArray[Any]) -> bool:
    return not len(values) or (values.min() >= -(2**31) and values.max() < 2**31)


def _doubles(parameter: HapiParameter, variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind not in "iuf":
        raise _unsayable(parameter)
    if values.dtype.itemsize == 8 and values.dtype.kind in "iu":
        beyond = (values > _MOST_EXACT) | ((values < -_MOST_EXACT) if values.dtype.kind == "i" else False)
        if variable.fill is not None:
            beyond &= values != variable.fill
        if beyond.any():
            raise _unsayable(parameter)
    found = values.astype("<f8")
    _say_fills(variable, values, found, float(parameter.fill or "nan"))
    return found


def _say_fills(variable: Variable, values: npt.NDArray[Any], found: npt.NDArray[Any], fill: float) -> None:
    """Put the fill that is announced where a file has one of its own."""
    missing = is_fill_value(variable, values)
    if missing is not None and missing.any():
        found[missing] = fill


def _instants(parameter: HapiParameter, variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not variable.cdf_type.is_epoch:
        raise _unsayable(parameter)
    assert parameter.variable is not None
    texts = time_bytes(variable, values, parameter.variable.length, "Z")
    texts[texts == b""] = (parameter.fill or "").encode()
    return texts.reshape(values.shape)


def _texts(parameter: HapiParameter, variable: Variable, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not variable.cdf_type.is_text:
        found = values.astype(np.str_).astype(parameter.dtype) if values.dtype.kind in "iu" else None
        if found is None:
            raise _unsayable(parameter)
        return found
    octets = np.frombuffer(values.tobytes(), np.uint8)
    # numpy ends texts at the last character that is not NUL; blanks are padding too
    encoded = np.char.rstrip(values) if not (octets > 127).any() else np.char.encode(text_values(values), "utf-8")
    if encoded.dtype.itemsize > parameter.length and int(np.char.str_len(encoded).max(initial=0)) > parameter.length:
        raise _unsayable(parameter)
    return encoded.astype(parameter.dtype)


def _of_size(parameter: HapiParameter, size: tuple[int, ...]) -> HapiParameter:
    return HapiParameter(parameter.name, parameter.type, size, parameter.length, parameter.fill, parameter.variable)


def _resized(parameter: HapiParameter, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values in the announced size, what there is not filled up (HAPI 3.3 §3.6.8)."""
    found = values.shape[1:]
    if len(found) != len(parameter.size) and prod(found) == prod(parameter.size):
        return values.reshape(len(values), *parameter.size)
    if len(found) != len(parameter.size) or any(a > b for a, b in zip(found, parameter.size, strict=True)):
        raise _unsayable(parameter)
    whole = missing_values(parameter, len(values))
    whole[(slice(None), *(slice(0, length) for length in found))] = values
    return whole


def _unsayable(parameter: HapiParameter) -> ServiceError:
    return ServiceError(
        f"A file holds values of {parameter.name} that do not fit what is announced of it; the data centre has to "
        "ingest again."
    )
