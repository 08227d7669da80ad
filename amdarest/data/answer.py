"""The story of a file with data: what is asked for is found, bounded and admitted, cut, named and written."""

from __future__ import annotations

import itertools
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from math import prod
from socket import socket

from amdarest.data.cuts import averaged, named, split
from amdarest.data.params import AmdaRequest, Form
from amdarest.data.texts import as_ascii, as_json
from cutouts.extract import open_cut
from cutouts.files import check_files_of
from cutouts.formats.base import Provenance, Rendering, software_version
from cutouts.formats.cdf import Cdf
from cutouts.formats.votable import VoTable
from cutouts.interval import Interval
from cutouts.joined.series import SeriesCut
from cutouts.plan import changed_at, version_of
from epntap.addresses import Addresses
from epntap.answer.admission import Slots
from epntap.answer.begun import Begun, begin
from epntap.answer.blocks import Blocks, Version
from epntap.answer.kept import KeptFiles
from epntap.answer.watch import Watcher
from epntap.archive.holdings import estimated_records, files_for
from epntap.archive.model import ArchiveFile
from epntap.connection import Connection
from epntap.errors import ParameterError
from epntap.instants.leapseconds import offsets
from epntap.media import MEDIA_TYPES

__all__ = ["AmdaPlan", "DataFiles"]

#: of values: files that are larger are made each time
_MOST_KEPT_BYTES = 32_000_000
_DAY_S = 86_400
#: 2000-01-01, seconds since 1970
_EPOCH_S = 946_684_800


@dataclass(frozen=True, slots=True)
class AmdaPlan:
    """A request with the files that its records are in."""

    request: AmdaRequest
    files: tuple[ArchiveFile, ...]
    #: files of another time, which say what the parameters look like where the interval has none
    specimens: tuple[ArchiveFile, ...]
    #: about the bytes of values in it
    size_bytes: int = 0

    @property
    def version(self) -> Version:
        """What tells the answer from others, and from the same one of other files."""
        request = self.request
        wanted = (request.dataset.held, request.id, request.start, request.stop)
        how = (request.form, request.is_unix, request.sampling_ns, request.is_gzipped)
        return version_of(self.files or self.specimens, wanted, how, software_version())

    @property
    def file_name(self) -> str:
        """Under which the answer is saved."""
        name = "".join(letter if letter.isalnum() or letter in "._+-" else "_" for letter in self.request.id)
        return f"{name[:100]}.{self.request.form.extension}{'.gz' if self.request.is_gzipped else ''}"

    @property
    def is_over(self) -> bool:
        """Whether its days are, so that the same file will be asked for again."""
        return bool(self.files) and self.request.stop <= _midnight()


