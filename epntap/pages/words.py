"""How values are said on pages: filters of templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["FILTERS", "duration", "instant", "number", "size"]

_UNITS = ("kB", "MB", "GB", "TB")
_STEPS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def size(size_bytes: int) -> str:
    """Bytes with three digits."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value, unit = float(size_bytes), "B"
    for larger in _UNITS:
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"


def number(value: int) -> str:
    """A count, with its thousands apart."""
    return f"{value:,}"


def instant(moment: datetime | None) -> str:
    """To the second, UTC; one without a zone is taken as UTC."""
    if moment is None:
        return ""
    return f"{(moment.astimezone(UTC) if moment.tzinfo else moment):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """In the largest unit of which there are two, or in seconds."""
    for step, unit in _STEPS:
        if seconds >= 2 * step:
            return f"{seconds // step:.0f} {unit}s"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


FILTERS: Mapping[str, Callable[..., Any]] = {  # Jinja hands them whatever a template gives
    "size": size,
    "number": number,
    "instant": instant,
    "duration": duration,
}
