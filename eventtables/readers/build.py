"""Events from texts by column, as every format but JSON comes; what is wrong is said with row and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from eventtables.cells import times_of, values_of
from eventtables.model import Description, EventColumn, Events, EventTable, EventTableError
from eventtables.times import spelled

__all__ = ["CHUNK", "checked", "events_of", "in_chunks", "table_of"]

#: events that are held at a time
CHUNK = 20_000
_Row = TypeVar("_Row")


def in_chunks(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Some thousand rows at a time; an empty list where there is none at all."""
    iterator = iter(rows)
    chunk = list(islice(iterator, CHUNK))
    yield chunk
    while len(chunk) == CHUNK:
        chunk = list(islice(iterator, CHUNK))
        if chunk:
            yield chunk


def events_of(
    columns: Sequence[EventColumn],
    starts: tuple[str, Sequence[str]],
    stops: tuple[str, Sequence[str]] | None,
    cells: Sequence[Sequence[str]],
    place: Callable[[int], str],
) -> Events:
    """The events; `starts` and `stops` are the names of their columns with the texts in them.

    Without stops every event is an instant; so is an event whose stop is missing. `place` names a row. Raises
    EventTableError.
    """
    start = times_of(*starts, place)
    stop = start
    if stops is not None:
        name, texts = stops
        given = [text.strip() for text in texts]
        # an event whose stop is not told is an instant
        first = [one or instead for one, instead in zip(given, starts[1], strict=True)]
        stop = times_of(name, first, place)
    values = tuple(values_of(column, texts, place) for column, texts in zip(columns, cells, strict=True))
    return checked(Events(start, stop, values), place)


def table_of(
    about: Description,
    starts: tuple[str, Sequence[str]],
    stops: tuple[str, Sequence[str]] | None,
    cells: Sequence[Sequence[str]],
    place: Callable[[int], str],
) -> EventTable:
    """The table, all at once; as `events_of`."""
    return EventTable(about, events_of(about.columns, starts, stops, cells, place))


def checked(events: Events, place: Callable[[int], str]) -> Events:
    """The events, if each stops after it starts or in the same moment. Raises EventTableError."""
    wrong = np.flatnonzero(events.stop < events.start)
    if wrong.size:
        row = int(wrong[0])
        start, stop = (spelled(one[row : row + 1])[0] for one in (events.start, events.stop))
        raise EventTableError(f"{place(row)}: the event stops at {stop}, before it starts at {start}.")
    return events
