"""Cut-outs as a job: one result for each combination of identifier and interval (SODA 1.0 §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing

from cutouts.cutouts import Cutouts
from cutouts.interval import EventEnds
from cutouts.make import CutAnswer
from cutouts.plan import Limit, check_format
from cutouts.processes.pool import CutterSession
from cutouts.request import CutRequest, labelled_name
from datalink.soda.params import cut_requests
from epntap.access import ANONYMOUS, Caller
from epntap.dali.params import read_params
from epntap.errors import EpnTapError, UnavailableError
from epntap.uws.model import Sink

__all__ = ["run_cut_job"]

_PLAIN = "text/plain;charset=utf-8"


def run_cut_job(
    service: Cutouts,
    events: EventEnds,
    parameters: Iterable[tuple[str, str]],
    sink: Sink,
    *,
    most: int,
    most_bytes: int,
    caller: Caller = ANONYMOUS,
) -> None:
    """Write the cut-outs that the parameters ask for, which are checked only now.

    At most `most` combinations, and `most_bytes` of values. What is wrong with one of them is its result: a text that
    begins with a label of SODA. Raises our errors for what concerns them all: wrong parameters, too many combinations,
    the database or the room for results gone.
    """
    requests = cut_requests(read_params(parameters), most=most, events=events, caller=caller)
    check_format(requests[0])
    with closing(_Work(service, sink, requests, most_bytes)) as work:
        for number in range(len(requests)):
            work.write(number)
    sink.report(len(requests), len(requests))


class _Work:
    """One job in progress; the process that makes its cut-outs ends with it."""

    def __init__(self, service: Cutouts, sink: Sink, requests: Sequence[CutRequest], most_bytes: int) -> None:
        self._service = service
        self._sink = sink
        self._requests = requests
        self._has_several_intervals = len({request.interval for request in requests}) > 1
        self._most_bytes = self._left_bytes = most_bytes
        self._session: CutterSession | None = None
        sink.on_cancel(self.close)

    def write(self, number: int) -> None:
        """Write one result."""
        request = self._requests[number]
        name = "result" if len(self._requests) == 1 else f"result{number + 1}"
        self._sink.report(number, len(self._requests), request.identifier)
        try:
            answer = self._begin(request)
        except EpnTapError as exc:
            if isinstance(exc, _DatabaseGoneError):
                raise
            self._say(name, exc)
            return
        file_name = (
            labelled_name(answer.file_name, request.interval) if self._has_several_intervals else answer.file_name
        )
        self._sink.begin(name, answer.media_type, answer.file_name.rpartition(".")[2], file_name=file_name)
        failure = self._copy(answer, number)
        if failure is None:
            self._left_bytes -= answer.size_bytes
        else:
            self._sink.rewind()
            self._say(name, failure)

    def close(self) -> None:
        """End the process that makes cut-outs. May be called from another thread."""
        if self._session is not None:
            self._session.close()

    def _begin(self, request: CutRequest) -> CutAnswer:
        try:
            granule = self._service.finder.holding(request.identifier, request.schema, request.caller)
        except UnavailableError as exc:
            raise _DatabaseGoneError(exc.message, exc.retry_after_s) from exc
        plan = self._service.plan_of(granule, request, self._limit())
        if self._session is None or self._session.has_ended:
            self._session = self._service.cutters.session()
        return self._session.cut(plan)

    def _copy(self, answer: CutAnswer, number: int) -> EpnTapError | None:
        """Write the blocks; what was wrong with them, if something was. What is wrong with the sink is raised."""
        blocks, written = iter(answer), 0
        while True:
            try:
                block = next(blocks, None)
            except EpnTapError as exc:
                return exc
            if block is None:
                return None
            self._sink.write(block)
            written += len(block)
            doing = f"{self._requests[number].identifier}: {written:,} bytes written"
            self._sink.report(number, len(self._requests), doing)

    def _say(self, name: str, error: EpnTapError) -> None:
        self._sink.begin(name, _PLAIN, "txt")
        self._sink.write(f"{error.label}: {error.message}\n".encode())

    def _limit(self) -> Limit:
        return Limit(
            self._left_bytes,
            f"the {self._left_bytes:,} that are left of the {self._most_bytes:,} of one job; "
            "please ask for a shorter interval or for fewer PARAMETERS, or make another job for it.",
        )


class _DatabaseGoneError(UnavailableError):
    """The database does not answer, which is not the fault of one combination."""
