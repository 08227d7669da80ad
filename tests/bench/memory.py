"""How much a server grows while it answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from tests.support.server import Server

__all__ = ["Growth", "watched"]

_LOOK_EVERY_S = 0.02


@dataclass(slots=True)
class Growth:
    """What was seen of the memory that all processes of a server have for themselves, in megabytes."""

    idle: float
    seen: list[float] = field(default_factory=list)

    @property
    def most(self) -> float:
        """Megabytes above idle."""
        return max(self.seen, default=self.idle) - self.idle


@contextmanager
def watched(server: Server) -> Iterator[Growth]:
    """Look at the server's processes, those that it has now, until the block ends."""
    parent = psutil.Process(server.pid)
    processes = [parent, *parent.children(recursive=True)]

    def used() -> float:
        return float(sum(p.memory_full_info().uss for p in processes if p.is_running())) / 1e6

    growth = Growth(used())
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_EVERY_S):
            growth.seen.append(used())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield growth
    finally:
        done.set()
        thread.join()
