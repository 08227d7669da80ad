"""The queue in the database: batches are written down, workers anywhere do them, and what they found is fetched.

A batch that somebody has is held by an advisory lock of that worker's connection: a worker that dies lets go of it at
once, and the next one takes it. So does a run: batches that nobody waits for any more are not begun.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

import epntap
from epntap.connection import Connection
from epntap.db.queries import named_queries
from epntap.errors import SetupError
from epntap.spread.errand import Errand
from epntap.spread.executor import Done, Lost

__all__ = ["BATCH_LOCK", "QUERIES", "RUN_LOCK", "Queue"]

W = TypeVar("W")
R = TypeVar("R")

QUERIES = named_queries(Path(__file__).with_name("queue.sql"))
#: first numbers of advisory locks; the second is that of the run or of the batch
RUN_LOCK, BATCH_LOCK = 7_240_535, 7_240_536

#: batches that wait or are in work for each hand
_AHEAD = 3
#: how often somebody looks whether something is done, seconds: soon at first
_LOOK_S, _SELDOM_S = 0.02, 0.25
#: how often somebody looks whether a worker is gone
_FREE_S = 1.0
#: workers that may die with a batch before it is taken to be the cause
_MOST_DEATHS = 3
#: nothing has come back, and no worker lives
_GIVE_UP_S = 60.0


class Queue:
    """Has work done by the workers of the database that is reached by `connect`, in autocommit."""

    def __init__(
        self, connect: Callable[[], AbstractContextManager[Connection]], errands: Iterable[Errand], say: str = "scan"
    ) -> None:
        self._connect = connect
        self._errands = tuple(errands)
        self._say = say
        self._stack = ExitStack()
        self._run = secrets.randbelow(2**31)
        self._number = 0

    def __enter__(self) -> Self:
        """Raises SetupError when no worker lives that would do the work."""
        self._connection = self._stack.enter_context(self._connect())
        self._connection.execute("SELECT pg_advisory_lock(%s, %s)", (RUN_LOCK, self._run))
        if not self._living():
            self._stack.close()
            raise SetupError(
                f"No worker is there to {self._say}: start 'epntap worker' on one machine at least, with the archive "
                "under the same path as here, or leave out --scan-on workers."
            )
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            if not self._connection.closed:
                self._ask("forget", run_lock=RUN_LOCK)
        finally:
            self._stack.close()  # and the lock of the run with the connection

    @property
    def hands(self) -> int:
        """How many batches living workers do at once, one at least."""
        return max(1, self._living())

    def run(
        self,
        call: Callable[[W], R],
        batches: Iterable[Sequence[W]],
        *,
        alone: bool = False,  # noqa: ARG002  # every batch is
    ) -> Iterator[Done[W, R] | Lost[W]]:
        """Each batch once, done or lost, as they come."""
        errand = next(one for one in self._errands if one.call is call)
        waiting = iter(batches)
        out: dict[int, Sequence[W]] = {}
        pause, moved, freed = _LOOK_S, time.monotonic(), time.monotonic()
        while True:
            for batch in islice(waiting, max(0, self.hands * _AHEAD - len(out))):
                self._put(errand, batch)
                out[self._number] = batch
            if not out:
                return
            found = self._ask("fetch").fetchall()
            for number, results in found:
                batch = out.pop(number)
                yield Lost(batch) if results is None else Done(batch, errand.read(results))
            now = time.monotonic()
            if found:
                pause, moved = _LOOK_S, now
                continue
            if now > freed + _FREE_S:
                self._ask("free", batch_lock=BATCH_LOCK, most=_MOST_DEATHS)
                freed = now
            if now > moved + _GIVE_UP_S and not self._living():
                raise SetupError(
                    f"All workers are gone, and {len(out)} batches are not done; what was found is kept. Start "
                    "'epntap worker' and run this again."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _SELDOM_S)

    def _put(self, errand: Errand, batch: Sequence[Any]) -> None:
        self._number += 1
        work = errand.written(batch)
        self._ask("ask", number=self._number, program=epntap.__version__, errand=errand.name, work=work)

    def _living(self) -> int:
        row = self._ask("hands").fetchone()
        assert row is not None
        return int(row[0])

    def _ask(self, name: str, **values: object) -> Any:  # a cursor
        return self._connection.execute(QUERIES[name], {"run": self._run, **values})
