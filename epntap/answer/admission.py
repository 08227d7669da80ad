"""How much may be in progress at once in one process. What is over it is refused, and does not queue.

A thread of the web server is held for as long as an answer lasts. Answers that last are counted, so that short ones
always find a thread and a connection (docs/decisions/007-short-and-long.md). No I/O here.
"""

from __future__ import annotations

import threading

__all__ = ["Place", "Slots"]


class Slots:
    """A number of places, with counts to look at."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self.in_use = 0
        #: how often there was none left
        self.refused = 0
        self._given_back = threading.Condition()

    def acquire(self, patience_s: float = 0) -> bool:
        """Take a place; False when none is left, nor one given back so soon."""
        with self._given_back:
            if not self._given_back.wait_for(lambda: self.in_use < self.most, patience_s):
                self.refused += 1
                return False
            self.in_use += 1
            return True

    def release(self) -> None:
        """Give a place back."""
        with self._given_back:
            assert self.in_use > 0, "given back more often than taken"
            self.in_use -= 1
            self._given_back.notify()


class Place:
    """The place of one piece of work, taken by whichever thread first finds that it needs one."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._is_taken = False
        self._is_over = False

    def take(self) -> bool:
        """Make sure that there is a place; False when none is left. Work that is over needs none."""
        with self._lock:
            if not (self._is_taken or self._is_over):
                self._is_taken = self._slots.acquire()
            return self._is_taken or self._is_over

    def close(self) -> None:
        """The work is over. Safe to call again."""
        with self._lock:
            self._is_over = True
            if self._is_taken:
                self._is_taken = False
                self._slots.release()
