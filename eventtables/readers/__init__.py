"""Tables of events from files, whatever they are written in.

Files are read twice, some thousand rows at a time.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO, cast

from eventtables.model import EventStream, EventTable, EventTableError
from eventtables.readers.amda_ascii import open_amda_ascii
from eventtables.readers.delimited import open_delimited
from eventtables.readers.tscat import read_tscat_json
from eventtables.readers.votable import open_votable
from eventtables.times import DayCount, interval_of_numbers, is_time

__all__ = ["Wishes", "open_table", "read_table"]

_BOM = b"\xef\xbb\xbf"
#: spreadsheets write texts so
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 1 << 20
#: of TSCat's JSON, which is read as a whole
_MOST_JSON_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a file does not say itself."""

    #: columns of a CSV
    start: str = ""
    stop: str = ""
    #: of a file with several
    catalogue: str = ""
    #: number of the first of January, where days are counted by year
    first_day: int | None = None


def read_table(content: bytes, name: str, wishes: Wishes | None = None) -> EventTable:
    """The table in a file that is at hand; `name` is for one that does not say its own. Raises EventTableError."""
    return EventTable.of(open_table(lambda: io.BytesIO(content), name, wishes))


def open_table(open_file: Callable[[], BinaryIO], name: str, wishes: Wishes | None = None) -> EventStream:
    """The table in a file, which `open_file` gives from its first byte each time it is called, one after the other.

    Raises EventTableError, also while its events are taken.
    """
    wishes = wishes or Wishes()
    begun = open_file().read(4096)
    if begun.removeprefix(_BOM).lstrip()[:1] == b"<":
        return open_votable(open_file, name)
    encoding, spoken = ("utf-16", "UTF-16") if begun.startswith(_UTF_16) else ("utf-8-sig", "UTF-8")
    _check_encoding(open_file(), encoding, spoken)

    def lines(newline: str | None) -> TextIO:
        return io.TextIOWrapper(cast("BinaryIO", _Lent(open_file())), encoding=encoding, newline=newline)

    first = _first_letter(lines(None))
    if first == "<":
        return open_votable(open_file, name)
    if first == "{":
        return _of_json(open_file(), encoding, name, wishes)
    if _is_ascii(lines(None)):
        return open_amda_ascii(lambda: lines(None), name, wishes.first_day)
    return open_delimited(lambda: lines("\n"), name, wishes.start, wishes.stop)


class _Lent(io.BufferedIOBase):
    """A file that stays open when its reader goes: somebody else closes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._file.read(_BLOCK if size < 0 else size)


def _of_json(file: BinaryIO, encoding: str, name: str, wishes: Wishes) -> EventStream:
    content = file.read(_MOST_JSON_BYTES + 1)
    if len(content) > _MOST_JSON_BYTES:
        raise EventTableError(
            f"JSON is read as a whole, and this is more than {_MOST_JSON_BYTES:,} bytes; export it as a VOTable."
        )
    table = read_tscat_json(content.decode(encoding), name, wishes.catalogue)
    return EventStream(table.about, iter([table.events]), table.warnings)


def _check_encoding(file: BinaryIO, encoding: str, spoken: str) -> None:
    """Raises EventTableError for a byte that is no text, before anything is read."""
    decoder = codecs.getincrementaldecoder(encoding)()
    passed = 0
    while block := file.read(_BLOCK):
        waiting = len(decoder.getstate()[0])
        try:
            decoder.decode(block)
        except UnicodeDecodeError as exc:
            raise EventTableError(
                f"The file is no text in {spoken}: byte {passed - waiting + exc.start:,} is not."
            ) from None
        passed += len(block)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as exc:
        raise EventTableError(
            f"The file is no text in {spoken}: byte {passed - len(exc.object) + exc.start:,} is not."
        ) from None


def _first_letter(lines: TextIO) -> str:
    return next((bare[0] for line in lines if (bare := line.strip())), "")


def _is_ascii(lines: Iterator[str]) -> bool:
    """Whether the first line with events has two times and blanks between, or there is only a header of AMDA's."""
    has_header = False
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#"):
            has_header |= bool(bare)
            continue
        cells = bare.split()
        if len(cells) >= 2 and is_time(cells[0]) and (is_time(cells[1]) or "," not in bare):
            return True
        try:
            return interval_of_numbers(bare, DayCount()) is not None
        except ValueError:
            return True
    return has_header
