"""The story of server=dataset: what is asked for is found, bounded and admitted, and becomes a stream."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from math import prod
from socket import socket
from typing import Any

import numpy as np
import numpy.typing as npt

from cutouts.files import check_files_of
from cutouts.formats.base import software_version
from cutouts.interval import Interval
from cutouts.plan import version_of
from cutouts.records import RecordColumn, read_records
from cutouts.windows import windows
from das2server.dsdf import STREAM, span_text
from das2server.packets import (
    BINARY,
    FILL,
    TEXT,
    Block,
    Problem,
    comment,
    deflated,
    element,
    exception,
    header,
    layout_of,
)
from das2server.params import DataRequest
from das2server.planes import Parameter
from epntap.answer.admission import Slots
from epntap.answer.begun import Begun, begin
from epntap.answer.blocks import Blocks, Version
from epntap.answer.watch import Watcher
from epntap.archive.holdings import estimated_records, files_for
from epntap.archive.kept.summaries import years_of
from epntap.archive.model import ArchiveFile
from epntap.cdf.fills import is_fill
from epntap.connection import Connection
from epntap.errors import EpnTapError, ParameterError, ServiceError, UnavailableError
from summaries.grid import instants_of, labels_of, shown_at, widest_within
from summaries.reader import ParameterSeries, Summaries, SummarySeries

__all__ = ["DataPlan", "Streams"]

_NS = 1_000_000_000
#: statistics that are gathered at once
_CELLS = 1 << 18
#: longer bins than the whole of time
_LONGEST_S = 1e12
_NOT_YET_S = 600
#: of a second, of the middle of a bin
_BIN_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class DataPlan:
    """A request with what it is made of."""

    request: DataRequest
    files: tuple[ArchiveFile, ...]
    #: nanoseconds of a bin; 0: the records
    width: int
    #: numbers of the bins
    bins: range
    #: which summaries there are
    summaries: tuple[tuple[int, str, str], ...]

    @property
    def version(self) -> Version:
        """What tells the answer from others, and from the same one of other files or summaries."""
        request = self.request
        wanted = (request.dataset.held, [one.name for one in request.parameters], request.start, request.stop)
        how = (self.width, request.is_text, request.is_deflated, self.summaries)
        return version_of(self.files, wanted, how, software_version())

    @property
    def media_type(self) -> str:
        """Of the stream."""
        return TEXT if self.request.is_text else BINARY


@dataclass(frozen=True, slots=True)
class Streams:
    """Streams of data; so many at once that what is short still finds a thread."""

    #: lends a connection in the service role
    connect: Callable[[], AbstractContextManager[Connection]]
    summaries: Summaries
    watcher: Watcher
    places: Slots
    #: of values, about so many are given at once
    most_bytes: int

    def plan(self, request: DataRequest) -> DataPlan:
        """Find the files and the bins. Raises ParameterError when there is too much in them."""
        held = request.dataset.held
        width = _width(request)
        bins = _bins(request, width) if width else range(0)
        span = _span(bins, width) if width else Interval(request.start, request.stop)
        files: tuple[ArchiveFile, ...] = ()
        kept: tuple[tuple[int, str, str], ...] = ()
        with self.connect() as connection:
            if not span.is_empty:
                files = files_for(connection, held, span.start_tt2000, span.stop_tt2000, request.caller)
            if width:
                years = years_of(connection, held.schema, held.dataset_id)
                kept = tuple((one.year, one.folder, one.digest) for one in years if one.axis == held.series.axis)
        rows = estimated_records(held, files, span.start_tt2000, span.stop_tt2000)
        numbers = sum(one.components for one in request.parameters) * (3 if width else 1)
        if min(rows, len(bins) if width else rows) * numbers * 8 > self.most_bytes:
            raise ParameterError(
                f"resolution: one answer holds about {self.most_bytes:,} bytes of values, and this would be more; "
                "ask for coarser bins, fewer parameters or a shorter interval."
            )
        return DataPlan(request, files, width, bins, kept)

    def answer(self, plan: DataPlan, client: socket | None) -> Blocks:
        """Begin the stream and make its first packets, so that what fails early fails with a proper error.

        It must be closed by its receiver; it ends when the client leaves. Raises our errors.
        """
        with ExitStack() as stack:
            begun = begin(stack, self.places, self.watcher, client)
            blocks = self._packets(plan, begun)
            stack.callback(blocks.close)
            first = list(itertools.islice(blocks, 1))
            body: Iterator[bytes] = itertools.chain(first, blocks)
            if plan.request.is_deflated:
                body = deflated(body)
            made = itertools.chain([_stream_header(plan)], body)
            answer = Blocks(made, plan.media_type, file_name=_file_name(plan), version=plan.version)
            answer.compressible = not plan.request.is_deflated
            answer.has_place = True
            answer.watch = begun.watch
            answer.datasets = ((plan.request.dataset.held.schema, plan.request.dataset.held.dataset_id),)
            answer.on_close(stack.pop_all().close)
            return answer

    def _packets(self, plan: DataPlan, begun: Begun) -> Generator[bytes]:
        """All after the stream header. What fails after the first packet is said in the stream, which breaks then."""
        is_begun = False
        try:
            for packet in self._data(plan, begun):
                yield packet
                is_begun = True
                begun.check()
        except EpnTapError as exc:
            if is_begun:
                yield exception(Problem.SERVER, exc.message)
            raise

    def _data(self, plan: DataPlan, begun: Begun) -> Iterator[bytes]:
        request = plan.request
        decimals = _BIN_DECIMALS if plan.width else max(request.dataset.held.series.decimals, 3)
        layout = layout_of(
            request.parameters, is_text=request.is_text, is_reduced=bool(plan.width), decimals=min(decimals, 9)
        )
        remarks: list[str] = []
        blocks = self._reduced(plan, begun, remarks) if plan.width else self._records(plan, begun)
        is_first = True
        said = 0
        for block in blocks:
            packets = layout.headers() if is_first else b""
            packets += b"".join(comment(text, request.dataset.held.public_id) for text in remarks[said:])
            said = len(remarks)
            is_first = False
            yield packets + layout.records(block)
        if is_first and remarks:
            raise UnavailableError(" ".join(remarks), _NOT_YET_S)
        if is_first:
            yield exception(Problem.NO_DATA, f"No data found from {span_text(request.start, request.stop)}.")
        elif remarks[said:]:
            yield b"".join(comment(text, request.dataset.held.public_id) for text in remarks[said:])

    def _records(self, plan: DataPlan, begun: Begun) -> Iterator[Block]:
        request = plan.request
        held = request.dataset.held

        def check(files: Sequence[ArchiveFile]) -> None:
            begun.check()
            check_files_of(held, files)

        names = [one.variable.name for one in request.parameters]
        record_bytes = 8 * sum(one.components for one in request.parameters)
        pieces = windows(plan.files, Interval(request.start, request.stop))
        for block in read_records(held.series.axis, names, record_bytes, pieces, check):
            labels = labels_of(block.instants())
            yield (
                labels,
                [_of_records(one, block.columns.get(one.variable.name), len(block)) for one in request.parameters],
            )

    def _reduced(self, plan: DataPlan, begun: Begun, remarks: list[str]) -> Iterator[Block]:
        request, width = plan.request, plan.width
        held = request.dataset.held
        together = max(_CELLS // sum(one.components for one in request.parameters), 1)
        for first in range(plan.bins.start, plan.bins.stop, together):
            begun.check()
            span = _span(range(first, min(first + together, plan.bins.stop)), width)
            if not any(file.reaches_into(span.start_tt2000, span.stop_tt2000) for file in plan.files):
                continue
            found = self.summaries.bins(
                held.schema,
                held.dataset_id,
                [one.variable.name for one in request.parameters],
                interval=span,
                width_ns=width,
                caller=request.caller,
            )
            remarks += [text for text in found.remarks if text not in remarks]
            if len(found.starts):
                yield _of_bins(found, request.parameters)


def _width(request: DataRequest) -> int:
    """Nanoseconds of the bins that are at most as wide as is asked for; 0 where records are as far from each other."""
    cadence = request.dataset.held.series.cadence_ns
    if not request.resolution_s or not cadence:
        return 0
    # a bin as long as the interval has its middle in it
    length = shown_at(request.stop - 1) + 1 - shown_at(request.start)
    wanted = min(int(min(request.resolution_s, _LONGEST_S) * _NS), length)
    width = widest_within(wanted) if wanted >= 1 else 0
    return width if width > cadence else 0


def _bins(request: DataRequest, width: int) -> range:
    """Those whose middle is in the interval, as far as there can be records in them."""
    held = request.dataset.held
    half = width // 2
    first = -((half - shown_at(request.start)) // width)
    last = (shown_at(request.stop - 1) - half) // width
    return range(max(first, shown_at(held.first_tt2000) // width), min(last, shown_at(held.last_tt2000) // width) + 1)


def _span(bins: range, width: int) -> Interval:
    start, stop = instants_of(np.array([bins.start, max(bins.stop, bins.start)]) * width).tolist()
    return Interval(start, stop)


def _of_records(one: Parameter, column: RecordColumn | None, count: int) -> npt.NDArray[np.float64]:
    """Values as doubles, the fill of das2 where there is none."""
    if column is None:
        return np.full((count, one.components), FILL)
    values = column.values
    missing = is_fill(column.variable, values)
    if values.dtype.kind not in "iuf":
        raise _unsayable(one)
    found = values.astype(np.float64)
    if missing is not None:
        found[missing] = FILL
    found[np.isnan(found)] = FILL
    if column.lacking is not None:
        found[column.lacking] = FILL
    return _fitted(one, found)


def _of_bins(found: SummarySeries, parameters: Sequence[Parameter]) -> Block:
    labels = labels_of(found.starts) // found.width_ns * found.width_ns + found.width_ns // 2
    arrays = []
    for one in parameters:
        series = found.parameters[one.variable.name]
        arrays += [_fitted(one, values) for values in _statistics(series)]
    return labels, arrays


def _statistics(series: ParameterSeries) -> Iterator[npt.NDArray[np.float64]]:
    """Mean, maximum and minimum, as layouts have them."""
    is_empty = series.count == 0
    for values in (series.mean, series.maximum, series.minimum):
        yield np.where(is_empty, FILL, values.astype(np.float64))


def _fitted(one: Parameter, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values in the announced size, shape (n, components); smaller arrays of a file are filled up."""
    dims, wanted = values.shape[1:], one.variable.dims
    if prod(dims) == prod(wanted):
        return values.reshape(len(values), one.components)
    if len(dims) != len(wanted) or any(a > b for a, b in zip(dims, wanted, strict=True)):
        raise _unsayable(one)
    whole = np.full((len(values), *wanted), FILL)
    whole[(slice(None), *(slice(0, length) for length in dims))] = values
    return whole.reshape(len(values), one.components)


