"""TOML tables read key by key: every wrong key, type or range is one sentence that says where. No I/O here."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Never, TypeVar

from epntap.errors import InputError
from epntap.hints import did_you_mean

__all__ = ["StrictTable", "kind_of"]

T = TypeVar("T")


def kind_of(value: Any) -> str:  # TOML values are an open set
    """What a TOML value is, in words for a message."""
    for kind, word in (
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a table"),
    ):
        if isinstance(value, kind):
            return word
    return "a time"


class StrictTable:
    """One TOML table. Each key is asked for once; `finish` refuses those that nobody asked for.

    `where` stands in front of every message: the file, then the table. All problems raise `error`.
    """

    def __init__(self, table: Mapping[str, Any], where: str, error: type[InputError]) -> None:
        self._table = table
        self._asked: dict[str, None] = {}
        self._error = error
        self.where = where

    def fail(self, sentence: str) -> Never:
        """Raise the error with the place in front."""
        raise self._error(f"{self.where}: {sentence}")

    def has(self, key: str) -> bool:
        """Whether the key is there; it still has to be asked for."""
        return key in self._table

    @property
    def asked(self) -> tuple[str, ...]:
        """All keys that were asked for so far, whether they are there or not."""
        return tuple(self._asked)

    @property
    def names(self) -> tuple[str, ...]:
        """All keys as written."""
        return tuple(self._table)

    def value(self, key: str) -> Any:  # TOML values are an open set
        """The value as TOML has it, or None."""
        self._asked[key] = None
        return self._table.get(key)

    def text(self, key: str) -> str | None:
        """A text in one line, or None if the key is absent."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(key, "text", value)
        text = " ".join(value.split())
        if not text or "\0" in text:
            self.fail(f"{key} is empty or holds a character with code zero.")
        return text

    def needed_text(self, key: str) -> str:
        """A text that must be there."""
        return self._needed(key, self.text(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts; () if the key is absent."""
        value = self.value(key)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, str) and item.strip() for item in items):
            self.fail(f"{key} must be a text or a list of texts, none of them empty.")
        return tuple(" ".join(item.split()) for item in items)

    def choice(self, key: str, known: Iterable[str]) -> str | None:
        """One of the known words."""
        text = self.text(key)
        known = tuple(map(str, known))
        if text is not None and text not in known:
            self.fail(f"{key} must be one of {', '.join(known)}, but it is {text!r}.{did_you_mean(text, known)}")
        return text

    def needed_choice(self, key: str, known: Iterable[str]) -> str:
        """One of the known words, which must be there."""
        return self._needed(key, self.choice(key, known))

    def web_address(self, key: str) -> str | None:
        """A whole address (http, https or ftp), or None if the key is absent."""
        text = self.text(key)
        if text is not None and not re.fullmatch(r"(https?|ftp)://[^\s]+", text):
            self.fail(f"{key} must start with http:// or https://, but it is {text!r}.")
        return text

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """A finite number from `low` to `high`, or None if the key is absent."""
        value = self.value(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(key, "a number", value)
        if not math.isfinite(value) or not low <= value <= high:
            self.fail(f"{key} must be {_range_words(low, high)}, but it is {value}.")
        return float(value)

    def needed_number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A number that must be there."""
        return self._needed(key, self.number(key, low, high))

    def whole(self, key: str) -> int | None:
        """A whole number, or None if the key is absent."""
        value = self.value(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            self._wrong(key, "a whole number", value)
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self.value(key)
        if value is not None and not isinstance(value, bool):
            self._wrong(key, "true or false", value)
        return default if value is None else bool(value)

    def moment(self, key: str) -> dt.datetime | None:
        """A time as UTC without tzinfo (TOML date, date-time or the same as text), or None if the key is absent."""
        value = self.value(key)
        if value is None:
            return None
        try:
            moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{key} must be a time such as 2026-01-31T00:00:00Z, but it is {value!r}.")
        if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
            moment = dt.datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  # UTC without tzinfo
        if not isinstance(moment, dt.datetime):
            self._wrong(key, "a time", value)
        return moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)

    def needed_moment(self, key: str) -> dt.datetime:
        """A time that must be there."""
        return self._needed(key, self.moment(key))

    def table(self, key: str) -> StrictTable | None:
        """The table below a key, or None if the key is absent."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key, "a table", value)
        return StrictTable(value, _below(self.where, key), self._error)

    def needed_table(self, key: str) -> StrictTable:
        """A table that must be there."""
        return self._needed(f"[{key}]", self.table(key))

    def tables(self, key: str) -> tuple[StrictTable, ...]:
        """The `[[key]]` tables in their order; () if there are none."""
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(f"{key} must be written as [[{key}]] tables.")
        return tuple(
            StrictTable(item, f"{self.where}: [[{key}]] {number}", self._error) for number, item in enumerate(value, 1)
        )

    def finish(self) -> None:
        """Refuse the first key that was not asked for."""
        for key in self._table:
            if key not in self._asked:
                known = ", ".join(self._asked)
                self.fail(f"unknown key {key!r}; known are {known}.{did_you_mean(key, self._asked)}")

    def _needed(self, key: str, value: T | None) -> T:
        if value is None:
            hint = did_you_mean(key.strip("[]"), (name for name in self._table if name not in self._asked))
            self.fail(f"{key} is missing.{hint}")
        return value

    def _wrong(self, key: str, wanted: str, value: Any) -> Never:  # TOML values are an open set
        self.fail(f"{key} must be {wanted}, but it is {kind_of(value)}.")


def _below(where: str, key: str) -> str:
    """The place of the table below a key: `file: [a]`, `file: [a.b]`, `file: [[a]] 1.b`."""
    said = key if re.fullmatch("[A-Za-z0-9_-]+", key) else f'"{key}"'
    if re.search(r": \[[^\[\]].*\]$", where):
        return f"{where[:-1]}.{said}]"
    return f"{where}.{said}" if ": [[" in where else f"{where}: [{said}]"


def _range_words(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"{low:g} or more"
    return f"{high:g} or less" if math.isinf(low) else f"from {low:g} to {high:g}"
