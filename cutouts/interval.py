"""The interval of a cut-out, in TT2000."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

import numpy as np
import numpy.typing as npt

from epntap.access import Caller
from epntap.cdf import MAX_TT2000, MIN_TT2000, InstantError, parse_utc
from epntap.errors import ParameterError
from epntap.instants.tt2000 import FIRST_YEAR, LAST_YEAR

__all__ = ["EventEnds", "Interval", "check_ends", "instant_or_end", "instants_of"]

#: starts and stops, as START and STOP are written, of the events of a table that last and that the caller may see; at
#: most so many and one more. Raises NotFoundError for a table that the caller may not see
EventEnds = Callable[[str, int, Caller], Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Interval:
    """Instants from start up to, not including, stop: TT2000 nanoseconds."""

    start_tt2000: int
    stop_tt2000: int
    #: where only some of these instants are meant: half-open pieces that rise and lie apart; empty: all are
    pieces: tuple[tuple[int, int], ...] = field(default=(), kw_only=True)

    @classmethod
    def closed(cls, first_tt2000: int, last_tt2000: int) -> Self:
        """Both ends included, as the TIME of SODA means it."""
        return cls(first_tt2000, last_tt2000 + 1)

    @classmethod
    def covering(cls, intervals: Iterable[tuple[int, int]]) -> Self:
        """The instants that at least one of these half-open intervals has; some must not be empty."""
        pieces: list[tuple[int, int]] = []
        for start, stop in sorted(one for one in intervals if one[0] < one[1]):
            if pieces and start <= pieces[-1][1]:
                pieces[-1] = pieces[-1][0], max(pieces[-1][1], stop)
            else:
                pieces.append((start, stop))
        return cls(pieces[0][0], pieces[-1][1], pieces=tuple(pieces))

    @property
    def is_empty(self) -> bool:
        """Whether no instant can lie in it."""
        return self.stop_tt2000 <= self.start_tt2000

    def intersect(self, other: Interval) -> Interval:
        """The instants in both; only one of them may be of pieces."""
        assert not (self.pieces and other.pieces)
        start = max(self.start_tt2000, other.start_tt2000)
        stop = min(self.stop_tt2000, other.stop_tt2000)
        pieces = self.pieces or other.pieces
        if not pieces:
            return Interval(start, stop)
        first = bisect_right(pieces, start, key=lambda one: one[1])
        after = bisect_left(pieces, stop, key=lambda one: one[0])
        kept = tuple((max(one, start), min(end, stop)) for one, end in pieces[first:after])
        return Interval(kept[0][0], kept[-1][1], pieces=kept) if kept else Interval(start, start)

    def reaches(self, first_tt2000: int, last_tt2000: int) -> bool:
        """Whether there is an instant between these two, both included."""
        return not self.intersect(Interval.closed(first_tt2000, last_tt2000)).is_empty

    def holds(self, instants: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of some instants between start and stop are in one of the pieces."""
        # an odd number of ends is at or before what lies within a piece
        ends = np.fromiter(chain.from_iterable(self.pieces), np.int64, 2 * len(self.pieces))
        found: npt.NDArray[np.bool_] = np.searchsorted(ends, instants, side="right") % 2 == 1
        return found


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


def instants_of(ends: Iterable[tuple[str, str]], name: str) -> list[tuple[int, int]]:
    """Starts and stops of events as TT2000, as `instant_or_end` reads them."""
    return [(instant_or_end(start, name), instant_or_end(stop, name)) for start, stop in ends]


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
