"""Packets of das2 2.2: headers, exceptions and comments, and the records as bytes or text."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from das2server.planes import Parameter, Plane
from epntap.errors import ParameterError
from epntap.instants.leapseconds import SECOND_NS
from epntap.xml import attribute

__all__ = [
    "BINARY",
    "FILL",
    "TEXT",
    "Block",
    "Layout",
    "Operation",
    "Problem",
    "comment",
    "deflated",
    "element",
    "exception",
    "header",
    "layout_of",
    "time_texts",
]

BINARY = "application/vnd.das2.das2stream"
TEXT = "text/vnd.das2.das2stream; charset=utf-8"
#: stands where there is no value, in all planes
FILL = -1e31
#: the length of a header has six digits
_LONGEST_HEADER = 999_999
#: characters of a number with its separator; das2C reads up to 24
_DOUBLE_TEXT, _SINGLE_TEXT = 24, 16
#: in negative numbers beyond these 17 digits do not fit, and the last one is left out
_SHORT_EXPONENT = (1e-99, 1e100)
_LINES, _SPECTRA = "01", "02"
_DAY_ZERO = np.datetime64("2000-01-01", "s")

#: labels of time in nanoseconds, and one array of doubles for each parameter and operation, shape (n, components)
Block = tuple[npt.NDArray[np.int64], Sequence[npt.NDArray[np.float64]]]


class Problem(StrEnum):
    """Types of exceptions."""

    NO_DATA = "NoDataInInterval"
    ARGUMENT = "IllegalArgument"
    SERVER = "ServerError"


class Operation(StrEnum):
    """What a plane is of the values in a bin; the ending of its name is beside."""

    AVERAGE = "BIN_AVG"
    MAXIMUM = "BIN_MAX"
    MINIMUM = "BIN_MIN"


_ENDINGS = {Operation.AVERAGE: "", Operation.MAXIMUM: ".max", Operation.MINIMUM: ".min"}


def element(name: str, values: Mapping[str, str], content: str = "", *, ends: bool = True) -> str:
    """An XML element; white space in values becomes blanks. Names may have a colon, which stands for a type here."""
    said = "".join(f" {key}={attribute(' '.join(value.split()))}" for key, value in values.items())
    return f"<{name}{said}/>" if ends and not content else f"<{name}{said}>{content}</{name}>"


def header(tag: str, xml: str) -> bytes:
    """A header packet: `[00]000123<…>`."""
    text = f"{xml}\n".encode()
    if len(text) > _LONGEST_HEADER:
        raise ParameterError("params: so many parameters have no room in one stream; ask for fewer.")
    return b"[%s]%06d%s" % (tag.encode(), len(text), text)


def exception(problem: Problem, message: str) -> bytes:
    """The packet that says why there is no data, or no more of it."""
    return header("xx", element("exception", {"type": problem.value, "message": message}))


def comment(message: str, source: str) -> bytes:
    """A packet that says something to people."""
    return header("xx", element("comment", {"type": "log:info", "value": message, "source": source}))


def deflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """What follows the stream header, as one zlib stream."""
    packer = zlib.compressobj(6)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def time_texts(labels: npt.NDArray[np.int64], decimals: int) -> list[str]:
    """`2017-01-01T00:00:00.000` of labels: nanoseconds since 2000 as the clock shows them."""
    seconds, rest = np.divmod(labels, SECOND_NS)
    whole = np.datetime_as_string(_DAY_ZERO + seconds.astype("timedelta64[s]"), unit="s").tolist()
    fractions = (rest // 10 ** (9 - decimals)).tolist()
    return [f"{text}.{fraction:0{decimals}}" for text, fraction in zip(whole, fractions, strict=True)]


@dataclass(frozen=True, slots=True)
class _Field:
    """One plane in the records of a packet."""

    plane: Plane
    #: of the arrays of a block
    source: int
    is_single: bool
    operation: Operation | None

    @property
    def dtype(self) -> str:
        return "<f4" if self.is_single else "<f8"

    @property
    def name(self) -> str:
        return self.plane.name + (_ENDINGS[self.operation] if self.operation else "")

    def xml(self, *, is_text: bool) -> str:
        plane = self.plane
        if is_text:
            kind = f"ascii{_SINGLE_TEXT if self.is_single else _DOUBLE_TEXT}"
        else:
            kind = f"little_endian_real{4 if self.is_single else 8}"
        said = {"String:source": plane.name, "String:operation": self.operation.value} if self.operation else {}
        fill = f"{FILL:E}"
        if not plane.is_spectrum:
            said |= {"String:yLabel": plane.label, "double:yFill": fill}
            return element("y", {"type": kind, "name": self.name, "units": plane.units}, element("properties", said))
        said |= {"String:yLabel": plane.tag_label, "String:zLabel": plane.label, "double:zFill": fill}
        facts = {
            "type": kind,
            "name": self.name,
            "nitems": str(plane.count),
            "yUnits": plane.tag_units,
            "zUnits": plane.units,
            "yTags": ",".join(f"{tag:.17g}" if float(f"{tag:.9g}") != tag else f"{tag:.9g}" for tag in plane.tags),
        }
        return element("yscan", facts, element("properties", said))


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of a stream are written: lines in packets 01, spectra in packets 02."""

    packets: Mapping[str, Sequence[_Field]]
    is_text: bool
    #: of a second, in text
    decimals: int

    def headers(self) -> bytes:
        """The packet definitions."""
        length = len("2000-01-01T00:00:00.") + self.decimals + len("Z ")
        x = {"type": f"time{length}" if self.is_text else "little_endian_real8", "units": "us2000"}
        found = b""
        for tag, fields in self.packets.items():
            inner = "\n".join([element("x", x), *(one.xml(is_text=self.is_text) for one in fields)])
            found += header(tag, f"<packet>\n{inner}\n</packet>")
        return found

    def records(self, block: Block) -> bytes:
        """The data packets of a block, in the order of time."""
        return self._text(block) if self.is_text else self._binary(block)

    def _binary(self, block: Block) -> bytes:
        labels, arrays = block
        kinds: list[Any] = []  # of a structured dtype
        for tag, fields in self.packets.items():
            kinds += [(f"tag{tag}", "S4"), (f"x{tag}", "<f8")]
            kinds += [(f"{tag}.{place}", one.dtype, (one.plane.count,)) for place, one in enumerate(fields)]
        records = np.empty(len(labels), np.dtype(kinds))
        for tag, fields in self.packets.items():
            records[f"tag{tag}"] = f":{tag}:".encode()
            records[f"x{tag}"] = labels / 1000
            for place, one in enumerate(fields):
                with np.errstate(over="ignore"):
                    records[f"{tag}.{place}"] = _values(one, arrays)
        return records.tobytes()

    def _text(self, block: Block) -> bytes:
        labels, arrays = block
        times = time_texts(labels, self.decimals)
        columns = []
        for tag, fields in self.packets.items():
            values = np.concatenate([_values(one, arrays) for one in fields], axis=1)
            least, most = _SHORT_EXPONENT
            is_beyond = ((values > -least) & (values < 0)) | (values <= -most)
            is_long = np.asarray(is_beyond.any(axis=1)).tolist()
            rows = (_row(fields, 17), _row(fields, 16))
            columns.append(
                [
                    f":{tag}:{time}Z {rows[long] % tuple(found)}\n"
                    for time, found, long in zip(times, values.tolist(), is_long, strict=True)
                ]
            )
        return "".join(line for lines in zip(*columns, strict=True) for line in lines).encode()


