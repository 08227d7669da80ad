"""The closed lists of EPN-TAP 2.0: what may stand in coded columns, and what it means. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType

__all__ = [
    "DATAPRODUCT_TYPES",
    "MESSENGERS",
    "TARGET_CLASSES",
    "TIME_SCALES",
    "ParticleSpectralType",
    "ProcessingLevel",
    "SpatialFrameType",
]

#: items of dataproduct_type (EPN-TAP 2.0 §2.1) -> name
DATAPRODUCT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "im": "image",
        "ma": "map",
        "sp": "spectrum",
        "ds": "dynamic spectrum",
        "sc": "spectral cube",
        "pr": "profile",
        "pf": "photometric function",
        "vo": "volume",
        "mo": "movie",
        "cu": "cube",
        "ts": "time series",
        "ca": "catalogue",
        "ci": "catalogue item",
        "sv": "spatial vector",
        "ev": "event",
    }
)

#: items of target_class (EPN-TAP 2.0 §2.1); a satellite is natural, the Sun is a star
TARGET_CLASSES: frozenset[str] = frozenset(
    {
        "asteroid",
        "dwarf_planet",
        "planet",
        "satellite",
        "comet",
        "exoplanet",
        "interplanetary_medium",
        "sample",
        "sky",
        "spacecraft",
        "spacejunk",
        "star",
        "calibration",
    }
)

#: terms of the IVOA messenger vocabulary, spelled as there
MESSENGERS: frozenset[str] = frozenset(
    {
        "Photon",
        "Radio",
        "Millimeter",
        "Infrared",
        "Optical",
        "UV",
        "EUV",
        "X-ray",
        "Gamma-ray",
        "Neutrino",
    }
)

#: terms of the IVOA timescale vocabulary
TIME_SCALES: frozenset[str] = frozenset({"TAI", "TT", "UT", "UTC", "GPS", "TCG", "TCB", "TDB", "UNKNOWN"})


class SpatialFrameType(StrEnum):
    """Values of spatial_frame_type (EPN-TAP 2.0 §2.1)."""

    CELESTIAL = "celestial"
    BODY = "body"
    CARTESIAN = "cartesian"
    SPHERICAL = "spherical"
    CYLINDRICAL = "cylindrical"
    NONE = "none"


class ParticleSpectralType(StrEnum):
    """Values of particle_spectral_type (EPN-TAP 2.0 §2.3); units are eV, amu and amu/qe."""

    ENERGY = "energy"
    MASS = "mass"
    MASS_PER_CHARGE = "mass/charge"


class ProcessingLevel(IntEnum):
    """Values of processing_level (EPN-TAP 2.0 §2.1); 4 is in range but has no meaning in that scheme."""

    TELEMETRY = 1
    RAW = 2
    CALIBRATED = 3
    DERIVED = 5
    ANCILLARY = 6
