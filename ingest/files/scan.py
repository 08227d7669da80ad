"""Opens archive files and says what is in them: only those that have moved since they were last seen."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Protocol

from epntap.archive.model import ArchiveFile, ScannedFile
from epntap.cdf.facts import index_file
from epntap.errors import UnreadableFileError
from epntap.hints import one_line
from ingest.files.careful import LONGEST_LOOK_S, StumbledError, be_expendable, careful

__all__ = ["CdfLook", "ChecksumLook", "Look", "Peek", "Reading", "Scanner", "archive_file", "by_path"]

#: a process of our own takes half a second to start; so many files are opened sooner than that
FEWEST_FOR_PROCESSES = 48
#: files that go to a process at a time: few where there are few, so that all processes have some, and more where there
#: are many, because on a busy machine each hand-over waits for its turn; and how many batches wait for each process
BATCH = 8
LARGEST_BATCH = 64
_BATCHES_EACH = 50
BATCHES_IN_FLIGHT = 3
#: files found that are written down at a time, so that a run that dies does not lose them
REMEMBER_EVERY = 2000
MOST_PROCESSES = 8

_DIED = "reading it ends the process that reads: by a crash, for want of memory or because it takes too long"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a file."""

    #: text to be kept, as the look wants it
    description: str | None = None
    logical_source: str = ""
    tt2000_min: int | None = None
    tt2000_max: int | None = None
    records: int = 0
    fill_epochs: int = 0
    #: time axes and what is measured along them (FileFacts.layout)
    layout: str = ""
    #: UTC days with records; "" for all from the first to the last (ArchiveFile.days)
    days: str = ""


class Look(Protocol):
    """A way to look into files; it travels to other processes."""

    @property
    def edition(self) -> str:
        """Another text when it might find something else in the same file; "" if it is always the same."""
        ...

    def __call__(self, path: Path, relative: str, /) -> Reading:
        """What is in the file. Raises UnreadableFileError when the file cannot be used at all."""
        ...


@dataclass(frozen=True, slots=True)
class CdfLook:
    """Looks into the header and the time axes of a CDF file."""

    edition: str = "days"

    def __call__(self, path: Path, _relative: str, /) -> Reading:
        """What the file index needs."""
        facts = index_file(path)
        return Reading(
            # a name of datasets, which lists and addresses hold
            logical_source=one_line(facts.attributes.get("Logical_source", "")),
            tt2000_min=facts.tt2000_min,
            tt2000_max=facts.tt2000_max,
            records=facts.records,
            fill_epochs=facts.fill_epochs,
            layout=facts.layout,
            days=str(facts.days) if len(facts.days.runs) > 1 else "",
        )


@dataclass(frozen=True, slots=True)
class ChecksumLook:
    """Finds nothing: only whether the content is as it was matters."""

    edition: str = ""

    def __call__(self, _path: Path, _relative: str, /) -> Reading:
        """Nothing."""
        return Reading()


@dataclass(frozen=True, slots=True)
class _Order:
    """One file to look into, and what is known of it."""

    root: str
    path: str
    known: ScannedFile | None
    checksums: bool
    look: Look = CdfLook()
    #: seconds
    longest: float = LONGEST_LOOK_S


