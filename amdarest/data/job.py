"""A file with data as a job: what is too much to be made while somebody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

from amdarest.data.answer import DataFiles
from amdarest.data.params import amda_request, values_of
from amdarest.products import Products
from epntap.access import ANONYMOUS, Caller
from epntap.uws.model import Sink

__all__ = ["run_amda_job"]


def run_amda_job(
    files: DataFiles,
    products: Callable[[], Products],
    parameters: Iterable[tuple[str, str]],
    sink: Sink,
    caller: Caller = ANONYMOUS,
) -> None:
    """Write the file that the parameters ask for. Raises our errors."""
    values = values_of(parameters)
    request = amda_request(values, products(), caller, of_dataset="datasetID" in values)
    plan = files.plan(request)
    with closing(files.answer(plan, None)) as answer:
        sink.on_cancel(answer.close)
        sink.begin("result", answer.media_type, plan.file_name.rpartition(".")[2], file_name=plan.file_name)
        written = 0
        for block in answer:
            sink.write(block)
            written += len(block)
            sink.report(0, 1, f"{request.id}: {written:,} bytes written")
    sink.report(1, 1, request.id)
