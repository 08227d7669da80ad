"""Units of measurement: the factor between two of them. The only place that knows astropy, which is slow to import."""

from __future__ import annotations

import re
from functools import lru_cache
from math import isfinite

from epntap.hints import shortened

__all__ = ["UnitError", "conversion_factor"]

# characters; the units of the world have fewer, and reading them takes time
_LONGEST = 100
# astropy computes 10**99999999 to the last digit
_LARGE_POWER = re.compile(r"\*\*[\s(+-]*\d{5}")


class UnitError(ValueError):
    """Two units cannot be converted; the text says which and why."""


@lru_cache(maxsize=256)
def conversion_factor(given: str, wanted: str) -> float:
    """What a value in the first unit is multiplied with to be in the second (VOUnit 1.0). Raises UnitError."""
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
        factor = float(f"{parsed[0].to(parsed[1]):.15g}")  # 3.6, not 3.5999999999999996
    except (units.UnitConversionError, OverflowError):
        factor = 0.0
    if not factor or not isfinite(factor):
        raise UnitError(f"'{shortened(given)}' cannot be converted to '{shortened(wanted)}'")
    return factor