@dataclass(frozen=True, slots=True)
class DataFiles:
    """Files with data; so many at once that what is short still finds a thread."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    watcher: Watcher
    places: Slots
    #: about the most bytes of values in one answer, and in one that is made while its client waits
    most_bytes: int
    at_once_bytes: int
    #: of this service, which answers name as where they are from
    addresses: Addresses
    #: of days that are over
    kept: KeptFiles

    def plan(self, request: AmdaRequest) -> AmdaPlan:
        """Find the files. Raises ParameterError when there is too much in them, UnavailableError when they are gone."""
        held = request.dataset.held
        with self.connect() as connection:
            files = files_for(connection, held, request.start, request.stop, request.caller)
            sample = (held.series.sample_start, held.series.sample_stop)
            specimens = () if files else files_for(connection, held, *sample, request.caller)
        record = 8 * (1 + sum(prod(one.parameter.variable.dims) for one in request.chosen))
        size = estimated_records(held, files, request.start, request.stop) * record
        if size > self.most_bytes:
            raise ParameterError(
                f"One answer holds about {self.most_bytes:,} bytes of values, and this would be more; "
                "ask for a shorter interval, or for means by sampling."
            )
        check_files_of(held, files or specimens)
        return AmdaPlan(request, files, specimens, size)

    def answer(self, plan: AmdaPlan, client: socket | None) -> Blocks:
        """The file as it is kept; else begin it and make its first block, so that what fails early fails with an error.

        It must be closed by its receiver; it ends when the client leaves. Raises our errors. That the client may have
        it is known by the plan, so that it makes no difference for whom it was made.
        """
        request = plan.request
        version = plan.version
        key = version.etag if plan.is_over and plan.size_bytes <= _MOST_KEPT_BYTES else None
        content = self.kept.get(key) if key else None
        if content is not None:
            known = Blocks(
                [content], _media_type(request), file_name=plan.file_name, length=len(content), version=version
            )
            known.compressible = _is_compressible(request)
            known.datasets = _datasets(request)
            return known
        with ExitStack() as stack:
            begun = begin(stack, self.places, self.watcher, client)
            cut = stack.enter_context(self._opened(plan))
            rendering = self._render(plan, cut, begun)
            stack.callback(rendering.close)
            blocks = _checked(rendering.blocks, begun)
            if request.is_gzipped:
                blocks = _gzipped(blocks)
            if key:
                blocks = self._keeping(key, blocks)
            stack.callback(blocks.close)
            first = list(itertools.islice(blocks, 1))
            answer = Blocks(
                itertools.chain(first, blocks),
                _media_type(request),
                file_name=plan.file_name,
                length=None if request.is_gzipped else rendering.length,
                version=version,
            )
            answer.compressible = _is_compressible(request)
            answer.has_place = True
            answer.watch = begun.watch
            answer.datasets = _datasets(request)
            answer.on_close(stack.pop_all().close)
            return answer

    def _keeping(self, key: str, blocks: Iterator[bytes]) -> Generator[bytes]:
        """The blocks, which are kept once they are all there."""
        parts: list[bytes] = []
        size = 0
        for block in blocks:
            size += len(block)
            if size <= self.kept.most_of_one:
                parts.append(block)
            yield block
        if size <= self.kept.most_of_one:
            self.kept.put(key, b"".join(parts))

    def _opened(self, plan: AmdaPlan) -> AbstractContextManager[SeriesCut]:
        """The records; none of other files where the interval has none, so that the answer has its columns."""
        request = plan.request
        names = [one.parameter.variable.name for one in request.chosen]
        if plan.files:
            return open_cut(plan.files, Interval(request.start, request.stop), names)
        return open_cut(plan.specimens, Interval(request.start, request.start), names)

    def _render(self, plan: AmdaPlan, cut: SeriesCut, begun: Begun) -> Rendering:
        request = plan.request
        changed = changed_at(plan.files or plan.specimens)
        provenance = Provenance(request.id, self.addresses.base, changed)
        # also where the columns are those of files of another time
        cut = replace(cut, interval=Interval(request.start, request.stop))
        found = averaged(cut, request.chosen, request.sampling_ns, begun.check) if request.sampling_ns else cut
        match request.form:
            case Form.CDF:
                return Cdf().render(named(found, request.chosen), provenance)
            case Form.VOTABLE:
                return VoTable().render(split(found, request.chosen), provenance)
            case Form.JSON:
                return as_json(split(found, request.chosen), request, provenance)
            case Form.ASCII:
                return as_ascii(split(found, request.chosen), request, provenance)


def _datasets(request: AmdaRequest) -> tuple[tuple[str, str], ...]:
    return ((request.dataset.held.schema, request.dataset.held.dataset_id),)


def _checked(blocks: Iterator[bytes], begun: Begun) -> Generator[bytes]:
    for block in blocks:
        yield block
        begun.check()


def _gzipped(blocks: Iterator[bytes]) -> Generator[bytes]:
    press = zlib.compressobj(wbits=31)
    for block in blocks:
        yield press.compress(block)
    yield press.flush()


def _media_type(request: AmdaRequest) -> str:
    if request.is_gzipped:
        return "application/gzip"
    return {
        Form.CDF: MEDIA_TYPES["cdf"],
        Form.VOTABLE: VoTable().media_type,
        Form.JSON: "application/json",
        Form.ASCII: "text/plain;charset=utf-8",
    }[request.form]


def _is_compressible(request: AmdaRequest) -> bool:
    return request.form is not Form.CDF and not request.is_gzipped


def _midnight() -> int:
    """When today has begun, UTC as TT2000."""
    return offsets().to_instant((int(time.time()) // _DAY_S * _DAY_S - _EPOCH_S) * 1_000_000_000)
