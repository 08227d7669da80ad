"""FITS: one binary table, with the VOTable metadata in the primary array (FITS-plus, as STIL and TOPCAT write it).

A FITS header tells the number of rows and the width of each text before the first row, so the rows wait in a temporary
file until the last one is known.
"""

from __future__ import annotations

import itertools
import pickle
import re
import tempfile
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, LiteralString, TypeAlias

import numpy as np
import numpy.typing as npt

from epntap.answer.model import Outcome, ResultColumn
from epntap.catalog.names import distinct
from epntap.errors import ParameterError
from epntap.formats import votable
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.binary.cells import INTEGER_NULLS, NULL_CELLS, Shape, bytes_of, shape_of
from epntap.formats.binary.copy_binary import Flags, Rows, framed
from epntap.formats.projection import Spelling

__all__ = ["Fits"]

_BLOCK = 2880
_IN_MEMORY = 4 * 1024 * 1024
_COPY_BYTES = 1024 * 1024
#: rows are put together so many bytes at a time, whatever their width
_PIECE_BYTES = 4 * 1024 * 1024
_CODES = {"boolean": "L", "unsignedByte": "B", "short": "I", "int": "J", "long": "K", "float": "E", "double": "D"}
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")
#: FITS has no control characters (FITS 4.0 §3.3.1)
_PRINTABLE = bytes(ord(" ") if n in b"\t\n\r" else n if 0x20 <= n <= 0x7E else ord("?") for n in range(256))
_FIRST, _PRINTABLE_ONES = 0x20, 0x7F - 0x20
#: what is said of columns with other characters
_REPLACED = "Texts are ASCII in FITS (4.0 §3.3.1): letters lost their accents, or became ?, in"
_COMMENT_TEXT = 72
#: characters of a text in a card
_CARD_TEXT = 68
_TRIED = 8
_DESCRIPTOR = 16  # of a variable array: count and place in the heap, 8 bytes each

