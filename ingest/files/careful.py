"""Whatever happens while one file is read is about that file, and never about the run."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from epntap.errors import UnreadableFileError

__all__ = ["LONGEST_LOOK_S", "StumbledError", "be_expendable", "careful"]

log = logging.getLogger(__name__)

#: seconds that looking into one file may take: the epochs of a gigabyte take two
LONGEST_LOOK_S = 300.0

_expendable = False


class StumbledError(UnreadableFileError):
    """The reader failed in a way that it does not know: another version of it, or a quieter machine, may not."""


class _TookTooLongError(Exception):
    pass


def be_expendable() -> None:
    """Let this process end when it hangs so firmly that no exception can be raised in it; its parent notices."""
    global _expendable  # noqa: PLW0603  # of the process, as signals are
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _expendable = True


@contextmanager
def careful(name: str, longest: float = LONGEST_LOOK_S) -> Iterator[None]:
    """Make whatever goes wrong within an UnreadableFileError that names the file, also taking more than `longest` s."""
    try:
        with _for_at_most(longest):
            yield
    except UnreadableFileError:
        raise
    except _TookTooLongError as exc:
        raise StumbledError(f"{name} takes more than {longest:g} s to read") from exc
    except Exception as exc:
        # a fault of ours: the log has the place
        log.exception("a file could not be read", extra={"file": name})
        said = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
        raise StumbledError(f"{name} cannot be read: the reader stumbles over it ({said})") from exc


@contextmanager
def _for_at_most(seconds: float) -> Iterator[None]:
    """Raise _TookTooLongError within, after so long; only the main thread of a process can be told so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TookTooLongError

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    if _expendable:
        # of processor time, a little later: code that holds the interpreter does not let `stop` run
        signal.setitimer(signal.ITIMER_PROF, seconds + 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