class Scanner:
    """Looks into files, and remembers.

    `memory` holds what earlier runs found, by root and path; `remember` writes down what this one finds. `jobs` is
    the number of processes, by default one for each core. A file that takes more than `longest` seconds is refused.
    """

    def __init__(
        self,
        memory: Mapping[tuple[str, str], ScannedFile],
        remember: Callable[[Sequence[ScannedFile]], None],
        jobs: int | None = None,
        longest: float = LONGEST_LOOK_S,
    ) -> None:
        self._longest = longest
        self._memory = memory
        self._remember = remember
        self._jobs = jobs or min(MOST_PROCESSES, os.cpu_count() or 1)
        self._seen: dict[tuple[str, str], ScannedFile] = {}
        #: how many files were opened
        self.opened = 0

    def scan(
        self,
        root: Path,
        paths: Iterable[str],
        *,
        look: Look = CdfLook(),
        checksums: bool = True,
        advance: Callable[[int], None],
    ) -> Mapping[str, ScannedFile]:
        """What is in each of these files; a file that cannot be read says why.

        A file with the size and time that it had is not opened, and one with the same content only to find that out,
        unless it was looked into by another edition of the look.
        """
        found: dict[str, ScannedFile] = {}
        orders: list[_Order] = []
        for path in paths:
            known = self._memory.get((str(root), path))
            if known is not None and known.edition != look.edition:
                known = None
            if known is not None and _is_as_it_was(root / path, known):
                found[path] = self._seen[str(root), path] = known
                advance(1)
            else:
                orders.append(_Order(str(root), path, known, checksums, look, self._longest))
        unwritten: list[ScannedFile] = []
        for one in self._look_into(orders):
            found[one.path] = self._seen[one.root, one.path] = one
            unwritten.append(one)
            advance(1)
            if len(unwritten) >= REMEMBER_EVERY:
                self._remember(unwritten)
                unwritten = []
        self._remember(unwritten)
        self.opened += len(orders)
        return found

    @property
    def seen(self) -> Mapping[tuple[str, str], ScannedFile]:
        """All files that this run has scanned, by root and path."""
        return self._seen

    def file(self, root: str, path: str) -> ScannedFile:
        """What this run knows of a file that it has scanned."""
        return self._seen[root, path]

    def note(self, one: ScannedFile) -> None:
        """Remember more of a file."""
        self._seen[one.root, one.path] = one
        self._remember([one])

    def forgotten(self) -> list[tuple[str, str]]:
        """Root and path of files that earlier runs knew and this one has not asked for."""
        return [key for key in self._memory if key not in self._seen]

    def _look_into(self, orders: Sequence[_Order]) -> Iterator[ScannedFile]:
        if self._jobs == 1 or len(orders) < FEWEST_FOR_PROCESSES:
            yield from map(_look_into, orders)
            return
        batch = max(BATCH, min(LARGEST_BATCH, len(orders) // (self._jobs * _BATCHES_EACH)))
        while orders:
            undone = _Undone()
            yield from _in_processes(orders, self._jobs, batch, undone)
            yield from _one_by_one(undone.in_hand)
            orders = undone.waiting


def archive_file(scanned: ScannedFile, dataset_id: str, version: str = "", granule_uid: str = "") -> ArchiveFile:
    """The file as the index has it, as a part of a dataset."""
    return ArchiveFile(
        dataset_id=dataset_id,
        root=scanned.root,
        path=scanned.path,
        size_bytes=scanned.size_bytes,
        mtime_ns=scanned.mtime_ns,
        tt2000_min=scanned.tt2000_min,
        tt2000_max=scanned.tt2000_max,
        records=scanned.records,
        fill_epochs=scanned.fill_epochs,
        version=version,
        granule_uid=granule_uid,
        sha256=scanned.sha256,
        layout=scanned.layout,
        days=scanned.days,
    )


def by_path(scanned: Mapping[str, ScannedFile]) -> Iterator[ScannedFile]:
    """What was found, in the order of the paths: processes hand it over in any order."""
    return (scanned[path] for path in sorted(scanned))


class Peek(Scanner):
    """Looks into files only when somebody asks what is in them, and remembers nothing: for a preview."""

    def __init__(self) -> None:
        super().__init__({}, lambda _files: None, jobs=1)

    def scan(
        self,
        root: Path,
        paths: Iterable[str],
        *,
        look: Look = CdfLook(),
        checksums: bool = True,  # noqa: ARG002  # there is nothing to compare with
        advance: Callable[[int], None],  # noqa: ARG002  # nobody knows how many files will be asked for
    ) -> Mapping[str, ScannedFile]:
        """What is in each of these files, once it is asked for."""
        return _OnDemand({path: _Order(str(root), path, None, checksums=False, look=look) for path in paths})


class _OnDemand(Mapping[str, ScannedFile]):
    def __init__(self, orders: Mapping[str, _Order]) -> None:
        self._orders = orders
        self._found: dict[str, ScannedFile] = {}

    def __getitem__(self, path: str) -> ScannedFile:
        if path not in self._found:
            self._found[path] = _look_into(self._orders[path])
        return self._found[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._orders)

    def __len__(self) -> int:
        return len(self._orders)


@dataclass(slots=True)
class _Undone:
    """What a pool of processes leaves undone when one of them dies."""

    #: those that were with the processes: one of them is the cause
    in_hand: Sequence[_Order] = ()
    waiting: Sequence[_Order] = ()


def _one_by_one(orders: Sequence[_Order]) -> Iterator[ScannedFile]:
    """Results of files of which some end the process that reads: each is known by being alone."""
    while orders:
        undone = _Undone()
        yield from _in_processes(orders, 1, 1, undone)
        if undone.in_hand:
            yield _refused(undone.in_hand[0], _DIED)
        orders = [*undone.in_hand[1:], *undone.waiting]


def _in_processes(orders: Sequence[_Order], jobs: int, batch: int, undone: _Undone) -> Iterator[ScannedFile]:
    """Results as they come; a broken pool leaves the rest in `undone`."""
    batches = iter([tuple(orders[first : first + batch]) for first in range(0, len(orders), batch)])
    waiting: dict[Future[list[ScannedFile]], tuple[_Order, ...]] = {}
    # spawn: a fork would share the database connection of the parent
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_process) as pool:
        in_hand: tuple[_Order, ...] = ()
        results: list[ScannedFile] = []
        try:
            for in_hand in islice(batches, jobs * BATCHES_IN_FLIGHT if jobs > 1 else 1):
                waiting[pool.submit(_look_into_all, in_hand)] = in_hand
            while waiting:
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    in_hand = waiting[done]
                    results = done.result()
                    del waiting[done]
                    for in_hand in islice(batches, 1):
                        waiting[pool.submit(_look_into_all, in_hand)] = in_hand
                    yield from results
                    results = []
        except BrokenProcessPool:
            yield from results
            left = dict.fromkeys((*in_hand, *(order for some in waiting.values() for order in some)))
            undone.in_hand = tuple(left)
            undone.waiting = tuple(order for some in batches for order in some)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start_process() -> None:
    """Be a process for one file after the other, and leave when the parent was killed: no batch would ever come."""
    be_expendable()

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            wait_for([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _look_into_all(orders: Sequence[_Order]) -> list[ScannedFile]:
    return [_look_into(order) for order in orders]


def _look_into(order: _Order) -> ScannedFile:
    path = Path(order.root) / order.path
    try:
        status = path.stat()
        checksum = _sha256(path) if order.checksums else ""
    except OSError as exc:
        return _refused(order, f"{path.name} cannot be opened: {(exc.strerror or type(exc).__name__).lower()}")
    size, mtime = status.st_size, status.st_mtime_ns
    known = order.known
    if known is not None and checksum and (known.size_bytes, known.sha256) == (size, checksum):
        return replace(known, mtime_ns=mtime)
    try:
        with careful(path.name, order.longest):
            reading = order.look(path, order.path)
    except StumbledError as exc:
        return _refused(order, str(exc))
    except UnreadableFileError as exc:
        return ScannedFile(order.root, order.path, size, mtime, checksum, refusal=str(exc), edition=order.look.edition)
    return ScannedFile(
        root=order.root,
        path=order.path,
        size_bytes=size,
        mtime_ns=mtime,
        sha256=checksum,
        logical_source=reading.logical_source,
        tt2000_min=reading.tt2000_min,
        tt2000_max=reading.tt2000_max,
        records=reading.records,
        fill_epochs=reading.fill_epochs,
        description=reading.description,
        edition=order.look.edition,
        layout=reading.layout,
        days=reading.days,
    )


def _refused(order: _Order, reason: str) -> ScannedFile:
    """A file that is left out in this run; whatever its size and time are, it will be looked at again."""
    return ScannedFile(order.root, order.path, -1, -1, refusal=reason, edition=order.look.edition)


def _is_as_it_was(path: Path, known: ScannedFile) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (known.size_bytes, known.mtime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
