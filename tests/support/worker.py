"""A real worker of jobs, for tests that kill it, stop it or starve it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from epntap.db.pool import Database
from tests.support.launch import Running, launch

__all__ = ["job_worker"]

START_WITHIN_S = 120


@contextmanager
def job_worker(
    database: Database, home: Path, *, jobs: int, prepare: Callable[[], None] | None = None, **settings: str
) -> Iterator[Running]:
    """`epntap worker` on this database, as a process of its own that has started; its log must tell of no bug.

    `prepare` is called in the process before the program is.
    """
    log = home / f"worker{time.monotonic_ns()}.log"
    environ = {
        **os.environ,
        "EPNTAP_DATABASE_URL": database.url,
        "EPNTAP_HOME": str(home),
        **{f"EPNTAP_{name.upper()}": value for name, value in settings.items()},
    }
    process = launch(["worker", "--jobs", str(jobs)], environ, log, prepare=prepare)
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while b"worker started" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
    assert b"Traceback" not in log.read_bytes(), log.read_text()
