"""The one reader of CDF files: attributes, variables, time axes, records."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from epntap.cdf.binary.compression import Compression
from epntap.cdf.binary.damage import refusing
from epntap.cdf.binary.datatypes import CdfType
from epntap.cdf.binary.header import Header, inflate, read_header
from epntap.cdf.binary.source import open_source
from epntap.cdf.descriptions import Descriptions, kept_descriptions, read_descriptions
from epntap.cdf.epochs import as_epochs, is_fill
from epntap.cdf.roles import Kind, Role, resolve_name
from epntap.cdf.structure import Structure
from epntap.cdf.values import ValueReader
from epntap.cdf.variable import Sparse, Variable
from epntap.errors import UnreadableFileError
from epntap.instants.leapseconds import leap_days

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from epntap.cdf.binary.entries import Entry
    from epntap.cdf.binary.source import ByteSource

__all__ = ["CdfFile"]

# eight megabytes of epochs
_BLOCK_RECORDS = 1 << 20


@cache
def _leap_days() -> tuple[tuple[str, int, int], ...]:
    """The days that followed a leap second: as text, as the number that files write, as the instant it began."""
    return tuple((day, int(day.replace("-", "")), instant) for day, instant in leap_days())


class CdfFile:
    """A CDF file, opened at once, its descriptions read when first asked for, its values only on request.

    Use it in a `with` statement. Whatever is wrong with the file is an UnreadableFileError whose
    message names the file (without its folder), the variable and the reason.
    """

    def __init__(self, path: Path) -> None:
        file = open_source(path)
        source: ByteSource = file
        self._identity = file.identity
        self._known = kept_descriptions(file.identity)
        try:
            with refusing(path.name):
                self.header: Header = read_header(source) if self._known is None else self._known.header
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
        _ = self._descriptions

    def suspend(self) -> None:
        """Let go of the operating system's file until the next read, which refuses one that was changed meanwhile."""
        self._source.suspend()
        for reader in self._readers.values():
            reader.forget()

    def close(self) -> None:
        """Give the file back; harmless when repeated."""
        self._source.close()

    @property
    def version(self) -> tuple[int, int]:
        """Size in bytes and time of change in nanoseconds of the file that was opened."""
        return self._identity.size, self._identity.changed_ns

    @cached_property
    def _descriptions(self) -> Descriptions:
        if self._known is not None:
            return self._known
        with refusing(self._source.name):
            return read_descriptions(self._source, self.header, self._identity)

    @cached_property
    def _structure(self) -> Structure:
        return self._descriptions.structure

    @cached_property
    def attributes(self) -> Mapping[str, tuple[Entry, ...]]:
        """Global attributes by name, each with its entries in order."""
        return self._descriptions.attributes

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """All variables by name, in the order of the file.

        An epoch that is computed by a known function from what is stored is as if it was stored itself.
        """
        return self._structure.variables

    def text(self, attribute: str) -> str | None:
        """Return the first entry of a global attribute as text, None when it is absent or blank."""
        entries = self.attributes.get(attribute)
        return (entries[0].text or None) if entries else None

    def time_axes(self) -> tuple[Variable, ...]:
        """Return the epoch variables that give the time of other variables (DEPEND_0).

        In a file where no DEPEND_0 leads to one, every record-varying epoch variable is an axis, or the only epoch.
        """
        return self._structure.axes

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """How each variable goes with time; what cannot be read is nowhere. Files of one structure share them."""
        unreadable = {}
        for variable in self._structure.unsupported:
            reason = self._why_unreadable(variable)
            if reason is not None:
                unreadable[variable.name] = Role(Kind.NOWHERE, reason=reason)
        return {**self._structure.roles, **unreadable} if unreadable else self._structure.roles

    def axis_of(self, name: str) -> Variable | None:
        """Return the time axis of a variable, an axis itself for an axis, None when there is none.

        A record-varying variable without DEPEND_0 that nothing points to belongs to the only axis that has as many
        records as itself.
        """
        variable = self._variable(name)
        axis = self._structure.roles[name].axis
        if axis is None and variable.depend_0 is not None:
            target = self.resolve(variable.depend_0)
            return target if target in self._structure.axes else None
        return axis

    def resolve(self, name: str) -> Variable | None:
        """Return the variable that an attribute names: exactly, or in another spelling of upper and lower case."""
        return resolve_name(self.variables, name)

    def units_of(self, name: str) -> str | None:
        """Return UNITS of a variable, or what its UNIT_PTR points to: one unit, or one per component if they differ."""
        variable = self._variable(name)
        pointer = variable.text("UNIT_PTR")
        if variable.units is not None or pointer is None:
            return variable.units
        target = self.resolve(pointer)
        if target is None or not target.cdf_type.is_text or self.roles[target.name].kind is not Kind.WHOLE:
            return None
        if not target.records:
            return None
        words = [word.decode("latin-1").strip() for word in self.read(target.name).reshape(-1).tolist()]
        return (words[0] if len(set(words)) == 1 else ", ".join(words)) or None

    def uncuttable(self) -> dict[str, str]:
        """Return, by name, why variables cannot be cut by time and do not belong to all times either."""
        return {name: role.reason for name, role in self.roles.items() if role.kind is Kind.NOWHERE}

    def outdated_leap_table(self, axis: str, last: int) -> str | None:
        """Say that TT2000 up to an instant were made without a leap second that lies before it; None if they were not.

        The CDF library refuses such files (TT2000_USED_OUTDATED_TABLE) or warns of them.
        """
        variable, table = self._variable(axis), self._descriptions.leap_table
        if variable.cdf_type is not CdfType.CDF_TIME_TT2000 or table is None:
            return None
        missed = next((day for day, number, instant in _leap_days() if number > table and instant <= last), None)
        if missed is None:
            return None
        return (
            f"{axis} of {self._source.name} was made with a leap-second table that ends before {missed}: "
            "its times from then on may be wrong by the leap seconds that were missing"
        )

    def read(self, name: str, first: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Return records `first` up to, not including, `stop` (default: all): shape (n, *dims), always with n.

        Native byte order, C order. A variable that does not vary with the record has n = 1 whatever the range,
        or 0 if it was never written. Records never written hold the pad value or the record before, as the
        file says. A virtual variable without stored records is refused.
        """
        variable = self._variable(name)
        if variable.is_to_be_computed:
            raise UnreadableFileError(f"{self._source.name}: {variable.say_virtual()}")
        end = variable.records if stop is None or not variable.record_varying else min(stop, variable.records)
        begin = min(max(first, 0), end) if variable.record_varying else 0
        with refusing(self._source.name):
            computed = self._structure.computed.get(name)
            if computed is None:
                return self._reader(name).read(begin, end)
            origin = self._reader(computed.origin.name).read(0, 1)
            return computed.values(origin, self._reader(computed.seconds.name).read(begin, end))

    def read_whole(self, name: str) -> npt.NDArray[Any]:
        """Return all of a variable that belongs to every time, as one record: shape (1, …), or (0, …) if unwritten.

        Several records are taken as the values along its first dimension.
        """
        values = self.read(name)
        return values if len(values) < 2 else values[np.newaxis]

    def check(self, name: str, first: int, stop: int) -> None:
        """Look whether records can be read, as far as that shows without reading all; raises UnreadableFileError."""
        with refusing(self._source.name):
            for one in self._sources_of(name):
                self._reader(one).check(first, stop)

    def _sources_of(self, name: str) -> tuple[str, ...]:
        computed = self._structure.computed.get(name)
        return (name,) if computed is None else (computed.origin.name, computed.seconds.name)

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

    def epoch_blocks(self, axis: str) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield blocks of epochs as `epochs` gives them, each with the number of its first record.

        Records that were never written and so have no time are left out: there may be millions of them.
        """
        variable = self._variable(axis)
        for begin, end in self._dated_records(variable):
            for first in range(begin, end, _BLOCK_RECORDS):
                yield first, self.epochs(axis, first, min(first + _BLOCK_RECORDS, end))

    def _dated_records(self, variable: Variable) -> list[tuple[int, int]]:
        if variable.is_to_be_computed:
            return []
        everything = [(0, variable.records)]
        if variable.name in self._structure.computed or variable.sparse is Sparse.PREVIOUS:
            return everything
        with refusing(self._source.name):
            written = self._reader(variable.name).written(variable.records)
        if written == everything:
            return everything
        pad = as_epochs(variable.pad.reshape(1), variable.cdf_type)
        return written if is_fill(pad, variable.cdf_type, variable.fill).all() else everything

    def _why_unreadable(self, variable: Variable) -> str | None:
        """Why no value of a variable can be read, whose compression is not supported."""
        try:
            with refusing(self._source.name):
                packed = self._reader(variable.name).is_compressed
        except UnreadableFileError as exc:
            return str(exc)
        words = variable.compression.words
        return f"{variable.name} is stored with {words} compression, which is not supported" if packed else None

    def _variable(self, name: str) -> Variable:
        variable = self.variables.get(name)
        if variable is None:
            raise KeyError(f"{self._source.name} has no variable {name}")
        return variable

    def _reader(self, name: str) -> ValueReader:
        reader = self._readers.get(name)
        if reader is None:
            known = self._descriptions
            blocks = known.blocks_of(name, self._source)
            reader = self._readers[name] = ValueReader(self._source, self.header, known.records[name], blocks)
        return reader
