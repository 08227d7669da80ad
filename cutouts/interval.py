"""The interval of a cut-out, in TT2000."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = ["Interval"]


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