def _row(fields: Sequence[_Field], digits: int) -> str:
    """What formats the numbers of a record, doubles with so many digits."""
    words = [
        f"%{_SINGLE_TEXT - 1}.9g" if one.is_single else f"%{_DOUBLE_TEXT - 1}.{digits}g"
        for one in fields
        for _ in range(one.plane.count)
    ]
    return " ".join(words)


def _values(one: _Field, arrays: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return arrays[one.source][:, one.plane.first : one.plane.first + one.plane.count]


def layout_of(parameters: Sequence[Parameter], *, is_text: bool, is_reduced: bool, decimals: int) -> Layout:
    """The layout of these parameters; the arrays of a block are by parameter and, where reduced, by operation."""
    operations: tuple[Operation | None, ...] = tuple(Operation) if is_reduced else (None,)
    packets: dict[str, list[_Field]] = {}
    source = 0
    for parameter in parameters:
        places = range(source, source + len(operations))
        source += len(operations)
        for plane in parameter.planes:
            for operation, place in zip(operations, places, strict=True):
                is_single = parameter.is_single and operation is not Operation.AVERAGE
                field = _Field(plane, place, is_single, operation)
                packets.setdefault(_SPECTRA if plane.is_spectrum else _LINES, []).append(field)
    return Layout(dict(sorted(packets.items())), is_text, decimals)
