"""Instants as numbers and as text. An instant is a TT2000, nanoseconds as an int; text is UTC."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation, localcontext
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from epntap.errors import ParameterError
from epntap.instants.leapseconds import DAY_NS, SECOND_NS, offsets

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "FILL_TT2000",
    "FIRST_YEAR",
    "LAST_YEAR",
    "MAX_TT2000",
    "MIN_TT2000",
    "InstantError",
    "format_utc",
    "format_utc_array",
    "jd_from_tt2000",
    "parse_utc",
    "to_unix_ns",
    "tt2000_from_mjd",
]

_DAY_ZERO: Final = date(2000, 1, 1).toordinal()
#: years that 64 bits of nanoseconds hold whole
FIRST_YEAR, LAST_YEAR = 1708, 2291

#: what stands for "no instant"
FILL_TT2000: Final = -(2**63)
#: first and last instant that can be said
MIN_TT2000: Final = offsets().to_instant((date(FIRST_YEAR, 1, 1).toordinal() - _DAY_ZERO) * DAY_NS)
MAX_TT2000: Final = offsets().to_instant((date(LAST_YEAR + 1, 1, 1).toordinal() - _DAY_ZERO) * DAY_NS) - 1

_TEXT = re.compile(
    r"(?P<year>\d{4})-(?:(?P<month>\d{2})-(?P<day>\d{2})|(?P<day_of_year>\d{3}))"
    r"(?:[T ](?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d*))?)?)?"
    # a plus sign that a client did not escape arrives as a blank
    r"(?:[+ -]00:?00|Z)?|Z)?",
    re.ASCII,
)
_MAX_DIGITS: Final = 9
_UNIX_TO_2000_NS: Final = 946_684_800 * SECOND_NS
# later ones do not fit into 64 bits when counted from 1970
_MAX_UNIX_TT2000: Final = 2**63 - 1 - _UNIX_TO_2000_NS
# JD of 2000-01-01T00:00:00 is 2451544.5, its MJD 51544
_JD_HALF_DAYS: Final = 2 * 2_451_544 + 1
_MJD_ZERO: Final = 51_544
# far more than nanoseconds need, and bounded: an exponent in the text costs nothing
_MJD_DIGITS: Final = 60


class InstantError(ParameterError, ValueError):
    """A text is not an instant, or names one that does not exist or cannot be said."""


def parse_utc(text: str) -> int:
    """Return the TT2000 of a UTC date or time: `YYYY-MM-DD[T| ]hh[:mm[:ss[.f…]]][Z]`, a date means its midnight.

    `YYYY-DDD` counts the days of the year, and `+00:00` may stand for Z. Second 60 is accepted where UTC has it.
    Anything else is an InstantError with what was expected and found.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise InstantError(f"expected a UTC time such as 2015-12-01T10:30:00.5Z, found '{text}'")
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > _MAX_DIGITS:
        raise InstantError(f"expected at most {_MAX_DIGITS} decimals of a second, found '{text}'")
    nanoseconds = int(fraction.ljust(_MAX_DIGITS, "0"))
    midnight = (_parse_day(match, text) - _DAY_ZERO) * DAY_NS
    if hour > 23 or minute > 59 or second > 60:
        raise InstantError(f"expected hours up to 23, minutes up to 59 and seconds up to 60, found '{text}'")
    if second == 60:
        return _leap_second(midnight + DAY_NS, hour, minute, nanoseconds, text)
    return offsets().to_instant(midnight + (hour * 3600 + minute * 60 + second) * SECOND_NS + nanoseconds)


def format_utc(tt2000: int, digits: int = 9) -> str:
    """Return `YYYY-MM-DDThh:mm:ss[.f…]` in UTC with this many decimals (0 to 9); further ones are cut off."""
    label = offsets().to_label(tt2000)
    if label.leap_ns is None:
        days, ns = divmod(label.ns, DAY_NS)
        second, fraction = divmod(ns, SECOND_NS)
        clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    else:
        days, fraction = label.ns // DAY_NS - 1, label.leap_ns
        clock = "23:59:60"
    decimals = f".{fraction:09d}"[: digits + 1] if digits else ""
    return f"{date.fromordinal(days + _DAY_ZERO).isoformat()}T{clock}{decimals}"


def format_utc_array(tt2000: npt.NDArray[np.int64], digits: int = 9, suffix: str = "") -> npt.NDArray[np.bytes_]:
    """As `format_utc` for shape (n,): ASCII bytes of one width; FILL_TT2000 and what cannot be said become empty."""
    valid = None
    if len(tt2000) and (tt2000.min() < MIN_TT2000 or tt2000.max() > MAX_TT2000):
        valid = (tt2000 >= MIN_TT2000) & (tt2000 <= MAX_TT2000)
        tt2000 = np.where(valid, tt2000, MIN_TT2000)
    labels, leap = offsets().to_labels(tt2000)
    minutes = labels // _MINUTE_NS
    rest = labels - minutes * _MINUTE_NS
    seconds = rest // SECOND_NS
    rest -= seconds * SECOND_NS
    in_leap = leap >= 0
    if in_leap.any():
        minutes -= in_leap
        seconds[in_leap] = 60
        rest[in_leap] = leap[in_leap]
    pieces = [_minutes(minutes), _seconds("." if digits else suffix).take(seconds)]
    unit = SECOND_NS
    # a shorter text is the number cut off; pieces whose sizes are powers of two are copied fastest
    for count in (min(digits - place, 4) for place in range(0, digits, 4)):
        unit //= 10**count
        part = rest // unit
        rest -= part * unit
        is_last = unit == 10 ** (9 - digits)
        pieces.append(_numbers(count, suffix if is_last else "").take(part))
    layout = np.dtype([(f"f{number}", piece.dtype) for number, piece in enumerate(pieces)])
    text = np.empty(len(tt2000), layout)
    for number, piece in enumerate(pieces):
        text[f"f{number}"] = piece
    if valid is not None:
        text[~valid] = np.zeros((), layout)
    return text.view(f"S{layout.itemsize}")


