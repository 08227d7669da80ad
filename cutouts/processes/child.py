"""A process that makes cut-outs: `python -m cutouts.processes.child`, started by Cutters.

It loads everything once and then forks for each connection that it is handed on its standard input, so that a
cut-out has a process of its own within a few milliseconds. It has one thread, which is what makes forking safe.
The children run at a lower priority than the web server, and die with the connection.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import threading
from contextlib import closing, suppress

import numpy as np

from cutouts.formats.cells import number_texts
from cutouts.make import CutAnswer, make_cut
from cutouts.plan import CutPlan
from cutouts.processes.frames import Frame, Head, receive, send
from epntap.cdf import format_utc_array
from epntap.errors import EpnTapError, ServiceError
from epntap.logs import start_log

__all__ = ["main"]

log = logging.getLogger(__name__)

#: of 19: beside a query that wants the processor as well, a cut-out gets a quarter of it
NICENESS = 5


def main() -> None:
    """Fork for each connection that arrives, until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, whose end is told by standard input
    start_log()
    _warm_up()
    gc.freeze()  # what is loaded now is never looked at again, so that its pages stay shared
    with socket.socket(fileno=0) as door:
        while True:
            _, handles, _, _ = socket.recv_fds(door, 1, 1)
            if not handles:
                return
            if os.fork() == 0:
                with suppress(Exception):
                    os.close(0)  # or whoever hands connections over would not see that this process's parent is gone
                    _serve(socket.socket(fileno=handles[0]))
                os._exit(0)
            os.close(handles[0])


def _warm_up() -> None:
    """Do once what each child would do anew: pyarrow imports pandas with the first text that it makes."""
    number_texts(np.zeros(1))
    format_utc_array(np.zeros(1, np.int64))


def _serve(channel: socket.socket) -> None:
    """Make one cut-out after the other until the other end closes."""
    os.nice(NICENESS)
    threading.Thread(target=_die_with, args=(channel,), daemon=True).start()
    while True:
        _, plan = receive(channel)
        assert isinstance(plan, CutPlan)
        try:
            _answer(channel, plan)
        except EpnTapError as exc:
            send(channel, Frame.FAILURE, exc)
        except (BrokenPipeError, ConnectionResetError):
            return  # nobody wants it any more
        except Exception:
            log.exception("a cut-out failed", extra={"identifier": plan.identifier})
            send(channel, Frame.FAILURE, _failure(plan))


def _answer(channel: socket.socket, plan: CutPlan) -> None:
    answer = make_cut(plan)
    assert answer is not None
    with closing(answer):
        send(channel, Frame.HEAD, _head_of(answer))
        for block in answer:
            send(channel, Frame.BLOCK, block)
        send(channel, Frame.END)


def _head_of(answer: CutAnswer) -> Head:
    return Head(answer.media_type, answer.file_name, answer.length, answer.records, answer.size_bytes, answer.remarks)


def _failure(plan: CutPlan) -> ServiceError:
    return ServiceError(
        f"The service failed on the cut-out of {plan.identifier}; the operators find the reason in the log."
    )


def _die_with(channel: socket.socket) -> None:
    """End this process as soon as nobody wants what it makes, whatever it is doing."""
    poll = select.poll()
    poll.register(channel, 0)  # hang-ups are told without being asked for
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    main()
