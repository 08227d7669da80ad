"""What a request asks for, read strictly: HAPI ignores nothing (3.3 §4.2, §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cutouts.interval import EventEnds, Interval, instants_of
from epntap.access import Caller
from epntap.cdf import MAX_TT2000, MIN_TT2000
from epntap.errors import NotFoundError
from epntap.instants.isotime import first_instant
from hapiserver.datasets import Datasets, HapiDataset, HapiParameter
from hapiserver.info import time_text
from hapiserver.status import HapiError

__all__ = [
    "FORMATS",
    "DataRequest",
    "InfoRequest",
    "data_request",
    "depth",
    "info_request",
    "no_parameters",
]

FORMATS = ("csv", "binary", "json")
#: names of HAPI 2, which clients of all versions send
_OLD_NAMES = {"id": "dataset", "time.min": "start", "time.max": "stop"}
#: a table of events whose times are wanted: names of our own begin so (3.3 §3.3); and as our other servers call it
_EVENTS = "x_events"
_NAMES = {**_OLD_NAMES, "EVENTS": _EVENTS}
#: of one request
_MOST_EVENTS = 100_000
_INFO = frozenset({"dataset", "parameters", "resolve_references"})
_DATA = frozenset({"dataset", "parameters", "start", "stop", "include", "format", _EVENTS})


@dataclass(frozen=True, slots=True)
class InfoRequest:
    """A dataset and some of its parameters."""

    dataset: HapiDataset
    #: with the time, in the order of the dataset
    parameters: tuple[HapiParameter, ...]
    #: whether these are all
    is_whole: bool


@dataclass(frozen=True, slots=True)
class DataRequest(InfoRequest):
    """Records of a dataset."""

    interval: Interval
    with_header: bool
    format: str
    caller: Caller


def no_parameters(pairs: Iterable[tuple[str, str]]) -> None:
    """For what takes none."""
    _values(pairs, frozenset())


def depth(pairs: Iterable[tuple[str, str]]) -> str:
    """How much of each dataset the catalogue says: dataset or all."""
    values = _values(pairs, frozenset({"depth", "resolve_references"}))
    _check_references(values)
    wanted = values.get("depth", "dataset")
    if wanted not in {"dataset", "all"}:
        raise HapiError(1413, "expected dataset or all")
    return wanted


def info_request(pairs: Iterable[tuple[str, str]], datasets: Datasets, caller: Caller) -> InfoRequest:
    """What /info is asked for."""
    values = _values(pairs, _INFO)
    dataset = _dataset(values, datasets, caller)
    parameters, is_whole = _parameters(values, dataset)
    _check_references(values)
    return InfoRequest(dataset, parameters, is_whole)


def data_request(
    pairs: Iterable[tuple[str, str]], datasets: Datasets, caller: Caller, events: EventEnds
) -> DataRequest:
    """What /data is asked for; the interval may reach beyond the dataset, but not lie outside.

    Where a table of events is named, only times of its events are wanted, and start and stop may be left out.
    """
    values = _values(pairs, _DATA)
    dataset = _dataset(values, datasets, caller)
    parameters, is_whole = _parameters(values, dataset)
    held = dataset.held
    if _EVENTS in values:
        values = {
            "start": time_text(held.first_tt2000, dataset.decimals), "stop": time_text(held.last_tt2000 + 1), **values
        }  # fmt: skip
    start, stop = _instant(values, "start", 1402), _instant(values, "stop", 1403)
    if start >= stop:
        raise HapiError(1404, "stop is the first instant that is not wanted")
    if stop <= held.first_tt2000 or start > dataset.last_tt2000:
        first, last = (time_text(one, dataset.decimals) for one in (held.first_tt2000, dataset.last_tt2000))
        raise HapiError(1405, f"the dataset has records from {first} to {last}")
    form = values.get("format", "csv")
    if form not in FORMATS:
        raise HapiError(1409, f"expected one of {', '.join(FORMATS)}")
    if values.get("include", "header") != "header":
        raise HapiError(1410, "expected header")
    return DataRequest(
        dataset,
        parameters,
        is_whole,
        _of_events(values, Interval(max(start, MIN_TT2000), min(stop, MAX_TT2000)), events, caller),
        "include" in values,
        form,
        caller,
    )


def _of_events(values: Mapping[str, str], interval: Interval, events: EventEnds, caller: Caller) -> Interval:
    """The times of events within the interval; all of it where no table is named."""
    if _EVENTS not in values:
        return interval
    try:
        ends = events(values[_EVENTS], _MOST_EVENTS, caller)
    except NotFoundError:
        raise HapiError(1400, f"{_EVENTS} names no table of events that is here") from None
    if len(ends) > _MOST_EVENTS:
        raise HapiError(1408, f"{_EVENTS} takes a table of {_MOST_EVENTS:,} events that last at most")
    pairs = [one for one in instants_of(ends, _EVENTS) if one[0] < one[1]]
    return (
        Interval.covering(pairs).intersect(interval)
        if pairs
        else Interval(interval.start_tt2000, interval.start_tt2000)
    )


def _values(pairs: Iterable[tuple[str, str]], known: frozenset[str]) -> dict[str, str]:
    """The values by their new names."""
    values: dict[str, str] = {}
    for given, value in pairs:
        name = _NAMES.get(given, given)
        if name not in known:
            raise HapiError(1401, f"expected {', '.join(sorted(known)) or 'none'}")
        if name in values:
            raise HapiError(1400, f"{name} is given more than once")
        values[name] = value
    return values


def _dataset(values: Mapping[str, str], datasets: Datasets, caller: Caller) -> HapiDataset:
    if "dataset" not in values:
        raise HapiError(1400, "dataset is missing")
    found = datasets.get(values["dataset"], caller)
    if found is None:
        raise HapiError(1406, "catalog lists those that are here")
    return found


def _parameters(values: Mapping[str, str], dataset: HapiDataset) -> tuple[tuple[HapiParameter, ...], bool]:
    names = values.get("parameters", "")
    if not names:
        return dataset.parameters, True
    places = {one.name: place for place, one in enumerate(dataset.parameters)}
    wanted = names.split(",")
    if any(name not in places for name in wanted):
        raise HapiError(1407, "info lists those of the dataset")
    asked = [places[name] for name in wanted]
    if asked != sorted(set(asked)):
        raise HapiError(1411, "expected in the order of info, each once")
    chosen = sorted({0, *asked})
    return tuple(dataset.parameters[place] for place in chosen), len(chosen) == len(dataset.parameters)


def _instant(values: Mapping[str, str], name: str, code: int) -> int:
    if name not in values:
        raise HapiError(1400, f"{name} is missing")
    try:
        return first_instant(values[name])
    except ValueError:
        raise HapiError(code, "expected UTC as in 2016-12-31Z, 2016-366T10:00Z or 2016-12-31T10:00:00.5Z") from None


def _check_references(values: Mapping[str, str]) -> None:
    # nothing here refers to anything, so that all answers are resolved in any case (§3.6.14)
    if values.get("resolve_references", "true") not in {"true", "false"}:
        raise HapiError(1412, "expected true or false")
