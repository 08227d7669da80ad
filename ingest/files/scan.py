"""Opens archive files and says what is in them: only those that have moved since they were last seen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from epntap.archive.model import ArchiveFile, ScannedFile
from epntap.cdf.facts import index_file
from epntap.errors import UnreadableFileError
from epntap.hints import one_line
from epntap.pieces import in_pieces
from epntap.spread.executor import Executor, growing_batches, spread
from epntap.spread.processes import Processes
from ingest.files.careful import LONGEST_LOOK_S, StumbledError, be_expendable, careful
from ingest.files.shelf import Seen, Shelf

__all__ = [
    "CdfLook",
    "ChecksumLook",
    "Forgetful",
    "Look",
    "Memory",
    "Order",
    "Peek",
    "Reading",
    "Scanner",
    "archive_file",
    "by_path",
    "look_into",
]

#: a process of our own takes half a second to start; so many files are opened sooner than that
FEWEST_FOR_PROCESSES = 48
#: files found that are written down at a time, so that a run that dies does not lose them
REMEMBER_EVERY = 2000
#: files that the memory is asked for at a time
_ASK_AT_ONCE = 5000
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
class Order:
    """One file to look into, and what is known of it."""

    root: str
    path: str
    known: ScannedFile | None
    checksums: bool
    look: Look = CdfLook()
    #: seconds
    longest: float = LONGEST_LOOK_S


class Memory(Protocol):
    """What earlier runs found in files."""

    def known(self, root: str, paths: Sequence[str]) -> Mapping[str, ScannedFile]:
        """Those of these files that were looked into, by path."""
        ...

    def remember(self, files: Sequence[ScannedFile]) -> None:
        """Write down what was found."""
        ...


class Scanner:
    """Looks into files, and remembers.

    `jobs` is the number of processes, by default one for each core; with an `executor` the files are read there and
    not here. A file that takes more than `longest` seconds is refused.
    """

    def __init__(
        self,
        memory: Memory,
        jobs: int | None = None,
        longest: float = LONGEST_LOOK_S,
        executor: Executor | None = None,
    ) -> None:
        self._longest = longest
        self._memory = memory
        self._jobs = jobs or min(MOST_PROCESSES, os.cpu_count() or 1)
        self._executor = executor
        #: what this run has found, by root and path
        self.seen = Seen()
        #: what becomes of it: files of datasets
        self.shelf = Shelf(ArchiveFile)
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
        first = len(self.seen)
        moved = self._moved(root, paths, look, advance, checksums=checksums)
        unwritten: list[ScannedFile] = []
        for one in self._look_into(moved):
            self.seen.put(one)
            unwritten.append(one)
            self.opened += 1
            advance(1)
            if len(unwritten) >= REMEMBER_EVERY:
                self._memory.remember(unwritten)
                unwritten = []
        self._memory.remember(unwritten)
        return self.seen.since(str(root), first)

    def _moved(
        self, root: Path, paths: Iterable[str], look: Look, advance: Callable[[int], None], *, checksums: bool
    ) -> Iterator[Order]:
        """Orders to look into the files that are not as they were; those that are have been seen with that."""
        for some in in_pieces(paths, _ASK_AT_ONCE):
            memory = self._memory.known(str(root), some)
            for path in some:
                known = memory.get(path)
                if known is not None and known.edition != look.edition:
                    known = None
                if known is not None and _is_as_it_was(root / path, known):
                    self.seen.put(known)
                    advance(1)
                else:
                    yield Order(str(root), path, known, checksums, look, self._longest)

    def file(self, root: str, path: str) -> ScannedFile:
        """What this run knows of a file that it has scanned."""
        return self.seen[root, path]

    def note(self, one: ScannedFile) -> None:
        """Remember more of a file."""
        self.seen.note(one)
        self._memory.remember([one])

    def _look_into(self, orders: Iterator[Order]) -> Iterator[ScannedFile]:
        if self._executor is not None:
            yield from _spread(self._executor, orders)
            return
        few = tuple(islice(orders, FEWEST_FOR_PROCESSES))
        if self._jobs == 1 or len(few) < FEWEST_FOR_PROCESSES:
            yield from map(look_into, chain(few, orders))
            return
        with Processes(self._jobs, be_expendable) as processes:
            yield from _spread(processes, chain(few, orders))


def _spread(executor: Executor, orders: Iterable[Order]) -> Iterator[ScannedFile]:
    batches = growing_batches(orders, executor.hands)
    return (found for _, found in spread(executor, look_into, batches, lambda order: _refused(order, _DIED)))


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


class Forgetful:
    """A memory of nothing."""

    def known(self, root: str, paths: Sequence[str]) -> Mapping[str, ScannedFile]:  # noqa: ARG002  # nothing is
        """Nothing."""
        return {}

    def remember(self, files: Sequence[ScannedFile]) -> None:
        """Nothing."""


class Peek(Scanner):
    """Looks into files only when somebody asks what is in them, and remembers nothing: for a preview."""

    def __init__(self) -> None:
        super().__init__(Forgetful(), jobs=1)

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
        return _OnDemand({path: Order(str(root), path, None, checksums=False, look=look) for path in paths})


class _OnDemand(Mapping[str, ScannedFile]):
    def __init__(self, orders: Mapping[str, Order]) -> None:
        self._orders = orders
        self._found: dict[str, ScannedFile] = {}

    def __getitem__(self, path: str) -> ScannedFile:
        if path not in self._found:
            self._found[path] = look_into(self._orders[path])
        return self._found[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._orders)

    def __len__(self) -> int:
        return len(self._orders)


def look_into(order: Order) -> ScannedFile:
    """Open the file, wherever this runs."""
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


def _refused(order: Order, reason: str) -> ScannedFile:
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
