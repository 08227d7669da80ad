"""Texts of cells become values, and values become texts, column by column. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from eventtables.model import EventColumn, EventTableError, Instants, Kind, Values
from eventtables.times import all_match, instants_of, is_time, spelled

__all__ = ["KindGuess", "guessed_kind", "number", "texts_of", "times_of", "values_of", "whole"]

_WHOLE_TEXT = r"[-+]?(?:0|[1-9]\d*)"
_REAL_TEXT = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf(?:inity)?|nan"
_WHOLE = re.compile(_WHOLE_TEXT, re.ASCII)
_REAL = re.compile(_REAL_TEXT, re.ASCII | re.IGNORECASE)
#: numbers that need no second look: neither a name that begins with 0, nor more digits than a double or 64 bits hold
_PLAIN_WHOLE, _PLAIN_REAL = r"-?(?:0|[1-9]\d{0,14})", r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:[eE][-+]?\d{1,2})?"
_PLAIN_TIME = r"(?:\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d*)?)?)?Z?"
_ZERO_FIRST = re.compile(r"[-+]?0\d")
_TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
#: what says that there is no value, besides nothing at all
_NOTHING = frozenset({"", "nan", "null", "none", "nat"})


def values_of(column: EventColumn, texts: Sequence[str], place: Callable[[int], str]) -> Values:
    """The values of a column. Raises EventTableError with the place of the first that is none; `place` names a row."""
    return _read(texts, _reader_of(column), place, column.name)


def times_of(name: str, texts: Sequence[str], place: Callable[[int], str]) -> Instants:
    """Times, which must be there. Raises EventTableError."""
    found = _read(texts, instants_of, place, name)
    missing = np.flatnonzero(np.isnat(found))
    if missing.size:
        raise EventTableError(f"{place(int(missing[0]))}, column {name}: expected a time, found none.")
    return found


class KindGuess:
    """What all texts of a column can be, as far as they have been seen; nothing says anything."""

    def __init__(self) -> None:
        self._is_seen = False
        self._can_be = {Kind.INT, Kind.DOUBLE, Kind.TIME, Kind.BOOLEAN}
        #: of an identifier of many digits every one counts
        self._is_held = True

    def see(self, texts: Sequence[str]) -> None:
        """Take the next texts."""
        there = [text for one in texts if (text := one.strip())]
        if not there or (self._is_seen and not self._can_be):
            return
        self._is_seen = True
        if Kind.INT in self._can_be and all_match(there, _PLAIN_WHOLE):
            self._can_be &= {Kind.INT, Kind.DOUBLE}
            return
        if Kind.DOUBLE in self._can_be and all_match(there, _PLAIN_REAL):
            # that all are whole is known already
            self._can_be &= {Kind.DOUBLE}
            return
        if Kind.TIME in self._can_be and all_match(there, _PLAIN_TIME):
            self._can_be &= {Kind.TIME}
            return
        if Kind.DOUBLE in self._can_be:
            numbers = [text for text in there if len(text) > 15 and _WHOLE.fullmatch(text)]
            self._is_held = self._is_held and all(map(_is_held, numbers))
        if Kind.INT in self._can_be and not (all(map(_WHOLE.fullmatch, there)) and all(map(_is_whole, there))):
            self._can_be.remove(Kind.INT)
        # whole numbers are numbers
        if Kind.INT not in self._can_be and Kind.DOUBLE in self._can_be and not all(map(_is_number, there)):
            self._can_be.remove(Kind.DOUBLE)
        if Kind.TIME in self._can_be and not all(map(is_time, there)):
            self._can_be.remove(Kind.TIME)
        if Kind.BOOLEAN in self._can_be and not all(text.casefold() in {"true", "false"} for text in there):
            self._can_be.remove(Kind.BOOLEAN)

    @property
    def kind(self) -> Kind:
        """What they are."""
        if not self._is_seen:
            return Kind.TEXT
        found = next(
            (one for one in (Kind.INT, Kind.DOUBLE, Kind.TIME, Kind.BOOLEAN) if one in self._can_be), Kind.TEXT
        )
        return Kind.TEXT if found is Kind.DOUBLE and not self._is_held else found


def guessed_kind(texts: Sequence[str]) -> Kind:
    """What all texts of a column can be; nothing says anything."""
    guess = KindGuess()
    guess.see(texts)
    return guess.kind


def texts_of(column: EventColumn, values: Values) -> list[str]:
    """The shortest texts that give the values back; empty where there is none."""
    match column.kind:
        case Kind.DOUBLE if values.ndim == 2:
            return [" ".join(map(number, row)) for row in values.tolist()]
        case Kind.DOUBLE:
            return ["" if value != value else number(value) for value in values.tolist()]  # noqa: PLR0124  # NaN
        case Kind.TIME:
            return spelled(values)
        case Kind.BOOLEAN:
            return ["" if value is None else "true" if value else "false" for value in values]
        case Kind.INT | Kind.TEXT:
            return ["" if value is None else str(value) for value in values]


def number(value: float) -> str:
    """A double in the fewest letters that give it back: -7 and not -7.0."""
    text = repr(value)
    return text.removesuffix(".0") if text != "nan" else "NaN"


def whole(text: str) -> int:
    """A whole number of 64 bits. Raises ValueError."""
    found = int(text) if re.fullmatch(r"[-+]?\d{1,20}", text, re.ASCII) else None
    if found is None or not -(2**63) <= found < 2**63:
        raise ValueError(f"expected a whole number of 64 bits, found {text[:40]!r}")
    return found


def _is_number(text: str) -> bool:
    """Whether it is one; what begins with 0 is rather a name."""
    return _REAL.fullmatch(text) is not None and not _ZERO_FIRST.match(text)


def _is_whole(text: str) -> bool:
    return len(text) <= 20 and -(2**63) <= int(text) < 2**63


def _is_held(text: str) -> bool:
    """Whether a double holds all digits of a whole number."""
    return len(text) <= 300 and int(float(text)) == int(text)


def _read(
    texts: Sequence[str], read: Callable[[Sequence[str]], Values], place: Callable[[int], str], name: str
) -> Values:
    try:
        return read(texts)
    except (ValueError, OverflowError):
        pass  # said below of the one that is wrong
    for row, text in enumerate(texts):
        try:
            read([text])
        except (ValueError, OverflowError) as exc:
            raise EventTableError(f"{place(row)}, column {name}: {exc}.") from None
    raise AssertionError("texts that are right one by one are right together")


def _reader_of(column: EventColumn) -> Callable[[Sequence[str]], Values]:
    match column.kind:
        case Kind.DOUBLE if column.size > 1:
            return lambda texts: _arrays(texts, column.size)
        case Kind.DOUBLE:
            return _doubles
        case Kind.TIME:
            return lambda texts: instants_of(["" if text.strip().casefold() in _NOTHING else text for text in texts])
        case Kind.INT:
            return _wholes
        case Kind.BOOLEAN:
            return lambda texts: _objects([_or_none(text, _truth) for text in texts])
        case Kind.TEXT:
            return lambda texts: _objects([text or None for text in texts])


def _wholes(texts: Sequence[str]) -> Values:
    if all_match(texts, f"(?:{_PLAIN_WHOLE})?"):
        return _objects([int(text) if text else None for text in texts])
    return _objects([_or_none(text, whole) for text in texts])


def _doubles(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    if all_match(texts, f"(?:{_PLAIN_REAL})?"):
        there = pa.array([text or None for text in texts], pa.string()).cast(pa.float64())
        found: npt.NDArray[np.float64] = there.to_numpy(zero_copy_only=False).astype(np.float64)
        return found
    return np.array([_double(text) for text in texts], dtype=np.float64)


def _double(text: str) -> float:
    bare = text.strip()
    if bare.casefold() in _NOTHING:
        return np.nan
    if not _REAL.fullmatch(bare):
        raise ValueError(f"expected a number, found {text[:40]!r}")
    found = float(bare)
    if found in {np.inf, -np.inf} and "n" not in bare.casefold():
        raise ValueError(f"expected a number that a double holds, found {text[:40]!r}")
    return found


def _arrays(texts: Sequence[str], size: int) -> npt.NDArray[np.float64]:
    rows = []
    for text in texts:
        parts = text.replace(",", " ").split() or ["nan"] * size
        if len(parts) != size:
            raise ValueError(f"expected {size} numbers, found {len(parts)}")
        rows.append([_double(part) for part in parts])
    return np.array(rows, dtype=np.float64).reshape(len(texts), size)


def _or_none(text: str, read: Callable[[str], object]) -> object:
    bare = text.strip()
    return None if bare.casefold() in _NOTHING else read(bare)


def _truth(text: str) -> bool:
    try:
        return _TRUTH[text.casefold()]
    except KeyError:
        raise ValueError(f"expected true or false, found {text[:40]!r}") from None


def _objects(values: Sequence[object]) -> Values:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
