"""A figure with its spread and its budget, and what every section of the measurements is given."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epntap.db.pool import Database
from tests.support.server import Server

__all__ = ["TABLE", "Bench", "Measure"]

#: what is asked for nearly everywhere
TABLE = "bench.epn_core"

_COMPARISONS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Bench:
    """A server that publishes `rows` granules as bench.epn_core, and where sections may leave files."""

    server: Server
    database: Database
    folder: Path
    rows: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the result: the median and the spread of what was seen."""

    what: str
    median: float
    low: float
    high: float
    unit: str
    #: budget as text, a comparison and a number: "< 50"; empty when there is none
    must: str = ""

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, must: str = "") -> Measure:
        """From all values that were seen."""
        return cls(what, statistics.median(values), min(values), max(values), unit, must)

    @property
    def is_kept(self) -> bool | None:
        """Whether the median keeps the budget; None without a budget."""
        if not self.must:
            return None
        comparison, number = self.must.split()
        return bool(_COMPARISONS[comparison](self.median, float(number)))
