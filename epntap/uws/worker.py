"""A worker: takes jobs from the table, runs them, and can be stopped or killed at any moment.

Threads run the jobs; one more listens to the database; the main one minds them: deadlines, signs of life, jobs of
workers that died, jobs past their destruction.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg

from epntap.errors import EpnTapError, QueryTimeoutError, UnavailableError
from epntap.settings import Settings
from epntap.uws.changes import DELETED, Change, Listener
from epntap.uws.kind import JobKind
from epntap.uws.model import Job, JobError, Phase, Progress
from epntap.uws.results import FileSink, Results
from epntap.uws.store import JobStore

__all__ = ["MISSING_BEATS", "Worker"]

log = logging.getLogger(__name__)

#: how often the main thread looks after what runs
_MIND_S = 0.25
#: how often a thread without work looks for some that it was not told of
_LOOK_AGAIN_S = 5.0
#: work that was cancelled and goes on is cancelled again after this
_CANCEL_AGAIN_S = 2.0
#: how long and how often a result waits for a database that is away
_TELL_AGAIN_S = 1.0
_TELL_TIMES = 20
#: signs of life that may be missing before a worker counts as dead
MISSING_BEATS = 4
_EXPIRE_S = 30.0
_PROGRESS_S = 1.0
_ORPHANS_S = 3600.0


class _Reason(StrEnum):
    """Why a job that runs is ended."""

    NOT_OURS = "aborted, deleted, or given to another worker"
    TIME_OVER = "its time is over"
    STOPPING = "the worker stops"


@dataclass(slots=True)
class _Task:
    """A job in progress."""

    job: Job
    sink: FileSink
    deadline: float
    #: as it was told to the database
    told: Progress | None = None
    reason: _Reason | None = None
    cancelled_at: float = 0.0

    def cancel(self, reason: _Reason) -> None:
        self.reason = self.reason or reason
        self.cancelled_at = time.monotonic()
        self.sink.cancel()


@dataclass(slots=True)
class Worker:
    """Runs the jobs of its kinds, several at once."""

    settings: Settings
    store: JobStore
    results: Results
    #: opens a connection in the service role, for listening
    connect: Callable[[], psycopg.Connection[Any]]
    kinds: Mapping[str, JobKind]
    #: what it does beside jobs, by kind, from its start until the event: each in a thread of its own
    beside: Mapping[str, Callable[[threading.Event], None]] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}")
    _tasks: dict[str, _Task] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _work: threading.Condition = field(default_factory=threading.Condition)
    _hints: int = 0
    #: how many jobs of each kind run, and the lock of whoever takes another
    _busy: Counter[str] = field(default_factory=Counter)
    _claiming: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, parent: int | None = None) -> None:
        """Work until `stop`, or until the parent process is gone; jobs in progress go back into the queue."""
        listener = Listener(self.connect, self._heard, self._missed)
        threads = [
            threading.Thread(target=self._take_jobs, name=f"job-{n}", daemon=True)
            for n in range(self.settings.worker_jobs)
        ]
        threads += [
            threading.Thread(target=self._take_jobs_aside, args=(kind,), name=f"job-{kind}", daemon=True)
            for kind in sorted(kind.name for kind in self.kinds.values() if kind.aside)
        ]
        threads += [
            threading.Thread(target=run, args=(self._stopping,), name=f"beside-{kind}", daemon=True)
            for kind, run in self.beside.items()
        ]
        listener.start()
        for thread in threads:
            thread.start()
        log.info("worker started", extra={"worker": self.name, "kinds": self._kinds, "jobs": len(threads)})
        self._mind(parent)
        for task in self._running():
            task.cancel(_Reason.STOPPING)
        for thread in threads:
            thread.join(_CANCEL_AGAIN_S)
        listener.stop()
        with suppress(EpnTapError):
            self.store.gone(self.name)
        log.info("worker stopped", extra={"worker": self.name})

    def stop(self) -> None:
        """Make `run` return soon. May be called from a signal handler."""
        self._stopping.set()

    @property
    def _kinds(self) -> list[str]:
        return sorted({*self.kinds, *self.beside})

    # the threads that run jobs --------------------------------------------

    def _take_jobs(self) -> None:
        self._take(self._claim, self._wait_for_work)

    def _take_jobs_aside(self, kind: str) -> None:
        self._take(lambda: self._claim_aside(kind), lambda: self._stopping.wait(_LOOK_AGAIN_S))

    def _take(self, claim: Callable[[], Job | None], wait: Callable[[], object]) -> None:
        while not self._stopping.is_set():
            try:
                job = claim()
                if job is None:
                    wait()
                    continue
                try:
                    self._run_job(job)
                finally:
                    with self._claiming:
                        self._busy[job.kind] -= 1
            except EpnTapError as exc:
                log.warning("cannot take a job: %s", exc)
                self._stopping.wait(_TELL_AGAIN_S)
            except Exception:
                # the thread must outlive it; a job that is left behind is missed by its heartbeat and run again
                log.exception("a job has upset its worker")
                self._stopping.wait(_TELL_AGAIN_S)

    def _claim(self) -> Job | None:
        """The next job, but none of a kind that lasts when this is the last thread that such jobs have left."""
        most = max(1, self.settings.worker_jobs - 1)
        with self._claiming:
            kinds = [
                kind.name
                for kind in self.kinds.values()
                if not kind.aside and (not kind.lasts or self._busy[kind.name] < most)
            ]
            job = self.store.claim(kinds, self.name)
            if job is not None:
                self._busy[job.kind] += 1
            return job

    def _claim_aside(self, kind: str) -> Job | None:
        job = self.store.claim([kind], self.name)
        if job is not None:
            with self._claiming:
                self._busy[kind] += 1
        return job

    def _wait_for_work(self) -> None:
        with self._work:
            self._work.wait_for(lambda: self._hints or self._stopping.is_set(), _LOOK_AGAIN_S)
            self._hints = max(0, self._hints - 1)

    def _run_job(self, job: Job) -> None:
        started = time.monotonic()
        try:
            sink = self.results.sink(job)
        except EpnTapError as exc:
            error = _error(exc, job)
            self._tell(job, lambda: self.store.fail(job, self.name, error))
            return
        task = _Task(job, sink, started + job.execution_duration_s)
        with self._lock:
            self._tasks[job.job_id] = task
        try:
            kept = self._run_task(task)
            if not kept:
                sink.discard()
        finally:
            with self._lock:
                del self._tasks[job.job_id]
        entry = {"job": job.job_id, "kind": job.kind, "seconds": round(time.monotonic() - started, 4)}
        log.info("job", extra={**entry, "ending": task.reason or ("done" if kept else "error")})

    def _run_task(self, task: _Task) -> bool:
        """Run it and tell the database; False when there is no result to keep."""
        job = task.job
        try:
            self.kinds[job.kind].run(job, task.sink)
            results = task.sink.keep()
        except Exception as exc:  # noqa: BLE001  # whatever goes wrong in a job must not end the worker
            tell = self._failure(task, exc)
            self._tell(job, tell)
            return False
        return self._tell(job, lambda: self.store.complete(job, self.name, results))

    def _failure(self, task: _Task, exc: Exception) -> Callable[[], bool]:
        """What tells the database how a job has ended that has no result."""
        job = task.job
        match task.reason:
            case _Reason.NOT_OURS:
                return lambda: False
            case _Reason.STOPPING:
                return lambda: self.store.give_back(job, self.name)
            case _Reason.TIME_OVER:
                sentence = f"The job was ended after its executionduration of {job.execution_duration_s} seconds."
                return lambda: self.store.fail(job, self.name, JobError(sentence), Phase.ABORTED)
            case None:
                error = _error(exc, job)
                return lambda: self.store.fail(job, self.name, error)

    def _tell(self, job: Job, tell: Callable[[], bool]) -> bool:
        # The only retry: what took hours to compute must not be lost because the database restarts.
        for _ in range(_TELL_TIMES):
            try:
                return tell()
            except UnavailableError as exc:
                log.warning("cannot tell the end of a job yet: %s", exc, extra={"job": job.job_id})
                self._stopping.wait(_TELL_AGAIN_S)
        return False

    # what the database tells ----------------------------------------------

    def _heard(self, change: Change) -> None:
        if change.phase == Phase.QUEUED:
            kind = self.kinds.get(change.kind)
            if kind is not None and not kind.aside:
                self._hint(1)
        elif change.phase in {Phase.ABORTED, DELETED}:
            with self._lock:
                task = self._tasks.get(change.job_id)
            if task is not None:
                task.cancel(_Reason.NOT_OURS)

    def _missed(self) -> None:
        self._hint(self.settings.worker_jobs)

    def _hint(self, count: int) -> None:
        with self._work:
            self._hints = min(self._hints + count, self.settings.worker_jobs)
            self._work.notify(count)

    # the main thread ------------------------------------------------------

    def _mind(self, parent: int | None) -> None:
        beat_s = self.settings.job_heartbeat_s
        duties = {
            self._beat: beat_s,
            self._recover: beat_s,
            self._tell_progress: _PROGRESS_S,
            self._expire: min(_EXPIRE_S, beat_s * 6),
            self._remove_orphans: _ORPHANS_S,
        }
        due = dict.fromkeys(duties, 0.0)
        while not self._stopping.wait(_MIND_S):
            if parent is not None and os.getppid() != parent:
                self.stop()
            self._end_late_tasks()
            now = time.monotonic()
            for duty, interval_s in duties.items():
                if now >= due[duty]:
                    due[duty] = now + interval_s
                    try:
                        duty()
                    except (EpnTapError, OSError) as exc:
                        log.warning("a duty of the worker has to wait: %s", exc)
        with self._work:
            self._work.notify_all()

    def _end_late_tasks(self) -> None:
        now = time.monotonic()
        for task in self._running():
            if task.reason is None:
                if now > task.deadline:
                    task.cancel(_Reason.TIME_OVER)
            elif now > task.cancelled_at + _CANCEL_AGAIN_S:
                task.cancel(task.reason)

    def _beat(self) -> None:
        self.store.present(self.name, self._kinds, self.settings.worker_jobs)
        tasks = {task.job.job_id: task for task in self._running()}
        if not tasks:
            return
        ours = {job.job_id: job for job in self.store.beat(self.name, tasks)}
        now = time.monotonic()
        for job_id, task in tasks.items():
            job = ours.get(job_id)
            if job is None:
                if task.reason is None and self._is_running(task):
                    task.cancel(_Reason.NOT_OURS)
            elif job.execution_duration_s != task.job.execution_duration_s:
                task.deadline += job.execution_duration_s - task.job.execution_duration_s
                task.job = job
                log.info("job has another limit", extra={"job": job_id, "left": round(task.deadline - now)})

    def _tell_progress(self) -> None:
        for task in self._running():
            progress = task.sink.progress
            if progress is not None and progress is not task.told:
                self.store.tell_progress(task.job, self.name, progress)
                task.told = progress

    def _recover(self) -> None:
        for job in self.store.recover(self.settings.job_heartbeat_s * MISSING_BEATS):
            log.warning("a worker died with a job, which is now %s", job.phase, extra={"job": job.job_id})

    def _expire(self) -> None:
        while jobs := self.store.expired():
            # files first: a worker that dies in between leaves a row, and the next one comes back to it
            for job in jobs:
                self.results.remove(job)
            self.store.expire(jobs)
            log.info("jobs expired", extra={"jobs": len(jobs)})

    def _remove_orphans(self) -> None:
        if count := self.results.remove_orphans(self.store.known):
            log.info("result files of no job removed", extra={"files": count})

    def _running(self) -> list[_Task]:
        with self._lock:
            return list(self._tasks.values())

    def _is_running(self, task: _Task) -> bool:
        with self._lock:
            return self._tasks.get(task.job.job_id) is task


def _error(exc: Exception, job: Job) -> JobError:
    if isinstance(exc, EpnTapError):
        return JobError(" ".join(exc.message.split()), isinstance(exc, (UnavailableError, QueryTimeoutError)))
    log.error("a job failed", exc_info=exc, extra={"job": job.job_id})
    return JobError(f"The service failed on this job; the operators find the reason in the log under {job.job_id}.")
