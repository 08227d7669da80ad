"""One server a home folder: who holds it is written in a file that the holder keeps locked."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from epntap.errors import SetupError
from epntap.settings import Settings

__all__ = ["as_served", "only_server", "served_by"]

_FILE = "serve.lock"


@contextmanager
def only_server(settings: Settings) -> Iterator[None]:
    """Hold the home folder for one server. Raises SetupError when another process serves it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / _FILE).open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            raise SetupError(
                f"{settings.home} is already served by {holder}; stop that one, or set EPNTAP_HOME to another folder."
            ) from None
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()} at {settings.base_url}\n")
        handle.flush()
        yield


def served_by(settings: Settings) -> str | None:
    """Process and address of the server that holds the home folder, or None."""
    try:
        with (settings.home / _FILE).open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return (settings.home / _FILE).read_text().strip() or "another process"
    except OSError:
        pass
    return None


def as_served(settings: Settings) -> Settings:
    """The settings with the address of the server that holds the home folder, where no public one is set."""
    server = "" if settings.public_url else served_by(settings) or ""
    _, _, address = server.partition(" at ")
    return settings.with_changes(public_url=address) if address else settings
