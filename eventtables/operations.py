"""Tables of events made from others. Pure: arrays over sorted intervals, no I/O here.

Union, intersection and difference are of the times that events cover: what overlaps or touches becomes one event, and
nothing is left of two events that only touch, unless one of them is an instant. The others keep events with all that is
said of them; there, as in ADQL, what touches overlaps.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eventtables.model import Description, Events, EventTable, EventTableError, Instants, Kind, Values
from eventtables.store.published import stored_names
from eventtables.times import are_counted, instant_of

__all__ = [
    "condition",
    "difference",
    "extend",
    "filtered",
    "intersection",
    "overlapping",
    "shift",
    "union",
]

_SECOND_US = 1_000_000
#: that events are moved by: 10 000 years
_MOST_S = 10_000 * 366 * 86_400
_CONDITION = re.compile(r"\s*(.+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {  # of arrays and of single values
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip


def union(one: EventTable, other: EventTable) -> EventTable:
    """The times that at least one of the tables covers."""
    start, stop = merged(
        np.concatenate([one.events.start, other.events.start]), np.concatenate([one.events.stop, other.events.stop])
    )
    return _made(f"union of {one.about.name} and {other.about.name}", start, stop)


def intersection(one: EventTable, other: EventTable) -> EventTable:
    """The times that both tables cover; an instant is in an event that it touches."""
    (a, b), (c, d) = merged(one.events.start, one.events.stop), merged(other.events.start, other.events.stop)
    first, last = _met(a, b, c, d)
    counts = last - first
    left = np.repeat(np.arange(len(a)), counts)
    right = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    start, stop = np.maximum(a[left], c[right]), np.minimum(b[left], d[right])
    # what only touches shares no time, unless one of the two is an instant
    kept = (start < stop) | (a[left] == b[left]) | (c[right] == d[right])
    return _made(f"intersection of {one.about.name} and {other.about.name}", *merged(start[kept], stop[kept]))


def difference(one: EventTable, other: EventTable) -> EventTable:
    """The times that the first table covers and the second does not; instants take away nothing but instants."""
    a, b = merged(one.events.start, one.events.stop)
    c, d = merged(other.events.start, other.events.stop)
    first, last = _met(a, b, c, d)
    gone = (a == b) & (last > first)
    a, b = a[~gone], b[~gone]
    c, d = c[c < d], d[c < d]
    first = np.searchsorted(d, a, "right")
    counts = np.where(a < b, np.maximum(np.searchsorted(c, b, "left") - first, 0), 0)
    # around n events of the other table there are n + 1 pieces, some of them empty
    pieces = counts + 1
    owner = np.repeat(np.arange(len(a)), pieces)
    place = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start, stop = a[owner], b[owner]
    after_one, before_one = place > 0, place < counts[owner]
    start[after_one] = d[(first[owner] + place - 1)[after_one]]
    stop[before_one] = c[(first[owner] + place)[before_one]]
    kept = (start < stop) | (a[owner] == b[owner])
    return _made(f"difference of {one.about.name} and {other.about.name}", start[kept], stop[kept])


def extend(table: EventTable, before_s: float, after_s: float) -> EventTable:
    """Events that begin so much earlier and end so much later; those of which nothing is left are left out."""
    start = table.events.start - _duration(before_s)
    stop = table.events.stop + _duration(after_s)
    kept = stop >= start
    said = f"{table.about.name} with events that begin {before_s:g} s earlier and end {after_s:g} s later"
    left_out = int((~kept).sum())
    if left_out:
        said += f"; {left_out} of them had nothing left"
    return _kept(table, _counted(replace(table.events, start=start, stop=stop).taken(kept)), said)


def shift(table: EventTable, seconds: float) -> EventTable:
    """Events so much later."""
    delta = _duration(seconds)
    events = replace(table.events, start=table.events.start + delta, stop=table.events.stop + delta)
    return _kept(table, _counted(events), f"{table.about.name} shifted by {seconds:g} s")


def overlapping(table: EventTable, other: EventTable) -> EventTable:
    """Events that overlap or touch an event of another table."""
    first, last = _met(table.events.start, table.events.stop, *merged(other.events.start, other.events.stop))
    how = f"events of {table.about.name} that overlap events of {other.about.name}"
    return _kept(table, table.events.taken(last > first), how)


def filtered(table: EventTable, text: str) -> EventTable:
    """Events for which a condition holds, such as `duration > 3600` (seconds) or `Bzmin <= -10`; see `condition`."""
    return _kept(table, table.events.taken(condition(table, text)), f"events of {table.about.name} with {text.strip()}")


def condition(table: EventTable, text: str) -> npt.NDArray[np.bool_]:
    """For which events a comparison of a column with a value holds; where there is no value it does not.

    Raises EventTableError for what cannot be understood.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise EventTableError(f"expected a condition such as 'duration > 3600', found {text[:80]!r}.")
    name, sign, value = found.groups()
    kind, values = _compared(table, name)
    compare = _COMPARE[sign]
    match kind:
        case Kind.DOUBLE:
            return np.asarray(compare(values, _number(value, name)) & ~np.isnan(values))
        case Kind.TIME:
            return np.asarray(compare(values, _moment(value, name)) & ~np.isnat(values))
        case Kind.INT:
            wanted: object = _number(value, name)
        case Kind.BOOLEAN:
            wanted = value.strip("'\"").casefold() in {"true", "t", "1"}
        case Kind.TEXT:
            wanted = value.strip("'\"")
    return np.array([one is not None and bool(compare(one, wanted)) for one in values], dtype=bool)


