"""Cut-outs as Parquet: one row a record, one column a variable, described as VOTable (VOParquet 1.0)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cutouts.formats.base import Provenance, Rendering, only_axis
from cutouts.formats.cells import free_name, is_fill_value, picoseconds, text_values
from cutouts.formats.votable_cells import cells_of
from cutouts.formats.votable_frame import END, Extra, Frame, start
from cutouts.joined.series import Axis, Column, SeriesCut
from epntap.answer.spool import SpoolFile
from epntap.cdf import FILL_TT2000, CdfType, to_unix_ns
from epntap.errors import ParameterError

__all__ = ["Parquet"]

#: a row group ends with the block that brings it to this many bytes
GROUP_BYTES = 8 << 20
_READ_BYTES = 1 << 18
_SCAN_BYTES = 1 << 20


class Parquet:
    """Spooled a row group at a time: its directory stands at its end, and its size is known before its first byte.

    Times are timestamps in nanoseconds with the time zone UTC, arrays are lists of a fixed size with the last index
    varying fastest, fills are null (NaN within lists, but integers in lists stay as they are).
    """

    names = ("parquet", "application/vnd.apache.parquet", "application/x-parquet", "application/parquet")
    media_type = "application/vnd.apache.parquet"
    extension = "parquet"

    def render(self, cut: SeriesCut, provenance: Provenance) -> Rendering:
        """See SeriesFormat."""
        axis = only_axis(cut, "a Parquet table")
        taken = {column.variable.name for column in (axis.time, *axis.columns)}
        columns = [part for column in (axis.time, *axis.columns) for part in _parts(column, taken)]
        spool = SpoolFile()
        try:
            _write(axis, columns, _description(axis, columns, cut, provenance), spool)
            length = spool.rewind()
        except BaseException:
            spool.close()
            raise
        return Rendering(iter(lambda: spool.read(_READ_BYTES), b""), length, spool.close)


def _description(axis: Axis, parts: Sequence[_Part], cut: SeriesCut, provenance: Provenance) -> str:
    """The VOTable without rows that describes the columns in their order."""
    cells = [cells_of(column) for column in (axis.time, *axis.columns)]
    table = Frame(1, axis, cut, provenance).table_start(cells, _extras(parts))
    return f"{start(cut, provenance)}{table}</TABLE>\n{END}"


def _write(axis: Axis, parts: Sequence[_Part], description: str, spool: SpoolFile) -> None:
    # in the schema, from where it goes into the file's own metadata as well
    about = {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": description}
    schema = pa.schema([pa.field(part.name, part.type) for part in parts], about)
    texts = [part.name for part in parts if pa.types.is_string(part.type)]
    # numbers that are measured hardly repeat, and dictionaries of them would be made in vain
    with pq.ParquetWriter(_Sink(spool), schema, compression="snappy", use_dictionary=texts or False) as file:
        for first, stop in axis.blocks(GROUP_BYTES):
            blocks = _values(parts, first, stop)
            file.write_batch(pa.record_batch(list(blocks), schema=schema), row_group_size=stop - first)


def _values(parts: Sequence[_Part], first: int, stop: int) -> Iterator[pa.Array]:
    """Yield the columns of a row group; a variable that has several is read once."""
    column, values = None, np.empty(0)
    for part in parts:
        if part.column is not column:
            column, values = part.column, part.column.read(first, stop)
        yield part.array(values, first)


class _Sink:
    """A file to append to, as pyarrow wants it."""

    closed = False

    def __init__(self, spool: SpoolFile) -> None:
        self._spool = spool
        self._place = 0

    def write(self, data: Any) -> int:  # anything with bytes in it
        block = bytes(data)
        self._spool.write(block)
        self._place += len(block)
        return len(block)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One column of the table, from one variable."""

    column: Column
    #: that no other column has
    name: str
    #: of one value
    kind: ClassVar[pa.DataType]
    #: what the column is beside the one that has the variable's name
    about: ClassVar[str] = ""

    @property
    def type(self) -> pa.DataType:
        count = prod(self.column.variable.dims)
        kind = self.one_kind()
        return kind if count == 1 else pa.list_(kind, count)

    def one_kind(self) -> pa.DataType:
        """The type of one value."""
        return self.kind

    def array(self, values: npt.NDArray[Any], first: int) -> pa.Array:
        """The values of some records, of which `first` is the number of the first one."""
        count, flat = prod(self.column.variable.dims), self.flat(values, first)
        return flat if count == 1 else pa.FixedSizeListArray.from_arrays(flat, count)

    @abstractmethod
    def flat(self, values: npt.NDArray[Any], first: int) -> pa.Array:
        """The same, one behind the other."""


