"""What the sample archive holds: three invented spacecraft, nine products, one week, and its planned faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = [
    "DAMAGED",
    "DAYS",
    "HOLES",
    "MISSING_DAYS",
    "PRODUCTS",
    "SPACECRAFT",
    "SUPERSEDED",
    "Hole",
    "Product",
    "ProductKind",
    "Spacecraft",
]

#: a week with the leap second 2016-12-31T23:59:60
DAYS: tuple[date, ...] = (
    date(2016, 12, 29),
    date(2016, 12, 30),
    date(2016, 12, 31),
    date(2017, 1, 1),
    date(2017, 1, 2),
    date(2017, 1, 3),
    date(2017, 1, 4),
)


@dataclass(frozen=True, slots=True)
class Spacecraft:
    """An invented spacecraft. `letter` also stands in file names."""

    name: str
    letter: str
    where: str
    #: SPASE ObservedRegion values
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductKind:
    """A kind of product that each spacecraft has."""

    code: str
    instrument: str
    instrument_type: str
    title: str
    measurement_type: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product of one spacecraft: the dataset `key` in daily files named after `logical_source`."""

    spacecraft: Spacecraft
    kind: ProductKind
    step_s: int
    #: CDF type of the time variable: CDF_TIME_TT2000 or CDF_EPOCH
    epoch_type: str = "CDF_TIME_TT2000"
    #: the channels of the spectrogram change with time
    moving_energies: bool = False
    access_rights: str = "Open"

    @property
    def key(self) -> str:
        """SPASE ProductKey."""
        return f"syn{self.spacecraft.letter}-{self.kind.code}"

    @property
    def logical_source(self) -> str:
        """ISTP Logical_source."""
        return f"syn{self.spacecraft.letter}_l2_{self.kind.code}"

    @property
    def files(self) -> str:
        """Glob of the files of the product, relative to the `cdf` folder of the archive."""
        return f"synthia-{self.spacecraft.letter}/{self.kind.code}/**/{self.logical_source}_*.cdf"

    def path(self, day: date, version: str = "v01") -> str:
        """Path of a daily file, relative to the `cdf` folder of the archive."""
        folder = f"synthia-{self.spacecraft.letter}/{self.kind.code}/{day:%Y}"
        return f"{folder}/{self.logical_source}_{day:%Y%m%d}_{version}.cdf"


SPACECRAFT: tuple[Spacecraft, ...] = (
    Spacecraft("Synthia-A", "a", "in the solar wind sunward of the Earth", ("Heliosphere.NearEarth",)),
    Spacecraft(
        "Synthia-B", "b", "on an orbit through the magnetosphere of the Earth", ("Earth.Magnetosphere.Main", "Earth")
    ),
    Spacecraft("Synthia-C", "c", "on an orbit around Mars", ("Mars", "Heliosphere.Inner")),
)

_MAGNETIC_FIELD = ProductKind("mag", "MAG", "Magnetometer", "magnetic field", "MagneticField")
_MOMENTS = ProductKind("mom", "SWA", "ElectrostaticAnalyser", "ion moments", "ThermalPlasma")
_SPECTRA = ProductKind("spec", "ISP", "ParticleDetector", "ion energy spectra", "EnergeticParticles")

_A, _B, _C = SPACECRAFT

PRODUCTS: tuple[Product, ...] = (
    Product(_A, _MAGNETIC_FIELD, step_s=4),
    Product(_A, _MOMENTS, step_s=60),
    Product(_A, _SPECTRA, step_s=120),
    Product(_B, _MAGNETIC_FIELD, step_s=8),
    Product(_B, _MOMENTS, step_s=60),
    Product(_B, _SPECTRA, step_s=120, moving_energies=True),
    Product(_C, _MAGNETIC_FIELD, step_s=16),
    Product(_C, _MOMENTS, step_s=60, epoch_type="CDF_EPOCH"),
    Product(_C, _SPECTRA, step_s=120, access_rights="PartiallyRestricted"),
)


@dataclass(frozen=True, slots=True)
class Hole:
    """Hours of a day without records: from `start_h` up to `stop_h`."""

    day: date
    start_h: int
    stop_h: int


#: days for which there is no file
MISSING_DAYS: dict[str, tuple[date, ...]] = {"synb-mom": (date(2017, 1, 2),)}

#: files with a hole
HOLES: dict[str, tuple[Hole, ...]] = {"sync-mag": (Hole(date(2016, 12, 30), 6, 11),)}

#: days with a first version (wrong by a constant offset) beside the second
SUPERSEDED: dict[str, tuple[date, ...]] = {"syna-mag": (date(2016, 12, 30),)}

#: days whose file is cut short, as by a broken download: a run reports the file and goes on
DAMAGED: dict[str, tuple[date, ...]] = {"sync-spec": (date(2017, 1, 4),)}