def _unsayable(one: Parameter) -> ServiceError:
    return ServiceError(
        f"A file holds values of {one.name} that do not fit what is announced of it; the data centre has to ingest "
        "again."
    )


def _stream_header(plan: DataPlan) -> bytes:
    request = plan.request
    held = request.dataset.held
    span = f"{span_text(request.start, request.stop)} UTC"
    kinds = {one.has_spectra for one in request.parameters}
    said: dict[str, Any] = {"String:title": held.title, "String:xLabel": "Time (UTC)", "DatumRange:xRange": span}
    apart = max(plan.width, held.series.cadence_ns or 0)
    if apart:
        # what is further apart than this is a gap
        said["Datum:xTagWidth"] = f"{2 * apart / _NS:.12g} s"
    if plan.width:
        said |= {"DatumRange:xCacheRange": span, "Datum:xCacheResolution": f"{plan.width / _NS:.12g} s"}
    if len(kinds) == 1:
        said["String:renderer"] = "spectrogram" if True in kinds else "symbolLine"
    facts = {**STREAM, **({"compression": "deflate"} if request.is_deflated else {})}
    return header("00", element("stream", facts, f"\n{element('properties', said)}\n"))


def _file_name(plan: DataPlan) -> str:
    request = plan.request
    start = span_text(request.start, request.stop)[:10]
    name = request.dataset.held.public_id.replace("/", "_")
    return f"{name}_{start}.{'d2t' if request.is_text else 'd2s'}"
