"""An answer that is being made: it has a place, and knows when its client has left."""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack
from socket import socket

from epntap.answer.admission import Slots
from epntap.answer.endings import ClientGoneError
from epntap.answer.watch import Watch, Watcher
from epntap.errors import UnavailableError

__all__ = ["Begun", "begin"]

_BUSY_S = 5


class Begun:
    """What whoever makes the answer asks between two blocks."""

    def __init__(self, client: socket | None) -> None:
        self._left = threading.Event()
        self.watch = Watch(math.inf, lambda _ending: self._left.set(), client)

    def check(self) -> None:
        """Raises ClientGoneError when the client has left."""
        if self._left.is_set():
            raise ClientGoneError


def begin(stack: ExitStack, places: Slots, watcher: Watcher, client: socket | None) -> Begun:
    """Take a place and have the client watched until the stack is closed. Raises UnavailableError without a place."""
    if not places.acquire():
        raise UnavailableError("Too many answers are being made; please try again in a few seconds.", _BUSY_S)
    stack.callback(places.release)
    begun = Begun(client)
    watcher.add(begun.watch)
    stack.callback(watcher.remove, begun.watch)
    return begun
