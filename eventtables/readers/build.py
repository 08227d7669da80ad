"""A table from texts by column, as every format but JSON comes; what is wrong is said with row and column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eventtables.cells import times_of, values_of
from eventtables.model import Description, Events, EventTable, EventTableError
from eventtables.times import spelled

__all__ = ["checked", "table_of"]


def table_of(
    about: Description,
    starts: tuple[str, Sequence[str]],
    stops: tuple[str, Sequence[str]] | None,
    cells: Sequence[Sequence[str]],
    place: Callable[[int], str],
    warnings: Sequence[str] = (),
) -> EventTable:
    """The table; `starts` and `stops` are the names of their columns with the texts in them.

    Without stops every event is an instant; so is an event whose stop is missing. Raises EventTableError.
    """
    start = times_of(*starts, place)
    stop = start
    if stops is not None:
        name, texts = stops
        given = [text.strip() for text in texts]
        # an event whose stop is not told is an instant
        first = [one or instead for one, instead in zip(given, starts[1], strict=True)]
        stop = times_of(name, first, place)
    values = tuple(values_of(column, texts, place) for column, texts in zip(about.columns, cells, strict=True))
    events = checked(Events(start, stop, values), place)
    return EventTable(about, events, warnings)


def checked(events: Events, place: Callable[[int], str]) -> Events:
    """The events, if each stops after it starts or in the same moment. Raises EventTableError."""
    wrong = np.flatnonzero(events.stop < events.start)
    if wrong.size:
        row = int(wrong[0])
        start, stop = (spelled(one[row : row + 1])[0] for one in (events.start, events.stop))
        raise EventTableError(f"{place(row)}: the event stops at {stop}, before it starts at {start}.")
    return events
