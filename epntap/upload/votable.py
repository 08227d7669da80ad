"""Reads an uploaded VOTable as it comes: nothing is held but one row (VOTable 1.4 §3 to §6).

Documents with a DOCTYPE are refused, so that there are no entities, and nothing is fetched that a document points to.
"""

from __future__ import annotations

import binascii
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO
from xml.parsers import expat

from epntap.catalog.model import Column
from epntap.errors import UploadError
from epntap.upload.cells import NULL, Cell
from epntap.upload.columns import FieldColumn, Serialization
from epntap.upload.model import LONGEST_CELL_BYTES, MOST_COLUMNS, Content

__all__ = ["fields_of", "read_votable"]

_BLOCK = 64 * 1024
_DEEPEST = 100
_TABLES = frozenset(("TABLEDATA", "BINARY", "BINARY2"))
_BLANKS = b" \t\r\n"


def read_votable(file: BinaryIO) -> Content:
    """The first table of the document. Raises UploadError, also while its rows are read."""
    reader = _Reader()
    return Content(lambda: [f.column() for f in reader.fields], _rows(file, reader), lambda: reader.description)


def fields_of(document: bytes) -> Sequence[Column]:
    """The columns that a document without rows describes. Raises UploadError."""
    reader = _Reader()
    reader.feed(document, is_last=True)
    return [f.column() for f in reader.fields]


def _rows(file: BinaryIO, reader: _Reader) -> Iterator[str]:
    while block := file.read(_BLOCK):
        reader.feed(block)
        while reader.rows:
            yield reader.rows.popleft()
    reader.feed(b"", is_last=True)
    yield from reader.rows
    if not reader.is_complete:
        raise UploadError("The VOTable has no TABLE with FIELDs; a table needs at least one column.")


class _Reader:
    """What has been understood of a document so far."""

    def __init__(self) -> None:
        self.fields: list[FieldColumn] = []
        self.rows: deque[str] = deque()
        self.description: str | None = None
        self.is_complete = False
        self._cells: list[Cell] = []
        self._path: list[str] = []
        self._in_table = False
        self._row: list[str] = []
        self._number = 0
        self._text: list[str] | None = None
        self._text_size = 0
        self._binary: _Binary | None = None
        self._fed = 0
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = _BLOCK
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def feed(self, block: bytes, *, is_last: bool = False) -> None:
        """The next bytes of the document."""
        self._fed += len(block)
        try:
            self._parser.Parse(block, is_last)
        except expat.ExpatError as exc:
            raise UploadError(self._not_xml(exc)) from exc
        except LookupError as exc:  # of the encoding that the document says it has
            raise UploadError("The VOTable names an encoding that does not exist; send it in UTF-8.") from exc
        if self._fed - self._parser.CurrentByteIndex > LONGEST_CELL_BYTES:
            raise UploadError("The VOTable has a tag or an attribute of many megabytes; it was not read further.")

    def _not_xml(self, exc: expat.ExpatError) -> str:
        if not self._path and not self.is_complete:
            return (
                "The upload is no VOTable: it is not XML "
                f"({expat.ErrorString(exc.code)}, line {exc.lineno}); send a VOTable, CSV or Parquet."
            )
        return (
            f"The VOTable is cut short or broken in line {exc.lineno}, after {self._number:,} rows: "
            f"{expat.ErrorString(exc.code)}."
        )

    # -- elements

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._path and name != "VOTABLE":
            raise UploadError(f"The upload is no VOTable: its outermost element is {tag[:40]}.")
        if len(self._path) >= _DEEPEST:
            raise UploadError(f"The VOTable has elements more than {_DEEPEST} deep.")
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if self._in_table:
            self._start_in_table(name, parent, attributes)
        elif name == "TABLE" and not self.is_complete and not self.fields:
            self._in_table = True
            if "ref" in attributes:
                raise UploadError("The TABLE of the VOTable refers to another one; upload a table with its own FIELDs.")

    def _start_in_table(self, name: str, parent: str, attributes: Mapping[str, str]) -> None:
        if name == "TD":
            if attributes.get("encoding"):
                raise UploadError("The VOTable has an encoded TD; write its cells as plain text.")
            self._text, self._text_size = [], 0
        elif name == "TR":
            self._row = []
        elif name == "FIELD":
            if len(self.fields) >= MOST_COLUMNS:
                raise UploadError(f"The uploaded table has more than {MOST_COLUMNS:,} columns.")
            self.fields.append(FieldColumn(dict(attributes)))
        elif name == "VALUES" and parent == "FIELD" and attributes.get("type", "legal") == "legal":
            self.fields[-1].null = attributes.get("null", "")
        elif name == "DESCRIPTION" and parent in {"FIELD", "TABLE"}:
            self._text, self._text_size = [], 0
        elif parent == "DATA":
            self._start_data(name)
        elif name == "STREAM":
            self._start_stream(attributes)

    def _start_data(self, name: str) -> None:
        if name not in _TABLES:
            raise UploadError(
                f"The VOTable has its rows as {name[:40]}, which is not read here; write TABLEDATA, BINARY or BINARY2."
            )
        if not self.fields:
            raise UploadError("The VOTable has rows but no FIELD; a table needs at least one column.")
        serialization = Serialization(name)
        self._cells = [column.cell(serialization) for column in self.fields]
        if name != "TABLEDATA":
            self._binary = _Binary(self.fields, self._cells, masked=name == "BINARY2")

    def _start_stream(self, attributes: Mapping[str, str]) -> None:
        if attributes.get("href"):
            raise UploadError("The STREAM of the VOTable points elsewhere (href); send the rows inside the document.")
        if attributes.get("encoding", "base64") != "base64":
            raise UploadError(f"The STREAM of the VOTable is {attributes['encoding'][:40]!r}; expected base64.")

    def _end(self, _tag: str) -> None:
        name = self._path.pop()
        if not self._in_table:
            return
        if name == "TD":
            self._end_cell()
        elif name == "TR":
            self._end_row()
        elif name == "DESCRIPTION" and self._text is not None:
            text = "".join(self._text)
            if self._path[-1] == "FIELD":
                self.fields[-1].description = text
            else:
                self.description = " ".join(text.split()) or None
            self._text = None
        elif name in {"BINARY", "BINARY2"} and self._binary is not None:
            self._binary.finish()
            self._binary = None
        elif name == "TABLE":
            self._in_table = False
            self.is_complete = bool(self.fields)

    def _end_cell(self) -> None:
        text, self._text = "".join(self._text or ()), None
        n = len(self._row)
        if n >= len(self._cells):
            raise UploadError(f"Row {self._number + 1:,} of the VOTable has more cells than the {n} FIELDs.")
        try:
            self._row.append(self._cells[n].from_text(text))
        except ValueError as exc:
            raise _wrong_cell(self.fields[n], self._number + 1, exc) from None

    def _end_row(self) -> None:
        if len(self._row) != len(self._cells):
            raise UploadError(
                f"Row {self._number + 1:,} of the VOTable has {len(self._row)} cells, but there are "
                f"{len(self._cells)} FIELDs."
            )
        self._number += 1
        self.rows.append("\t".join(self._row))

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text_size += len(text)
            if self._text_size > LONGEST_CELL_BYTES:
                raise UploadError("The VOTable has a cell of many megabytes; it was not read further.")
            self._text.append(text)
        elif self._binary is not None and self._path[-1] == "STREAM":
            for row in self._binary.rows(text):
                self._number += 1
                self.rows.append(row)


