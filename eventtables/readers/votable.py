"""VOTables of events: AMDA's and TSCat's with their words, and any other whose columns say by UCD what they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import BinaryIO
from xml.parsers import expat

import numpy as np

from epntap.catalog.model import Column
from epntap.errors import UploadError
from epntap.upload.cells import NULL
from epntap.upload.votable import read_votable as rows_of_votable
from eventtables.model import Description, EventColumn, Events, EventStream, EventTableError, Kind
from eventtables.readers.build import events_of, in_chunks
from eventtables.readers.names import START_NAMES, STOP_NAMES, found_by_name
from eventtables.times import is_time

__all__ = ["open_votable"]

_BLOCK = 1 << 16

_START_IDS, _STOP_IDS = ("TimeIntervalStart",), ("TimeIntervalStop",)
_WHOLE = frozenset({"unsignedByte", "short", "int", "long"})
_REAL = frozenset({"float", "double"})
_TIME_XTYPES = frozenset({"datetime", "timestamp", "adql:timestamp"})
_ESCAPES = {"\\\\": "\\", "\\b": "\b", "\\f": "\f", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\v": "\v"}
#: what AMDA and TSCat say in the DESCRIPTION of the document
_FACTS = {"name": "name", "historic": "history", "contact": "contact", "creation date": "created",
          "modification date": "modified"}  # fmt: skip
#: what we say in INFO
_INFOS = frozenset({"history", "created", "modified", "reference", "licence", "authors", "contact", "title"})


@dataclass(slots=True)
class _Head:
    """What stands before the rows."""

    fields: list[Mapping[str, str]] = field(default_factory=list)
    infos: dict[str, str] = field(default_factory=dict)
    #: DESCRIPTION by the element that it is of
    said: dict[str, str] = field(default_factory=dict)
    table: Mapping[str, str] = field(default_factory=dict)


def open_votable(open_file: Callable[[], BinaryIO], name: str) -> EventStream:
    """The first table; `name` is for one that does not say its own. Raises EventTableError with row and column."""
    head = _head(open_file())
    warnings: list[str] = []
    _, columns = _rows(open_file())
    start, stop = _ends(head.fields, columns, warnings)
    others = [place for place in range(len(columns)) if place not in {start, stop}]
    timed = _timed(open_file, columns, [place for place in others if _may_be_time(columns[place])])
    described = tuple(_column(columns[place], is_time=place in timed) for place in others)
    about = Description(**{"name": name, **_said(head)}, columns=described)
    return EventStream(about, _chunks(open_file, described, (start, stop), others), warnings)


def _chunks(
    open_file: Callable[[], BinaryIO],
    described: Sequence[EventColumn],
    ends: tuple[int, int | None],
    others: Sequence[int],
) -> Iterator[Events]:
    rows, columns = _rows(open_file())
    start, stop = ends
    seen = 0
    for chunk in in_chunks(rows):
        cells = _by_column(chunk, columns)
        yield events_of(
            described,
            (columns[start].name, cells[start]),
            None if stop is None else (columns[stop].name, cells[stop]),
            [_plain(cells[place], columns[place].datatype) for place in others],
            lambda row, seen=seen: f"Row {seen + row + 1}",  # type: ignore[misc]  # the rows before this chunk
        )
        seen += len(chunk)


def _rows(file: BinaryIO) -> tuple[Iterator[str], Sequence[Column]]:
    """The rows as COPY reads them, and the columns. Raises EventTableError, also while rows are taken."""
    content = rows_of_votable(file)
    rows = _told(content.rows)
    first = list(islice(rows, 1))  # its fields stand before it
    try:
        return chain(first, rows), content.columns()
    except UploadError as exc:
        raise _error(exc) from None


def _told(rows: Iterator[str]) -> Iterator[str]:
    try:
        yield from rows
    except UploadError as exc:
        raise _error(exc) from None


def _error(exc: UploadError) -> EventTableError:
    return EventTableError(str(exc).replace(" of the upload", ""))


def _by_column(rows: Sequence[str], columns: Sequence[Column]) -> list[list[str]]:
    if not rows:
        return [[] for _ in columns]
    return [list(map(_unescaped, one)) for one in zip(*(line.split("\t") for line in rows), strict=True)]


def _timed(open_file: Callable[[], BinaryIO], columns: Sequence[Column], places: Sequence[int]) -> set[int]:
    """Those of the places in which all texts are times."""
    left = set(places)
    if not left:
        return left
    rows, _ = _rows(open_file())
    for chunk in in_chunks(rows):
        cells = _by_column(chunk, columns)
        left = {place for place in left if all(is_time(text) for text in cells[place] if text)}
    return left


def _may_be_time(column: Column) -> bool:
    """Whether a text may be one, which its FIELD does not say for sure."""
    return column.datatype in {"char", "unicodeChar"} and (column.ucd or "").startswith("time.epoch")


def _head(file: BinaryIO) -> _Head:
    head = _Head()
    path: list[str] = []
    text: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        path.append(name)
        text.clear()
        if name == "TABLE":
            head.table = attributes
        elif name == "FIELD":
            head.fields.append(attributes)
        elif name == "INFO" and attributes.get("name"):
            head.infos.setdefault(attributes["name"], attributes.get("value", ""))
        elif name == "DATA":
            raise _RowsBeginError

    def end(_tag: str) -> None:
        name = path.pop()
        if name == "DESCRIPTION" and path:
            head.said.setdefault(path[-1], "".join(text).strip())
        if name == "TABLE" and head.fields:  # the one whose rows are read, if it has none
            raise _RowsBeginError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _stop
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text.append
    with suppress(_RowsBeginError, expat.ExpatError, LookupError):  # whoever reads the rows says what is no XML
        while block := file.read(_BLOCK):
            parser.Parse(block, False)  # it takes no names
    return head


class _RowsBeginError(Exception):
    """All has been seen that is looked at here."""


def _stop(*_declaration: object) -> None:
    raise _RowsBeginError


def _ends(
    fields: Sequence[Mapping[str, str]], columns: Sequence[Column], warnings: list[str]
) -> tuple[int, int | None]:
    names = [column.name for column in columns]
    start = _place(fields, names, _START_IDS, "time.start", START_NAMES)
    stop = _place(fields, names, _STOP_IDS, "time.end", STOP_NAMES)
    if start is None:
        raise EventTableError(
            "No FIELD of the VOTable holds starts: expected one with the ucd time.start, the ID TimeIntervalStart or "
            f"the name Start Time, found {', '.join(names)[:300]}."
        )
    for place, usual, wanted in ((start, START_NAMES, "Start Time"), (stop, STOP_NAMES, "Stop Time")):
        if place is None:
            continue
        if columns[place].datatype not in {"char", "unicodeChar"}:
            raise EventTableError(
                f"The FIELD {names[place]} is {columns[place].datatype}; expected times of ISO 8601 as char."
            )
        if found_by_name([names[place]], usual) is None:
            warnings.append(f"The FIELD {names[place]!r} is taken for {wanted} by its ID or ucd.")
    return start, stop


def _place(
    fields: Sequence[Mapping[str, str]], names: Sequence[str], ids: Sequence[str], ucd: str, usual: Sequence[str]
) -> int | None:
    for place, one in enumerate(fields):
        if one.get("ID") in ids:
            return place
    for place, one in enumerate(fields):
        if one.get("ucd", "").lower().split(";")[0] == ucd:
            return place
    found = found_by_name(names, usual)
    return None if found is None else names.index(found)


def _column(column: Column, *, is_time: bool) -> EventColumn:
    kind, size = _kind(column, is_time=is_time)
    return EventColumn(
        name=column.name,
        kind=kind,
        unit=column.unit or "",
        ucd=column.ucd or "",
        utype=column.utype or "",
        description=column.description or "",
        size=size,
    )


def _kind(column: Column, *, is_time: bool) -> tuple[Kind, int]:
    shape = column.arraysize or "1"
    if column.datatype in {"char", "unicodeChar"}:
        timed = (column.xtype or "").lower() in _TIME_XTYPES
        return (Kind.TIME if timed or is_time else Kind.TEXT), 1
    if shape == "1":
        if column.datatype in _WHOLE:
            return Kind.INT, 1
        return (Kind.BOOLEAN if column.datatype == "boolean" else Kind.DOUBLE), 1
    if shape.isdigit() and column.datatype in _REAL | _WHOLE - {"unsignedByte"}:
        return Kind.DOUBLE, int(shape)
    return Kind.TEXT, 1


def _unescaped(cell: str) -> str:
    if cell == NULL:
        return ""
    return re.sub(r"\\.", lambda found: _ESCAPES[found.group()], cell) if "\\" in cell else cell


def _plain(cells: Sequence[str], datatype: str) -> Sequence[str]:
    """Numbers without the braces of arrays; those of single precision with as many digits as these have."""
    if datatype == "float":
        return [" ".join(str(np.float32(part)) for part in cell.strip("{}").split(",") if part) for cell in cells]
    return [cell.strip("{}") for cell in cells] if datatype in _REAL | _WHOLE else cells


def _said(head: _Head) -> dict[str, str]:
    facts: dict[str, str] = {}
    said = head.said.get("VOTABLE", "")
    for part in re.split(r";\s*(?:\n|$)" if "\n" in said else ";", said):
        key, _, value = part.partition(":")
        fact = _FACTS.get(key.strip().lower())
        if fact and value.strip():
            facts.setdefault(fact, value.strip())
    described = head.said.get("RESOURCE") or head.said.get("TABLE") or ("" if facts else said)
    if described:
        facts["description"] = described
    if "name" not in facts and head.table.get("name"):
        facts["name"] = head.table["name"]
    for key, value in head.infos.items():
        if key in _INFOS and value:
            facts["name" if key == "title" else key] = value
    return facts
