"""What a CDF file says about one variable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from epntap.cdf.binary.compression import Compression
from epntap.cdf.binary.datatypes import CdfType, ElementType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epntap.cdf.binary.records import Entry

__all__ = ["Sparse", "Variable"]


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
