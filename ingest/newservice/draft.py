"""A definition in the making: its parts, and the TOML that says them. No I/O here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Draft", "Setting"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of one key, and a remark to stand behind it."""

    value: Any  # what TOML can say: text, number, truth value, list or table of these
    remark: str = ""


@dataclass(slots=True)
class Draft:
    """A service definition that has not been written yet."""

    schema: str
    title: str
    #: keys of the one [[source]] but for columns
    source: dict[str, Setting] = field(default_factory=dict)
    #: [source.columns]
    mapped: dict[str, Setting] = field(default_factory=dict)
    #: [columns]
    columns: dict[str, Setting] = field(default_factory=dict)
    #: [custom.<name>]
    custom: dict[str, dict[str, Setting]] = field(default_factory=dict)
    #: what a person has to look at, one sentence each
    questions: list[str] = field(default_factory=list)

    def to_document(self) -> dict[str, Any]:  # as tomllib reads it
        """The definition as TOML would be read."""
        source = _plain(self.source)
        if self.mapped:
            source["columns"] = _plain(self.mapped)
        document: dict[str, Any] = {"service": {"schema": self.schema, "title": self.title}, "source": [source]}
        if self.columns:
            document["columns"] = _plain(self.columns)
        if self.custom:
            document["custom"] = {name: _plain(keys) for name, keys in self.custom.items()}
        return document

    def to_toml(self) -> str:
        """The definition as text, with the questions at the top."""
        lines = ["# A first draft, made by `epntap new-service`. Please check it before you publish."]
        lines += [f"# - {question}" for question in self.questions]
        lines += ["", "[service]", f"schema = {_said(self.schema)}", f"title = {_said(self.title)}", "", "[[source]]"]
        lines += _settings(self.source)
        if self.mapped:
            lines += ["", "[source.columns]", *_settings(self.mapped)]
        for name, keys in self.custom.items():
            lines += ["", f"[custom.{_key(name)}]", *_settings(keys)]
        if self.columns:
            lines += ["", "# the same in every row", "[columns]", *_settings(self.columns)]
        return "\n".join(lines) + "\n"


def _plain(settings: Mapping[str, Setting]) -> dict[str, Any]:  # values of settings
    return {name: setting.value for name, setting in settings.items()}


def _settings(settings: Mapping[str, Setting]) -> list[str]:
    return [
        f"{_key(name)} = {_said(setting.value)}" + (f"  # {setting.remark}" if setting.remark else "")
        for name, setting in settings.items()
    ]


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _said(value: Any) -> str:  # values of settings
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(_said, value))}]"
        case dict():
            return "{ " + ", ".join(f"{_key(name)} = {_said(inner)}" for name, inner in value.items()) + " }"
        case _:
            return repr(value)


def _text(value: str) -> str:
    # a JSON text is a TOML text but for one character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
