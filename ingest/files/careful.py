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
    signal.signal(signal.SIGALRM, _take_too_long)
    _expendable = True


@contextmanager
def careful(name: str, longest: float = LONGEST_LOOK_S) -> Iterator[None]:
    """Make whatever goes wrong within an UnreadableFileError that names the file, also taking more than `longest` s."""
    alarm = _Alarm(longest) if threading.current_thread() is threading.main_thread() else None
    try:
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
    finally:
        if alarm is not None:
            alarm.take_back()


class _Alarm:
    """Raises _TookTooLongError in the main thread, the only one that can be told so, unless it is taken back."""

    def __init__(self, seconds: float) -> None:
        # a process of ours has the handler already: to exchange it takes longer than to set both timers
        self._handler = None if _expendable else signal.signal(signal.SIGALRM, _take_too_long)
        self._timer = signal.setitimer(signal.ITIMER_REAL, seconds)
        if _expendable:
            # of processor time, a little later: code that holds the interpreter does not let Python raise anything
            signal.setitimer(signal.ITIMER_PROF, seconds + 1)

    def take_back(self) -> None:
        """Leave timer and handler as they were."""
        signal.setitimer(signal.ITIMER_REAL, *self._timer)
        if not _expendable:  # the timer of processor time stands still where nothing is done, and the next file sets it
            signal.signal(signal.SIGALRM, self._handler)


def _take_too_long(_signal: int, _frame: FrameType | None) -> None:
    raise _TookTooLongError
