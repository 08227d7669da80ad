"""Processes of the program, forked from one that has imported it already.

To start an interpreter and import all that a server uses takes two seconds of processor, which many tests would spend
before they begin. What is forked is what `python -m voserver.cli` runs; that the program starts by itself is tested
where commands are run as processes of their own.

    python -m tests.support.launch     the process that forks: it reads requests from standard input, which is a socket
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cutouts.processes.one_thread import ONE_THREAD

__all__ = ["Program", "Running", "launch"]

#: read a setting of the environment when they are imported, which each process makes for itself
_NOT_BEFORE = ("prometheus_client", "voserver")


class _Launcher:
    """The process that forks, as its user sees it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.launch"],
                stdin=theirs.fileno(),
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,  # who stops the tests from a terminal leaves them the time to stop servers
            )
        self._unread = b""
        self._started: list[int] = []
        self._codes: dict[int, int] = {}
        atexit.register(self.close)

    def start(self, request: dict[str, Any]) -> int:
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while not self._started:
            self._listen(None)
        return self._started.pop()

    def code_of(self, pid: int, within_s: float | None) -> int | None:
        """The exit code, or None while it runs; waits so long at most, or until it ends."""
        until = None if within_s is None else time.monotonic() + within_s
        while pid not in self._codes:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._listen(left):
                break
        return self._codes.get(pid)

    def _listen(self, within_s: float | None) -> bool:
        if not select.select([self._socket], [], [], within_s)[0]:
            return False
        told = self._socket.recv(65536)
        if not told:
            raise RuntimeError("the process that starts servers has ended")
        *lines, self._unread = (self._unread + told).split(b"\n")
        for line in lines:
            match json.loads(line):
                case {"started": pid}:
                    self._started.append(pid)
                case {"ended": pid, "code": code}:
                    self._codes[pid] = code
        return True

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def _launcher() -> _Launcher:
    return _Launcher()


@dataclass(slots=True)
class Program:
    """A running program; what subprocess.Popen has."""

    pid: int
    returncode: int | None = field(default=None, init=False)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        self.returncode = _launcher().code_of(self.pid, 0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended; raises subprocess.TimeoutExpired."""
        self.returncode = _launcher().code_of(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("voserver.cli", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


#: a program, however it was started
Running = Program | subprocess.Popen[bytes]


def launch(
    arguments: Sequence[str],
    environ: dict[str, str],
    log: Path,
    *,
    anew: bool = False,
    prepare: Callable[[], None] | None = None,
) -> Running:
    """Start the program with these arguments, and nothing else in its environment; it writes to the log.

    `anew` starts an interpreter for it, as a person does. So does `prepare`, which is called in the process before.
    """
    if anew or prepare is not None:
        with log.open("wb") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "voserver.cli", *arguments],
                env=environ,
                stdout=out,
                stderr=out,
                preexec_fn=prepare,  # noqa: PLW1509  # no thread of ours holds a lock then
            )
    log.touch()
    request = {"arguments": list(arguments), "environ": environ, "log": str(log), "folder": str(Path.cwd())}
    return Program(_launcher().start(request))


# -- the process that forks


def _main() -> None:
    from voserver.process.preload import preload  # noqa: PLC0415  # only in this process

    preload()
    for name in list(sys.modules):
        if name.partition(".")[0] in _NOT_BEFORE:
            del sys.modules[name]
    gc.collect()
    gc.freeze()
    talk = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake.fileno())
    requests = talk.makefile("rb")
    running: set[int] = set()
    while True:
        ready, _, _ = select.select([talk, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            for pid, code in _ends():
                running.discard(pid)
                _tell(talk, ended=pid, code=code)
        if talk in ready:
            if not (line := requests.readline()):
                break
            pid = _fork(json.loads(line), (talk, woken, wake))
            running.add(pid)
            _tell(talk, started=pid)
    for pid in running:
        os.kill(pid, signal.SIGTERM)


def _fork(request: dict[str, Any], sockets: Sequence[socket.socket]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in sockets:
            one.close()
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.close(log)
        os.environ.clear()
        os.environ.update(request["environ"])
        os.chdir(request["folder"])
        code = _run(request["arguments"])
    finally:
        # what the end of an interpreter does; taking a hundred megabytes apart is left out
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
        atexit._run_exitfuncs()  # no public way
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(arguments: list[str]) -> int:
    from voserver.cli import main  # noqa: PLC0415  # anew in each process

    sys.argv[:] = ["epntap", *arguments]
    try:
        main(arguments)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001  # as an interpreter does
        traceback.print_exc()
        return 1
    return 0


def _ends() -> Iterator[tuple[int, int]]:
    """Processes that have ended, with their codes."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found[0], os.waitstatus_to_exitcode(found[1])


def _tell(talk: socket.socket, **said: int) -> None:
    talk.sendall(json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    _main()
