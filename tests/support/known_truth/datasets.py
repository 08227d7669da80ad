"""What is true of each dataset: its files, its records, its values. Closed formulas of integers; no I/O here.

Instants are TT2000 in nanoseconds. Values are made of additions and multiplications of IEEE doubles only, so they
are the same to the bit on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.known_truth.clock import in_leap_second, midnight_tt2000

__all__ = ["FILL", "INT_FILL", "Plan", "TrueDataset", "TrueFile"]

Instants = NDArray[np.int64]

FILL = -1.0e31
INT_FILL = -32768
CHANNELS = 8

_SECOND_NS = 1_000_000_000
#: what a superseded version has more than the truth
WRONG_BY = 1000.0

#: titles that break what does not quote, escape, encode or measure
_TITLES = (
    "Étude du vent solaire — «Ω»",
    "Quotes \" and ' and ; DROP TABLE epn_core; --",
    "Percent %s %(p0)s %% {0} \\N \\. \\t",
    "<b>Tags &amp; ]]> entities</b>",
    "日本語の磁場 🛰 U+1F6F0",
    "comma, semicolon; pipe | and tab\tinside",
    "a" * 300,
)
#: what can be observed where, in turn
_REGIONS = ("Earth.Magnetosphere", "Heliosphere.Inner", "Mars", "Jupiter", "Saturn.Magnetosphere")
_KINDS = ("MagneticField", "ThermalPlasma", "EnergeticParticles")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much there is."""

    datasets: int = 3
    days: int = 40
    cadence_ns: int = 60 * _SECOND_NS
    #: the leap second of 2016-12-31 is in the first year
    first: date = date(2016, 12, 1)

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be laid out."""
        if min(self.datasets, self.days) < 1:
            raise ValueError(f"expected at least one dataset and one day, found {self.datasets} and {self.days}")
        if not 1 <= self.cadence_ns <= 86_400 * _SECOND_NS:
            raise ValueError(f"expected a cadence from 1 ns to a day, found {self.cadence_ns} ns")
        if self.first < date(2000, 1, 1):
            raise ValueError(f"expected a first day from 2000 on, found {self.first}")

    @property
    def start(self) -> int:
        """The first instant."""
        return midnight_tt2000(self.first)

    @property
    def stop(self) -> int:
        """The instant after the last."""
        return midnight_tt2000(self.first + timedelta(days=self.days))

    def __iter__(self) -> Iterator[TrueDataset]:
        return (TrueDataset(self, number) for number in range(self.datasets))


@dataclass(frozen=True, slots=True, eq=False)
class TrueFile:
    """A file of one UTC day in one version."""

    name: str
    day: date
    version: int
    #: another file of the same day has a higher version
    superseded: bool
    epochs: Instants


@dataclass(frozen=True, slots=True)
class TrueDataset:
    """One dataset and all that is true of it."""

    plan: Plan
    number: int

    @property
    def key(self) -> str:
        """Its identifier, which is the Logical_source of its files too."""
        return f"kt_{self.number:03d}"

    @property
    def title(self) -> str:
        """A text with all that may go wrong."""
        return _TITLES[self.number % len(_TITLES)]

    @property
    def region(self) -> str:
        """Where it was observed, in SPASE's words."""
        return _REGIONS[self.number % len(_REGIONS)]

    @property
    def kind(self) -> str:
        """SPASE's measurement type."""
        return _KINDS[self.number % len(_KINDS)]

    @property
    def is_cdf_epoch(self) -> bool:
        """Whether its files keep time as CDF_EPOCH (else TT2000); it has no records in leap seconds then."""
        return self.number % 4 == 3

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables along the time axis."""
        flux = ("flux",) if self.number % 2 else ()
        position = ("position",) if self.number % 3 != 2 else ()
        return ("B", "n", "quality", *flux, *position)

    @property
    def energies(self) -> NDArray[np.float32]:
        """The channels of `flux`, in eV; no record varies them."""
        return (10.0 * 2.0 ** np.arange(CHANNELS)).astype(np.float32)

    # -- files and records

    def files(self) -> Iterator[TrueFile]:
        """All files, superseded versions too, by day and version."""
        for number in range(self.plan.days):
            if _is_missing(number):
                continue
            day = self.plan.first + timedelta(days=number)
            epochs = self._epochs_of_file(number)
            versions = 2 if number % 29 == 5 else 1
            for version in range(1, versions + 1):
                name = f"{self.key}_{day:%Y%m%d}_v{version:02d}.cdf"
                yield TrueFile(name, day, version, version < versions, epochs)

    def epochs(self, start: int | None = None, stop: int | None = None) -> Instants:
        """All instants with a record in [start, stop), each once, in order."""
        first = self.plan.start if start is None else max(start, self.plan.start)
        end = self.plan.stop if stop is None else min(stop, self.plan.stop)
        grid = self._grid(first, end)
        return grid[self._is_present(grid)]

    def _epochs_of_file(self, number: int) -> Instants:
        day = self.plan.first + timedelta(days=number)
        end = midnight_tt2000(day + timedelta(days=1))
        if number % 31 == 3 and number + 1 < self.plan.days and not _is_missing(number + 1):
            end += 10 * self.plan.cadence_ns  # runs on into the next day, whose file has these records too
        return self.epochs(midnight_tt2000(day), end)

    def _grid(self, start: int, stop: int) -> Instants:
        cadence = self.plan.cadence_ns
        first = -(-(start - self.plan.start) // cadence)
        last = -(-(stop - self.plan.start) // cadence)
        return self.plan.start + cadence * np.arange(first, max(first, last), dtype=np.int64)

    def _is_present(self, epochs: Instants) -> NDArray[np.bool_]:
        record = self._records(epochs)
        present = (record % 997 < 600) | (record % 997 >= 640)  # gaps of forty records
        present &= ~_is_missing(self._days(epochs))
        if self.is_cdf_epoch:
            present &= ~in_leap_second(epochs)
        return present

    def _records(self, epochs: Instants) -> Instants:
        """Number on the grid, counted over gaps."""
        return (epochs - self.plan.start) // self.plan.cadence_ns

    def _days(self, epochs: Instants) -> Instants:
        """Number of the UTC day in the plan."""
        midnights = [midnight_tt2000(self.plan.first + timedelta(days=number)) for number in range(self.plan.days)]
        return np.searchsorted(np.array(midnights, np.int64), epochs, side="right") - 1

    # -- values

    def stored(self, name: str, epochs: Instants) -> NDArray[Any]:
        """What the newest files hold at these instants: in the stored type, with fill values and NaN."""
        exact = self.formula(name, epochs)
        if name == "quality":
            return np.where(self.is_valid(name, epochs), exact, INT_FILL).astype(np.int16)
        hole = np.nan if name == "n" else FILL
        values = np.where(self.is_valid(name, epochs), exact, hole)
        return values.astype(np.float32 if name in {"B", "flux"} else np.float64)

    def is_valid(self, name: str, epochs: Instants) -> NDArray[np.bool_]:
        """Whether there is a value and neither fill nor NaN, for each component."""
        self._check(name)
        record = self._records(epochs)
        match name:
            case "B":
                valid = np.repeat((record % 101 != 7)[:, None], 3, axis=1)
                valid[:, 1] &= record % 103 != 9
                return valid
            case "n":
                return np.not_equal(record % 211, 13)
            case "quality":
                return np.not_equal(record % 89, 1)
            case "flux":
                valid = np.ones((len(epochs), CHANNELS), np.bool_)
                valid[:, 3] = record % 97 != 5
                return valid
            case "position":
                return np.repeat((self._days(epochs) % 13 != 4)[:, None], 3, axis=1)
        raise AssertionError(name)

    def formula(self, name: str, epochs: Instants) -> NDArray[np.float64]:
        """The value at any instants, on the grid or not, in double precision."""
        self._check(name)
        n = self.number
        match name:
            case "B":
                period = 3600 * (1 + n % 5)
                components = [self._wave(epochs, period), self._wave(epochs, period, 4), self._wave(epochs, 7 * period)]
                return 50.0 * np.stack(components, axis=1) + n
            case "n":
                return 5.0 + 4.0 * self._wave(epochs, 86_400)
            case "quality":
                return (self._records(epochs) % 3).astype(np.float64)
            case "flux":
                channel = np.arange(CHANNELS, dtype=np.float64)
                wave = self._wave(epochs, 7200)[:, None]
                return (n + 1.0) * (1.25 + wave) * (2.0 ** (20.0 - channel))
            case "position":
                day = 100_000
                components = [self._wave(epochs, day, 4), self._wave(epochs, day), 0.125 * self._wave(epochs, 2 * day)]
                return 65_536.0 * np.stack(components, axis=1)
        raise AssertionError(name)

    def _check(self, name: str) -> None:
        if name not in self.variables:
            raise ValueError(f"{self.key} has no variable {name}; it has {', '.join(self.variables)}")

    def _wave(self, epochs: Instants, period_s: int, sixteenths: int = 0) -> NDArray[np.float64]:
        """Two parabolas like a sine of this period, from -1 to 1; at the first instant so many sixteenths along."""
        period = period_s * _SECOND_NS
        phase = ((epochs - self.plan.start + sixteenths * (period // 16)) % period) / period
        half = np.where(phase < 0.5, phase, phase - 0.5)
        arc = 16.0 * half * (0.5 - half)
        return np.where(phase < 0.5, arc, -arc)


def _is_missing(day: Any) -> Any:  # a number or an array of numbers
    """Whether a day of the plan has no file."""
    return day % 37 == 11
