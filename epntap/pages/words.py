"""How values are said on pages: filters of templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["FILTERS", "duration", "instant", "number", "percent", "size", "weblink"]

#: addresses within the service too
_WEB = re.compile(r"(?:https?|ftp)://|[/?#]", re.IGNORECASE)
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


def percent(share: float) -> str:
    """A part of one; what is not all is not said to be all, nor what is something nothing."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.3g} %"


def weblink(address: str) -> str:
    """An address that a link may lead to: anything but the web's leads nowhere, whatever scripts it holds."""
    return address if _WEB.match(address) else "#"


FILTERS: Mapping[str, Callable[..., Any]] = {  # Jinja hands them whatever a template gives
    "size": size,
    "number": number,
    "instant": instant,
    "duration": duration,
    "percent": percent,
    "weblink": weblink,
}
