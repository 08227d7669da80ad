"""FITS: one binary table, with the VOTable metadata in the primary array (FITS-plus, as STIL and TOPCAT write it).

A FITS header tells the number of rows and the width of each text before the first row, so the rows wait in a temporary
file until the last one is known.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, LiteralString

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from epntap.answer.model import Outcome, ResultColumn
from epntap.catalog.names import distinct
from epntap.errors import ParameterError
from epntap.formats import votable
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.cells import INTEGER_NULLS, NULL_CELLS, Shape, bytes_of, recoded, shape_of
from epntap.formats.copy_binary import Rows, framed
from epntap.formats.projection import Spelling

__all__ = ["Fits"]

_BLOCK = 2880
_IN_MEMORY = 4 * 1024 * 1024
_COPY_BYTES = 1024 * 1024
_CODES = {"boolean": "L", "unsignedByte": "B", "short": "I", "int": "J", "long": "K", "float": "E", "double": "D"}
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")
#: FITS has no control characters (FITS 4.0 §3.3.1)
_PRINTABLE = bytes(ord(" ") if n in b"\t\n\r" else n if 0x20 <= n <= 0x7E else ord("?") for n in range(256))
#: characters of a text in a card
_CARD_TEXT = 68
_TRIED = 8
_DESCRIPTOR = 16  # of a variable array: count and place in the heap, 8 bytes each


class Fits(FormatDefaults):
    """A FITS file. Texts are ASCII of fixed width, arrays of varying length stand in the heap."""

    media_type = "application/fits"
    names = ("fits",)
    extension = "fits"
    options: LiteralString = "FORMAT binary"
    pack = staticmethod(framed)
    spelling = Spelling.BINARY
    says_outcome = False
    spools = True
    compressible = False

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts)


class _Column:
    """What has been seen of a column, and where it will stand in a row."""

    def __init__(self, column: ResultColumn) -> None:
        self.facts = column
        self.shape: Shape = shape_of(column)
        self.has_nulls = False
        #: which of the values that may say NULL do not occur
        self.free: list[int] = list(_may_say_null(column.datatype)) if self.shape.elements == 1 else []
        self.longest = self.shape.elements or (1 if self.shape.is_text else 0)
        self.place = 0

    @property
    def is_array(self) -> bool:
        """Whether the values stand in the heap."""
        return self.shape.elements == 0 and not self.shape.is_text

    @property
    def size(self) -> int:
        """Bytes in a row."""
        if self.is_array:
            return _DESCRIPTOR
        return self.longest * (self.shape.width or 1)

    def see(self, rows: Rows, n: int) -> None:
        """Note what of a block bears on the header."""
        self.has_nulls = self.has_nulls or bool(rows.nulls[n].any())
        if self.free and not rows.nulls[n].all():
            values = rows.numbers(n, self.shape.width)[~rows.nulls[n]].byteswap()
            if self.facts.datatype != "unsignedByte":
                values = values.view(f"i{self.shape.width}")
            least, most = int(values.min()), int(values.max())
            self.free = [one for one in self.free if not least <= one <= most or not (values == one).any()]

    @property
    def null(self) -> int | None:
        """The integer that says NULL. Raises ParameterError when all that might occur."""
        if not self.has_nulls or self.facts.datatype not in INTEGER_NULLS:
            return None
        if not self.free and self.shape.elements == 1:
            raise ParameterError(
                f"No value is left that could say NULL in the column {self.facts.name} of a FITS file; "
                "ask for another format, such as votable/b2."
            )
        return self.free[0] if self.free else INTEGER_NULLS[self.facts.datatype]

    @property
    def form(self) -> str:
        """Value of TFORM."""
        if self.shape.is_text:
            return f"{self.longest}A"
        code = _CODES[self.facts.datatype]
        return f"1Q{code}({self.longest})" if self.is_array else f"{self.longest}{code}"


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        self._facts = facts
        self._columns = [_Column(column) for column in columns]
        self._spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # close() closes it
        self._heap = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._heap_read = 0

    def header(self) -> bytes:
        return b""

    def rows(self, block: bytes) -> bytes:
        rows = Rows(block, len(self._columns))
        for n, column in enumerate(self._columns):
            column.see(rows, n)
            if column.shape.elements == 0:
                column.longest = max(column.longest, int(rows.lengths[n].max()) // (column.shape.width or 1))
                if column.is_array:
                    self._heap.write(bytes_of(rows.values(n))[0])
        self._spool.write(len(block).to_bytes(8, "little"))
        self._spool.write(block)
        return b""

    def trailer(self, outcome: Outcome) -> Iterator[bytes]:
        heap_size = self._heap.tell()
        row_size = self._place()
        yield self._primary(outcome) + self._extension(outcome.rows, row_size, heap_size)
        self._spool.seek(0)
        while size := self._spool.read(8):
            yield self._table(Rows(self._spool.read(int.from_bytes(size, "little")), len(self._columns)), row_size)
        self._heap.seek(0)
        yield from _pieces(self._heap)
        yield bytes(-(row_size * outcome.rows + heap_size) % _BLOCK)

    def close(self) -> None:
        self._spool.close()
        self._heap.close()

    def _place(self) -> int:
        size = 0
        for column in self._columns:
            column.place = size
            size += column.size
        return size

    def _primary(self, outcome: Outcome) -> bytes:
        columns = [column.facts for column in self._columns]
        text = votable.document_start(columns, self._facts) + votable.document_end(outcome, self._facts)
        cards = [
            _card("SIMPLE", True),
            _card("BITPIX", 8),
            _card("NAXIS", 1),
            _card("NAXIS1", len(text)),
            _card("VOTMETA", True),
            _card("EXTEND", True),
            _card("NTABLE", 1),
            _card("QSTATUS", outcome.status.value),
        ]
        return _header(cards) + text + bytes(-len(text) % _BLOCK)

    def _extension(self, rows: int, row_size: int, heap_size: int) -> bytes:
        cards = [
            _card("XTENSION", "BINTABLE"),
            _card("BITPIX", 8),
            _card("NAXIS", 2),
            _card("NAXIS1", row_size),
            _card("NAXIS2", rows),
            _card("PCOUNT", heap_size),
            _card("GCOUNT", 1),
            _card("TFIELDS", len(self._columns)),
        ]
        names = distinct([column.facts.name for column in self._columns], str.lower)  # FITS 4.0 §7.3.2
        for n, (column, name) in enumerate(zip(self._columns, names, strict=True), start=1):
            facts = column.facts
            cards += [_card(f"TTYPE{n}", name), _card(f"TFORM{n}", column.form)]
            if not column.is_array and (null := column.null) is not None:
                cards.append(_card(f"TNULL{n}", null))
            if dimensions := _dimensions(facts.arraysize):
                cards.append(_card(f"TDIM{n}", dimensions))
            for keyword, text in (
                ("TUNIT", facts.unit),
                ("TUCD", facts.ucd),
                ("TUTYP", facts.utype),
                ("TCOMM", facts.description),
            ):
                if text:
                    cards.append(_card(f"{keyword}{n}", text))
        return _header(cards)

    def _table(self, rows: Rows, row_size: int) -> bytes:
        table = np.zeros((rows.count, row_size), np.uint8)
        for n, column in enumerate(self._columns):
            cells = table[:, column.place : column.place + column.size]
            if column.is_array:
                self._describe(rows, n, column, cells)
            elif rows.nulls[n].all():
                if not column.shape.is_text:
                    cells[:] = _null(column)
            elif column.shape.is_text:
                _fill_text(rows, n, cells)
            else:
                _fill_numbers(rows, n, column, cells)
        return table.tobytes()

    def _describe(self, rows: Rows, n: int, column: _Column, cells: npt.NDArray[np.uint8]) -> None:
        # The heap was filled block by block, in each block column by column: in this same order.
        lengths = np.maximum(rows.lengths[n], 0).astype(np.int64)
        descriptors = np.empty((rows.count, 2), ">i8")
        descriptors[:, 0] = lengths // column.shape.width
        descriptors[:, 1] = self._heap_read + np.cumsum(lengths) - lengths
        self._heap_read += int(lengths.sum())
        cells[:] = descriptors.view(np.uint8).reshape(rows.count, _DESCRIPTOR)


def _may_say_null(datatype: str) -> Iterator[int]:
    """Integers of which one that does not occur is made to say NULL: the usual one, then others at both ends."""
    if datatype not in INTEGER_NULLS:
        return
    usual = INTEGER_NULLS[datatype]
    step = 1 if usual < 0 else -1
    most = -usual - 1 if usual < 0 else 0
    for n in range(_TRIED):
        yield usual + step * n
        yield most - step * n


def _stored(value: int, width: int) -> npt.NDArray[Any]:
    """An integer as `Rows.numbers` has it."""
    raw = value.to_bytes(width, "big", signed=value < 0)
    return np.frombuffer(raw, f"u{width}")


def _dimensions(arraysize: str | None) -> str:
    """Value of TDIM for a fixed array of several dimensions (FITS 4.0 §7.3.2), else nothing."""
    if arraysize is None or "x" not in arraysize or "*" in arraysize:
        return ""
    return f"({arraysize.replace('x', ',')})"


def _null(column: _Column) -> npt.NDArray[np.uint8]:
    one = b"\0" if column.facts.datatype == "boolean" else NULL_CELLS[column.facts.datatype]
    if (null := column.null) is not None:
        one = _stored(null, column.shape.width).tobytes()
    return np.frombuffer(one * column.longest, np.uint8)


def _fill_text(rows: Rows, n: int, cells: npt.NDArray[np.uint8]) -> None:
    data, places = recoded(rows.values(n), unicode=False)
    lengths, width = np.diff(places), cells.shape[1]
    if (lengths > width).any():  # the FIELD promises fewer characters
        lengths = np.minimum(lengths, width)
        data = b"".join(data[place : place + length] for place, length in zip(places, lengths, strict=False))
        places = np.concatenate([[0], np.cumsum(lengths)])
    offsets, printable = pa.py_buffer(places), pa.py_buffer(data.translate(_PRINTABLE))
    texts = pa.LargeStringArray.from_buffers(rows.count, offsets, printable)
    filled = pc.ascii_rpad(texts, width, padding="\0").buffers()[2]
    cells[:] = np.frombuffer(filled, np.uint8, cells.size).reshape(cells.shape)


def _fill_numbers(rows: Rows, n: int, column: _Column, cells: npt.NDArray[np.uint8]) -> None:
    nulls = rows.nulls[n]
    null = _null(column)
    if column.longest == 1:
        values: npt.NDArray[Any] = rows.numbers(n, column.shape.width)  # unsigned integers of the width
        if column.facts.datatype == "boolean":
            values = np.where(values != 0, ord("T"), ord("F")).astype(np.uint8)
        cells[:] = values.view(np.uint8).reshape(cells.shape)
        cells[nulls] = null
    else:
        filler = null.tobytes()
        fitted = [
            filler if value is None else (value + filler[len(value) :])[: len(filler)]
            for value in rows.values(n).to_pylist()
        ]
        cells[:] = np.frombuffer(b"".join(fitted), np.uint8).reshape(cells.shape)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_COPY_BYTES), b"")


def _card(keyword: str, value: bool | int | str) -> bytes:
    if isinstance(value, bool):
        written = f"{'T' if value else 'F':>20}"
    elif isinstance(value, int):
        written = f"{value:>20}"
    else:
        text = _NOT_PRINTABLE.sub("?", value).replace("'", "''")[:_CARD_TEXT]
        if (len(text) - len(text.rstrip("'"))) % 2:
            text = text[:-1]  # half of a doubled quote would end the text too late
        written = f"'{text:<8}'"
    return f"{keyword:<8}= {written}".ljust(80).encode()


def _header(cards: Sequence[bytes]) -> bytes:
    body = b"".join([*cards, b"END".ljust(80)])
    return body + b" " * (-len(body) % _BLOCK)
