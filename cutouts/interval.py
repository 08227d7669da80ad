"""The interval of a cut-out, in TT2000."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from epntap.cdf import MAX_TT2000, MIN_TT2000, InstantError, parse_utc
from epntap.errors import ParameterError
from epntap.instants.tt2000 import FIRST_YEAR, LAST_YEAR

__all__ = ["Interval", "check_ends", "instant_or_end"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Instants from start up to, not including, stop: TT2000 nanoseconds."""

    start_tt2000: int
    stop_tt2000: int

    @classmethod
    def closed(cls, first_tt2000: int, last_tt2000: int) -> Self:
        """Both ends included, as the TIME of SODA means it."""
        return cls(first_tt2000, last_tt2000 + 1)

    @property
    def is_empty(self) -> bool:
        """Whether no instant can lie in it."""
        return self.stop_tt2000 <= self.start_tt2000

    def intersect(self, other: Interval) -> Interval:
        """The instants in both."""
        return Interval(
            max(self.start_tt2000, other.start_tt2000),
            min(self.stop_tt2000, other.stop_tt2000),
        )


def instant_or_end(text: str, name: str) -> int:
    """UTC as TT2000; a year that TT2000 cannot hold is an open end, as many write it (0001-01-01, 9999-12-31).

    Raises ParameterError, which says the name of the parameter.
    """
    year = re.match(r"\s*([0-9]{4})-(?:[0-9]{2}-[0-9]{2}|[0-9]{3})(?![0-9])", text)
    if year and int(year[1]) < FIRST_YEAR:
        return MIN_TT2000
    if year and int(year[1]) > LAST_YEAR:
        return MAX_TT2000
    try:
        return parse_utc(text)
    except InstantError as error:
        raise ParameterError(f"{name}: {error}") from None


def check_ends(ends: tuple[int, int], said: tuple[str, str], names: tuple[str, str]) -> None:
    """Raises ParameterError for a start and a stop, as `instant_or_end` reads them, between which nothing can lie."""
    start, stop = ends
    if start == stop and start in {MIN_TT2000, MAX_TT2000}:
        raise ParameterError(
            f"{names[0]} and {names[1]} must bound an interval within the years {FIRST_YEAR} to {LAST_YEAR}, "
            f"which is as far as times are counted, but are {said[0]} and {said[1]}."
        )
    if stop <= start:
        raise ParameterError(
            f"{names[1]} must be later than {names[0]}, but {names[0]} is {said[0]} and {names[1]} is {said[1]}."
        )
