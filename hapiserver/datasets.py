"""Datasets and parameters as HAPI names them, made of what ingestion keeps of each series."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import prod

import numpy as np

from epntap.access import Caller, may_now, rights_of
from epntap.archive.series import HeldSeries, SeriesVariable, all_series, next_release
from epntap.catalog.model import Catalog
from epntap.cdf import CdfType
from epntap.connection import Connection
from epntap.instants.julian import dali_timestamp

__all__ = ["TIME", "Datasets", "HapiDataset", "HapiParameter", "HapiType", "Holdings", "hapi_dataset"]

#: the first parameter of every dataset
TIME = "Time"
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
    moving = {bins.variable for one in series.variables for bins in one.bins if bins.variable}
    ordered = sorted(series.variables, key=lambda one: one.name in moving)
    time = HapiParameter(TIME, HapiType.TIME, length=_length_of_times(series.decimals))
    taken = {TIME.casefold()}
    parameters = [time]
    for variable in ordered:
        key = variable.described.key if variable.described else held.keys.get(variable.name, variable.name)
        name = _free_name([key, variable.name], taken)
        taken.add(name.casefold())
        parameters.append(_parameter(name, variable))
    return HapiDataset(held, tuple(parameters))


def _free_name(wanted: Sequence[str], taken: set[str]) -> str:
    """A name that no other parameter has, also in other case. Commas are between names (HAPI 3.3 §8.2)."""
    plain = [one.replace(",", "_").replace("\n", " ") for one in wanted]
    number = 1
    while True:
        for name in plain:
            if name.casefold() not in taken:
                return name
        number += 1
        plain = [f"{wanted[-1].replace(',', '_')}_{number}"]


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


class Datasets:
    """All datasets at one time."""

    def __init__(self, held: Iterable[HeldSeries], generation: int = 0) -> None:
        #: another number after each reading
        self.generation = generation
        self._by_id = {one.public_id: one for one in held}
        self._made: dict[str, HapiDataset] = {}

    def all(self, caller: Caller) -> list[HeldSeries]:
        """Those that the caller may have."""
        return [one for one in self._by_id.values() if _may_have(caller, one)]

    def get(self, public_id: str, caller: Caller) -> HapiDataset | None:
        """The dataset with this identifier; None also for one that the caller may not have."""
        held = self._by_id.get(public_id)
        if held is None or not _may_have(caller, held):
            return None
        found = self._made.get(public_id)
        if found is None:
            found = self._made[public_id] = hapi_dataset(held)
        return found

    def by_dataset(self) -> Mapping[tuple[str, str], str]:
        """Schema and dataset_id -> public identifier of its first axis."""
        found: dict[tuple[str, str], str] = {}
        for one in self._by_id.values():
            found.setdefault((one.schema, one.dataset_id), one.public_id)
        return found


def _may_have(caller: Caller, held: HeldSeries) -> bool:
    return may_now(caller, rights_of(held.access_rights, held.embargoed_until))


class Holdings:
    """The datasets of a process, read again after each publication and when an embargo ends."""

    def __init__(
        self, connect: Callable[[], AbstractContextManager[Connection]], catalog: Callable[[], Catalog]
    ) -> None:
        """`connect` lends a connection in the service role, `catalog` gives another object after a publication."""
        self._connect = connect
        self._catalog = catalog
        self._lock = threading.Lock()
        self._of: Catalog | None = None
        self._until: str | None = None
        self._datasets = Datasets(())

    def __call__(self) -> tuple[Catalog, Datasets]:
        """The catalogue and the datasets that belong to it."""
        catalog = self._catalog()
        with self._lock:
            now = dali_timestamp(datetime.now(UTC).replace(tzinfo=None))
            if catalog is not self._of or (self._until and self._until <= now):
                with self._connect() as connection:
                    self._until = next_release(connection, now)
                    self._datasets = Datasets(all_series(connection, now), self._datasets.generation + 1)
                self._of = catalog
            return catalog, self._datasets
