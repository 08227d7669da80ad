"""Units of measurement: the factor between two of them. The only place that knows astropy, which is slow to import."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["UnitError", "conversion_factor"]


class UnitError(ValueError):
    """Two units cannot be converted; the text says which and why."""


@lru_cache(maxsize=256)
def conversion_factor(given: str, wanted: str) -> float:
    """What a value in the first unit is multiplied with to be in the second (VOUnit 1.0). Raises UnitError."""
    from astropy import units  # noqa: PLC0415  # takes half a second

    parsed = []
    for name in (given, wanted):
        try:
            parsed.append(units.Unit(name, format="vounit", parse_strict="raise"))
        except (ValueError, TypeError) as exc:
            raise UnitError(f"'{name}' is no unit of VOUnit") from exc
    try:
        return float(f"{parsed[0].to(parsed[1]):.15g}")  # 3.6, not 3.5999999999999996
    except units.UnitConversionError as exc:
        raise UnitError(f"'{given}' cannot be converted to '{wanted}'") from exc
