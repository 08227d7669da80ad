"""Cut-outs made in processes of their own: large ones would keep the web process from answering queries."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field

from cutouts.make import CutAnswer
from cutouts.processes.frames import Frame, Head, receive, receive_header, receive_object, receive_some, send
from cutouts.processes.one_thread import ONE_THREAD
from epntap.errors import EpnTapError, ServiceError, UnavailableError

__all__ = ["CutterSession", "Cutters"]

log = logging.getLogger(__name__)

_BUFFER_BYTES = 1 << 20
_PIECE_BYTES = 256 * 1024
#: a cutter that was killed is started anew
_ATTEMPTS = 3


@dataclass(slots=True)
class Cutters:
    """Lends processes that make cut-outs; the one that they are forked from starts with the first."""

    #: what that one runs (cutouts/processes/loader.py), and variables of its environment
    module: str = "cutouts.processes.child"
    environ: Mapping[str, str] = field(default_factory=dict)
    #: what is made, as errors call it
    what: str = "cut-out"
    #: what fails there is logged where the web process logs; empty: standard error
    log_file: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[bytes] | None = None
    _door: socket.socket | None = None

    def cut(self, plan: object) -> CutAnswer:
        """Begin what a plan says, such as a CutPlan. Raises our errors.

        The answer must be closed by its receiver, which ends the process.
        """
        session = self.session()
        try:
            answer = session.cut(plan)
        except BaseException:
            session.close()
            raise
        answer.on_close(session.close)
        return answer

    def session(self) -> CutterSession:
        """A process that makes one cut-out after the other, to be closed. Raises UnavailableError."""
        ours, theirs = socket.socketpair()
        with closing(theirs), ExitStack() as stack:
            stack.callback(ours.close)
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._hand_over(theirs)
            stack.pop_all()
        return CutterSession(ours, self.what)

    def close(self) -> None:
        """End the process that others are forked from; those that are at work finish."""
        with self._lock:
            self._end()

    def _hand_over(self, channel: socket.socket) -> None:
        with self._lock:
            for _ in range(_ATTEMPTS):
                try:
                    socket.send_fds(self._open_door(), [b"."], [channel.fileno()])
                except OSError as exc:
                    log.warning("the process that makes a %s is gone and is started again: %s", self.what, exc)
                    self._end()
                else:
                    return
        raise UnavailableError(f"No {self.what} can be made at the moment; please try again in a minute.", 60)

    def _open_door(self) -> socket.socket:
        if self._door is None:
            ours, theirs = socket.socketpair()
            with theirs:
                environ = {**os.environ, **ONE_THREAD, **self.environ}
                command = [sys.executable, "-m", self.module, self.log_file]
                self._process = subprocess.Popen(command, stdin=theirs.fileno(), env=environ)  # noqa: S603  # our own command
            self._door = ours
        return self._door

    def _end(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process = None


class CutterSession:
    """One process at our disposal. `close` ends it whatever it is doing, also from another thread."""

    def __init__(self, channel: socket.socket, what: str) -> None:
        self._channel = channel
        self._what = what
        self._closed = threading.Event()

    @property
    def has_ended(self) -> bool:
        """Whether there is no process any more."""
        return self._closed.is_set()

    def cut(self, plan: object) -> CutAnswer:
        """Begin what a plan says; it has to be read to its end before the next one. Raises our errors."""
        try:
            send(self._channel, Frame.PLAN, plan)
            kind, head = receive(self._channel)
        except (OSError, EOFError) as exc:
            raise self._ended() from exc
        if kind is Frame.FAILURE:
            raise _failure(head)
        assert isinstance(head, Head)
        return CutAnswer(
            self._blocks(),
            head.media_type,
            head.name,
            head.length,
            records=head.records,
            size_bytes=head.size_bytes,
            remarks=head.remarks,
        )

    def close(self) -> None:
        """End the process. Safe to call again."""
        self._closed.set()
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
        self._channel.close()

    def _blocks(self) -> Iterator[bytes]:
        try:
            while True:
                kind, length = receive_header(self._channel)
                if kind is Frame.END:
                    return
                if kind is Frame.FAILURE:
                    raise _failure(receive_object(self._channel, length))
                while length:
                    block = receive_some(self._channel, min(length, _PIECE_BYTES))
                    length -= len(block)
                    yield block
        except (OSError, EOFError) as exc:
            raise self._ended() from exc

    def _ended(self) -> EpnTapError:
        if not self._closed.is_set():
            log.error("a process that made a %s has ended before its time", self._what)
            self.close()
        return ServiceError(f"The process that made this {self._what} has ended unexpectedly; please ask for it again.")


def _failure(content: object) -> EpnTapError:
    assert isinstance(content, EpnTapError)
    return content
