"""CSV with a line of names, in which start and stop are columns that somebody has chosen, or that are called so."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TextIO

from epntap.catalog.names import distinct
from epntap.hints import did_you_mean
from eventtables.cells import KindGuess
from eventtables.model import Description, EventColumn, Events, EventStream, EventTableError
from eventtables.readers.build import events_of, in_chunks
from eventtables.readers.names import START_NAMES, STOP_NAMES, found_by_name

__all__ = ["open_delimited"]

csv.field_size_limit(1_000_000)
_KNOWN = {"name", "description", "contact", "history", "created", "modified", "reference", "licence", "authors"}


def open_delimited(open_text: Callable[[], TextIO], name: str, start: str = "", stop: str = "") -> EventStream:
    """The table; without a stop each event is an instant. The types of columns are those that all values fit.

    `open_text` gives the text from its beginning, with the ends of lines as they are. Raises EventTableError.
    """
    sheet = _Sheet(open_text())
    names = sheet.names
    first, last = _chosen(names, start, START_NAMES), _chosen(names, stop, STOP_NAMES)
    if first is None:
        raise EventTableError(
            f"None of the columns is a start of events; name one with --start: {', '.join(names)[:300]}."
        )
    guesses = {one: _Guess() for one in names if one not in {first, last}}
    for chunk in in_chunks(sheet.rows()):
        columns = dict(zip(names, zip(*(row for _, row in chunk), strict=True), strict=True)) if chunk else {}
        for one, guess in guesses.items():
            guess.see(columns.get(one, ()), is_nameless=not one)
    # what pandas writes in front counts the rows and has no name
    others = [one for one, guess in guesses.items() if one or not guess.counts]
    described = tuple(EventColumn(one or "column_1", guesses[one].kind.kind) for one in others)
    about = Description(**{"name": name, **sheet.said}, columns=described)
    return EventStream(about, _chunks(_Sheet(open_text()), described, (first, last), others))


def _chunks(
    sheet: _Sheet, columns: Sequence[EventColumn], ends: tuple[str, str | None], others: Sequence[str]
) -> Iterator[Events]:
    first, last = ends
    for chunk in in_chunks(sheet.rows()):
        lines = [line for line, _ in chunk]
        by_place = list(zip(*(row for _, row in chunk), strict=True)) if chunk else [()] * len(sheet.names)
        by_name: dict[str, Sequence[str]] = dict(zip(sheet.names, by_place, strict=True))
        yield events_of(
            columns,
            (first, by_name[first]),
            (last, by_name[last]) if last else None,
            [by_name[one] for one in others],
            lambda row, lines=lines: f"Line {lines[row]}",  # type: ignore[misc]  # the lines of this chunk
        )


@dataclass(slots=True)
class _Guess:
    """What a column is."""

    kind: KindGuess = field(default_factory=KindGuess)
    #: whether its texts are 0, 1, 2, … or 1, 2, 3, …
    _from: set[int] = field(default_factory=lambda: {0, 1})
    _seen: int = 0

    def see(self, texts: Sequence[str], *, is_nameless: bool) -> None:
        self.kind.see(texts)
        if is_nameless:
            self._from = {
                first
                for first in self._from
                if all(text == str(number) for number, text in enumerate(texts, first + self._seen))
            }
        self._seen += len(texts)

    @property
    def counts(self) -> bool:
        return bool(self._from)


class _Sheet:
    """A text from its beginning: what comments say of the table, the names, and the rows."""

    def __init__(self, text: TextIO) -> None:
        self.said: dict[str, str] = {}
        self._skipped = 0
        first = text.readline()
        while first.startswith("#"):
            key, _, value = first.rstrip("\n").lstrip("# ").partition(":")
            if key.strip().lower() in _KNOWN and value.strip():
                self.said[key.strip().lower()] = value.strip().replace("\\n", "\n")
            self._skipped += 1
            first = text.readline()
        if not first.strip():
            raise EventTableError("The file is empty; expected a line of column names and a line for each event.")
        separator = next((mark for mark in (",", "\t", ";", "|") if mark in first), ",")
        self._reader = csv.reader(chain([first], text), delimiter=separator, strict=True)
        try:
            self.names = _names(next(self._reader, []))
        except csv.Error as exc:
            raise self._broken(exc) from None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not empty, with the number of its line. Raises EventTableError."""
        reader, width = self._reader, len(self.names)
        try:
            for row in reader:
                if len(row) == width:
                    yield reader.line_num + self._skipped, row
                elif row:
                    line = reader.line_num + self._skipped
                    raise EventTableError(f"Line {line} has {len(row)} values, but the line of names has {width}.")
        except csv.Error as exc:
            raise self._broken(exc) from None

    def _broken(self, exc: csv.Error) -> EventTableError:
        return EventTableError(f"Line {self._reader.line_num + self._skipped} cannot be read as CSV: {exc}.")


def _names(found: Sequence[str]) -> list[str]:
    bare = [one.strip().removeprefix("\ufeff") for one in found]
    return distinct(bare)


def _chosen(names: Sequence[str], wanted: str, usual: Sequence[str]) -> str | None:
    if not wanted:
        return found_by_name(names, usual)
    if wanted not in names:
        raise EventTableError(
            f"There is no column {wanted!r}; there are {', '.join(names)[:300]}.{did_you_mean(wanted, names)}"
        )
    return wanted
