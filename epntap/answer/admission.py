"""How much may be in progress at once in one process. What is over it is refused, and does not queue.

A thread of the web server is held for as long as an answer lasts. Answers that last are counted, each among its kind
and all together, so that short ones always find a thread (docs/decisions/007-short-and-long.md). No I/O here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ALL_THAT_LASTS", "WHAT_COMPUTES", "Admission", "Place", "Slots", "threads_for"]

#: the names under which the caps over several kinds are counted
ALL_THAT_LASTS = "all that lasts"
WHAT_COMPUTES = "what computes"
#: at least so many threads are for what is short, and at least this share of all
_SHORT_THREADS = 4
_SHORT_SHARE = 4
#: of what computes, for each core: a place is held until the client has read what was computed, so more than one
_COMPUTING_PER_CORE = 4


def threads_for(lasting: int) -> int:
    """How many threads to start where so many may be held by what lasts."""
    # of n threads n / 4 are left if n is 4 / 3 of the others
    return lasting + max(_SHORT_THREADS, -(-lasting // (_SHORT_SHARE - 1)))


class Slots:
    """Places for one kind of work, with counts to look at. Made by an Admission."""

    def __init__(self, most: int, within: tuple[Slots, ...], given_back: threading.Condition) -> None:
        self.most = most
        self.in_use = 0
        #: how often there was none left
        self.refused = 0
        self._within = within
        self._given_back = given_back

    def acquire(self, patience_s: float = 0) -> bool:
        """Take a place, of this kind and of all that it counts among; False when none is left, nor given back so soon.

        Safe to call from any thread.
        """
        caps = (self, *self._within)
        with self._given_back:
            if not self._given_back.wait_for(lambda: all(cap.in_use < cap.most for cap in caps), patience_s):
                for cap in caps:
                    cap.refused += cap is self or cap.in_use >= cap.most
                return False
            for cap in caps:
                cap.in_use += 1
            return True

    def release(self) -> None:
        """Give a place back."""
        with self._given_back:
            assert self.in_use > 0, "given back more often than taken"
            for cap in (self, *self._within):
                cap.in_use -= 1
            self._given_back.notify_all()


class Admission:
    """All places of one process. Kinds may add up to more than there is: then the sum decides.

    `threads` is how many exist, `short` how many of them are kept for what is short, `cores` how many this process
    may compute on.
    """

    def __init__(self, threads: int, short: int, cores: int) -> None:
        least = max(_SHORT_THREADS, threads / _SHORT_SHARE)
        if short < least or short >= threads:
            raise ValueError(f"Of {threads} threads at least {least:g} must be kept for what is short, but {short} is.")
        self._given_back = threading.Condition()
        self._total = Slots(threads - short, (), self._given_back)
        #: how many this process may compute on
        self.cores = cores
        self._computing = Slots(_COMPUTING_PER_CORE * cores, (), self._given_back)
        self._kinds = {ALL_THAT_LASTS: self._total, WHAT_COMPUTES: self._computing}

    @classmethod
    def of(cls, lasting: int, cores: int) -> Admission:
        """For a process in which so many threads may be held by what lasts (see `threads_for`)."""
        threads = threads_for(lasting)
        return cls(threads, threads - lasting, cores)

    @property
    def most(self) -> int:
        """How many threads all that lasts may hold."""
        return self._total.most

    @property
    def kinds(self) -> Mapping[str, Slots]:
        """All that is counted, by name."""
        return MappingProxyType(self._kinds)

    def share(self, name: str, part: float, *, computes: bool = False) -> Slots:
        """Places for a kind that may hold this part of all that lasts; at least one."""
        return self.kind(name, max(1, int(self.most * part)), computes=computes)

    def kind(self, name: str, most: int, *, computes: bool = False) -> Slots:
        """Places for a kind of work that holds threads. Raises ValueError for what can never be true.

        What computes has a place among all that computes as well.
        """
        if not 1 <= most <= self.most:
            raise ValueError(f"{most} places for {name} were asked for, but all that lasts has {self.most}.")
        return self._add(name, most, (self._total, self._computing) if computes else (self._total,))

    def counted(self, name: str, most: int) -> Slots:
        """Places for something that is short, or lasts with a place of another kind: it holds no thread by itself."""
        return self._add(name, most, ())

    def _add(self, name: str, most: int, within: tuple[Slots, ...]) -> Slots:
        if name in self._kinds:
            raise ValueError(f"There are places for {name} already.")
        self._kinds[name] = slots = Slots(most, within, self._given_back)
        return slots


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
