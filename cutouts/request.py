"""What is asked of a cut-out, whatever protocol it came by."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cutouts.interval import Interval
from epntap.access import ANONYMOUS, Caller
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc

__all__ = ["EVERYTHING", "CutRequest", "labelled_name"]


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
    #: who asks
    caller: Caller = ANONYMOUS


def _interval_label(interval: Interval) -> str:
    """The interval as part of a file name: `20161231T100000_20161231T110000`; an open end is left out."""
    ends = ((interval.start_tt2000, MIN_TT2000), (interval.stop_tt2000, MAX_TT2000))
    return "_".join("" if end == far else re.sub("[-:.]", "", _shortest(end)) for end, far in ends)


def labelled_name(name: str, interval: Interval) -> str:
    """The name of a file with its interval before the extension."""
    stem, _, extension = name.rpartition(".")
    return f"{stem}_{_interval_label(interval)}.{extension}"


def _shortest(tt2000: int) -> str:
    text = format_utc(tt2000)
    return text.rstrip("0").rstrip(".") if "." in text else text
