"""Values of attributes, and names: what files of one dataset repeat word for word.

Values and names that were read lately are kept, and are the same objects when they are read again: so a thousand files
of a dataset cost little more memory than one, and whether two files say the same is mostly seen without a look at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from epntap.cdf.binary.datatypes import CdfType, ElementType, element_type

__all__ = ["VALUE_BYTES", "Entry", "read_entry", "read_name"]

#: what is kept: so many values, none of them longer
_MOST_KEPT = 1 << 13
_LONGEST_KEPT = 1 << 10

#: of one number, or character, by type number
VALUE_BYTES = {int(one): element_type(one, 1).itemsize for one in CdfType}


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One value of an attribute with its stored type. Equal only to itself."""

    #: entry number of a global attribute, variable number of a variable's
    number: int
    cdf_type: CdfType
    #: text, or numbers of shape (n,) in native byte order, not to be changed
    value: str | npt.NDArray[Any]

    @property
    def text(self) -> str:
        """The value as a person would write it, without padding."""
        if isinstance(self.value, str):
            return self.value.strip()
        return ", ".join(str(number) for number in self.value)


def read_entry(byte_order: str, type_number: int, number: int, content: bytes) -> Entry:
    """Return an attribute's value from its bytes; the type number is one of VALUE_BYTES."""
    make = _kept_entry if len(content) <= _LONGEST_KEPT else _entry
    return make(byte_order, type_number, number, content)


def _entry(byte_order: str, type_number: int, number: int, content: bytes) -> Entry:
    cdf_type, stored_type = _types(byte_order)[type_number]
    if stored_type is None:
        return Entry(number, cdf_type, _decode(content))
    value = np.frombuffer(content, stored_type).astype(stored_type.newbyteorder("="))
    value.flags.writeable = False
    return Entry(number, cdf_type, value)


_kept_entry = lru_cache(maxsize=_MOST_KEPT)(_entry)


@lru_cache(maxsize=_MOST_KEPT)
def read_name(content: bytes) -> str:
    """Return the name of a variable or an attribute from its bytes, without the blanks that some writers pad with."""
    return _decode(content).strip()


@cache
def _types(byte_order: str) -> dict[int, tuple[CdfType, ElementType | None]]:
    """Type number → type, and the numpy type of one number in the file or None for text."""
    return {
        int(cdf_type): (cdf_type, None if cdf_type.is_text else element_type(cdf_type, 1, byte_order))
        for cdf_type in CdfType
    }


def _decode(content: bytes) -> str:
    """Return text up to the first NUL. The format says ASCII; real files hold UTF-8 and Latin-1 as well."""
    content = content.partition(b"\x00")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