Cells: TypeAlias = npt.NDArray[np.uint8]


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
        #: whether letters that FITS does not have were replaced
        self.has_replaced = False

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

    @property
    def says_null_by_number(self) -> bool:
        """Whether an integer that does not occur must say NULL."""
        return self.shape.elements == 1 and self.facts.datatype in INTEGER_NULLS

    def size_in(self, rows: Rows, n: int) -> int:
        """Bytes that the longest cell of these rows takes."""
        if self.shape.is_text and not self.shape.elements:
            return max(0, int(rows.lengths[n].max()))
        return self.size

    def see(self, rows: Rows, n: int) -> None:
        """Note what of a block bears on the header."""
        self.has_nulls = self.has_nulls or bool(rows.nulls[n].any())
        if self.shape.elements == 0:
            self.longest = max(self.longest, int(rows.lengths[n].max()) // (self.shape.width or 1))
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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows that wait in the spool: as they will stand in the file, but texts only as wide as they are in these rows."""

    rows: int
    sizes: Sequence[int]
    #: for columns with NULLs that an integer has yet to say, a bit for each row
    nulls: Mapping[int, bytes]

    @property
    def row_size(self) -> int:
        """Bytes of a row in the spool."""
        return sum(self.sizes)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        self._facts = facts
        self._columns = [_Column(column) for column in columns]
        self._spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # close() closes it
        self._heap = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115

    def header(self) -> bytes:
        return b""

    def rows(self, block: bytes) -> bytes:
        rows = Rows(block, len(self._columns))
        if not rows.count:
            return b""
        for n, column in enumerate(self._columns):
            column.see(rows, n)
        widest = sum(column.size_in(rows, n) for n, column in enumerate(self._columns))
        for part in rows.parts(max(1, _PIECE_BYTES // max(1, widest))):
            self._keep(part)
        return b""

    def _keep(self, rows: Rows) -> None:
        sizes = [column.size_in(rows, n) for n, column in enumerate(self._columns)]
        nulls = {
            n: np.packbits(rows.nulls[n]).tobytes()
            for n, column in enumerate(self._columns)
            if column.says_null_by_number and rows.nulls[n].any()
        }
        piece = _Piece(rows.count, sizes, nulls)
        table = np.empty((rows.count, piece.row_size), np.uint8)
        table[:] = np.frombuffer(b"".join(map(_usual_null, self._columns, sizes)), np.uint8)
        place = 0
        for n, (column, size) in enumerate(zip(self._columns, sizes, strict=True)):
            cells = table[:, place : place + size]
            place += size
            if column.is_array:
                self._describe(rows, n, column, cells)
            elif rows.nulls[n].all():
                pass
            elif column.shape.is_text:
                column.has_replaced = _fill_text(rows, n, cells) or column.has_replaced
            else:
                _fill_numbers(rows, n, column, cells)
        pickle.dump(piece, self._spool)
        self._spool.write(table.data)

    def _kept(self) -> Iterator[tuple[_Piece, Cells]]:
        end = self._spool.tell()
        self._spool.seek(0)
        while self._spool.tell() < end:
            piece: _Piece = pickle.load(self._spool)  # noqa: S301  # written above
            raw = self._spool.read(piece.rows * piece.row_size)
            yield piece, np.frombuffer(raw, np.uint8).reshape(piece.rows, piece.row_size)

    def trailer(self, outcome: Outcome) -> Iterator[bytes]:
        heap_size = self._heap.tell()
        row_size = self._place()
        yield self._primary(outcome) + self._extension(outcome.rows, row_size, heap_size)
        for piece, cells in self._kept():
            yield from self._table(piece, cells, row_size)
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

    @property
    def _replaced(self) -> list[str]:
        return [column.facts.name for column in self._columns if column.has_replaced]

    def _primary(self, outcome: Outcome) -> bytes:
        columns = [column.facts for column in self._columns]
        facts = self._facts
        if self._replaced:
            facts = replace(facts, infos=[*facts.infos, ("warning", f"{_REPLACED} {', '.join(self._replaced)}", "")])
        text = votable.document_start(columns, facts) + votable.document_end(outcome, facts)
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
        if self._replaced:
            cards += map(_comment, textwrap.wrap(f"{_REPLACED} {', '.join(self._replaced)}", _COMMENT_TEXT))
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

    def _table(self, piece: _Piece, cells: Cells, row_size: int) -> Iterator[bytes]:
        """The rows as they stand in the file."""
        nulls = self._nulls_to_say(piece)
        if piece.row_size == row_size and not nulls:  # no text is wider elsewhere
            yield cells.tobytes()
            return
        step = max(1, _PIECE_BYTES // max(1, row_size))
        for first in range(0, piece.rows, step):
            part = cells[first : first + step]
            table = np.zeros((len(part), row_size), np.uint8)
            for source, place, size in self._runs(piece):
                table[:, place : place + size] = part[:, source : source + size]
            for n, flags in nulls.items():
                column = self._columns[n]
                cell = np.frombuffer(_stored(column), np.uint8)
                table[flags[first : first + step], column.place : column.place + column.size] = cell
            yield table.tobytes()

    def _runs(self, piece: _Piece) -> Iterator[tuple[int, int, int]]:
        """Bytes that are moved together: where they are in the spool, where they will be, how many."""
        begin = source = size = 0
        for column, kept in zip(self._columns, piece.sizes, strict=True):
            size += kept
            if kept < column.size:
                if size:
                    yield source, begin, size
                source, begin, size = source + size, column.place + column.size, 0
        if size:
            yield source, begin, size

    def _nulls_to_say(self, piece: _Piece) -> dict[int, Flags]:
        """Where the integer that says NULL is another than the usual one, which was written."""
        return {
            n: np.unpackbits(np.frombuffer(bits, np.uint8), count=piece.rows).astype(bool)
            for n, bits in piece.nulls.items()
            if self._columns[n].null != INTEGER_NULLS[self._columns[n].facts.datatype]
        }

    def _describe(self, rows: Rows, n: int, column: _Column, cells: Cells) -> None:
        data, places = bytes_of(rows.values(n))
        descriptors = np.empty((rows.count, 2), ">i8")
        descriptors[:, 0] = np.diff(places) // column.shape.width
        descriptors[:, 1] = self._heap.tell() + places[:-1]
        cells[:] = descriptors.view(np.uint8).reshape(rows.count, _DESCRIPTOR)
        self._heap.write(data)


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


def _stored(column: _Column) -> bytes:
    """The integer that says NULL, as it stands in a row."""
    null = column.null or 0
    return null.to_bytes(column.shape.width, "big", signed=null < 0)


def _dimensions(arraysize: str | None) -> str:
    """Value of TDIM for a fixed array of several dimensions (FITS 4.0 §7.3.2), else nothing."""
    if arraysize is None or "x" not in arraysize or "*" in arraysize:
        return ""
    return f"({arraysize.replace('x', ',')})"


def _usual_null(column: _Column, size: int) -> bytes:
    """A cell of so many bytes in which nothing is."""
    if column.shape.is_text or column.is_array or column.facts.datatype == "boolean":
        return bytes(size)
    return NULL_CELLS[column.facts.datatype] * column.longest


def _fill_text(rows: Rows, n: int, cells: Cells) -> bool:
    """Whether letters were replaced."""
    lengths = np.clip(rows.lengths[n], 0, cells.shape[1])
    size = int(lengths.max())
    if not size:
        return False
    found = rows.heads(n, size)
    if int(lengths.min()) < size:
        kind = np.min_scalar_type(size)  # as small as may be: every byte is compared
        found *= np.arange(size, dtype=kind) < lengths.astype(kind)[:, None]
    if np.count_nonzero(found - np.uint8(_FIRST) < _PRINTABLE_ONES) == lengths.sum():
        cells[:, :size] = found
        return False
    return _fill_odd_text(rows, n, cells)


def _fill_odd_text(rows: Rows, n: int, cells: Cells) -> bool:
    """Texts with characters that FITS does not have; whether there were any but blanks of another kind."""
    data, places = bytes_of(rows.values(n))
    size, is_other = cells.shape[1], not data.isascii()
    texts = [data[start:end] for start, end in itertools.pairwise(places.tolist())]
    if is_other:
        texts = [text if text.isascii() else _in_ascii(text.decode()) for text in texts]
    fitted = b"".join(text[:size].translate(_PRINTABLE).ljust(size, b"\0") for text in texts)
    cells[:] = np.frombuffer(fitted, np.uint8).reshape(cells.shape)
    return is_other


def _in_ascii(text: str) -> bytes:
    """Letters without their accents; `?` for what has no such spelling, or a longer one than in UTF-8."""
    return "".join(one if one.isascii() else _letter_in_ascii(one) for one in text).encode()


def _letter_in_ascii(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter)
    spelled = "".join(one for one in parts if not unicodedata.combining(one))
    if spelled == " " and parts != " ":  # an accent by itself, which would be gone
        return "?"
    return spelled if spelled.isascii() and 0 < len(spelled) <= len(letter.encode()) else "?"


def _fill_numbers(rows: Rows, n: int, column: _Column, cells: Cells) -> None:
    nulls = rows.nulls[n]
    null = _usual_null(column, column.size)
    if column.longest == 1:
        values: npt.NDArray[Any] = rows.numbers(n, column.shape.width)  # unsigned integers of the width
        if column.facts.datatype == "boolean":
            values = np.where(values != 0, ord("T"), ord("F")).astype(np.uint8)
        cells[:] = values.view(np.uint8).reshape(cells.shape)
        cells[nulls] = np.frombuffer(null, np.uint8)
    else:
        fitted = [
            null if value is None else (value + null[len(value) :])[: len(null)] for value in rows.values(n).to_pylist()
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


def _comment(text: str) -> bytes:
    return f"COMMENT {_NOT_PRINTABLE.sub('?', text)}".ljust(80).encode()


def _header(cards: Sequence[bytes]) -> bytes:
    body = b"".join([*cards, b"END".ljust(80)])
    return body + b" " * (-len(body) % _BLOCK)
