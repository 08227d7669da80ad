"""Processes of this machine: the way that everybody has."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for
from typing import Self, TypeVar

from epntap.spread.executor import Done, Lost

__all__ = ["Processes"]

#: how many batches each process has, one in work and the others waiting
BATCHES_IN_FLIGHT = 3

W = TypeVar("W")
R = TypeVar("R")


class Processes:
    """So many processes, started when there is work; each calls `begin` first, and leaves when this one is gone.

    They find the variables of `environ`, where nothing else was said of them.
    """

    def __init__(
        self, hands: int, begin: Callable[[], None] | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self.hands = hands
        self._begin = begin
        self._environ = environ or {}
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def kill(self) -> None:
        """End the processes in the middle of their work, from another thread."""
        pool = self._pool
        for process in dict(getattr(pool, "_processes", None) or {}).values():
            process.kill()

    def run(
        self, call: Callable[[W], R], batches: Iterable[Sequence[W]], *, alone: bool = False
    ) -> Iterator[Done[W, R] | Lost[W]]:
        """Each batch once, done or lost, as they come."""
        waiting = iter(batches)
        room = 1 if alone else self.hands * BATCHES_IN_FLIGHT
        running: dict[Future[list[R]], Sequence[W]] = {}
        while True:
            died = False
            for batch in islice(waiting, room - len(running)):
                try:
                    running[self._started().submit(_call_all, call, batch)] = batch
                except BrokenProcessPool:  # it died since it was asked last
                    died = True
                    yield Lost(batch)
                    break
            if not running and not died:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                batch = running.pop(future)
                try:
                    results = future.result()
                except BrokenProcessPool:
                    died = True
                    yield Lost(batch)
                else:
                    yield Done(batch, results)
            if died:
                # whoever died took all others along
                yield from self._left(running)
                running.clear()
                self.close()

    def _left(self, running: dict[Future[list[R]], Sequence[W]]) -> Iterator[Done[W, R] | Lost[W]]:
        for future, batch in running.items():
            try:
                results = future.result()
            except BrokenProcessPool:
                yield Lost(batch)
            else:  # it was ready before
                yield Done(batch, results)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            os.environ.update({name: value for name, value in self._environ.items() if name not in os.environ})
            # spawn: a fork would share the database connection of the parent
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.hands, mp_context=context, initializer=_start, initargs=(self._begin,)
            )
        return self._pool


def _start(begin: Callable[[], None] | None) -> None:
    """Leave when the parent was killed: no batch would ever come."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            wait_for([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if begin is not None:
        begin()


def _call_all(call: Callable[[W], R], batch: Sequence[W]) -> list[R]:
    return [call(one) for one in batch]
