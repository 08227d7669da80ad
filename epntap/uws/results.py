"""Files of jobs: what was posted with them, and their results.

Results are written under a temporary name and kept by renaming; all are found by the name of the job only.

All web processes and all workers must see the same folder.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from epntap.answer.blocks import Blocks, Version, file_blocks
from epntap.errors import ServiceError
from epntap.uws.model import Job, JobCancelledError, JobResult, Part, Progress, ResultError, is_job_id

__all__ = ["FileSink", "Results"]

log = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNFINISHED = ".part"
_COPY_BYTES = 1024 * 1024
#: files that belong to no job are left alone for so long: their job may just be ending
_ORPHAN_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Results:
    """The files below one folder, which holds nothing else."""

    folder: Path

    def path(self, job: Job, number: int = 0) -> Path:
        """Where a result of this attempt of the job is, or will be."""
        # The attempt is part of the name: a worker that was given up cannot replace what its successor has written.
        return _numbered(self.folder / job.job_id[:2] / f"{job.job_id}.{job.attempt}", number)

    def sink(self, job: Job) -> FileSink:
        """Where a running job writes. Raises ResultError when the folder cannot be written."""
        return FileSink(self.path(job))

    def open(self, job: Job, number: int = 0) -> BinaryIO:
        """A result of a COMPLETED job, to be closed by the caller. Raises ServiceError when the file is gone."""
        try:
            return self.path(job, number).open("rb")
        except OSError as exc:
            log.exception("result of a completed job cannot be read", extra={"job": job.job_id})
            raise ServiceError(
                "The result of this job cannot be read at the moment; please try again later, or run the job again."
            ) from exc

    def blocks(self, job: Job, number: int = 0) -> Blocks:
        """A result of a COMPLETED job as an answer. Raises ServiceError when the file is gone."""
        result = job.results[number]
        answer = _file_answer(self.open(job, number), job, result.media_type, result.name, result.size_bytes)
        answer.content_encoding = result.encoding
        answer.file_name = result.file_name or f"result.{result.extension}"
        return answer

    def part_blocks(self, job: Job, part: Part) -> Blocks:
        """A file that was posted with a job as an answer. Raises ServiceError when it is gone."""
        # whatever it is, no browser is to show it as a page of ours
        answer = _file_answer(self.open_part(job, part), job, "application/octet-stream", part.file, part.size_bytes)
        answer.file_name = part.name
        return answer

    def keep_part(self, job_id: str, name: str, file: BinaryIO) -> Part:
        """Keep a file that is posted with a job. Raises ResultError."""
        part = Part(name, f"posted-{secrets.token_hex(4)}", 0)
        path = self._part_path(job_id, part)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file.seek(0)
            with path.open("wb") as kept:
                shutil.copyfileobj(file, kept, _COPY_BYTES)
                return replace(part, size_bytes=kept.tell())
        except OSError as exc:
            self.remove_part(job_id, part)
            raise _failure(exc) from exc

    def open_part(self, job: Job, part: Part) -> BinaryIO:
        """A file that was posted with a job, to be closed by the caller. Raises ServiceError when it is gone."""
        try:
            return self._part_path(job.job_id, part).open("rb")
        except OSError as exc:
            log.exception("a file that was posted with a job cannot be read", extra={"job": job.job_id})
            raise ServiceError(
                f"The upload {part.name[:40]} of this job cannot be read at the moment; please try again later."
            ) from exc

    def remove_part(self, job_id: str, part: Part) -> None:
        """Remove a file that was posted, whose job does not take it."""
        with suppress(OSError):
            self._part_path(job_id, part).unlink(missing_ok=True)

    def _part_path(self, job_id: str, part: Part) -> Path:
        return self.folder / job_id[:2] / f"{job_id}.{part.file}"

    def remove(self, job: Job) -> None:
        """Remove what was posted with a job and what the attempts at it have left."""
        for path in self.path(job).parent.glob(f"{job.job_id}.*"):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def remove_orphans(self, known: Callable[[Iterable[str]], set[str]]) -> int:
        """Remove old files of jobs that do not exist any more, left by workers that died; how many."""
        removed = 0
        for folder in self._folders():
            old = {path: path.name.partition(".")[0] for path in folder.iterdir() if _is_old(path)}
            existing = known(old.values()) if old else set()
            for path, job_id in old.items():
                if is_job_id(job_id) and job_id not in existing:
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _folders(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in self.folder.iterdir() if path.is_dir())


def _file_answer(file: BinaryIO, job: Job, media_type: str, name: str, size: int) -> Blocks:
    changed = None if job.ended is None else job.ended.astimezone(UTC).replace(tzinfo=None)
    version = Version(f"{job.job_id}-{job.attempt}-{name}-{size}", changed)
    return file_blocks(file, media_type, length=size, version=version)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ORPHAN_AFTER_S
    except OSError:
        return False


class FileSink:
    """The results of one attempt at a job. End it with `keep` or `discard`; `cancel` may come from another thread."""

    def __init__(self, path: Path) -> None:
        #: how far the job has come, when it says so
        self.progress: Progress | None = None
        self._path = path
        self._finished: list[JobResult] = []
        self._current = JobResult("application/octet-stream", "dat", 0)
        self._has_begun = False
        self._cancel: Callable[[], None] | None = None
        self._cancelled = threading.Event()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise _failure(exc) from exc
        self._file = self._open()

    def describe(self, media_type: str, extension: str, encoding: str | None = None) -> None:
        """Say what will be written, and its Content-Encoding if it has one."""
        self._current = JobResult(media_type, extension, 0, encoding)

    def count(self, rows: int, *, is_cut: bool) -> None:
        """Say how many rows were written, and whether there were more."""
        self._current = replace(self._current, rows=rows, is_cut=is_cut)

    def begin(self, name: str, media_type: str, extension: str, *, file_name: str | None = None) -> None:
        """Begin the next of several results; what was written before is complete. Raises ResultError."""
        if self._has_begun:
            self._finish()
            self._file = self._open()
        self._has_begun = True
        self._current = JobResult(media_type, extension, 0, name=name, file_name=file_name)

    def rewind(self) -> None:
        """Forget the current result; `begin` begins another in its place. Raises ResultError."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as exc:
            raise _failure(exc) from exc
        self._has_begun = False

    def report(self, done: int, total: int, doing: str = "") -> None:
        """Say how far the job has come."""
        self.progress = Progress(done, total, doing)

    def write(self, block: bytes) -> int:
        """Take the next bytes. Raises JobCancelledError when nobody wants them now, ResultError for a full disk."""
        if self._cancelled.is_set():
            raise JobCancelledError
        try:
            return self._file.write(block)
        except OSError as exc:
            raise _failure(exc) from exc

    def on_cancel(self, cancel: Callable[[], None]) -> None:
        """Register what ends the work at once; called here when that is wished already."""
        self._cancel = cancel
        if self._cancelled.is_set():
            cancel()

    def cancel(self) -> None:
        """End the work. Safe to call again: work that was just beginning may have missed the first call."""
        self._cancelled.set()
        if self._cancel is not None:
            self._cancel()

    def keep(self) -> tuple[JobResult, ...]:
        """Make the files the results, safe against a loss of power. Raises ResultError."""
        self._finish()
        try:
            for number in range(len(self._finished)):
                self._unfinished(number).rename(_numbered(self._path, number))
            _sync_folder(self._path.parent)
        except OSError as exc:
            raise _failure(exc) from exc
        return tuple(self._finished)

    def discard(self) -> None:
        """Remove the files, finished or not."""
        with suppress(OSError):  # a full disk complains again when what is buffered is written
            self._file.close()
        for number in range(len(self._finished) + 1):
            for path in (self._unfinished(number), _numbered(self._path, number)):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _unfinished(self, number: int) -> Path:
        path = _numbered(self._path, number)
        return path.with_name(path.name + _UNFINISHED)

    def _open(self) -> BinaryIO:
        try:
            return self._unfinished(len(self._finished)).open("wb")
        except OSError as exc:
            raise _failure(exc) from exc

    def _finish(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            size = self._file.tell()
            self._file.close()
        except OSError as exc:
            raise _failure(exc) from exc
        self._finished.append(replace(self._current, size_bytes=size))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failure(exc: OSError) -> ResultError:
    log.error("a result cannot be written: %s", exc)
    if exc.errno in _FULL:
        return ResultError(
            "There is not enough room for this result on the server; ask for fewer rows or columns, or try again later."
        )
    return ResultError("The server cannot write results at the moment; its operators find the reason in the log.")
