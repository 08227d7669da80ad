"""The columns of an uploaded VOTable: what each FIELD becomes here, and what reads its cells (VOTable 1.4 §2, §6).

Text of any length is `*`; a bit is a boolean; arrays of bits and booleans are arrays of 0 and 1; a complex number is an
array of two.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from epntap.catalog.model import Column, Form
from epntap.catalog.names import SYSTEM_NAMES, distinct
from epntap.errors import UploadError
from epntap.upload.cells import (
    NULL,
    Cell,
    Extent,
    FromBytes,
    FromText,
    Shape,
    array,
    boolean,
    escape,
    is_time,
    number,
    real,
    shape_of,
    single,
    whole,
)
from epntap.upload.model import LONGEST_CELL_BYTES

__all__ = ["FieldColumn", "Serialization", "named"]

_SCALARS = {"boolean": "boolean", "unsignedByte": "smallint", "short": "smallint", "int": "integer", "long": "bigint",
            "float": "real", "double": "double precision"}  # fmt: skip
_FORMATS = {"unsignedByte": "B", "short": "h", "int": "i", "long": "q", "float": "f", "double": "d"}
_COMPLEX = {"floatComplex": "float", "doubleComplex": "double"}
_TEXTS = frozenset(("char", "unicodeChar"))
_TIMES = frozenset(("timestamp", "adql:timestamp"))
_ONE = Shape(1, 0)
_WORDS = re.compile(r"[\s,]+")
# a name of PostgreSQL is cut after 63 bytes
_MOST_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class Serialization:
    """How cells come: as text, or as bytes with a mask of NULLs or without one."""

    name: str

    @property
    def says_null(self) -> bool:
        """Whether an empty text differs from none."""
        return self.name == "BINARY2"


@dataclass(slots=True)
class FieldColumn:
    """One FIELD."""

    attributes: Mapping[str, str]
    description: str = ""
    null: str = ""
    #: a text with other characters than ASCII has been seen
    unicode: bool = field(default=False, init=False)

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"the column {self.attributes.get('name') or self.attributes.get('ID') or '(without a name)'}"

    def column(self) -> Column:
        """Its description in the catalogue; of a text it is final after the last row."""
        a = self.attributes
        datatype, arraysize, pg_type = self._kind()
        xtype = a.get("xtype") or None
        timed = datatype in _TEXTS and (xtype or "").lower() in _TIMES
        if datatype == "char" and self.unicode:
            datatype = "unicodeChar"
        return Column(
            name=a.get("name") or a.get("ID") or "",
            datatype=datatype,
            arraysize=arraysize,
            xtype=xtype,
            unit=a.get("unit") or None,
            ucd=a.get("ucd") or None,
            utype=a.get("utype") or None,
            description=" ".join(self.description.split()) or None,
            form=Form.LOOSE_DALI_TEXT if timed else Form.PLAIN,
            pg_type=pg_type,
        )

    def cell(self, serialization: Serialization) -> Cell:
        """What reads its cells."""
        datatype, shape = self._declared()
        if datatype in _TEXTS:
            return self._text_cell(datatype, shape, serialization)
        if shape.is_scalar and datatype not in _COMPLEX:
            return self._scalar_cell(datatype)
        return self._array_cell(datatype, shape, serialization)

    def _declared(self) -> tuple[str, Shape]:
        datatype = self.attributes.get("datatype", "")
        known = (*_SCALARS, "bit", *_COMPLEX, *_TEXTS)
        if datatype not in known:
            raise UploadError(f"{self._start} has the datatype {datatype[:40]!r}; expected one of {', '.join(known)}.")
        try:
            shape = shape_of(self.attributes.get("arraysize"))
        except ValueError as exc:
            raise UploadError(f"{self._start} cannot be read: {exc}, expected something like 3, * or 2x3.") from None
        if (shape.count or 0) * 2 > LONGEST_CELL_BYTES:
            raise UploadError(f"{self._start} has arrays of {shape.count:,} elements, which is more than is accepted.")
        if datatype in _TEXTS and shape.dimensions > 1:
            raise UploadError(
                f"{self._start} holds arrays of texts (arraysize {self.attributes['arraysize']}), for which there is "
                "no type here; upload one text in each cell, or several columns."
            )
        return datatype, shape

    def _kind(self) -> tuple[str, str | None, str]:
        datatype, shape = self._declared()
        arraysize = self.attributes.get("arraysize", "").strip() or None
        if datatype in _TEXTS:
            return datatype, "*", "text"
        if datatype in _COMPLEX:
            size = "2" if shape.is_scalar else f"2x{arraysize}"
            return _COMPLEX[datatype], size, "double precision[]"
        if shape.is_scalar:
            scalar = "boolean" if datatype == "bit" else datatype
            return scalar, None, _SCALARS[scalar]
        if datatype in {"float", "double"}:
            return datatype, arraysize, "double precision[]"
        if datatype == "unsignedByte":
            return datatype, arraysize, "bytea"
        return "short" if datatype in {"bit", "boolean"} else datatype, arraysize, "bigint[]"

    @property
    def _start(self) -> str:
        return self.title[0].upper() + self.title[1:]

    # -- text

    def _text_cell(self, datatype: str, shape: Shape, serialization: Serialization) -> Cell:
        timed = (self.attributes.get("xtype") or "").lower() in _TIMES
        width, encoding = (2, "utf-16-be") if datatype == "unicodeChar" else (1, "utf-8")

        def from_text(text: str) -> str:
            if not text:
                return NULL
            if timed and not is_time(text.strip()):
                raise ValueError(f"{text[:40]!r} is no timestamp such as 2016-12-31T23:59:59")
            if not self.unicode and not text.isascii():
                self.unicode = True
            return escape(text)

        def from_bytes(data: bytes, _count: int) -> str:
            text = data.decode(encoding, "replace")
            if shape.count is not None:
                text = text.partition("\0")[0]
            if not text and serialization.says_null and not timed:
                return ""
            return from_text(text)

        return Cell(from_text, from_bytes, _extent(shape, lambda count: count * width))

    # -- one number

    def _scalar_cell(self, datatype: str) -> Cell:
        if datatype in {"bit", "boolean"}:
            return Cell(boolean, _boolean_byte if datatype == "boolean" else _bit_byte, _extent(_ONE, lambda _count: 1))
        from_text = self._number(datatype)
        form = struct.Struct(f">{_FORMATS[datatype]}")
        null = self._null(datatype)

        def from_bytes(data: bytes, _count: int) -> str:
            (value,) = form.unpack(data)
            # NaN is the one number that is not itself, and says NULL
            return NULL if value == null or value != value else repr(value)  # noqa: PLR0124

        return Cell(from_text, from_bytes, _extent(_ONE, lambda _count: form.size))

    def _number(self, datatype: str) -> FromText:
        null = self._null(datatype)
        if datatype in {"float", "double"}:
            return real(datatype, null)
        return whole(datatype, None if null is None else int(null))

    def _null(self, datatype: str) -> float | None:
        if not self.null.strip():
            return None
        try:
            return number(self.null.strip()) if datatype in {"float", "double"} else int(self.null.strip(), 0)
        except ValueError:
            raise UploadError(f"{self._start} has VALUES null={self.null[:40]!r}, which is no {datatype}.") from None

    # -- several

    def _array_cell(self, datatype: str, shape: Shape, serialization: Serialization) -> Cell:
        is_complex = datatype in _COMPLEX
        datatype = _COMPLEX.get(datatype, datatype)
        if is_complex:
            shape = Shape(None if shape.count is None else 2 * shape.count, shape.dimensions)
        if serialization.name != "TABLEDATA" and shape.count is None and shape.dimensions > 1:
            raise UploadError(
                f"{self._start} has arrays of varying length in several dimensions (arraysize "
                f"{self.attributes['arraysize']}), about whose binary form programs disagree; upload it as TABLEDATA."
            )
        width = struct.calcsize(f">{_FORMATS.get(datatype, 'B')}")
        factor = 2 if is_complex and shape.count is None else 1  # its length counts pairs
        if datatype == "bit":
            extent = _extent(shape, lambda count: (count + 7) // 8)
        else:
            extent = _extent(shape, lambda count: count * width * factor)
        return Cell(self._array_text(datatype, shape), self._array_bytes(datatype, serialization), extent)

    def _array_text(self, datatype: str, shape: Shape) -> FromText:
        if datatype in {"bit", "boolean"}:
            element: FromText = _digit
        else:
            element = (
                _single_text
                if datatype == "float"
                else _double_text
                if datatype == "double"
                else self._number(datatype)
            )

        def from_text(text: str) -> str:
            text = text.strip()
            if not text:
                return NULL
            if datatype == "bit":
                words: Sequence[str] = [c for c in text if not c.isspace()]
            else:
                words = [word for word in _WORDS.split(text) if word]
            if shape.count is not None and len(words) != shape.count:
                raise ValueError(f"{shape.count} elements were expected but {len(words)} found")
            return _joined(datatype, list(map(element, words)))

        return from_text

    def _array_bytes(self, datatype: str, serialization: Serialization) -> FromBytes:
        null = self._null(datatype) if datatype in _FORMATS and datatype not in {"float", "double"} else None

        def from_bytes(data: bytes, count: int) -> str:
            if not data and not serialization.says_null:
                return NULL
            if datatype == "unsignedByte" and null is None:
                return "\\\\x" + data.hex()
            return _joined(datatype, _elements(datatype, data, count, null))

        return from_bytes


def _elements(datatype: str, data: bytes, count: int, null: float | None) -> list[str]:
    if datatype == "bit":
        return list(f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}"[:count]) if count else []
    if datatype == "boolean":
        return [_digit(chr(byte)) for byte in data]
    form = _FORMATS[datatype]
    many = len(data) // struct.calcsize(f">{form}")
    return [NULL if value == null else repr(value) for value in struct.unpack(f">{many}{form}", data)]


def _joined(datatype: str, elements: list[str]) -> str:
    if NULL in elements:
        raise ValueError(
            "an array has elements without a value, for which there is no way here but NaN in a float array"
        )
    if datatype == "unsignedByte":
        return "\\\\x" + bytes(map(int, elements)).hex()
    return array(elements)


def _extent(shape: Shape, size: Callable[[int], int]) -> Extent:
    """Where cells of this shape are; `size` gives the bytes of so many elements."""
    if shape.count is not None:
        count = shape.count
        fixed = size(count)
        return lambda _data, start: (start, start + fixed, count)

    def extent(data: bytearray, start: int) -> tuple[int, int, int]:
        begin = start + 4
        count = int.from_bytes(data[start:begin], "big") if begin <= len(data) else 0
        if size(count) > LONGEST_CELL_BYTES:
            raise ValueError(f"a length of {count:,} was found, more than a cell may have")
        return begin, begin + size(count), count

    return extent


def _boolean_byte(data: bytes, _count: int) -> str:
    return boolean(chr(data[0]))


def _bit_byte(data: bytes, _count: int) -> str:
    # the highest bit by the standard (VOTable 1.4 §6); astropy writes another one
    return "t" if data[0] else "f"


def _digit(text: str) -> str:
    truth = boolean(text)
    return NULL if truth == NULL else "1" if truth == "t" else "0"


def _single_text(text: str) -> str:
    return repr(single(number(text)))


def _double_text(text: str) -> str:
    return repr(number(text))


def named(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns with a name each: what has none or one that was there before gets a number."""
    names = distinct(
        [column.name.replace("\0", "\ufffd") or f"column_{n}" for n, column in enumerate(columns, start=1)]
    )
    return tuple(
        replace(column, name=name, stored_name=f"uploaded column {n}" if _is_hidden(name) else "")
        for n, (column, name) in enumerate(zip(columns, names, strict=True), start=1)
    )


def _is_hidden(name: str) -> bool:
    """Whether PostgreSQL cannot have a column of this name."""
    return len(name.encode()) > _MOST_NAME_BYTES or name in SYSTEM_NAMES