def _parts(column: Column, taken: set[str]) -> list[_Part]:
    """The columns that hold a variable: one, and for instants that no timestamp can say one with the rest of them.

    Further columns get names that no variable has.
    """
    variable = column.variable
    if variable.cdf_type.is_text:
        return [_Texts(column, variable.name)]
    if not variable.cdf_type.is_epoch:
        return [_Numbers(column, variable.name)]
    parts: list[_Part] = [_Times(column, variable.name)]
    in_leap, below_ns = _needs_more(column)
    if in_leap and variable.cdf_type is CdfType.CDF_TIME_TT2000:
        parts.append(_Tt2000(column, free_name(f"{variable.name}_tt2000", taken)))
    if below_ns:
        parts.append(_Picoseconds(column, free_name(f"{variable.name}_picoseconds", taken)))
    return parts


def _needs_more(column: Column) -> tuple[bool, bool]:
    """Whether instants lie in a leap second, which timestamps do not have, and whether they have picoseconds."""
    in_leap = below_ns = False
    for first, stop in column.blocks(_SCAN_BYTES):
        instants = column.instants(first, stop)
        known = instants[instants != FILL_TT2000]
        if len(known) and int(known.max()) > _LAST_TIMESTAMP:
            raise ParameterError(
                f"FORMAT: the timestamps of Parquet end on 2262-04-11, {column.variable.name} has later ones; "
                "ask for CDF or VOTable"
            )
        in_leap |= bool(to_unix_ns(known)[1].any())
        if column.variable.cdf_type is CdfType.CDF_EPOCH16:
            below_ns |= bool(picoseconds(column.read(first, stop)).any())
    return in_leap, below_ns


# the last second that fits, as TT2000: int64 nanoseconds since 1970
_LAST_TIMESTAMP = 2**63 - 1 - 946_684_800 * 10**9


def _extras(parts: Sequence[_Part]) -> list[Extra]:
    return [Extra(part.column, part.name, part.about) for part in parts if part.about]


class _Numbers(_Part):
    def one_kind(self) -> pa.DataType:
        return pa.from_numpy_dtype(self.column.variable.dtype)

    def flat(self, values: npt.NDArray[Any], first: int) -> pa.Array:  # noqa: ARG002  # texts need it
        variable = self.column.variable
        fills = is_fill_value(variable, values)
        numbers = values.reshape(-1)
        if prod(variable.dims) == 1 and fills is not None:
            return pa.array(numbers, mask=fills.reshape(-1))
        if fills is not None and numbers.dtype.kind == "f":
            numbers = np.where(fills.reshape(-1), numbers.dtype.type(np.nan), numbers)
        return pa.array(numbers)


class _Texts(_Part):
    kind = pa.string()

    def flat(self, values: npt.NDArray[Any], first: int) -> pa.Array:
        texts = text_values(values).reshape(-1)
        lacking = self.column.lacking(first, first + len(values))
        mask = None if lacking is None else np.repeat(lacking, len(texts) // len(values))
        return pa.array(texts.tolist(), pa.string(), mask=mask)


class _Times(_Part):
    kind = pa.timestamp("ns", tz="UTC")

    def flat(self, values: npt.NDArray[Any], first: int) -> pa.Array:  # noqa: ARG002  # texts need it
        instants = self.column.instants_of(values)
        unix, _ = to_unix_ns(instants)
        return pa.array(unix, mask=instants == FILL_TT2000).cast(self.kind)


class _Tt2000(_Part):
    """The instants again, where some lie in a leap second and have the timestamp of the midnight after it."""

    kind = pa.int64()
    about = "as stored: TT2000, nanoseconds since J2000 in TT; a leap second has no timestamp of its own"

    def flat(self, values: npt.NDArray[Any], first: int) -> pa.Array:  # noqa: ARG002  # texts need it
        instants = self.column.instants_of(values)
        return pa.array(instants, mask=instants == FILL_TT2000)


class _Picoseconds(_Part):
    """What is left below the nanosecond."""

    kind = pa.int64()
    about = "picoseconds to be added to the timestamp"

    def flat(self, values: npt.NDArray[Any], first: int) -> pa.Array:  # noqa: ARG002  # texts need it
        return pa.array(picoseconds(values))
