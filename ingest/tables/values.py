"""One raw value of a record becomes one value of an epn_core column, or a sentence that says why not. No I/O here."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from epntap.catalog.model import Column, Form
from epntap.epncore.columns import EpnColumn
from epntap.epncore.rules.values import JD_RANGE
from epntap.epncore.text import clean_granule_uid, fold_to_ascii, hash_list
from epntap.epncore.vocabulary import DATAPRODUCT_TYPES, TARGET_CLASSES, SpatialFrameType
from epntap.hints import did_you_mean
from epntap.instants.julian import dali_timestamp, datetime_from_jd, jd_from_datetime
from epntap.units.convert import Conversion, UnitProblem, conversion
from ingest.facts import Value

__all__ = ["NULL_WORDS", "TIME_UNITS", "Measure", "Raw", "ValueProblem", "is_julian_date", "parse_moment", "to_value"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with the unit that the source writes beside it."""

    value: float
    unit: str


#: what a record may hold: a tuple is the same thing said several times, a list one value with several items
Scalar = str | int | float | bool | dt.datetime | dt.date | Measure | None
Raw = Scalar | list[Scalar] | tuple[Scalar, ...]

#: words for "no value", in lower case
NULL_WORDS = frozenset({"", "null", "none", "nan", "n/a", "unk", "\\n", "--"})
#: ways to count time; without one, texts are ISO 8601 and numbers are Julian dates
TIME_UNITS = ("ISO", "JD", "MJD", "unix")

_MJD_ORIGIN = 2_400_000.5
_UNIX_ORIGIN = 2_440_587.5
_DAY_S = 86_400.0
#: Julian dates of about the years 1000 and 3000, outside of which a number is likely something else

#: columns of codes -> what they may hold
_CODES: Mapping[str, Collection[str]] = {
    "dataproduct_type": DATAPRODUCT_TYPES,
    "target_class": TARGET_CLASSES,
    "spatial_frame_type": frozenset(frame.value for frame in SpatialFrameType),
}
_PRODUCT_NAMES = {name.replace(" ", "_"): code for code, name in DATAPRODUCT_TYPES.items()}

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-?(?P<doy>\d{3})|-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?|(?P<m2>\d{2})(?P<d2>\d{2}))?"
    r"(?:[T ](?P<hour>\d{1,2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?P<fraction>[.,]\d*)?)?)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s")


class ValueProblem(ValueError):  # noqa: N818  # a problem among others, collected by the caller
    """A value that its column cannot hold; the message is the rest of a sentence about the column."""


def is_julian_date(column: Column) -> bool:
    """Whether a column holds Julian dates."""
    return column.unit == "d" and (column.ucd or "").startswith(("time.start", "time.end", "time.epoch"))


def to_value(
    raw: Raw,
    column: Column,
    *,
    unit: str | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    nulls: Collection[str] = (),
    split: str | None = None,
    date_format: str | None = None,
) -> tuple[Value, bool]:
    """The value for a column, and whether the conversion turned greater into smaller (wavelength to frequency).

    `unit` is that of the raw value and wins over one that it carries; numbers become `value * scale + offset` in that
    unit first. `nulls` are further words for NULL. Raises ValueProblem.
    """
    several = isinstance(column, EpnColumn) and column.hash_list
    if isinstance(raw, tuple) and not several:
        raw = raw[0] if raw else None
    if _is_null(raw, nulls):
        return None, False
    if is_julian_date(column):
        return _julian_date(raw, unit, date_format), False
    if column.form is Form.DALI_TEXT:
        return _timestamp(raw, unit, date_format, precise=not isinstance(column, EpnColumn)), False
    if column.datatype in {"char", "unicodeChar"}:
        return _text(raw, column, split, nulls, several=several), False
    if isinstance(raw, Measure):
        unit = raw.unit if unit is None else unit
        raw = raw.value
    number = _number(raw)
    way = _way(column, unit)
    if way is None and (scale, offset) == (1, 0):
        return _typed(number, column), False  # digits that a double does not have stay
    number = number * scale + offset
    try:
        converted = way.apply(number) if way else number
    except UnitProblem as exc:
        raise ValueProblem(str(exc)) from exc
    return _typed(converted, column), bool(way and way.reverses)


