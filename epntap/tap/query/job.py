"""A query as a job: the same story as for /sync, with a file for a client (TAP 1.1 §2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Protocol

from epntap.access import ANONYMOUS, Caller
from epntap.answer.endings import BrokenStreamError
from epntap.answer.model import OutcomeStatus
from epntap.dali.params import read_params
from epntap.tap.query.params import Parts, tap_request
from epntap.tap.query.pipeline import TapService

__all__ = ["AnswerSink", "run_query_job"]


class AnswerSink(Protocol):
    """Where the answer goes."""

    def describe(self, media_type: str, extension: str, encoding: str | None = None) -> None:
        """Say what will be written, and its Content-Encoding if it has one."""
        ...

    def write(self, block: bytes) -> object:
        """Take the next bytes."""
        ...

    def count(self, rows: int, *, is_cut: bool) -> None:
        """Hear how many rows were written, and whether there were more."""
        ...

    def on_cancel(self, cancel: Callable[[], None]) -> None:
        """Register what ends the query."""
        ...


def run_query_job(
    service: TapService,
    parameters: Iterable[tuple[str, str]],
    sink: AnswerSink,
    *,
    timeout_s: float,
    parts: Parts = MappingProxyType({}),
    caller: Caller = ANONYMOUS,
) -> None:
    """Write the answer to the question in the parameters, which are checked only now (TAP 1.1 §2.7).

    `parts` opens the files that were posted with the job.

    Raises our errors, also for what breaks after the first row: half an answer is no result of a job.
    """
    request = tap_request(read_params(parameters), parts, caller)
    answer = service.answer_job(request, timeout_s=timeout_s, on_cancel=sink.on_cancel)
    try:
        sink.describe(answer.media_type, answer.extension, answer.content_encoding)
        for block in answer:
            sink.write(block)
    except BrokenStreamError:
        if answer.failure is None:
            raise
    finally:
        answer.close()
    if answer.failure is not None:
        raise answer.failure
    if answer.outcome is not None:
        sink.count(answer.outcome.rows, is_cut=answer.outcome.status is OutcomeStatus.OVERFLOW)