def _refuse_doctype(name: str, *_declaration: object) -> None:
    if name.lower() == "html":
        raise UploadError("The upload is an HTML page and no table; send a VOTable, CSV or Parquet.")
    raise UploadError(
        "The VOTable has a DOCTYPE, which could make it refer to other files or grow without bounds; "
        "leave the DOCTYPE out, VOTables do not need one."
    )


def _wrong_cell(column: FieldColumn, row: int, exc: ValueError) -> UploadError:
    return UploadError(f"Row {row:,} of the upload, {column.title}: {exc}.")


class _Binary:
    """Rows in base64, taken as soon as they are there."""

    def __init__(self, fields: Sequence[FieldColumn], cells: Sequence[Cell], *, masked: bool) -> None:
        self._fields = fields
        self._find = [cell.extent for cell in cells]
        self._read = [cell.from_bytes for cell in cells]
        self._extents: list[tuple[int, int, int]] = []
        self._mask_bytes = (len(cells) + 7) // 8 if masked else 0
        self._letters = b""
        self._data = bytearray()
        self._number = 0

    def rows(self, text: str) -> Iterator[str]:
        """The rows that are whole now."""
        letters = self._letters + text.encode("ascii", "replace").translate(None, _BLANKS)
        whole = len(letters) - len(letters) % 4
        self._letters = letters[whole:]
        try:
            self._data += binascii.a2b_base64(letters[:whole], strict_mode=True)
        except binascii.Error:
            raise UploadError(f"The STREAM of the VOTable is no base64 after {self._number:,} rows.") from None
        start = 0
        while start < len(self._data) and (end := self._row_end(start)) is not None:
            self._number += 1
            yield self._row(start)
            start = end
        del self._data[:start]
        if len(self._data) > 2 * LONGEST_CELL_BYTES:
            raise UploadError("A row of the VOTable is many megabytes long; it was not read further.")

    def _row_end(self, start: int) -> int | None:
        """Where the row ends that begins here; None when it has not arrived."""
        place, size = start + self._mask_bytes, len(self._data)
        self._extents.clear()
        for n, extent in enumerate(self._find):
            try:
                found = extent(self._data, place)
            except ValueError as exc:
                raise _wrong_cell(self._fields[n], self._number + 1, exc) from None
            place = found[1]
            if place > size:
                return None
            self._extents.append(found)
        return place

    def _row(self, start: int) -> str:
        mask = int.from_bytes(self._data[start : start + self._mask_bytes], "big")
        bit = 1 << (8 * self._mask_bytes)
        cells = []
        for n, (begin, end, count) in enumerate(self._extents):
            bit >>= 1
            if mask & bit:
                cells.append(NULL)
                continue
            try:
                cells.append(self._read[n](bytes(self._data[begin:end]), count))
            except ValueError as exc:
                raise _wrong_cell(self._fields[n], self._number, exc) from None
        return "\t".join(cells)

    def finish(self) -> None:
        """Complain about what is left."""
        if self._data or self._letters:
            raise UploadError(
                f"The STREAM of the VOTable ends within a row, after {self._number:,} whole rows; "
                "it is cut short, or its FIELDs do not describe it."
            )
