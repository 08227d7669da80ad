"""Units as queries, labels and tables spell them, and the way from one to another.

The only module that imports astropy.units, and that late: it takes half a second.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import isclose, isfinite
from typing import Any, Literal, NamedTuple

from epntap.hints import shortened

__all__ = ["Conversion", "Factor", "UnitProblem", "conversion", "exact_factor", "is_unit", "is_vounit"]

# characters; the units of the world have fewer, and reading them takes time
_LONGEST = 100
# astropy computes 10**99999999 to the last digit
_LARGE_POWER = re.compile(r"(\*\*|\^)[\s(+-]*\d{5}")
#: decimal digits of the factors that people have defined, and what computing with doubles adds to them
_SHORT_DIGITS = 12
_ROUNDING = 1e-15

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


class Factor(NamedTuple):
    """What is done to a value: multiplied with a number, or divided by it where that is exact, as 120 s by 60."""

    operator: Literal["*", "/"]
    number: float


def is_unit(text: str) -> bool:
    """Whether a text can be read as a unit that is not empty."""
    try:
        return bool(_parse(text).to_string())
    except UnitProblem:
        return False


@lru_cache(maxsize=1024)
def is_vounit(text: str) -> bool:
    """Whether a text is a unit of VOUnits as it stands, without any mending."""
    with warnings.catch_warnings():  # of units that are old, which are units
        warnings.simplefilter("ignore")
        return bool(text.strip()) and _unit(text, "vounit") is not None


@lru_cache(maxsize=1024)
def conversion(given: str, wanted: str | None) -> Conversion:
    """From the unit that a source gives to the one of a column; light is converted between length, energy, frequency.

    Raises UnitProblem.
    """
    u = _astropy_units()
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


@lru_cache(maxsize=256)
def exact_factor(given: str, wanted: str) -> Factor:
    """What brings a value from the first unit into the second; both are VOUnits 1.0. Raises UnitProblem."""
    source, target = (_unit(name, "vounit") for name in (given, wanted))
    for name, unit in ((given, source), (wanted, target)):
        if unit is None:
            raise UnitProblem(f"'{shortened(name)}' is no unit of VOUnit")
    try:
        number = float(source.to(target))
    except (_astropy_units().UnitConversionError, OverflowError):
        number = 0.0
    if not number or not isfinite(number):
        raise UnitProblem(f"'{shortened(given)}' cannot be converted to '{shortened(wanted)}'")
    return _as_exact(number)


def _as_exact(factor: float) -> Factor:
    """The factor, or its inverse, as the short decimal number that it is meant to be: 3.6, not 3.5999999999999996."""
    operators: tuple[tuple[Literal["*", "/"], float], ...] = (("*", factor), ("/", 1 / factor))
    for operator, number in operators:
        short = float(f"{number:.{_SHORT_DIGITS}g}")
        if isclose(short, number, rel_tol=_ROUNDING) and isfinite(short):
            return Factor(operator, short)
    return Factor("*", factor)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Any:  # a unit of astropy
    bare = text.strip().strip("<>[]() ")
    spelled = _UPPER.get(bare, _SPELLINGS.get(bare.casefold(), bare))
    for grammar in ("vounit", "generic", "cds"):
        unit = _unit(spelled, grammar)
        if unit is not None:
            return unit
    raise UnitProblem(f"{shortened(text)!r} is not a unit that is known")


def _unit(text: str, grammar: str) -> Any:
    """A unit of astropy, or None for what is none in a grammar."""
    if len(text) > _LONGEST or _LARGE_POWER.search(text):
        return None
    try:
        return _astropy_units().Unit(text, format=grammar, parse_strict="raise")
    except (ValueError, TypeError):
        return None


def _astropy_units() -> Any:  # astropy has no types
    from astropy import units  # noqa: PLC0415

    return units
