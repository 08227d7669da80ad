"""What the database tells about jobs: one listening thread in each process.

Nobody depends on it alone: a connection that listens can break unseen, so whoever waits also looks now and then.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from epntap.errors import EpnTapError

__all__ = ["Change", "JobWaits", "Listener"]

log = logging.getLogger(__name__)

_LOOK_UP_S = 0.5
_RECONNECT_AFTER_S = 1.0
#: the word in place of a phase when the job is gone
DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """A job has entered a phase, or is gone (DELETED)."""

    job_id: str
    phase: str
    kind: str


class Listener:
    """Calls `heard` for each change, and `missed` when changes may have gone unheard."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        heard: Callable[[Change], None],
        missed: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._heard = heard
        self._missed = missed
        self._stop = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen from now on; in a process that forks, call it after the fork. Safe to call again."""
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-changes", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    connection.execute("LISTEN uws_job")
                    self._missed()
                    while not self._stop.is_set():
                        for notice in connection.notifies(timeout=_LOOK_UP_S):
                            self._heard(Change(*notice.payload.split(" ", 2)))
            except (psycopg.Error, EpnTapError) as exc:
                log.warning("cannot listen for changes of jobs: %s", exc)
                self._stop.wait(_RECONNECT_AFTER_S)


class JobWaits:
    """The waits of a web process for changes of jobs; the listener starts with the first of them."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._waiting: dict[str, list[threading.Event]] = defaultdict(list)
        self._lock = threading.Lock()
        self._listener = Listener(connect, self._heard, self._missed)

    @contextmanager
    def watching(self, job_id: str) -> Iterator[threading.Event]:
        """An event that is set when the job may have changed."""
        self._listener.start()
        event = threading.Event()
        with self._lock:
            self._waiting[job_id].append(event)
        try:
            yield event
        finally:
            with self._lock:
                self._waiting[job_id].remove(event)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]

    def _heard(self, change: Change) -> None:
        with self._lock:
            for event in self._waiting.get(change.job_id, ()):
                event.set()

    def _missed(self) -> None:
        with self._lock:
            for events in self._waiting.values():
                for event in events:
                    event.set()
