"""Units as labels and tables spell them, and the way from one to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import astropy.units as u

__all__ = ["Conversion", "UnitProblem", "conversion", "is_unit"]

# spellings of PDS labels and spreadsheets that no unit grammar knows
_SPELLINGS = {
    "degree": "deg",
    "degrees": "deg",
    "deg.": "deg",
    "\u00b0": "deg",
    "radian": "rad",
    "radians": "rad",
    "second": "s",
    "seconds": "s",
    "sec": "s",
    "secs": "s",
    "millisecond": "ms",
    "milliseconds": "ms",
    "msec": "ms",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "hr": "h",
    "day": "d",
    "days": "d",
    "kilometer": "km",
    "kilometers": "km",
    "kilometre": "km",
    "kilometres": "km",
    "meter": "m",
    "meters": "m",
    "metre": "m",
    "metres": "m",
    "micron": "um",
    "microns": "um",
    "micrometer": "um",
    "\u00b5m": "um",
    "\u03bcm": "um",
    "nanometer": "nm",
    "nanometers": "nm",
    "angstrom": "Angstrom",
    "hertz": "Hz",
    "hz": "Hz",
    "khz": "kHz",
    "mhz": "MHz",
    "ghz": "GHz",
    "ev": "eV",
    "kev": "keV",
    "au": "AU",
    "a.u.": "AU",
    "kelvin": "K",
    "km/sec": "km/s",
    "byte": "byte",
    "bytes": "byte",
    "kb": "kbyte",
    "kbyte": "kbyte",
    "kbytes": "kbyte",
    "mb": "Mbyte",
    "mbyte": "Mbyte",
    "dimensionless": "",
    "none": "",
    "n/a": "",
}

# upper case only, as PDS3 labels write units
_UPPER = {"DEG": "deg", "KM": "km", "M": "m", "S": "s", "MS": "ms", "UM": "um", "NM": "nm", "RAD": "rad", "MIN": "min"}


class UnitProblem(ValueError):  # noqa: N818  # a problem among others, collected by the caller
    """A unit that cannot be read, or that measures something else."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The way from one unit to another."""

    apply: Callable[[float], float]
    #: greater becomes smaller, as from wavelength to frequency: ends of a range change places
    reverses: bool = False


def is_unit(text: str) -> bool:
    """Whether a text can be read as a unit that is not empty."""
    try:
        return bool(_parse(text).to_string())
    except UnitProblem:
        return False


@lru_cache(maxsize=1024)
def conversion(given: str, wanted: str | None) -> Conversion:
    """From the unit that a source gives to the one of a column; light is converted between length, energy, frequency.

    Raises UnitProblem.
    """
    source, target = _parse(given), _parse(wanted or "")
    try:
        factor = source.to(target)
        return Conversion(lambda value: value * factor)
    except u.UnitConversionError:
        pass
    if target.is_equivalent(u.Hz) and source.is_equivalent(u.Hz, equivalencies=u.spectral()):
        reverses = source.is_equivalent(u.m)

        def to_frequency(value: float) -> float:
            if reverses and value <= 0:
                raise UnitProblem(f"{value:g} {given} is no wavelength")
            return float((value * source).to_value(target, equivalencies=u.spectral()))

        return Conversion(to_frequency, reverses)
    raise UnitProblem(f"{given!r} cannot be converted to {wanted or 'a number without unit'!r}")


@lru_cache(maxsize=1024)
def _parse(text: str) -> u.UnitBase:
    bare = text.strip().strip("<>[]() ")
    spelled = _UPPER.get(bare, _SPELLINGS.get(bare.casefold(), bare))
    for grammar in ("vounit", "generic", "cds"):
        try:
            return u.Unit(spelled, format=grammar, parse_strict="raise")
        except (ValueError, TypeError):
            continue
    raise UnitProblem(f"{text!r} is not a unit that is known")
