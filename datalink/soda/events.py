"""The intervals of a request that names a table of events in the place of times."""

from __future__ import annotations

from cutouts.interval import EventEnds, Interval, instants_of
from epntap.access import Caller
from epntap.dali.params import Params, single
from epntap.errors import ParameterError

__all__ = ["EVENTS", "JOINED", "event_intervals", "is_joined"]

#: the parameters: which table, and whether all its events are one cut-out
EVENTS, JOINED = "EVENTS", "JOINED"
#: of one cut-out
_MOST_JOINED = 100_000
_YES_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def is_joined(params: Params) -> bool:
    """Whether all events are to be one cut-out. Raises ParameterError."""
    text = single(params, JOINED)
    if text is None:
        return False
    if single(params, EVENTS) is None:
        raise ParameterError(f"{JOINED} is said of {EVENTS}; name a table of events, or leave it out.")
    if text.lower() not in _YES_NO:
        raise ParameterError(f"{JOINED} must be 1 or 0, but is {text[:40]!r}.")
    return _YES_NO[text.lower()]


def event_intervals(params: Params, events: EventEnds, most: int, caller: Caller) -> list[Interval] | None:
    """An interval for each event of the table that lasts, or one of them all; an instant has no records.

    None where no table is named. At most `most` and one more. Raises ParameterError, and what `events` raises.
    """
    joined = is_joined(params)
    table = single(params, EVENTS)
    if table is None:
        return None
    if any(value.strip() for name in ("START", "STOP", "TIME") for value in params.get(name, ())):
        raise ParameterError("EVENTS and START, STOP or TIME both bound the interval; please give one or the other.")
    ends = events(table, _MOST_JOINED if joined else most, caller)
    if not ends:
        raise ParameterError(f"EVENTS: no event of {table[:80]!r} lasts, so there is nothing to fetch.")
    pairs = instants_of(ends, EVENTS)
    if not joined:
        return [Interval(*pair) for pair in pairs]
    if len(pairs) > _MOST_JOINED:
        raise ParameterError(
            f"{JOINED}: one cut-out is of {_MOST_JOINED:,} events at most; please take a smaller table."
        )
    if all(start >= stop for start, stop in pairs):
        raise ParameterError(f"EVENTS: no event of {table[:80]!r} is within the years that files have times of.")
    return [Interval.covering(pairs)]
