"""Dates and durations as SPASE writes them (ISO 8601), turned into UTC and seconds."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

__all__ = ["Duration", "parse_date", "parse_duration"]

_NUMBER = r"\d+(?:[.,]\d+)?"
_DURATION = re.compile(
    rf"(?P<sign>[+-]?)P(?=[\dT])(?:(?P<years>{_NUMBER})Y)?(?:(?P<months>{_NUMBER})M)?(?:(?P<weeks>{_NUMBER})W)?"
    rf"(?:(?P<days>{_NUMBER})D)?(?:T(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?"
    rf"(?:(?P<seconds>{_NUMBER})S)?)?"
)
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}):(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?")
_LEAP_SECOND = "60"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time whose months have no length of their own. All parts carry the sign of the whole."""

    months: int
    exact_seconds: Decimal

    @property
    def seconds(self) -> float | None:
        """Length in seconds; None if it has years or months."""
        return None if self.months else float(self.exact_seconds)

    def after(self, moment: datetime) -> datetime:
        """The moment moved by this duration; the last day of a shorter month replaces a day that it lacks."""
        index = moment.year * 12 + moment.month - 1 + self.months
        year, month = divmod(index, 12)
        day = min(moment.day, monthrange(year, month + 1)[1])
        moved = moment.replace(year=year, month=month + 1, day=day)
        return moved + timedelta(microseconds=int(self.exact_seconds * 1_000_000))


def parse_duration(text: str) -> Duration | None:
    """The duration that an ISO 8601 text says, or None if it is none.

    A fraction may stand in the last part only, and not in years or months. A `T` with nothing after it, which
    SPASE records have, is allowed.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    sign = -1 if match["sign"] == "-" else 1
    parts = {
        name: Decimal(value.replace(",", "."))
        for name, value in match.groupdict().items()
        if name != "sign" and value is not None
    }
    if not parts or any(value % 1 for value in list(parts.values())[:-1]):
        return None
    months = parts.pop("years", Decimal()) * 12 + parts.pop("months", Decimal())
    if months % 1:
        return None
    seconds = sum((value * _SECONDS[name] for name, value in parts.items()), Decimal())
    return Duration(sign * int(months), sign * seconds)


def parse_date(text: str) -> datetime | None:
    """A moment of SPASE as UTC without tzinfo, or None if the text is not an ISO date.

    A date alone is its midnight, second 60 is the second after 59.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    day, minute, second, fraction, zone = match.groups()
    leap = second == _LEAP_SECOND
    spelled = f"{day}T{minute or '00:00'}:{'59' if leap else second or '00'}{(fraction or '')[:7]}"
    try:
        moment = datetime.fromisoformat(spelled + (zone or "Z")) + timedelta(seconds=int(leap))
    except (ValueError, OverflowError):
        return None
    return moment.astimezone(UTC).replace(tzinfo=None)