def _is_null(raw: Raw, nulls: Collection[str]) -> bool:
    match raw:
        case None:
            return True
        case str():
            bare = raw.strip()
            return bare.casefold() in NULL_WORDS or bare in nulls
        case int() | float():
            return math.isnan(raw) or any(_same_number(raw, word) for word in nulls)
        case Measure():
            return _is_null(raw.value, nulls)
        case list() | tuple():
            return all(_is_null(item, nulls) for item in raw)
        case _:
            return False


def _same_number(value: float, word: str) -> bool:
    return bool(_NUMBER.fullmatch(word.strip())) and float(word) == value


def _number(raw: Raw) -> float:
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, int | float):
        return raw
    if isinstance(raw, str):
        bare = raw.strip()
        if _NUMBER.fullmatch(bare):
            # exponents of Fortran
            return int(bare) if bare.lstrip("+-").isdigit() else float(bare.translate(str.maketrans("dD", "ee")))
        if bare.casefold() in {"inf", "+inf", "-inf", "infinity", "-infinity"}:
            return float(bare)
    raise ValueProblem(f"needs a number, but the source has {_said(raw)}")


def _way(column: Column, unit: str | None) -> Conversion | None:
    if unit is None or unit == column.unit:
        return None
    try:
        way = conversion(unit, column.unit)
    except UnitProblem as exc:
        raise ValueProblem(f"cannot be filled: {exc}") from exc
    if way.reverses and "sampling_step" in column.name:
        raise ValueProblem("is a step in frequency; one in wavelength cannot be converted without the wavelength")
    return way


def _typed(number: float, column: Column) -> Value:
    if column.datatype in {"float", "double"}:
        return float(number)
    if not math.isfinite(number) or number != int(number):
        raise ValueProblem(f"needs a whole number, but the source gives {number:g}")
    return int(number)


# -- time -------------------------------------------------------------------------------------------------------------


