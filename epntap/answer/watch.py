"""A watch over answers in progress: it ends those whose client has left or whose time is over.

A thread that waits for the database, or for a client to take a block, cannot look elsewhere. One watching thread
in each process looks for all of them a few times a second (design: an answer never outlives its client).
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from epntap.answer.endings import ClientGoneError
from epntap.errors import EpnTapError

__all__ = ["Ending", "Watch", "Watcher"]

INTERVAL_S = 0.2


class Ending(StrEnum):
    """Why the watcher ended an answer."""

    CLIENT_GONE = "client gone"
    CLIENT_STALLED = "client stalled"
    DEADLINE = "deadline"
    CROWDED_OUT = "crowded out"


@dataclass(slots=True)
class Watch:
    """One answer under watch. The answer tells when it hands a block to the client and when it is back."""

    #: monotonic time at which the whole answer must be over
    deadline: float
    #: called once, in a thread of its own, when the watcher ends the answer
    on_end: Callable[[Ending], None]
    #: the client's connection, where there is one
    client: socket.socket | None = None
    send_timeout_s: float = 30.0
    ending: Ending | None = None
    #: monotonic time from which the answer counts as slow, and what finds it a place among the slow ones
    slow_from: float = math.inf
    find_place: Callable[[], bool] = lambda: True
    _sending_since: float | None = None

    def sending(self) -> None:
        """A block is being handed to the client."""
        self._sending_since = time.monotonic()

    def reading(self) -> None:
        """The client has taken the block; the database is being read."""
        self._sending_since = None

    def verdict(self, now: float) -> Ending | None:
        """Why this answer should end now, if it should."""
        since = self._sending_since
        if since is not None and now - since > self.send_timeout_s:
            return Ending.CLIENT_STALLED
        if self.ending is not None:
            return None
        if now > self.deadline:
            return Ending.DEADLINE
        if now > self.slow_from:
            self.slow_from = math.inf
            if not self.find_place():
                return Ending.CROWDED_OUT
        # While a block is being sent, what the client sends is not looked at; if it leaves, sending fails by itself.
        if since is None and self.client is not None and _has_left(self.client):
            return Ending.CLIENT_GONE
        return None

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What fails here because the client has left is ClientGoneError: no fault of ours, and nobody is told."""
        try:
            yield
        except EpnTapError:
            if self.ending is Ending.CLIENT_GONE:
                raise ClientGoneError from None
            raise

    def end(self, ending: Ending) -> None:
        """Tell the owner, once. A thread that is stuck in sending is woken; one that sends slowly may finish."""
        first = self.ending is None
        self.ending = self.ending or ending
        if ending is Ending.CLIENT_STALLED and self.client is not None:
            with suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
        if first:
            threading.Thread(target=self.on_end, args=(ending,), daemon=True).start()


def _has_left(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


@dataclass(slots=True)
class Watcher:
    """The watching thread of a process; it starts with the first watch."""

    _by_id: dict[int, Watch] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def add(self, watch: Watch) -> None:
        """Watch an answer until `remove`."""
        with self._lock:
            self._by_id[id(watch)] = watch
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="answer-watch", daemon=True)
                self._thread.start()

    def remove(self, watch: Watch) -> None:
        """The answer is over."""
        with self._lock:
            self._by_id.pop(id(watch), None)

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL_S)
            with self._lock:
                watches = list(self._by_id.values())
            now = time.monotonic()
            for watch in watches:
                if (ending := watch.verdict(now)) is not None:
                    watch.end(ending)
