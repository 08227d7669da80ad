"""Spectral ranges of parameters in the units of EPN-TAP: hertz for waves, electronvolt for particles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from types import MappingProxyType

from ingest.spase.document import ParameterRecord, Range

__all__ = ["energy_range_ev", "frequency_range_hz"]

_SPEED_OF_LIGHT = 299_792_458.0  # m/s, exact (EPN-TAP 2.0 §3.2)
_PLANCK_EV = 4.135667696923859e-15  # eV s, from the exact h and e of EPN-TAP 2.0 §3.2

# the case counts, as a milli is not a mega
_HERTZ: Mapping[str, float] = MappingProxyType(
    {"mHz": 1e-3, "Hz": 1.0, "HZ": 1.0, "hz": 1.0, "kHz": 1e3, "KHz": 1e3, "MHz": 1e6, "GHz": 1e9, "THz": 1e12}
)
_METRES: Mapping[str, float] = MappingProxyType(
    {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "micron": 1e-6, "nm": 1e-9, "Angstrom": 1e-10, "A": 1e-10}
)
#: energies of a particle; energies per nucleon or per charge are other quantities and are left out
_EV: Mapping[str, float] = MappingProxyType(
    {"eV": 1.0, "ev": 1.0, "keV": 1e3, "KeV": 1e3, "kev": 1e3, "MeV": 1e6, "Mev": 1e6, "GeV": 1e9}
)

Bounds = tuple[float, float]


def frequency_range_hz(parameters: Iterable[ParameterRecord]) -> Bounds | None:
    """Lowest and highest frequency of all wave and field parameters, or None if none is given."""
    return _hull(
        bounds
        for parameter in parameters
        if parameter.nature in {"Wave", "Field"}
        for written in parameter.ranges
        if (bounds := _frequency(written)) is not None
    )


def energy_range_ev(parameters: Iterable[ParameterRecord]) -> Bounds | None:
    """Lowest and highest energy of all particle parameters, or None if none is given."""
    return _hull(
        bounds
        for parameter in parameters
        if parameter.nature == "Particle"
        for written in parameter.ranges
        if written.kind == "EnergyRange" and (bounds := _bounds(written, _EV, float)) is not None
    )


def _frequency(written: Range) -> Bounds | None:
    match written.kind:
        case "FrequencyRange":
            return _bounds(written, _HERTZ, float)
        case "WavelengthRange":
            return _bounds(written, _METRES, _from_wavelength)
        case "EnergyRange":
            return _bounds(written, _EV, lambda energy: energy / _PLANCK_EV)
        case _:
            return None


def _from_wavelength(wavelength_m: float) -> float:
    return _SPEED_OF_LIGHT / wavelength_m if wavelength_m else inf


def _bounds(written: Range, factors: Mapping[str, float], convert: Callable[[float], float]) -> Bounds | None:
    """Both ends in the wanted quantity; one that is missing repeats the other (EPN-TAP 2.0 §1.2)."""
    factor = factors.get(written.units)
    if factor is None:
        return None
    ends = [convert(number * factor) for text in (written.low, written.high) if (number := _number(text)) is not None]
    ends = [end for end in ends if end < inf]
    return (min(ends), max(ends)) if ends else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < inf else None


def _hull(found: Iterable[Bounds]) -> Bounds | None:
    bounds = list(found)
    return (min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None
