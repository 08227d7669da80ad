"""Statistics for each event as a job: its result is a catalogue in the form that was asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from epntap.access import ANONYMOUS, Caller
from epntap.archive.holdings import Held
from epntap.dali.params import read_params
from epntap.uws.model import JobCancelledError, Sink
from eventtables.measured.measuring import Measuring
from eventtables.measured.request import measure_request

__all__ = ["run_measure_job"]


def run_measure_job(
    measuring: Measuring,
    datasets: Callable[[], Held],
    parameters: Iterable[tuple[str, str]],
    sink: Sink,
    caller: Caller = ANONYMOUS,
) -> None:
    """Write the catalogue that the parameters ask for, which are checked only now. Raises our errors."""
    cancelled = threading.Event()
    sink.on_cancel(cancelled.set)
    request, writer = measure_request(read_params(parameters), datasets(), caller)

    def report(done: int, total: int) -> None:
        if cancelled.is_set():
            raise JobCancelledError
        sink.report(done, total, request.table)

    table = measuring.table(request, report)
    name = f"{request.table}_statistics.{writer.extension}"
    sink.begin("result", writer.media_type, writer.extension.rpartition(".")[2], file_name=name)
    for block in writer.write(table.about, table.events.survey, [table.events]):
        sink.write(block)
    sink.count(len(table.events), is_cut=False)
