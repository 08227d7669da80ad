"""Errands: what may be asked of workers, by name, and how it is written down for them.

What travels is text that names its classes, and only those that an errand lists are made of it: whoever can write to
the table can ask for the errands that there are, and for nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = ["Errand"]

_MANY: Mapping[str, type[Any]] = {"tuple": tuple, "list": list, "set": frozenset}


@dataclass(frozen=True, slots=True)
class Errand:
    """A callable that workers know, and what it takes and gives."""

    name: str
    call: Callable[[Any], Any]  # of work to result, both of the classes below
    #: frozen dataclasses that work and results are made of
    classes: tuple[type, ...]
    #: what a process that does it calls first
    begin: Callable[[], None] | None = None
    #: variables that such a process has to find
    environ: Mapping[str, str] = field(default_factory=dict)

    def written(self, values: Sequence[Any]) -> str:
        """Work or results as text. Raises TypeError for what is of none of the classes."""
        return json.dumps([self._plain(one) for one in values], ensure_ascii=True)

    def read(self, text: str) -> list[Any]:
        """Work or results that were written. Raises ValueError when they are of something else."""
        return [self._value(one) for one in json.loads(text)]

    def _plain(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        for mark, kind in _MANY.items():
            if isinstance(value, kind):
                return {mark: [self._plain(one) for one in value]}
        if isinstance(value, Path):
            return {"path": str(value)}
        if isinstance(value, Mapping):
            return {"table": [[self._plain(key), self._plain(one)] for key, one in value.items()]}
        if type(value) not in self.classes:
            raise TypeError(f"The errand {self.name} cannot carry a {type(value).__name__}; list it among its classes.")
        return {type(value).__name__: {one.name: self._plain(getattr(value, one.name)) for one in fields(value)}}

    def _value(self, plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        ((mark, said),) = plain.items()
        if mark in _MANY:
            return _MANY[mark](self._value(one) for one in said)
        if mark == "path":
            return Path(said)
        if mark == "table":
            return {self._value(key): self._value(one) for key, one in said}
        for one in self.classes:
            if one.__name__ == mark:
                return one(**{name: self._value(value) for name, value in said.items()})
        raise ValueError(f"The errand {self.name} cannot read a {mark}.")
