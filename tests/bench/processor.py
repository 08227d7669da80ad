"""Seconds of processor: of this process, and of the processes of an embedded database server. Linux only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from epntap.db.pool import Database

__all__ = ["ByQueries", "Spent", "Whole"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took, in seconds."""

    wall: float
    #: of processor, of this process and of the server
    program: float
    server: float

    @property
    def processor(self) -> float:
        """Of both together."""
        return self.program + self.server

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.program - other.program, self.server - other.server)


class Whole:
    """All that the server of a database does, for whomever."""

    def __init__(self, database: Database) -> None:
        with psycopg.connect(database.url) as connection:
            self._server = _server_of(connection.info.backend_pid)

    def now(self) -> Spent:
        """Since something in the past."""
        own = psutil.Process().cpu_times()
        program = own.user + own.system + own.children_user + own.children_system
        alive = sum(_seconds(child.pid) for child in self._server.children(recursive=True))
        return Spent(time.perf_counter(), program, _seconds(self._server.pid) + _of_dead(self._server) + alive)


class ByQueries:
    """What this process and the server's process of a connection do.

    With the parallel workers that serve it, and with all that reads from disk; so nobody else may ask anything.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        backend = connection.info.backend_pid
        self._server = _server_of(backend)
        readers = (child for child in self._server.children() if "io worker" in " ".join(child.cmdline()))
        self._alive = (backend, *(child.pid for child in readers))

    @contextmanager
    def taken(self) -> Iterator[list[Spent]]:
        """What the block takes is in the list after it."""
        spent: list[Spent] = []
        server = self._seconds()
        wall, program = time.perf_counter(), time.process_time()
        yield spent
        wall, program = time.perf_counter() - wall, time.process_time() - program
        spent.append(Spent(wall, program, self._seconds() - server))

    def _seconds(self) -> float:
        return sum(map(_seconds, self._alive)) + _of_dead(self._server)


def _server_of(backend: int) -> psutil.Process:
    """The process that starts all others."""
    server = psutil.Process(backend).parent()
    assert server is not None
    return server


def _of_dead(server: psutil.Process) -> float:
    """Of processes that have ended, such as parallel workers."""
    times = server.cpu_times()
    return float(times.children_user + times.children_system)


def _seconds(pid: int) -> float:
    """Of a process with one thread, to the nanosecond; processes of PostgreSQL are such."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
