"""A process that loads everything once and then forks for each connection that it is handed on its standard input, so
that each piece of work has a process of its own within a few milliseconds.

It has one thread, which is what makes forking safe. The children run at a lower priority than the web server, and die
with the connection.
"""  # noqa: D205  # one sentence

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from cutouts.processes.frames import Frame, receive, send
from epntap.errors import EpnTapError, ServiceError
from epntap.logs import start_log

__all__ = ["run"]

log = logging.getLogger(__name__)

#: of 19: beside a query that wants the processor as well, a cut-out gets a quarter of it
NICENESS = 5

#: answers one plan: a head, blocks, an end
Answer = Callable[[socket.socket, object], None]


def run(warm_up: Callable[[], object], answer: Answer, what: str) -> None:
    """Fork for each connection that arrives, until standard input ends; `what` is made, as errors call it.

    `warm_up` does once what each child would do anew. The log goes to the file that the command line names.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, whose end is told by standard input
    start_log(sys.argv[1] if len(sys.argv) > 1 else "")
    warm_up()
    gc.freeze()  # what is loaded now is never looked at again, so that its pages stay shared
    with socket.socket(fileno=0) as door:
        while True:
            _, handles, _, _ = socket.recv_fds(door, 1, 1)
            if not handles:
                return
            if os.fork() == 0:
                with suppress(Exception):
                    os.close(0)  # or whoever hands connections over would not see that this process's parent is gone
                    _serve(socket.socket(fileno=handles[0]), answer, what)
                os._exit(0)
            os.close(handles[0])


def _serve(channel: socket.socket, answer: Answer, what: str) -> None:
    """Answer one plan after the other until the other end closes."""
    os.nice(NICENESS)
    threading.Thread(target=_die_with, args=(channel,), daemon=True).start()
    while True:
        _, plan = receive(channel)
        try:
            answer(channel, plan)
        except EpnTapError as exc:
            send(channel, Frame.FAILURE, exc)
        except (BrokenPipeError, ConnectionResetError):
            return  # nobody wants it any more
        except Exception:
            identifier = getattr(plan, "identifier", "")
            log.exception("a %s failed", what, extra={"identifier": identifier})
            send(
                channel,
                Frame.FAILURE,
                ServiceError(
                    f"The service failed on the {what} of {identifier}; the operators find the reason in the log."
                ),
            )


def _die_with(channel: socket.socket) -> None:
    """End this process as soon as nobody wants what it makes, whatever it is doing."""
    poll = select.poll()
    poll.register(channel, 0)  # hang-ups are told without being asked for
    poll.poll()
    os._exit(0)
