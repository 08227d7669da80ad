r"""How the values of each VOTable type become text that COPY reads (VOTable 1.4 §6). No I/O here.

Every function gives the cell as COPY has it (`\N` for NULL), or raises ValueError with what is wrong with the value.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

__all__ = ["DALI_TIME", "NULL", "Cell", "Shape", "array", "boolean", "escape", "is_time", "real", "shape_of", "whole"]

NULL = "\\N"
_RANGES = {
    "unsignedByte": (0, 255),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_HEX = re.compile(r"0[xX][0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?inf(?:inity)?|nan", re.ASCII | re.IGNORECASE
)
_SPECIAL = re.compile("[\\\\\b\f\n\r\t\v\0]")
_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\0": "\ufffd"}
_TRUTH = {"t": "t", "true": "t", "1": "t", "f": "f", "false": "f", "0": "f", "": NULL, "?": NULL, "\0": NULL, " ": NULL}
_ARRAYSIZE = re.compile(r"(?:[0-9]+x)*(?:[0-9]+\*?|\*)", re.ASCII)

#: DALI 1.1 §3.3.3, with the blank in place of T that ADQL 2.0 had
DALI_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?Z?", re.ASCII)

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)

#: from the text of a cell
FromText = Callable[[str], str]
#: from the bytes of a cell and the number of its elements
FromBytes = Callable[[bytes, int], str]
#: where the cell at this place begins and ends, and how many elements it has; its bytes may not have arrived yet
Extent = Callable[[bytearray, int], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Cell:
    """How the cells of a column are read."""

    from_text: FromText
    from_bytes: FromBytes
    extent: Extent


@dataclass(frozen=True, slots=True)
class Shape:
    """What arraysize says."""

    #: of one cell; None when it varies
    count: int | None
    dimensions: int

    @property
    def is_scalar(self) -> bool:
        """Whether a cell is one value."""
        return self.dimensions == 0


def shape_of(arraysize: str | None) -> Shape:
    """The shape that arraysize describes. Raises ValueError."""
    text = (arraysize or "").strip()
    if text in {"", "1"}:
        return Shape(1, 0)
    if not _ARRAYSIZE.fullmatch(text):
        raise ValueError(f"its arraysize is {text[:40]!r}")
    parts = text.split("x")
    if text.endswith("*"):
        return Shape(None, len(parts))
    return Shape(math.prod(map(int, parts)), len(parts))


def escape(text: str) -> str:
    """A text as COPY reads it."""
    return _SPECIAL.sub(lambda match: _ESCAPES[match.group()], text) if _SPECIAL.search(text) else text


def boolean(text: str) -> str:
    """A truth value."""
    try:
        return _TRUTH[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text[:40]!r} is no boolean") from None


def whole(datatype: str, null: int | None = None) -> Callable[[str], str]:
    """What reads whole numbers of this type; `null` is the one that says NULL."""
    least, most = _RANGES[datatype]

    def read(text: str) -> str:
        text = text.strip()
        if not text:
            return NULL
        if _INTEGER.fullmatch(text):
            value = int(text) if len(text) < 40 else most + 1
        elif _HEX.fullmatch(text):
            value = int(text, 16)
        else:
            raise ValueError(f"{text[:40]!r} is no whole number")
        if value == null:
            return NULL
        if not least <= value <= most:
            raise ValueError(f"{text[:40]} does not fit into {datatype}")
        return str(value)

    return read


def number(text: str) -> float:
    """A number, NaN and infinities included."""
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no number")
    value = float(text)
    if math.isinf(value) and "n" not in text.lower():
        raise ValueError(f"{text[:40]} does not fit into double")
    return value


def single(value: float) -> float:
    """The nearest value of single precision."""
    try:
        return float(struct.unpack(">f", struct.pack(">f", value))[0])
    except OverflowError:
        raise ValueError(f"{value!r} does not fit into float") from None


def real(datatype: str, null: float | None = None) -> Callable[[str], str]:
    """What reads numbers of single (float) or double precision. NaN says NULL (VOTable 1.4 §6)."""
    is_single = datatype == "float"

    def read(text: str) -> str:
        text = text.strip()
        if not text:
            return NULL
        value = number(text)
        if math.isnan(value) or (null is not None and value == null):
            return NULL
        return repr(single(value) if is_single else value)

    return read


def is_time(text: str) -> bool:
    """Whether it is a timestamp of DALI, of a day and a time of day that exist; second 60 may be a leap second."""
    if not DALI_TIME.fullmatch(text):
        return False
    match = _DAY.match(text)
    assert match is not None
    day, hour, minute, second = match.groups()
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return int(hour or 0) < 24 and int(minute or 0) < 60 and int(second or 0) <= 60


def array(elements: Sequence[str]) -> str:
    """An array of numbers."""
    return "{" + ",".join(elements) + "}"
