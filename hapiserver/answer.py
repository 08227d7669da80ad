"""The story of /data: what is asked for is found, bounded and admitted, and its records become an answer."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from socket import socket
from typing import Any

from cutouts.files import check_files
from cutouts.formats.base import software_version
from cutouts.interval import Interval
from cutouts.plan import version_of
from cutouts.windows import Window, windows
from epntap.access import may_now, rights_of
from epntap.answer.admission import Slots
from epntap.answer.blocks import Blocks, Version
from epntap.answer.endings import ClientGoneError
from epntap.answer.watch import Watch, Watcher
from epntap.archive.files import files_overlapping
from epntap.archive.locate import LocatedGranule
from epntap.archive.model import ArchiveFile, Dataset
from epntap.connection import Connection
from epntap.errors import UnavailableError
from hapiserver.formats import MEDIA_TYPES, body
from hapiserver.info import Terms, info
from hapiserver.params import DataRequest
from hapiserver.records import Block, read_records
from hapiserver.status import NO_DATA, OK, HapiError, status_of

__all__ = ["DataPlan", "RecordAnswer", "Records"]

_BUSY_S = 5


class RecordAnswer(Blocks):
    """The bytes of one answer, and the code that it has."""

    def __init__(self, blocks: Iterator[bytes], media_type: str, code: int, version: Version) -> None:
        super().__init__(blocks, media_type, version=version)
        self.code = code
        self.compressible = True
        self.has_place = True


@dataclass(frozen=True, slots=True)
class DataPlan:
    """A request with the files that its records are in."""

    request: DataRequest
    files: tuple[ArchiveFile, ...]

    @property
    def version(self) -> Version:
        """What tells the answer from others, and from the same one of other files."""
        request = self.request
        wanted = (request.dataset.held, request.parameters, request.start, request.stop, request.with_header)
        return version_of(self.files, wanted, request.format, software_version())


@dataclass(frozen=True, slots=True)
class Records:
    """Answers with records; so many at once that what is short still finds a thread."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    watcher: Watcher
    places: Slots
    terms: Terms

    def plan(self, request: DataRequest) -> DataPlan:
        """Find the files. Raises HapiError when there is too much in them."""
        held = request.dataset.held
        with self.connect() as connection:
            files = tuple(
                file
                for file in files_overlapping(connection, held.schema, held.dataset_id, request.start, request.stop)
                if may_now(request.caller, rights_of(held.access_rights, file.embargoed_until))
            )
        record = sum(one.record_bytes for one in request.parameters)
        if _estimated_records(request, files) * record > self.terms.most_bytes:
            raise HapiError(1408, f"one answer holds about {self.terms.most_bytes:,} bytes of values at most")
        return DataPlan(request, files)

    def answer(self, plan: DataPlan, client: socket | None) -> RecordAnswer:
        """Begin the answer and make its first block, so that what fails early fails with a proper error.

        It must be closed by its receiver; it ends when the client leaves. Raises our errors.
        """
        request = plan.request
        with ExitStack() as stack:
            if not self.places.acquire():
                raise UnavailableError("Too many answers are being made; please try again in a few seconds.", _BUSY_S)
            stack.callback(self.places.release)
            left = threading.Event()
            watch = Watch(math.inf, lambda _ending: left.set(), client)
            self.watcher.add(watch)
            stack.callback(self.watcher.remove, watch)
            blocks = self._blocks(plan, left)
            stack.callback(blocks.close)
            first = list(itertools.islice(blocks, 1))
            code = OK if first else NO_DATA
            made = body(request.format, request.parameters, itertools.chain(first, blocks), self._head(request, code))
            answer = RecordAnswer(made, MEDIA_TYPES[request.format], code, plan.version)
            answer.watch = watch
            answer.on_close(stack.pop_all().close)
            return answer

    def _blocks(self, plan: DataPlan, left: threading.Event) -> Generator[Block]:
        request = plan.request
        held = request.dataset.held
        owner = Dataset(held.dataset_id, held.title, access_rights=held.access_rights)

        def check(files: Sequence[ArchiveFile]) -> None:
            granule = LocatedGranule(held.schema, held.public_id, owner, request.start, request.stop, tuple(files))
            check_files(granule, files)

        pieces = windows(plan.files, Interval(request.start, request.stop))
        for block in read_records(request.dataset, request.parameters, _until(left, pieces), check):
            yield block
            if left.is_set():
                raise ClientGoneError

    def _head(self, request: DataRequest, code: int) -> dict[str, Any] | None:
        if not request.with_header and request.format != "json":
            return None
        said = info(request.dataset, self.terms, request.parameters)
        return {**status_of(code), **said, "format": request.format}


def _until(left: threading.Event, pieces: Iterator[Window]) -> Iterator[Window]:
    for piece in pieces:
        if left.is_set():
            raise ClientGoneError
        yield piece


def _estimated_records(request: DataRequest, files: Sequence[ArchiveFile]) -> int:
    """About so many: of a file that reaches out of the interval the same share as of its time."""
    records, covered = 0.0, 0
    for file in files:
        if file.tt2000_min is None or file.tt2000_max is None:
            continue
        span = file.tt2000_max + 1 - file.tt2000_min
        inside = max(min(file.tt2000_max + 1, request.stop) - max(file.tt2000_min, request.start), 0)
        records += file.records * inside / span
        covered += inside
    cadence = request.dataset.held.series.cadence_ns
    # files count the records of their longest axis, which may be another one
    return int(min(records, 4 * covered / cadence + 1) if cadence else records)
