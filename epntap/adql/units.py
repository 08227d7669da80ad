"""Units of measurement: the factor between two of them. The only place that knows astropy, which is slow to import."""

from __future__ import annotations

import re
from functools import lru_cache
from math import isclose, isfinite
from typing import Literal, NamedTuple

from epntap.hints import shortened

__all__ = ["Conversion", "UnitError", "conversion"]

# characters; the units of the world have fewer, and reading them takes time
_LONGEST = 100
# astropy computes 10**99999999 to the last digit
_LARGE_POWER = re.compile(r"\*\*[\s(+-]*\d{5}")
#: decimal digits of the factors that people have defined, and what computing with doubles adds to them
_SHORT_DIGITS = 12
_ROUNDING = 1e-15


class UnitError(ValueError):
    """Two units cannot be converted; the text says which and why."""


class Conversion(NamedTuple):
    """What is done to a value: multiplied with a number, or divided by it where that is exact, as 120 s by 60."""

    operator: Literal["*", "/"]
    number: float


@lru_cache(maxsize=256)
def conversion(given: str, wanted: str) -> Conversion:
    """What brings a value from the first unit into the second (VOUnit 1.0). Raises UnitError."""
    for name in (given, wanted):
        if len(name) > _LONGEST or _LARGE_POWER.search(name):
            raise UnitError(f"'{shortened(name)}' is no unit of VOUnit")
    from astropy import units  # noqa: PLC0415  # takes half a second

    parsed = []
    for name in (given, wanted):
        try:
            parsed.append(units.Unit(name, format="vounit", parse_strict="raise"))
        except (ValueError, TypeError) as exc:
            raise UnitError(f"'{shortened(name)}' is no unit of VOUnit") from exc
    try:
        factor = float(parsed[0].to(parsed[1]))
    except (units.UnitConversionError, OverflowError):
        factor = 0.0
    if not factor or not isfinite(factor):
        raise UnitError(f"'{shortened(given)}' cannot be converted to '{shortened(wanted)}'")
    return _as_exact(factor)


def _as_exact(factor: float) -> Conversion:
    """The factor, or its inverse, as the short decimal number that it is meant to be: 3.6, not 3.5999999999999996."""
    operators: tuple[tuple[Literal["*", "/"], float], ...] = (("*", factor), ("/", 1 / factor))
    for operator, number in operators:
        short = float(f"{number:.{_SHORT_DIGITS}g}")
        if isclose(short, number, rel_tol=_ROUNDING) and isfinite(short):
            return Conversion(operator, short)
    return Conversion("*", factor)
