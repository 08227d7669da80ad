"""What the catalogue says, kept as long as nothing is published: most pictures are asked for again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

__all__ = ["Remembered"]

_Value = TypeVar("_Value")


@dataclass(slots=True)
class Remembered:
    """Values by key, all of one state of the catalogue. Safe to use from several threads."""

    #: more than so many are not kept; those go that were not asked for longest
    most: int = 512
    _state: Hashable = None
    _known: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)  # values of any kind
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, state: Hashable, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """What was made for a key in this state of the catalogue, which was read before; made now where it was not.

        What fails is not kept.
        """
        with self._lock:
            if state != self._state:
                self._known.clear()
                self._state = state
            if key in self._known:
                self._known.move_to_end(key)
                return cast(_Value, self._known[key])
        made = make()
        with self._lock:
            # somebody may have seen another state meanwhile
            if state == self._state:
                self._known[key] = made
                while len(self._known) > self.most:
                    self._known.popitem(last=False)
        return made