def parse_moment(text: str) -> dt.datetime:
    """ISO 8601 as found in labels and tables, with month or day of year; UTC without tzinfo. Raises ValueProblem.

    Second 60 counts as the next second.
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise ValueProblem(f"needs a time such as 2004-03-02T07:17:00, but the source has {text.strip()!r}")
    part = {name: int(value) for name, value in found.groupdict().items() if value and value.isdigit()}
    try:
        first = dt.datetime(part["year"], part.get("month", part.get("m2", 1)), part.get("day", part.get("d2", 1)))  # noqa: DTZ001  # UTC without tzinfo
        moment = first + dt.timedelta(
            days=part.get("doy", 1) - 1, hours=part.get("hour", 0), minutes=part.get("minute", 0)
        )
    except (ValueError, OverflowError) as exc:
        raise ValueProblem(f"needs a time, but {text.strip()!r} is none") from exc
    is_possible = part.get("hour", 0) <= 24 and part.get("minute", 0) < 60 and part.get("second", 0) <= 60
    if not is_possible or not 1 <= part.get("doy", 1) <= 366 or ("doy" in part and moment.year != part["year"]):
        raise ValueProblem(f"needs a time, but {text.strip()!r} is none")
    fraction = (found["fraction"] or "").replace(",", ".")
    seconds = part.get("second", 0) + (float(f"0{fraction}") if len(fraction) > 1 else 0.0)
    moment += dt.timedelta(microseconds=round(seconds * 1e6))
    return moment - _zone(found["zone"])


def _zone(text: str | None) -> dt.timedelta:
    if text is None or text.upper() in {"Z", "UTC"}:
        return dt.timedelta(0)
    digits = text[1:].replace(":", "")
    ahead = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -ahead if text[0] == "-" else ahead


def _moment(raw: Raw, date_format: str | None) -> dt.datetime | None:
    """The raw value as a moment, or None if it is a number."""
    if isinstance(raw, dt.datetime):
        return raw if raw.tzinfo is None else raw.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(raw, dt.date):
        return dt.datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001  # UTC without tzinfo
    if isinstance(raw, str) and date_format is not None:
        try:
            moment = dt.datetime.strptime(raw.strip(), date_format)  # noqa: DTZ007  # the zone is looked at below
        except ValueError as exc:
            raise ValueProblem(f"needs a time written as {date_format}, but the source has {raw.strip()!r}") from exc
        return _moment(moment, None)
    if isinstance(raw, str) and (not _NUMBER.fullmatch(raw.strip()) or len(raw.strip()) <= len("2004")):
        return parse_moment(raw)
    return None


def _julian_date(raw: Raw, unit: str | None, date_format: str | None) -> float:
    moment = None if unit in {"JD", "MJD", "unix"} else _moment(raw, date_format)
    if moment is not None:
        return jd_from_datetime(moment)
    if isinstance(raw, Measure):
        unit = unit or raw.unit
        raw = raw.value
    number = _number(raw)
    match unit:
        case None | "JD" | "d":
            jd = number
        case "MJD":
            jd = number + _MJD_ORIGIN
        case "unix" | "s":
            jd = number / _DAY_S + _UNIX_ORIGIN
        case "ISO" if isinstance(raw, str):
            return jd_from_datetime(parse_moment(raw))
        case _:
            raise ValueProblem(f"is a Julian date; {unit!r} is none of {', '.join(TIME_UNITS)}")
    if not JD_RANGE[0] <= jd <= JD_RANGE[1]:
        raise ValueProblem(f"is a Julian date, but {number:.10g} is none of the years 1000 to 3000; is a unit missing?")
    return jd


def _timestamp(raw: Raw, unit: str | None, date_format: str | None, *, precise: bool) -> str:
    moment = None if unit in {"JD", "MJD", "unix"} else _moment(raw, date_format)
    if moment is None:
        moment = datetime_from_jd(_julian_date(raw, unit, None))
    text = dali_timestamp(moment)
    # columns of EPN-TAP have whole seconds; in one of the operator's own nothing is lost
    return f"{text}.{moment.microsecond:06d}".rstrip("0") if precise and moment.microsecond else text


# -- text -------------------------------------------------------------------------------------------------------------


def _text(raw: Raw, column: Column, split: str | None, nulls: Collection[str], *, several: bool) -> str | None:
    items = [_word(item) for item in (raw if isinstance(raw, list | tuple) else [raw]) if not _is_null(item, nulls)]
    if len(items) > 1 and not several:
        raise ValueProblem(f"holds one value, but the source has {len(items)}: {_said(raw)}")
    if several or split:
        items = [part for item in items for part in item.split(split or "#")]
    return _spelled(items, column)


def _spelled(items: list[str], column: Column) -> str | None:
    name = column.name
    known = _CODES.get(name)
    if known is not None:
        return hash_list(_code(item, known, _PRODUCT_NAMES if name == "dataproduct_type" else {}) for item in items)
    if name in _SPELLERS:
        return _SPELLERS[name](items[0])
    return _address(items[0]) if name.endswith("_url") or name == "external_link" else hash_list(items)


def _plain(text: str) -> str | None:
    return fold_to_ascii(text).strip() or None


def _lower(text: str) -> str | None:
    return fold_to_ascii(text).strip().lower() or None


def _one_line(text: str) -> str:
    return " ".join(text.split())


#: columns whose text is not cleaned as others are
_SPELLERS: Mapping[str, Callable[[str], str | None]] = {
    "access_format": _lower,
    "bib_reference": _plain,
    "coverage": _one_line,
    "file_name": _plain,
    "granule_uid": clean_granule_uid,
    "s_region": _one_line,
}


def _word(item: Raw) -> str:
    if isinstance(item, Measure):
        return f"{item.value:g} {item.unit}"
    if isinstance(item, dt.datetime):
        return dali_timestamp(item)
    if isinstance(item, float) and item == int(item):
        return str(int(item))
    return str(item)


def _address(text: str) -> str:
    bare = text.strip()
    if not bare.isascii() or _BLANKS.search(bare):
        raise ValueProblem(f"needs an address, but {bare!r} holds blanks or characters that are not ASCII")
    return bare


def _code(item: str, known: Collection[str], names: Mapping[str, str]) -> str:
    word = item.strip().lower().replace(" ", "_")
    code = names.get(word, word)
    if code not in known:
        hint = did_you_mean(word, known)
        raise ValueProblem(f"holds one of {', '.join(sorted(known))}, but the source has {item.strip()!r}.{hint}")
    return code


def _said(raw: Raw) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."
