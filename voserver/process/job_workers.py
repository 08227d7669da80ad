"""The worker processes of `epntap serve`: started with it, restarted when they die, stopped with it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from epntap.db.pool import Database
from epntap.settings import Settings

__all__ = ["job_workers"]

log = logging.getLogger(__name__)

_LOOK_S = 0.5
#: a worker that does not live for so long is not restarted at once
_SHORT_LIFE_S = 5.0
_STOP_WITHIN_S = 4.0
#: a program that cannot be started at all does not keep the server from starting
_BEGIN_WITHIN_S = 10.0


@contextmanager
def job_workers(settings: Settings, database: Database) -> Iterator[None]:
    """Keep `settings.job_workers` processes of `epntap worker` alive for as long as the block runs."""
    here = os.getpid()
    stopping = threading.Event()
    begun = [threading.Event() for _ in range(settings.job_workers)]
    keepers = [
        threading.Thread(target=_keep_alive, args=(settings, database, stopping, one), name=f"worker-{n}", daemon=True)
        for n, one in enumerate(begun)
    ]
    for keeper in keepers:
        keeper.start()
    # A web process that is forked while a worker is being started inherits the pipe on which Popen waits for its start,
    # so that Popen returns only when that web process ends, and the worker has no keeper until then.
    for one in begun:
        one.wait(_BEGIN_WITHIN_S)
    try:
        yield
    finally:
        if os.getpid() == here:  # a web process that was forked inside the block leaves it too
            stopping.set()
            for keeper in keepers:
                keeper.join()


def _keep_alive(settings: Settings, database: Database, stopping: threading.Event, begun: threading.Event) -> None:
    command = [sys.executable, "-m", "voserver.cli", "worker", "--parent", str(os.getpid())]
    if database.embedded:
        command.append("--embedded")
    environ = {**os.environ, **settings.environ(), "EPNTAP_DATABASE_URL": database.url}
    while not stopping.is_set():
        started = time.monotonic()
        with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL) as process:  # noqa: S603  # our own command
            begun.set()
            while process.poll() is None and not stopping.wait(_LOOK_S):
                pass
            if stopping.is_set():
                _stop(process)
                return
        log.error("a worker died and is started again", extra={"pid": process.pid})
        if time.monotonic() - started < _SHORT_LIFE_S:
            stopping.wait(_SHORT_LIFE_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
