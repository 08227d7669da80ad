"""What the processes of one run of the tests share: a folder, a lock, and things that are made once.

With pytest-xdist each worker has fixtures of its own. What takes long to make (a PostgreSQL server, a database
with our SQL, the published samples) is made by the worker that needs it first, and removed by the last that leaves.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

__all__ = ["Run"]


class Run:
    """One run of the tests, seen from one of its processes."""

    def __init__(self, folder: Path) -> None:
        """Join the run that keeps its notes in this folder."""
        self._lock = folder / "run.lock"
        self._notes = folder / "run.json"
        with self.alone():
            self._write({**self._read(), "pids": [*self._others(), os.getpid()]})

    def once(self, key: str, make: Callable[[], str]) -> str:
        """The text that `make` gave to the process which asked first; the others wait for it."""
        with self.alone():
            notes = self._read()
            if key not in notes:
                notes[key] = make()
                self._write(notes)
            return str(notes[key])

    def made(self, key: str) -> str | None:
        """What `once` has made under this key."""
        notes = self._read()
        return str(notes[key]) if key in notes else None

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """Go; whether this is the last process, which tidies up in the block. Whoever comes later begins anew."""
        with self.alone():
            others = self._others()
            yield not others
            if others:
                self._write({**self._read(), "pids": others})
            else:
                self._notes.unlink()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process of the run is in such a block, in `once` or `leaving`; not to be nested."""
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _others(self) -> list[int]:
        pids = self._read().get("pids", [])
        assert isinstance(pids, list)
        return [pid for pid in pids if pid != os.getpid() and psutil.pid_exists(pid)]

    def _read(self) -> dict[str, object]:
        return dict(json.loads(self._notes.read_text())) if self._notes.exists() else {}

    def _write(self, notes: dict[str, object]) -> None:
        self._notes.write_text(json.dumps(notes))