def _compared(table: EventTable, name: str) -> tuple[Kind, Values]:
    """What a name in a condition stands for: a column by its own name, or by the one that it has in queries."""
    names = [column.name for column in table.about.columns]
    place = next((some.index(name) for some in (names, stored_names(table.about.columns)) if name in some), None)
    if place is not None:
        column, values = table.about.columns[place], table.events.values[place]
        if column.size > 1:
            raise EventTableError(f"The column {name} has several values in a cell, and cannot be compared with one.")
        return column.kind, values
    match name:
        case "duration":
            return Kind.DOUBLE, (table.events.stop - table.events.start).astype(np.int64) / _SECOND_US
        case "start":
            return Kind.TIME, table.events.start
        case "stop":
            return Kind.TIME, table.events.stop
    known = ", ".join(["duration", "start", "stop", *names])
    raise EventTableError(f"There is no column {name[:80]!r} in {table.about.name}; there are {known}.")


def merged(start: Instants, stop: Instants) -> tuple[Instants, Instants]:
    """Sorted intervals without overlap: those that overlap or touch are one."""
    if not len(start):
        return start, stop
    order = np.lexsort((stop, start))
    start, stop = start[order], stop[order]
    reach = np.maximum.accumulate(stop)
    begins = np.concatenate([[True], start[1:] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(begins)[1:] - 1, [len(start) - 1]])
    return start[begins], reach[last]


def _met(a: Instants, b: Instants, c: Instants, d: Instants) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """From where to where among the intervals c, d (sorted, apart) those stand that each of a, b meets or touches."""
    first, last = np.searchsorted(d, a, "left"), np.searchsorted(c, b, "right")
    return first, np.maximum(last, first)


def _duration(seconds: float) -> np.timedelta64:
    if not abs(seconds) <= _MOST_S:
        raise EventTableError(f"expected seconds of at most 10 000 years, found {seconds:g}.")
    return np.timedelta64(round(seconds * _SECOND_US), "us")


def _counted(events: Events) -> Events:
    if not (are_counted(events.start) and are_counted(events.stop)):
        raise EventTableError("An event would begin or end outside of the years 1 to 9999; nothing was made.")
    return events


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EventTableError(f"{name}: expected a number, found {text[:40]!r}.") from None


def _moment(text: str, name: str) -> np.datetime64:
    try:
        return instant_of(text.strip("'\""))
    except ValueError as exc:
        raise EventTableError(f"{name}: {exc}.") from None


def _made(how: str, start: Instants, stop: Instants) -> EventTable:
    return EventTable(Description(name=how, history=f"Made as {how}."), Events(start, stop))


def _kept(table: EventTable, events: Events, how: str) -> EventTable:
    history = "\n".join(part for part in (table.about.history, f"Made as {how}.") if part)
    return EventTable(replace(table.about, name=how, history=history), events)
