"""Keys of a table of a definition: what may stand behind them, and what they are for.

No I/O here. Tables are read with them, and the JSON Schema of definitions is made from them: a key that is missing can
neither be read nor be completed by an editor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from epntap.strict import StrictTable

__all__ = ["Key", "Takes", "take"]


class Takes(StrEnum):
    """What may stand behind a key."""

    TEXT = "text"
    #: a text as it is written, blanks included
    RAW_TEXT = "raw text"
    WEB_ADDRESS = "web address"
    FLAG = "flag"
    NUMBER = "number"
    WHOLE = "whole number"
    CHOICE = "choice"
    #: a list of texts
    NAMES = "names"
    #: a text or a list of texts
    TEXTS = "texts"
    #: a table, read by whoever owns the key: name = text
    TEXT_BY_NAME = "table of texts"
    #: name = a text or a list of texts
    TEXTS_BY_NAME = "table of lists of texts"
    #: column = field, template or rule
    RULES = "rules"
    #: name = rules
    RULES_BY_NAME = "table of rules"
    #: of another form, read by whoever owns the key
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    takes: Takes
    about: str
    choices: tuple[str, ...] = ()
    needed: bool = False


def take(table: StrictTable, keys: Mapping[str, Key]) -> dict[str, Any]:  # what TOML can say
    """The values of all keys of a table, None or () for those that are absent; refuses any other key."""
    values = {name: _take(table, name, key) for name, key in keys.items()}
    table.finish()
    return values


def _take(table: StrictTable, name: str, key: Key) -> Any:  # what TOML can say
    if key.needed and not table.has(name):
        table.needed_text(name)
    read = _READERS.get(key.takes)
    return table.value(name) if read is None else read(table, name, key)


def _raw_text(table: StrictTable, name: str, _: Key) -> Any:  # a text
    table.text(name)
    return table.value(name)


#: for the others, the value as it stands
_READERS: Mapping[Takes, Callable[[StrictTable, str, Key], Any]] = {  # each returns what TOML can say
    Takes.TEXT: lambda table, name, _: table.text(name),
    Takes.RAW_TEXT: _raw_text,
    Takes.WEB_ADDRESS: lambda table, name, _: table.web_address(name),
    Takes.FLAG: lambda table, name, _: None if table.value(name) is None else table.flag(name),
    Takes.NUMBER: lambda table, name, _: table.number(name),
    Takes.WHOLE: lambda table, name, _: table.whole(name),
    Takes.CHOICE: lambda table, name, key: table.choice(name, key.choices),
    Takes.NAMES: lambda table, name, _: () if table.value(name) == [] else table.texts(name),
    Takes.TEXTS: lambda table, name, _: table.texts(name),
}
