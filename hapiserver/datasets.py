"""Datasets and parameters as HAPI names them, made of what ingestion keeps of each series."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import prod

import numpy as np

from epntap.access import Caller
from epntap.archive.holdings import TIME, Held, names_of_variables
from epntap.archive.kept.series import HeldSeries, SeriesVariable
from epntap.cdf import CdfType

__all__ = ["TIME", "Datasets", "HapiDataset", "HapiParameter", "HapiType", "hapi_dataset"]

#: what stands for no instant, cut to the length of the others
_NO_INSTANT = "9999-12-31T23:59:59.999999999999"
#: decimal digits of a 64-bit integer with its sign
_WIDE_DIGITS = 20
_SECOND_NS = 1_000_000_000
_SMALLEST_INTEGER = "-2147483648"
_INTEGERS = frozenset({"CDF_INT1", "CDF_INT2", "CDF_INT4", "CDF_BYTE", "CDF_UINT1", "CDF_UINT2"})


class HapiType(StrEnum):
    """Types of values (HAPI 3.3 §3.6.8)."""

    TIME = "isotime"
    DOUBLE = "double"
    INTEGER = "integer"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class HapiParameter:
    """One parameter; the first of a dataset is the time of the records and has no variable."""

    name: str
    type: HapiType
    size: tuple[int, ...] = ()
    #: bytes of a text; 0 for numbers
    length: int = 0
    fill: str | None = None
    variable: SeriesVariable | None = None

    @property
    def dtype(self) -> np.dtype[np.void] | np.dtype[np.int32] | np.dtype[np.float64] | np.dtype[np.bytes_]:
        """Of one value in the binary form."""
        match self.type:
            case HapiType.DOUBLE:
                return np.dtype("<f8")
            case HapiType.INTEGER:
                return np.dtype("<i4")
            case HapiType.TIME | HapiType.STRING:
                return np.dtype(f"S{self.length}")

    @property
    def record_bytes(self) -> int:
        """Size of one record."""
        return self.dtype.itemsize * prod(self.size)


@dataclass(frozen=True, slots=True)
class HapiDataset:
    """One dataset: a time axis with what is measured along it."""

    held: HeldSeries
    #: the time first, and what says where the bins of others are last (clients add these at the end)
    parameters: tuple[HapiParameter, ...]

    @property
    def id(self) -> str:
        """Its public identifier."""
        return self.held.public_id

    @property
    def last_tt2000(self) -> int:
        """The last instant as it is announced: of the last record, or a second after a single one (§3.6.2)."""
        first, last = self.held.first_tt2000, self.held.last_tt2000
        return last if last > first else first + _SECOND_NS

    @property
    def decimals(self) -> int:
        """Of a second, of its instants."""
        return self.held.series.decimals

    def name_of(self, variable: str) -> str | None:
        """Name of the parameter that a variable is."""
        return next((one.name for one in self.parameters if one.variable and one.variable.name == variable), None)


def hapi_dataset(held: HeldSeries) -> HapiDataset:
    """The dataset that a series is."""
    series = held.series
    by_name = {one.name: one for one in series.variables}
    time = HapiParameter(TIME, HapiType.TIME, length=_length_of_times(series.decimals))
    named = names_of_variables(held).items()
    return HapiDataset(held, (time, *(_parameter(name, by_name[variable]) for variable, name in named)))


def _length_of_times(decimals: int) -> int:
    return len("YYYY-MM-DDThh:mm:ss.Z") + decimals


def _parameter(name: str, variable: SeriesVariable) -> HapiParameter:
    kind = CdfType[variable.cdf_type]
    if kind.is_epoch:
        length = _length_of_times(variable.length)
        return HapiParameter(name, HapiType.TIME, variable.dims, length, f"{_NO_INSTANT[: length - 1]}Z", variable)
    if kind.is_text:
        length = max(variable.length, 1)
        return HapiParameter(name, HapiType.STRING, variable.dims, length, _text_fill(variable, length), variable)
    if variable.is_wide:
        fill = variable.fill or ""
        return HapiParameter(name, HapiType.STRING, variable.dims, _WIDE_DIGITS, fill or None, variable)
    if kind.name in _INTEGERS:
        # what a file lacks has to have some value
        return HapiParameter(name, HapiType.INTEGER, variable.dims, 0, variable.fill or _SMALLEST_INTEGER, variable)
    return HapiParameter(name, HapiType.DOUBLE, variable.dims, 0, _double_fill(variable), variable)


def _text_fill(variable: SeriesVariable, length: int) -> str | None:
    # HAPI 3.3 §3.6.9: no text "null", none that is longer than values
    fill = variable.fill
    return fill if fill and fill != "null" and len(fill.encode()) <= length else None


def _double_fill(variable: SeriesVariable) -> str:
    if variable.fill is None:
        return "NaN"
    value = float(variable.fill)
    return repr(value) if math.isfinite(value) else "NaN"


class Datasets(Held):
    """All datasets at one time, as HAPI has them."""

    def __init__(self, series: Iterable[HeldSeries], generation: int = 0) -> None:
        super().__init__(series, generation)
        self._made: dict[str, HapiDataset] = {}

    def get(self, public_id: str, caller: Caller) -> HapiDataset | None:
        """The dataset with this identifier; None also for one that the caller may not have."""
        held = self.series(public_id, caller)
        if held is None:
            return None
        found = self._made.get(public_id)
        if found is None:
            found = self._made[public_id] = hapi_dataset(held)
        return found
