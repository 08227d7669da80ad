"""CSV with a line of names, in which start and stop are columns that somebody has chosen, or that are called so."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from epntap.catalog.names import distinct
from epntap.hints import did_you_mean
from eventtables.cells import guessed_kind
from eventtables.model import Description, EventColumn, EventTable, EventTableError
from eventtables.readers.build import table_of
from eventtables.readers.names import START_NAMES, STOP_NAMES, found_by_name

__all__ = ["read_delimited"]

csv.field_size_limit(1_000_000)


def read_delimited(text: str, name: str, start: str = "", stop: str = "") -> EventTable:
    """The table; without a stop each event is an instant. Raises EventTableError."""
    said, first, body = _head(text)
    separator = next((mark for mark in (",", "\t", ";", "|") if mark in first), ",")
    lines: list[int] = []
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(body), delimiter=separator, strict=True)
    skipped = text.count("\n") - body.count("\n")
    try:
        names = _names(next(reader, []))
        for row in reader:
            if not row:
                continue
            line = reader.line_num + skipped
            if len(row) != len(names):
                raise EventTableError(f"Line {line} has {len(row)} values, but the line of names has {len(names)}.")
            rows.append(row)
            lines.append(line)
    except csv.Error as exc:
        raise EventTableError(f"Line {reader.line_num + skipped} cannot be read as CSV: {exc}.") from None
    by_name = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    first_name, last_name = _chosen(names, start, START_NAMES), _chosen(names, stop, STOP_NAMES)
    if first_name is None:
        raise EventTableError(
            f"None of the columns is a start of events; name one with --start: {', '.join(names)[:300]}."
        )
    others = [one for one in names if one not in {first_name, last_name}]
    # what pandas writes in front counts the rows and has no name
    others = [one for one in others if one or not _counts(by_name[one])]
    columns = tuple(EventColumn(one or "column_1", guessed_kind(by_name[one])) for one in others)
    about = Description(**{"name": name, **said}, columns=columns)
    return table_of(
        about,
        (first_name, by_name[first_name]),
        (last_name, by_name[last_name]) if last_name else None,
        [by_name[one] for one in others],
        lambda row: f"Line {lines[row]}",
    )


def _head(text: str) -> tuple[dict[str, str], str, str]:
    """What comments say of the table, the line of names, and the text from that on."""
    said: dict[str, str] = {}
    known = {"name", "description", "contact", "history", "created", "modified", "reference", "licence", "authors"}
    rest = text
    while rest.startswith("#"):
        line, _, rest = rest.partition("\n")
        key, _, value = line.lstrip("# ").partition(":")
        if key.strip().lower() in known and value.strip():
            said[key.strip().lower()] = value.strip().replace("\\n", "\n")
    first = rest.partition("\n")[0]
    if not first.strip():
        raise EventTableError("The file is empty; expected a line of column names and a line for each event.")
    return said, first, rest


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


def _counts(texts: Sequence[str]) -> bool:
    return all(text == str(number) for number, text in enumerate(texts)) or all(
        text == str(number) for number, text in enumerate(texts, start=1)
    )
