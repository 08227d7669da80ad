"""The one reader of CDF files: attributes, variables, time axes, records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from epntap.cdf.compression import Compression
from epntap.cdf.datatypes import CdfType, ElementType, element_type
from epntap.cdf.epochs import as_epochs
from epntap.cdf.header import Header, inflate, read_header
from epntap.cdf.records import Entry, RecordFile, VariableRecord
from epntap.cdf.source import open_source
from epntap.cdf.values import ValueReader
from epntap.errors import UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from epntap.cdf.source import ByteSource

__all__ = ["CdfFile", "Sparse", "Variable"]


class Sparse(IntEnum):
    """What a record that was never written holds."""

    NO = 0
    PAD = 1
    PREVIOUS = 2


_SPARSE = {int(kind): kind for kind in Sparse}


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """What a file says about one variable, without its values. Equal only to itself."""

    #: without the blanks some writers pad names with
    name: str
    cdf_type: CdfType
    #: of one value, native byte order; EPOCH16 is complex128 (seconds, picoseconds), text is S<length>
    dtype: ElementType
    #: shape of one record, () for a scalar; dimensions that do not vary are left out
    dims: tuple[int, ...]
    #: written; 1 or 0 if the variable does not vary with the record
    records: int
    record_varying: bool
    #: VIRTUAL=TRUE: computed by a function of the data centre, usually not stored
    virtual: bool
    sparse: Sparse
    #: what a value is that was never written, shape ()
    pad: npt.NDArray[Any]
    compression: Compression
    attributes: Mapping[str, Entry]

    @property
    def depend_0(self) -> str | None:
        """Name of the variable that holds the time of each record."""
        return self.text("DEPEND_0")

    @property
    def depends(self) -> tuple[str | None, ...]:
        """Names of the variables along each dimension (DEPEND_1 …), as many as there are dimensions."""
        return tuple(self.text(f"DEPEND_{number}") for number in range(1, len(self.dims) + 1))

    @property
    def labels(self) -> tuple[str | None, ...]:
        """Names of the variables that label each dimension (LABL_PTR_1 …), as many as there are dimensions."""
        return tuple(self.text(f"LABL_PTR_{number}") for number in range(1, len(self.dims) + 1))

    @property
    def units(self) -> str | None:
        """UNITS as written, None when absent or blank."""
        return self.text("UNITS")

    @property
    def fill(self) -> Any:  # a scalar of the variable's own type
        """FILLVAL as a numpy scalar, or bytes for text; None when the file gives none."""
        entry = self.attributes.get("FILLVAL")
        if entry is None:
            return None
        if isinstance(entry.value, str):
            return entry.value.encode() if self.cdf_type.is_text else None
        return entry.value[0] if entry.value.size else None

    def text(self, attribute: str) -> str | None:
        """Return an attribute as text, None when it is absent or blank."""
        entry = self.attributes.get(attribute)
        return None if entry is None else entry.text or None


class CdfFile:
    """A CDF file, opened at once, its descriptions read when first asked for, its values only on request.

    Use it in a `with` statement. Whatever is wrong with the file is an UnreadableFileError whose
    message names the file (without its folder), the variable and the reason.
    """

    def __init__(self, path: Path) -> None:
        file = open_source(path)
        source: ByteSource = file
        #: size in bytes and time of change in nanoseconds of the file that was opened
        self.version: tuple[int, int] = file.version
        try:
            self.header: Header = read_header(source)
            if self.header.compression is not Compression.NONE:
                plain = inflate(source, self.header)
                source.close()
                source = plain
        except BaseException:
            source.close()
            raise
        self.path = path
        self._source = source
        self._readers: dict[str, ValueReader] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def read_descriptions(self) -> None:
        """Read attributes and variables now, as far as they were not asked for yet."""
        _ = self.variables

    def suspend(self) -> None:
        """Let go of the operating system's file until the next read, which refuses one that was changed meanwhile."""
        self._source.suspend()
        for reader in self._readers.values():
            reader.forget()

    def close(self) -> None:
        """Give the file back; harmless when repeated."""
        self._source.close()

    @cached_property
    def _records(self) -> RecordFile:
        return RecordFile(self._source, self.header)

    @cached_property
    def _attributes(self) -> tuple[dict[str, tuple[Entry, ...]], dict[tuple[bool, int], dict[str, Entry]]]:
        return self._records.read_attributes()

    @cached_property
    def _variable_records(self) -> dict[str, VariableRecord]:
        return {record.name.strip(): record for record in self._records.read_variables()}

    @cached_property
    def attributes(self) -> Mapping[str, tuple[Entry, ...]]:
        """Global attributes by name, each with its entries in order."""
        return MappingProxyType(self._attributes[0])

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """All variables by name, in the order of the file."""
        return MappingProxyType({name: self._describe(name, record) for name, record in self._variable_records.items()})

    def text(self, attribute: str) -> str | None:
        """Return the first entry of a global attribute as text, None when it is absent or blank."""
        entries = self.attributes.get(attribute)
        return (entries[0].text or None) if entries else None

    def time_axes(self) -> tuple[Variable, ...]:
        """Return the epoch variables that give the time of other variables (DEPEND_0).

        In a file where no DEPEND_0 leads to one, every record-varying epoch variable is an axis.
        """
        return self._axes

    def axis_of(self, name: str) -> Variable | None:
        """Return the time axis of a variable, an axis itself for an axis, None when there is none.

        A record-varying variable without DEPEND_0 belongs to the only axis that has as many records as itself.
        """
        variable = self._variable(name)
        if variable in self._axes:
            return variable
        if variable.depend_0 is not None:
            target = self.resolve(variable.depend_0)
            return target if target in self._axes else None
        if not variable.record_varying:
            return None
        same = [axis for axis in self._axes if axis.records == variable.records]
        return same[0] if len(same) == 1 else None

    def resolve(self, name: str) -> Variable | None:
        """Return the variable that an attribute names: exactly, or in another spelling of upper and lower case."""
        found = self.variables.get(name)
        if found is None:
            same = [known for known in self.variables if known.casefold() == name.casefold()]
            found = self.variables[same[0]] if len(same) == 1 else None
        return found

    def units_of(self, name: str) -> str | None:
        """Return UNITS of a variable, or what its UNIT_PTR points to: one unit, or one per component if they differ."""
        variable = self._variable(name)
        pointer = variable.text("UNIT_PTR")
        if variable.units is not None or pointer is None:
            return variable.units
        target = self.resolve(pointer)
        if target is None or not target.cdf_type.is_text or target.record_varying or not target.records:
            return None
        words = [word.decode("latin-1").strip() for word in self.read(target.name).reshape(-1).tolist()]
        return (words[0] if len(set(words)) == 1 else ", ".join(words)) or None

    def uncuttable(self) -> dict[str, str]:
        """Return, by name, why record-varying variables cannot be cut by time."""
        reasons = {}
        for name, variable in self.variables.items():
            if variable.record_varying and variable not in self._axes:
                reason = self._why_uncuttable(variable)
                if reason is not None:
                    reasons[name] = reason
        return reasons

    def read(self, name: str, first: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Return records `first` up to, not including, `stop` (default: all): shape (n, *dims), always with n.

        Native byte order, C order. A variable that does not vary with the record has n = 1 whatever the range,
        or 0 if it was never written. Records never written hold the pad value or the record before, as the
        file says. A virtual variable without stored records is refused.
        """
        variable = self._variable(name)
        if variable.virtual and variable.records == 0:
            raise UnreadableFileError(self._say_virtual(variable))
        end = variable.records if stop is None or not variable.record_varying else min(stop, variable.records)
        begin = min(max(first, 0), end) if variable.record_varying else 0
        return self._reader(name).read(begin, end)

    def read_at(self, name: str, records: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return the records with these rising numbers, shape (len(records), *dims)."""
        if not len(records):
            return self.read(name, 0, 0)
        first, last = int(records[0]), int(records[-1])
        if last - first + 1 == len(records):
            return self.read(name, first, last + 1)
        if last - first + 1 <= 2 * len(records):
            return self.read(name, first, last + 1)[records - first]
        runs = np.split(records, np.flatnonzero(np.diff(records) != 1) + 1)
        return np.concatenate([self.read(name, int(run[0]), int(run[-1]) + 1) for run in runs])

    def epochs(self, axis: str, first: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Return epochs as stored: int64 (n,) TT2000, float64 (n,) CDF_EPOCH, float64 (n, 2) EPOCH16."""
        variable = self._variable(axis)
        return as_epochs(self.read(axis, first, stop), variable.cdf_type)

    @cached_property
    def _axes(self) -> tuple[Variable, ...]:
        candidates = {name: v for name, v in self.variables.items() if _may_be_axis(v)}
        named = (self.resolve(v.depend_0) for v in self.variables.values() if v.depend_0 is not None)
        axes = {axis.name: axis for axis in named if axis is not None and axis.name in candidates}
        return tuple((axes or candidates).values())

    def _why_uncuttable(self, variable: Variable) -> str | None:
        if variable.virtual and variable.records == 0:
            return self._say_virtual(variable)
        axis = self.axis_of(variable.name)
        if axis is None:
            if variable.depend_0 is None:
                return f"{variable.name} names no time axis (DEPEND_0)"
            return f"{variable.name} depends on {variable.depend_0}, which is not a time axis of the file"
        if axis.records != variable.records:
            return f"{variable.name} has {variable.records} records, its time axis {axis.name} has {axis.records}"
        return None

    def _say_virtual(self, variable: Variable) -> str:
        function = variable.text("FUNCT") or variable.text("FUNCTION")
        by = f" by {function}" if function else ""
        return f"{self._source.name}: variable {variable.name} is virtual: it is to be computed{by} and not stored"

    def _variable(self, name: str) -> Variable:
        variable = self.variables.get(name)
        if variable is None:
            raise KeyError(f"{self._source.name} has no variable {name}")
        return variable

    def _reader(self, name: str) -> ValueReader:
        reader = self._readers.get(name)
        if reader is None:
            record = self._variable_records[name]
            blocks = self._records.read_index(record)
            reader = self._readers[name] = ValueReader(self._source, self.header, record, blocks)
        return reader

    def _describe(self, name: str, record: VariableRecord) -> Variable:
        attributes = self._attributes[1].get((record.is_z, record.number), {})
        virtual = attributes.get("VIRTUAL")
        return Variable(
            name=name,
            cdf_type=record.cdf_type,
            dtype=element_type(record.cdf_type, record.elements),
            dims=record.dims,
            records=record.last_record + 1 if record.record_varying else min(record.last_record + 1, 1),
            record_varying=record.record_varying,
            virtual=virtual is not None and virtual.text.casefold() == "true",
            sparse=_SPARSE.get(record.sparse, Sparse.NO),
            pad=record.pad,
            compression=record.compression,
            attributes=MappingProxyType(attributes),
        )


def _may_be_axis(variable: Variable) -> bool:
    return variable.cdf_type.is_epoch and variable.record_varying and prod(variable.dims) == 1
