"""AMDA's text: a header of `# Name: …;` lines, then a start, a stop and more in each line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from eventtables.model import Description, EventColumn, Events, EventStream, EventTableError, Kind
from eventtables.readers.build import events_of, in_chunks
from eventtables.times import DayCount, interval_of_numbers, is_time, spelled

__all__ = ["open_amda_ascii"]

_HEADER = re.compile(r"#\s*([A-Za-z][\w ]*?)\s*:\s*(.*?)\s*;?\s*")
_PARAMETER = re.compile(r"Parameter\s+(\d+)", re.IGNORECASE)
#: a text with blanks stands between quotes, in which \" and \\ are a quote and a backslash
_CELL = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_KINDS = {"double": Kind.DOUBLE, "float": Kind.DOUBLE, "int": Kind.INT, "integer": Kind.INT, "long": Kind.INT,
          "string": Kind.TEXT, "char": Kind.TEXT, "date": Kind.TIME, "datetime": Kind.TIME, "time": Kind.TIME,
          "bool": Kind.BOOLEAN, "boolean": Kind.BOOLEAN}  # fmt: skip
_FACTS = {"name": "name", "historic": "history", "history": "history", "contact": "contact",
          "creation date": "created", "modification date": "modified", "description": "description",
          "reference": "reference", "licence": "licence", "authors": "authors"}  # fmt: skip


def open_amda_ascii(open_text: Callable[[], TextIO], name: str, first_day: int | None = None) -> EventStream:
    """The table; `name` is for one that does not say its own.

    `open_text` gives the text from its beginning, with all ends of lines as one. Raises EventTableError.
    """
    header: dict[str, str] = {}
    columns: dict[int, EventColumn] = {}
    width = 0
    for number, line in enumerate(open_text(), start=1):
        if line.lstrip().startswith("#"):
            _read_header(line.strip(), number, header, columns)
        elif line.strip() and not width:
            width = len(_cells(line, number, DayCount(first_day)))
    described = tuple(columns[place] for place in sorted(columns))
    if not described and width > 2:
        described = tuple(EventColumn(f"column_{n}", Kind.TEXT) for n in range(1, width - 1))
    facts = {fact: header[key] for key, fact in _FACTS.items() if header.get(key)}
    about = Description(**{"name": name, **facts}, columns=described)
    warnings: list[str] = []
    wanted = 2 + sum(column.size for column in described)
    return EventStream(about, _chunks(open_text(), described, wanted, DayCount(first_day), warnings), warnings)


def _chunks(
    text: TextIO, columns: Sequence[EventColumn], wanted: int, days: DayCount, warnings: list[str]
) -> Iterator[Events]:
    rows = (
        (number, _checked(_cells(line, number, days), number, wanted))
        for number, line in enumerate(text, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    )
    for chunk in in_chunks(rows):
        lines = [number for number, _ in chunk]
        cells = _by_column([row for _, row in chunk], wanted, columns)
        yield events_of(
            columns,
            ("start", cells[0]),
            ("stop", cells[1]),
            cells[2:],
            lambda row, lines=lines: f"Line {lines[row]}",  # type: ignore[misc]  # the lines of this chunk
        )
    if days.is_used and not days.is_chosen:
        warnings.append(
            "Days are told by their number in the year, of which the first of January is taken for "
            f"{days.first}, as AMDA has it; say --first-day 1 if it is 1 here."
        )


def _read_header(line: str, number: int, header: dict[str, str], columns: dict[int, EventColumn]) -> None:
    found = _HEADER.fullmatch(line)
    if found is None:
        return
    key, said = found.groups()
    parameter = _PARAMETER.fullmatch(key)
    if parameter is None:
        header.setdefault(key.lower(), said)
        return
    facts = dict(_pairs(said))
    kind = _KINDS.get(facts.get("type", "").lower() or "string")
    if kind is None:
        raise EventTableError(
            f"Line {number}: {key} has the type {facts['type'][:40]!r}; expected one of {', '.join(_KINDS)}."
        )
    size = facts.get("size") or "1"
    if not (size.isdigit() and 1 <= int(size) <= 100):
        raise EventTableError(f"Line {number}: {key} has the size {size[:40]!r}; expected a number from 1 to 100.")
    if int(size) > 1 and kind is not Kind.DOUBLE:
        raise EventTableError(f"Line {number}: {key} has several values of type {facts['type']}; only doubles may.")
    columns[int(parameter[1])] = EventColumn(
        name=facts.get("name") or facts.get("id") or f"column_{parameter[1]}",
        kind=kind,
        unit=facts.get("unit", ""),
        ucd=facts.get("ucd", ""),
        utype=facts.get("utype", ""),
        description=facts.get("description", ""),
        size=int(size),
    )


def _pairs(said: str) -> list[tuple[str, str]]:
    return [(key.strip().lower(), value.strip()) for part in said.split(";") for key, _, value in [part.partition(":")]]


def _cells(line: str, number: int, days: DayCount) -> list[str]:
    cells = [_unquoted(found) for found in _CELL.finditer(line)]
    if len(cells) >= 2 and is_time(cells[0]) and is_time(cells[1]):
        return cells
    try:
        interval = interval_of_numbers(line, days)
    except ValueError as exc:
        raise EventTableError(f"Line {number}: {exc}.") from None
    if interval is None:
        wrong = "stop" if cells and is_time(cells[0]) else "start"
        found = cells[wrong == "stop"] if len(cells) > (wrong == "stop") else ""
        raise EventTableError(
            f"Line {number}, column {wrong}: expected a time such as 2001-02-03T04:05:06, found {found[:40]!r}."
            if found
            else f"Line {number}, column {wrong}: expected a time, found none."
        )
    # to the microsecond, as they were read
    return [spelled(moment.reshape(1))[0] for moment in interval]


def _unquoted(found: re.Match[str]) -> str:
    quoted, bare = found.groups()
    return bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _checked(row: list[str], number: int, wanted: int) -> list[str]:
    if len(row) != wanted:
        raise EventTableError(
            f"Line {number} has {len(row)} values; expected {wanted}: a start, a stop, {wanted - 2} more."
        )
    return row


def _by_column(rows: Sequence[list[str]], wanted: int, columns: Sequence[EventColumn]) -> list[Sequence[str]]:
    """The cells of each column, the values of an array joined by blanks."""
    by_place: list[Sequence[str]] = list(zip(*rows, strict=True)) if rows else [()] * wanted
    if all(column.size == 1 for column in columns):
        return by_place
    joined, place = by_place[:2], 2
    for column in columns:
        joined.append([" ".join(parts) for parts in zip(*by_place[place : place + column.size], strict=True)])
        place += column.size
    return joined
