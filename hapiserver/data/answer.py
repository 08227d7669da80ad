"""The story of /data: what is asked for is found, bounded and admitted, and its records become an answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from socket import socket
from typing import Any

from cutouts.files import check_files_of
from cutouts.formats.base import software_version
from cutouts.plan import version_of
from cutouts.windows import reaching, windows
from epntap.answer.admission import Slots
from epntap.answer.begun import Begun, begin
from epntap.answer.blocks import Blocks, Version
from epntap.answer.watch import Watcher
from epntap.archive.holdings import estimated_records, files_for
from epntap.archive.model import ArchiveFile
from epntap.connection import Connection
from hapiserver.data.formats import MEDIA_TYPES, body
from hapiserver.data.records import Block, hapi_records
from hapiserver.info import Terms, info
from hapiserver.params import DataRequest
from hapiserver.status import NO_DATA, OK, HapiError, status_of

__all__ = ["DataPlan", "RecordAnswer", "Records"]


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
        wanted = (request.dataset.held, request.parameters, request.interval, request.with_header)
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
        held, interval = request.dataset.held, request.interval
        start, stop = interval.start_tt2000, interval.stop_tt2000
        with self.connect() as connection:
            files = reaching(files_for(connection, held, start, stop, request.caller), interval)
        record = sum(one.record_bytes for one in request.parameters)
        if estimated_records(held, files, start, stop, interval.pieces) * record > self.terms.most_bytes:
            raise HapiError(1408, f"one answer holds about {self.terms.most_bytes:,} bytes of values at most")
        return DataPlan(request, files)

    def answer(self, plan: DataPlan, client: socket | None) -> RecordAnswer:
        """Begin the answer and make its first block, so that what fails early fails with a proper error.

        It must be closed by its receiver; it ends when the client leaves. Raises our errors.
        """
        request = plan.request
        with ExitStack() as stack:
            begun = begin(stack, self.places, self.watcher, client)
            blocks = self._blocks(plan, begun)
            stack.callback(blocks.close)
            first = list(itertools.islice(blocks, 1))
            code = OK if first else NO_DATA
            made = body(request.format, request.parameters, itertools.chain(first, blocks), self._head(request, code))
            answer = RecordAnswer(made, MEDIA_TYPES[request.format], code, plan.version)
            answer.watch = begun.watch
            answer.datasets = ((request.dataset.held.schema, request.dataset.held.dataset_id),)
            answer.on_close(stack.pop_all().close)
            return answer

    def _blocks(self, plan: DataPlan, begun: Begun) -> Generator[Block]:
        request = plan.request
        held = request.dataset.held

        def check(files: Sequence[ArchiveFile]) -> None:
            begun.check()
            check_files_of(held, files)

        pieces = windows(plan.files, request.interval)
        for block in hapi_records(request.dataset, request.parameters, pieces, check):
            yield block
            begun.check()

    def _head(self, request: DataRequest, code: int) -> dict[str, Any] | None:
        if not request.with_header and request.format != "json":
            return None
        said = info(request.dataset, self.terms, request.parameters)
        return {**status_of(code), **said, "format": request.format}
