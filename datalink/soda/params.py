"""What a cut-out request asks for (SODA 1.0 §3, with START/STOP and the names that AMDA users know)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from datalink.series import Interval
from epntap.cdf import MAX_TT2000, MIN_TT2000, parse_utc, tt2000_from_mjd
from epntap.errors import ParameterError
from epntap.params import Params

__all__ = ["EVERYTHING", "CutRequest", "MultiValuedError", "cut_request"]

#: our name, and others that mean the same
_NAMES: dict[str, tuple[str, ...]] = {
    "ID": ("ID", "DATASETID"),
    "START": ("START", "STARTTIME"),
    "STOP": ("STOP", "STOPTIME"),
    "FORMAT": ("FORMAT", "OUTPUTFORMAT", "RESPONSEFORMAT"),
}
#: years that reach beyond what TT2000 nanoseconds can count
_FIRST_YEAR, _LAST_YEAR = 1707, 2292
_YES_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class MultiValuedError(ParameterError):
    """A parameter is given more than once where one value is supported (SODA 1.0 §3.1)."""

    label = "MultiValuedParamNotSupported"


EVERYTHING = Interval(MIN_TT2000, MAX_TT2000)


@dataclass(frozen=True, slots=True)
class CutRequest:
    """One cut-out."""

    identifier: str
    #: what to keep; open ends reach as far as the data
    interval: Interval
    #: names of variables, none for all
    parameters: tuple[str, ...] = ()
    #: as it was asked for, None for CDF
    format_name: str | None = None
    compress: bool = False
    #: service to look in, where several know the identifier
    schema: str | None = None


def cut_request(params: Params) -> CutRequest:
    """The request that the parameters describe. Raises ParameterError with what was expected and found."""
    identifier = _one(params, "ID")
    if identifier is None:
        raise ParameterError("ID is missing; give the granule_uid of a published granule.")
    return CutRequest(
        identifier=identifier,
        interval=_interval(params),
        parameters=tuple(
            name.strip() for text in params.get("PARAMETERS", ()) for name in text.split(",") if name.strip()
        ),
        format_name=_one(params, "FORMAT"),
        compress=_flag(params, "COMPRESS"),
        schema=_one(params, "SCHEMA"),
    )


def _one(params: Params, name: str) -> str | None:
    given = [(alias, value) for alias in _NAMES.get(name, (name,)) for value in params.get(alias, ()) if value.strip()]
    if len(given) > 1:
        names = " and ".join(dict.fromkeys(alias for alias, _ in given))
        raise MultiValuedError(f"{names}: {len(given)} values are given, but one is supported here.")
    return given[0][1].strip() if given else None


def _flag(params: Params, name: str) -> bool:
    text = _one(params, name)
    if text is None:
        return False
    if text.lower() not in _YES_NO:
        raise ParameterError(f"{name} must be 1 or 0, but is {text!r}.")
    return _YES_NO[text.lower()]


def _interval(params: Params) -> Interval:
    start, stop, time = _one(params, "START"), _one(params, "STOP"), _one(params, "TIME")
    if time is not None:
        if start is not None or stop is not None:
            raise ParameterError("TIME and START/STOP both bound the interval; please give one or the other.")
        return _from_mjd(time)
    interval = Interval(
        MIN_TT2000 if start is None else _instant(start), MAX_TT2000 if stop is None else _instant(stop)
    )
    if start is not None and stop is not None and interval.stop_tt2000 <= interval.start_tt2000:
        raise ParameterError(f"STOP must be later than START, but START is {start} and STOP is {stop}.")
    return interval


def _instant(text: str) -> int:
    """UTC as TT2000; a year that TT2000 cannot hold is an open end, as many write it (0001-01-01, 9999-12-31)."""
    year = re.match(r"\s*([0-9]{4})-[0-9]{2}-[0-9]{2}\b", text)
    if year and int(year[1]) <= _FIRST_YEAR:
        return MIN_TT2000
    if year and int(year[1]) >= _LAST_YEAR:
        return MAX_TT2000
    return parse_utc(text)


def _from_mjd(text: str) -> Interval:
    """TIME: two numbers, MJD in UTC, both ends included; -Inf and +Inf leave an end open (SODA 1.0 §3.3.4)."""
    bounds = text.split()
    if len(bounds) != 2:
        raise ParameterError(f"TIME must be two numbers with a blank between, both MJD in UTC, but is {text!r}.")
    first, last = tt2000_from_mjd(bounds[0], round_up=True), tt2000_from_mjd(bounds[1])
    if last < first:
        raise ParameterError(f"The second number of TIME must not be smaller than the first, but TIME is {text!r}.")
    return Interval.closed(first, last)
