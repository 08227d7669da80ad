"""A process that makes cut-outs: `python -m cutouts.processes.child`, started by Cutters."""

from __future__ import annotations

import socket
from contextlib import closing

import numpy as np

from cutouts.formats.numbers import Spelling, number_rows
from cutouts.make import CutAnswer, make_cut
from cutouts.plan import CutPlan
from cutouts.processes.frames import Frame, Head, send
from cutouts.processes.loader import run
from epntap.cdf import format_utc_array

__all__ = ["main"]


def main() -> None:
    """Make cut-outs until standard input ends."""
    run(_warm_up, _answer, "cut-out")


def _warm_up() -> None:
    """Do once what each child would do anew: pyarrow imports pandas, and orjson numpy, with the first text."""
    number_rows(np.zeros(1), Spelling())
    number_rows(np.zeros(1, np.int64), Spelling(), np.ones(1, np.bool_))
    format_utc_array(np.zeros(1, np.int64))


def _answer(channel: socket.socket, plan: object) -> None:
    assert isinstance(plan, CutPlan)
    answer = make_cut(plan)
    assert answer is not None
    with closing(answer):
        send(channel, Frame.HEAD, _head_of(answer))
        for block in answer:
            send(channel, Frame.BLOCK, block)
        send(channel, Frame.END)


def _head_of(answer: CutAnswer) -> Head:
    return Head(answer.media_type, answer.file_name, answer.length, answer.records, answer.size_bytes, answer.remarks)


if __name__ == "__main__":
    main()
