"""The interval of a cut-out, in TT2000."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from epntap.cdf import MAX_TT2000, MIN_TT2000, InstantError, parse_utc
from epntap.errors import ParameterError

__all__ = ["Interval", "instant_or_end"]

#: years that reach beyond what TT2000 can count are open ends
_FIRST_YEAR, _LAST_YEAR = 1707, 2292


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
    if year and int(year[1]) <= _FIRST_YEAR:
        return MIN_TT2000
    if year and int(year[1]) >= _LAST_YEAR:
        return MAX_TT2000
    try:
        return parse_utc(text)
    except InstantError as error:
        raise ParameterError(f"{name}: {error}") from None
