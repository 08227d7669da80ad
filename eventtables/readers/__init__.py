"""Tables of events from files, whatever they are written in."""

from __future__ import annotations

from dataclasses import dataclass

from eventtables.model import EventTable, EventTableError
from eventtables.readers.amda_ascii import read_amda_ascii
from eventtables.readers.delimited import read_delimited
from eventtables.readers.tscat import read_tscat_json
from eventtables.readers.votable import read_votable
from eventtables.times import DayCount, interval_of_numbers, is_time

__all__ = ["Wishes", "read_table"]

_BOM = b"\xef\xbb\xbf"
#: spreadsheets write texts so
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


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
    """The table in a file; `name` is for one that does not say its own. Raises EventTableError."""
    wishes = wishes or Wishes()
    begun = content.removeprefix(_BOM).lstrip()[:1]
    if begun == b"<":
        return read_votable(content, name)
    encoding, spoken = ("utf-16", "UTF-16") if content.startswith(_UTF_16) else ("utf-8-sig", "UTF-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as exc:
        raise EventTableError(f"The file is no text in {spoken}: byte {exc.start:,} is not.") from None
    begun = text.lstrip()[:1].encode()
    if begun == b"<":
        return read_votable(content, name)
    if begun == b"{":
        return read_tscat_json(text, name, wishes.catalogue)
    if _is_ascii(text):
        return read_amda_ascii(text, name, wishes.first_day)
    return read_delimited(text, name, wishes.start, wishes.stop)


def _is_ascii(text: str) -> bool:
    """Whether the first line with events has two times and blanks between, or there is only a header of AMDA's."""
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        cells = bare.split()
        if len(cells) >= 2 and is_time(cells[0]) and (is_time(cells[1]) or "," not in bare):
            return True
        try:
            return interval_of_numbers(bare, DayCount()) is not None
        except ValueError:
            return True
    return text.lstrip().startswith("#")
