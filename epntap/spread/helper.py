"""What a worker does for runs that spread their work: it takes batches from the queue as long as there are any."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

import psycopg

import epntap
from epntap.connection import Connection
from epntap.errors import EpnTapError
from epntap.spread.errand import Errand
from epntap.spread.executor import Done
from epntap.spread.processes import Processes
from epntap.spread.queue import BATCH_LOCK, QUERIES, RUN_LOCK

__all__ = ["Helper"]

log = logging.getLogger(__name__)

#: how often somebody looks for batches
_LOOK_S = 1.0
_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Helper:
    """Does errands, so many at once, each in a process of its own: a file may end that, and nothing else with it."""

    name: str
    hands: int
    errands: Iterable[Errand]
    connect: Callable[[], AbstractContextManager[Connection]]
    #: processes that work, which a worker that stops ends
    _processes: set[Processes] = field(default_factory=set)

    def run(self, stopping: threading.Event) -> None:
        """Help until the worker stops."""
        threads = [
            threading.Thread(target=self._lend_a_hand, args=(f"{self.name}/{n}", stopping), daemon=True)
            for n in range(self.hands)
        ]
        for thread in threads:
            thread.start()
        stopping.wait()
        for processes in tuple(self._processes):
            processes.kill()
        for thread in threads:
            thread.join(_AGAIN_S)

    def _lend_a_hand(self, name: str, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                with self.connect() as connection:
                    hand = _Hand(name, connection, {one.name: one for one in self.errands}, self._processes, stopping)
                    while not stopping.is_set():
                        if not hand.do_what_there_is():
                            stopping.wait(_LOOK_S)
            except (psycopg.Error, EpnTapError, OSError) as exc:
                log.warning("no batches can be taken: %s", exc)
                stopping.wait(_AGAIN_S)
            except Exception:
                # a fault of ours: the batch is free again when the connection is closed, and lost after some times
                log.exception("a batch could not be done")
                stopping.wait(_AGAIN_S)


@dataclass(frozen=True, slots=True)
class _Hand:
    name: str
    connection: Connection
    errands: dict[str, Errand]
    processes: set[Processes]
    stopping: threading.Event

    def do_what_there_is(self) -> bool:
        """Do batches until there is none; whether there was one."""
        taken = self._take()
        if taken is None:
            return False
        held: dict[str, Processes] = {}
        try:
            while taken is not None:
                batch_no, errand, work = taken
                if errand.name not in held:
                    held[errand.name] = Processes(1, errand.begin, errand.environ)
                    self.processes.add(held[errand.name])
                self._do(batch_no, errand, work, held[errand.name])
                taken = None if self.stopping.is_set() else self._take()
        finally:
            for one in held.values():
                self.processes.discard(one)
                one.close()
        return True

    def _take(self) -> tuple[int, Errand, str] | None:
        values = {
            "worker": self.name,
            "program": epntap.__version__,
            "errands": list(self.errands),
            "run_lock": RUN_LOCK,
        }
        with self.connection.transaction():  # whoever sees that it is taken sees that it is held
            row = self.connection.execute(QUERIES["take"], values).fetchone()
            if row is None:
                return None
            self.connection.execute(QUERIES["hold"], {"batch_lock": BATCH_LOCK, "batch_no": row[0]})
        return int(row[0]), self.errands[str(row[1])], str(row[2])

    def _do(self, batch_no: int, errand: Errand, work: str, processes: Processes) -> None:
        outcomes = list(processes.run(errand.call, [errand.read(work)], alone=True))
        told: dict[str, object] = {"batch_no": batch_no, "worker": self.name}
        if self.stopping.is_set() and not all(isinstance(one, Done) for one in outcomes):
            self.connection.execute(QUERIES["give_back"], told)
        for one in outcomes:
            if isinstance(one, Done):
                self.connection.execute(QUERIES["done"], {**told, "results": errand.written(one.results)})
            elif not self.stopping.is_set():
                log.warning("a process of this worker died of its batch", extra={"errand": errand.name})
                self.connection.execute(QUERIES["lost"], told)
        with suppress(psycopg.Error):
            self.connection.execute(QUERIES["let_go"], {"batch_lock": BATCH_LOCK, "batch_no": batch_no})
