"""What a CDF file says about one variable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from epntap.cdf.binary.compression import Compression
from epntap.cdf.binary.datatypes import CdfType, ElementType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epntap.cdf.binary.entries import Entry
    from epntap.cdf.binary.records import VariableRecord

__all__ = ["Sparse", "Variable", "describe"]

#: descriptions that are kept, and how long a pad value may be
_MOST_KEPT = 1 << 12
_LONGEST_PAD = 1 << 10


class Sparse(IntEnum):
    """What a record that was never written holds."""

    NO = 0
    PAD = 1
    PREVIOUS = 2


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
        """UNITS as written, in some files `units`; None when absent or blank."""
        return self.text("UNITS") or self.text("units") or self.text("Units")

    @property
    def about(self) -> str | None:
        """What it is, in the longest words of the file; None without any."""
        return self.text("CATDESC") or self.text("DESCRIPTION") or self.text("FIELDNAM") or self.text("LABLAXIS")

    @property
    def fill(self) -> Any:  # a scalar of the variable's own type
        """FILLVAL as a numpy scalar, or bytes for text; None when the file gives none."""
        entry = self.attributes.get("FILLVAL")
        if entry is None:
            return None
        if isinstance(entry.value, str):
            return entry.value.encode() if self.cdf_type.is_text else None
        return entry.value[0] if entry.value.size else None

    @property
    def is_to_be_computed(self) -> bool:
        """Whether there is a function instead of values."""
        return self.virtual and self.records == 0

    def say_virtual(self) -> str:
        """Why there are no values, where they are to be computed."""
        function = self.text("FUNCT") or self.text("FUNCTION")
        by = f" by {function}" if function else ""
        return f"{self.name} is virtual: it is to be computed{by} and not stored"

    def text(self, attribute: str) -> str | None:
        """Return an attribute as text, None when it is absent or blank."""
        entry = self.attributes.get(attribute)
        return None if entry is None else entry.text or None


def describe(record: VariableRecord, attributes: Mapping[str, Entry]) -> Variable:
    """Return what a file says of a variable.

    Files that say the same with the same entries, which is what files of one dataset do, share one description.
    """
    make = _kept if record.dtype.itemsize <= _LONGEST_PAD else _describe
    return make(
        record.name,
        record.cdf_type,
        record.dtype,
        record.dims,
        record.last_record + 1 if record.record_varying else min(record.last_record + 1, 1),
        record.record_varying,
        record.sparse,
        record.pad,
        record.compression,
        tuple(attributes.items()),
    )


def _describe(
    name: str,
    cdf_type: CdfType,
    dtype: ElementType,
    dims: tuple[int, ...],
    records: int,
    record_varying: bool,
    sparse: int,
    pad: bytes,
    compression: Compression,
    attributes: tuple[tuple[str, Entry], ...],
) -> Variable:
    shared = _attributes(attributes)
    virtual = shared.get("VIRTUAL")
    return Variable(
        name=name,
        cdf_type=cdf_type,
        dtype=dtype,
        dims=dims,
        records=records,
        record_varying=record_varying,
        virtual=virtual is not None and virtual.text.casefold() == "true",
        sparse=Sparse(sparse) if sparse in _SPARSE else Sparse.NO,
        pad=np.frombuffer(pad, dtype).reshape(()),
        compression=compression,
        attributes=shared,
    )


_SPARSE = frozenset(map(int, Sparse))
_kept = lru_cache(maxsize=_MOST_KEPT)(_describe)


@lru_cache(maxsize=_MOST_KEPT)
def _attributes(entries: tuple[tuple[str, Entry], ...]) -> Mapping[str, Entry]:
    return MappingProxyType(dict(entries))
