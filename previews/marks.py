"""Events of a table as marks on a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cutouts.interval import Interval, instants_of
from epntap.access import Caller
from epntap.cdf import format_utc

__all__ = ["MOST_MARKS", "EventsWithin", "Marks", "marks_within"]

#: first and last instant of each event, TT2000
Marks = tuple[tuple[int, int], ...]
#: starts and stops, as ISO 8601, of the events of a table that overlap a time from one instant to another; at most so
#: many and one more. Raises NotFoundError for a table that the caller may not see
EventsWithin = Callable[[str, str, str, int, Caller], Sequence[tuple[str, str]]]
#: in one picture: more would cover it
MOST_MARKS = 1_000


def marks_within(events: EventsWithin, table: str, interval: Interval, caller: Caller) -> tuple[Marks, str]:
    """The marks of a table in an interval, and a remark where there are more than are drawn."""
    start, stop = (f"{format_utc(one, 6)}" for one in (interval.start_tt2000, interval.stop_tt2000))
    found = events(table, start, stop, MOST_MARKS, caller)
    marks = tuple(instants_of(found[:MOST_MARKS], "events"))
    if len(found) <= MOST_MARKS:
        return marks, ""
    return marks, f"Only the first {MOST_MARKS:,} events of {table} are marked."
