"""A real web server on a free port, for tests that speak HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from epntap.db.pool import Database
from tests.support.launch import Running, launch

START_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    base: str
    pid: int
    log: Path

    @property
    def tap(self) -> str:
        return f"{self.base}/tap"

    @property
    def port(self) -> int:
        return int(self.base.rsplit(":", 1)[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(database: Database, home: Path, **settings: str) -> AbstractContextManager[Server]:
    """`epntap serve` on this database, as a process of its own. Who wants jobs to run asks for `job_workers`."""
    return _serve(database, home, settings)


def serve_anew(database: Database, home: Path, **settings: str) -> AbstractContextManager[Server]:
    """The same in a new interpreter, as a person starts it."""
    return _serve(database, home, settings, anew=True)


@contextmanager
def _serve(database: Database, home: Path, settings: Mapping[str, str], *, anew: bool = False) -> Iterator[Server]:
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    environ = {
        **os.environ,
        "EPNTAP_DATABASE_URL": database.url,
        "EPNTAP_HOME": str(home),
        "EPNTAP_PORT": str(port),
        "EPNTAP_JOB_WORKERS": "0",
        **{f"EPNTAP_{name.upper()}": value for name, value in settings.items()},
    }
    process = launch(["serve"], environ, log, anew=anew)
    server = Server(f"http://127.0.0.1:{port}", process.pid, log)
    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: Server, process: Running) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.base}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{server.log.read_text()}")
