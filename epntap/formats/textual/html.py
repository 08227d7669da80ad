"""HTML: a page with one table, for reading and sorting in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import LiteralString

from epntap.addresses import LINKS
from epntap.answer.model import Outcome, ResultColumn
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling
from epntap.instants.julian import datetime_from_jd
from epntap.pages import Pages

__all__ = ["Html"]

_SEPARATOR = b"\x01"
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_UNESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\n", b"b": b"", b"f": b"", b"v": b"", _SEPARATOR: b""}
_CONTROLS = bytes([*range(0x02, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
#: beyond control characters, what XML does not allow: U+FFFE and U+FFFF
_NOT_XML = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_LINK = re.compile(rb"(?<=<td>)(https?://[^\s<]+)(?=</td>)")
_ADDRESS = re.compile(rb"https?://[^\s<]+")
_NUMBERS = frozenset({"short", "int", "long", "float", "double", "unsignedByte"})
#: UCDs of instants
_TIMES = ("time.start", "time.end", "time.epoch")

#: writes the cell of a value that is escaped already
_Cell = Callable[[bytes], bytes]


class Html(FormatDefaults):
    """A page; NULL is an empty cell, web addresses are links, Julian dates have their date beside them."""

    media_type = "text/html;charset=utf-8"
    names = ("html", "text/html")
    extension = "html"
    options: LiteralString = "FORMAT text, DELIMITER E'\\x01', NULL ''"
    spelling = Spelling.TEXT

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        self._columns = columns
        self._facts = facts
        cells = [_cell_of(column, facts.pages) for column in columns]
        #: how the cells of each column are written, where one of them is more than its text
        self._cells = [cell or _plain for cell in cells] if any(cells) else None

    def header(self) -> bytes:
        return self._frame(None)[0].encode()

    def rows(self, block: bytes) -> bytes:
        block = block.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b'"', b"&quot;")
        body = block[:-1]
        if b"\\" in body:
            # An escaped separator is taken out before the others become cells.
            body = _ESCAPE.sub(lambda m: _UNESCAPED.get(m.group(1), m.group(1)).replace(b"\n", b"&#10;"), body)
        body = body.translate(None, _CONTROLS)
        for character in _NOT_XML:
            body = body.replace(character, b"")
        if self._cells is not None:
            return b"".join(_lines(body, self._cells))
        body = body.replace(_SEPARATOR, b"</td><td>").replace(b"\n", b"</td></tr>\n<tr><td>")
        written = b"<tr><td>" + body + b"</td></tr>\n"
        if b"<td>http" in written:
            written = _LINK.sub(rb'<a href="\1">\1</a>', written)
        return written

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        return [self._frame(outcome)[1].encode()]

    def close(self) -> None:
        pass

    def _frame(self, outcome: Outcome | None) -> tuple[str, str]:
        query = next((value for name, value, _ in self._facts.infos if name == "QUERY"), "")
        return self._facts.pages.around(
            "epntap.formats/result.html",
            "rows",
            query=query,
            heads=[(one, one.datatype in _NUMBERS and one.arraysize is None) for one in self._columns],
            paging=self._facts.paging,
            outcome=outcome,
        )


def _lines(body: bytes, cells: Sequence[_Cell]) -> Iterator[bytes]:
    for line in body.split(b"\n"):
        yield b"<tr>"
        for cell, value in zip(cells, line.split(_SEPARATOR), strict=True):
            yield cell(value)
        yield b"</tr>\n"


def _cell_of(column: ResultColumn, pages: Pages) -> _Cell | None:
    """How the cells of a column are written; None where that is as their text."""
    table, name = column.origin or ("", "")
    if column.unit == "d" and column.datatype == "double" and (column.ucd or "").startswith(_TIMES):
        return _time
    if name == "thumbnail_url":
        return _picture
    if name == "granule_uid":
        return _granule(pages, table.partition(".")[0])
    return None


def _plain(value: bytes) -> bytes:
    if _ADDRESS.fullmatch(value):
        return b'<td><a href="' + value + b'">' + value + b"</a></td>"
    return b"<td>" + value + b"</td>"


def _time(value: bytes) -> bytes:
    try:
        said = f"{datetime_from_jd(float(value)):%Y-%m-%dT%H:%M:%S}".encode()
    except (ValueError, OverflowError):  # no value, or a year that no calendar has
        return b"<td>" + value + b"</td>"
    return b"<td>" + value + b" <small>" + said + b"</small></td>"


def _picture(value: bytes) -> bytes:
    if not _ADDRESS.fullmatch(value):
        return _plain(value)
    return b'<td><a href="' + value + b'"><img src="' + value + b'" alt="thumbnail" loading="lazy"/></a></td>'


def _granule(pages: Pages, schema: str) -> _Cell:
    def cell(value: bytes) -> bytes:
        if not value:
            return b"<td></td>"
        # as it was before it was escaped
        uid = value.replace(b"&quot;", b'"').replace(b"&gt;", b">").replace(b"&lt;", b"<").replace(b"&amp;", b"&")
        address = escape(pages.site.at(LINKS, ID=uid.decode(errors="replace"), SCHEMA=schema))
        return b'<td><a href="' + address.encode() + b'">' + value + b"</a></td>"

    return cell