def to_unix_ns(tt2000: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return UTC nanoseconds since 1970 without leap seconds, and which instants lie in one, shape (n,).

    These have the nanoseconds of the midnight after them. What cannot be said has those of MIN_TT2000.
    """
    labels, leap = offsets().to_labels(np.clip(tt2000, MIN_TT2000, _MAX_UNIX_TT2000))
    return labels + _UNIX_TO_2000_NS, leap >= 0


def jd_from_tt2000(tt2000: int) -> float:
    """Return the Julian date (UTC, days) as the nearest double; a leap second is the midnight after it."""
    return (2 * offsets().to_label(tt2000).ns + _JD_HALF_DAYS * DAY_NS) / (2 * DAY_NS)


def tt2000_from_mjd(text: str, *, round_up: bool = False) -> int:
    """Return the TT2000 of a Modified Julian Date (UTC, days) in decimal text, parsed exactly.

    Between two nanoseconds the earlier one counts, with `round_up` the later. `-Inf`, `+Inf` and dates
    that cannot be said give MIN_TT2000 or MAX_TT2000. Anything else is an InstantError.
    """
    try:
        days = Decimal(text.strip())
    except InvalidOperation:
        days = Decimal("NaN")
    if days.is_nan():
        raise InstantError(f"expected a Modified Julian Date such as 57357.5 or -Inf or +Inf, found '{text}'")
    # compared before multiplying: an exponent may be anything
    if days < -60_000:
        return MIN_TT2000
    if days > 160_000:
        return MAX_TT2000
    with localcontext() as context:
        context.prec = _MJD_DIGITS
        label = int(((days - _MJD_ZERO) * DAY_NS).to_integral_value(ROUND_CEILING if round_up else ROUND_FLOOR))
    return min(max(offsets().to_instant(label), MIN_TT2000), MAX_TT2000)


def _parse_day(match: re.Match[str], text: str) -> int:
    year, day_of_year = int(match["year"]), match["day_of_year"]
    try:
        day = date(year, int(match["month"] or 1), int(match["day"] or 1))
        if day_of_year is not None:
            day = date.fromordinal(day.toordinal() + int(day_of_year) - 1)
    except (ValueError, OverflowError) as exc:
        raise InstantError(f"expected a day of the calendar, found '{text}'") from exc
    if day.year != year:
        raise InstantError(f"expected a day of the year {year}, found '{text}'")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InstantError(f"expected a time between the years {FIRST_YEAR} and {LAST_YEAR}, found '{text}'")
    return day.toordinal()


def _leap_second(midnight: int, hour: int, minute: int, nanoseconds: int, text: str) -> int:
    length = offsets().leap_ns_before(midnight)
    if (hour, minute) != (23, 59) or nanoseconds >= length:
        raise InstantError(f"expected seconds below 60, as UTC has no leap second here, found '{text}'")
    return offsets().to_instant(midnight) - length + nanoseconds


def _minutes(minutes: npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
    """Return `YYYY-MM-DDThh:mm` of minutes since 2000-01-01; each is written once where they are dense."""
    first = int(minutes.min()) if len(minutes) else 0
    span = int(minutes.max()) - first + 1 if len(minutes) else 0
    if span < len(minutes):
        return _minutes(np.arange(first, first + span)).take(minutes - first) if span > 1 else _one_minute(minutes)
    return _each_minute(minutes)


def _one_minute(minutes: npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
    return np.repeat(_each_minute(minutes[:1]), len(minutes))


def _each_minute(minutes: npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
    days = minutes // _DAY_MINUTES
    texts = np.empty(len(minutes), [("date", "S10"), ("clock", "S6")])
    texts["date"] = _dates(days)
    texts["clock"] = _clocks().take(minutes - days * _DAY_MINUTES)
    return texts.view("S16")


def _dates(days: npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
    """Return `YYYY-MM-DD` of days since 2000-01-01: each day is written once where there are fewer days than dates."""
    first = int(days.min()) if len(days) else 0
    span = int(days.max()) - first + 1 if len(days) else 0
    own = np.arange(first, first + span) if span < len(days) else days
    texts = np.datetime_as_string(own.astype("timedelta64[D]") + np.datetime64("2000-01-01", "D")).astype("S10")
    dates: npt.NDArray[np.bytes_] = texts[days - first] if own is not days else texts
    return dates


@cache
def _clocks() -> npt.NDArray[np.bytes_]:
    """`Thh:mm` of each minute of a day."""
    return np.array([f"T{one // 60:02}:{one % 60:02}" for one in range(_DAY_MINUTES)], "S6")


@cache
def _seconds(suffix: str) -> npt.NDArray[np.bytes_]:
    """`:ss` of each second of a minute, the last of them a leap second, with what comes behind."""
    return np.array([f":{one:02}{suffix}" for one in range(61)], f"S{3 + len(suffix)}")


@cache
def _numbers(count: int, suffix: str) -> npt.NDArray[np.bytes_]:
    """All numbers of so many digits with what comes behind."""
    return np.array([f"{one:0{count}}{suffix}" for one in range(10**count)], f"S{count + len(suffix)}")


_MINUTE_NS: Final = 60 * SECOND_NS
_DAY_MINUTES: Final = 1440
