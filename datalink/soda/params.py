"""What a cut-out request asks for (SODA 1.0 §3, with START/STOP and the names that AMDA users know)."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from cutouts.interval import EventEnds, Interval, check_ends, instant_or_end
from cutouts.request import EVERYTHING, CutRequest
from datalink.soda.events import event_intervals, is_joined
from epntap.access import ANONYMOUS, Caller
from epntap.addresses import SODA_ASYNC
from epntap.cdf import MAX_TT2000, MIN_TT2000, tt2000_from_mjd
from epntap.dali.params import Params, single
from epntap.errors import ParameterError

__all__ = ["SEVERAL_IN_JOBS", "MultiValuedError", "cut_request", "cut_requests"]

#: our name, and others that mean the same
_NAMES: dict[str, tuple[str, ...]] = {
    "ID": ("ID", "DATASETID"),
    "START": ("START", "STARTTIME"),
    "STOP": ("STOP", "STOPTIME"),
    "FORMAT": ("FORMAT", "OUTPUTFORMAT", "RESPONSEFORMAT"),
}
#: of which a job makes one cut-out for each combination
SEVERAL_IN_JOBS = frozenset({"ID", "START", "STOP", "TIME"})
_YES_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class MultiValuedError(ParameterError):
    """A parameter is given more than once where one value is supported (SODA 1.0 §3.1)."""

    label = "MultiValuedParamNotSupported"


def cut_request(params: Params, caller: Caller, events: EventEnds) -> CutRequest:
    """The request that the parameters describe. Raises ParameterError with what was expected and found.

    Of a table that `events` knows only all events together are one cut-out.
    """
    identifier = _one(params, "ID")
    if identifier is None:
        raise ParameterError("ID is missing; give the granule_uid of a published granule.")
    for name in sorted(SEVERAL_IN_JOBS):
        _one(params, name)
    if single(params, "EVENTS") is not None and not is_joined(params):
        raise MultiValuedError(
            f"EVENTS: there is a cut-out for each event; post them to {SODA_ASYNC}, or join them by JOINED=1."
        )
    (interval,) = event_intervals(params, events, 1, caller) or _intervals(params)
    return replace(_alike(params, caller), identifier=identifier, interval=interval)


def _alike(params: Params, caller: Caller) -> CutRequest:
    """What is the same for all cut-outs of a request."""
    return CutRequest(
        identifier="",
        interval=EVERYTHING,
        parameters=tuple(
            name.strip() for text in params.get("PARAMETERS", ()) for name in text.split(",") if name.strip()
        ),
        format_name=_one(params, "FORMAT"),
        compress=_flag(params, "COMPRESS"),
        schema=_one(params, "SCHEMA"),
        caller=caller,
    )


def cut_requests(
    params: Params, *, most: int, events: EventEnds, who: str = "one job", caller: Caller = ANONYMOUS
) -> list[CutRequest]:
    """The requests that the parameters of a job describe: one for each combination of ID and interval, ID by ID.

    The first START belongs to the first STOP, and so on; in their place `events` may know a table. Raises
    ParameterError, also for more than `most`, and what `events` raises.
    """
    identifiers = list(dict.fromkeys(_all(params, "ID")))
    if not identifiers:
        raise ParameterError("ID is missing; give the granule_uid of a published granule, or several.")
    found = event_intervals(params, events, most, caller)
    intervals = list(dict.fromkeys(_intervals(params) if found is None else found))
    if len(identifiers) * len(intervals) > most:
        raise ParameterError(
            f"{len(identifiers):,} identifiers and {len(intervals):,} intervals make "
            f"{len(identifiers) * len(intervals):,} cut-outs, but {who} makes {most:,} at most; please make several."
        )
    alike = _alike(params, caller)
    return [
        replace(alike, identifier=identifier, interval=interval) for identifier in identifiers for interval in intervals
    ]


def _all(params: Params, name: str) -> list[str]:
    return [value.strip() for alias in _NAMES.get(name, (name,)) for value in params.get(alias, ()) if value.strip()]


def _one(params: Params, name: str) -> str | None:
    given = _all(params, name)
    if len(given) > 1:
        names = " and ".join(alias for alias in _NAMES.get(name, (name,)) if params.get(alias))
        hint = f"; post them to {SODA_ASYNC}, which takes several" if name in SEVERAL_IN_JOBS else ""
        raise MultiValuedError(f"{names}: {len(given)} values are given, but one is supported here{hint}.")
    return given[0] if given else None


def _flag(params: Params, name: str) -> bool:
    text = _one(params, name)
    if text is None:
        return False
    if text.lower() not in _YES_NO:
        raise ParameterError(f"{name} must be 1 or 0, but is {text!r}.")
    return _YES_NO[text.lower()]


def _intervals(params: Params) -> list[Interval]:
    starts, stops, times = _all(params, "START"), _all(params, "STOP"), _all(params, "TIME")
    if times:
        if starts or stops:
            raise ParameterError("TIME and START/STOP both bound the interval; please give one or the other.")
        return [_from_mjd(time) for time in times]
    if starts and stops and len(starts) != len(stops):
        raise ParameterError(
            f"The first START belongs to the first STOP and so on, but {len(starts)} START and {len(stops)} STOP are "
            "given; please give as many of each."
        )
    pairs = list(zip_longest(starts, stops)) or [(None, None)]
    return [_between(start, stop) for start, stop in pairs]


def _between(start: str | None, stop: str | None) -> Interval:
    interval = Interval(
        MIN_TT2000 if start is None else instant_or_end(start, "START"),
        MAX_TT2000 if stop is None else instant_or_end(stop, "STOP"),
    )
    if start is not None and stop is not None:
        check_ends((interval.start_tt2000, interval.stop_tt2000), (start, stop), ("START", "STOP"))
    return interval


def _from_mjd(text: str) -> Interval:
    """TIME: two numbers, MJD in UTC, both ends included; -Inf and +Inf leave an end open (SODA 1.0 §3.3.4)."""
    bounds = text.split()
    if len(bounds) != 2:
        raise ParameterError(f"TIME must be two numbers with a blank between, both MJD in UTC, but is {text!r}.")
    first, last = tt2000_from_mjd(bounds[0], round_up=True), tt2000_from_mjd(bounds[1])
    if last < first:
        raise ParameterError(f"The second number of TIME must not be smaller than the first, but TIME is {text!r}.")
    return Interval.closed(first, last)
