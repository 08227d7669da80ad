"""Other processes, seen from a test: each may end between two looks, and then is not there."""

from __future__ import annotations

from contextlib import suppress

import psutil

__all__ = ["children_of", "command_of", "grandchildren_of"]


def children_of(pid: int, *, recursive: bool = False) -> list[psutil.Process]:
    """Processes that this one has started, and those of theirs; none if it has ended."""
    try:
        return list(psutil.Process(pid).children(recursive=recursive))
    except psutil.NoSuchProcess:
        return []


def grandchildren_of(pid: int) -> list[psutil.Process]:
    """What the children have started."""
    return [one for child in children_of(pid) for one in children_of(child.pid)]


def command_of(process: psutil.Process) -> list[str]:
    """The words with which it was started; none if it has ended."""
    with suppress(psutil.NoSuchProcess):
        return list(process.cmdline())
    return []
