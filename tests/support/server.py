"""A real web server on a free port, for tests that speak HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from epntap.db.pool import Database

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


@contextmanager
def serve(database: Database, home: Path, **settings: str) -> Iterator[Server]:
    """`epntap serve` on this database, as a process of its own."""
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    environ = {
        **os.environ,
        "EPNTAP_DATABASE_URL": database.url,
        "EPNTAP_HOME": str(home),
        "EPNTAP_PORT": str(port),
        **{f"EPNTAP_{name.upper()}": value for name, value in settings.items()},
    }
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", "voserver.cli", "serve"], env=environ, stdout=out, stderr=out
        ) as process,
    ):
        server = Server(f"http://127.0.0.1:{port}", process.pid, log)
        try:
            _wait_until_ready(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.base}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{server.log.read_text()}")
