"""Whoever asks, told to the database for the length of one transaction, so that no pooled connection keeps a caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from epntap.access import Caller
from epntap.connection import Connection

__all__ = ["GROUPS", "SEES_ALL", "seeing", "seen_by", "seen_whole"]

#: the settings that policies look at (sql/0022); no query of a user's can name them
GROUPS = "epntap.groups"
SEES_ALL = "epntap.sees_all"
#: between the names of groups, in which it cannot be
_BETWEEN = "\x1f"


@contextmanager
def seen_by(connection: Connection, caller: Caller) -> Iterator[None]:
    """What the block asks for is seen as the caller sees it. Begins a transaction, or a part of the one that is open.

    Who is in no group sees what everybody sees, for which nothing needs to be said. Raises psycopg.Error.
    """
    if not caller.groups:
        yield
        return
    if any(_BETWEEN in group for group in caller.groups):
        raise ValueError("a name of a group holds U+001F")
    with _set(connection, GROUPS, _BETWEEN.join(sorted(caller.groups))):
        yield


@contextmanager
def seen_whole(connection: Connection) -> Iterator[None]:
    """What the block asks for is seen whole; who asks looks after rights itself. Not in the role of the reader."""
    with _set(connection, SEES_ALL, "on"):
        yield


@contextmanager
def _set(connection: Connection, name: str, value: str) -> Iterator[None]:
    with connection.transaction():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
        yield


def seeing(
    connect: Callable[[], AbstractContextManager[Connection]], caller: Caller
) -> Callable[[], AbstractContextManager[Connection]]:
    """What lends the same connections, on which all is seen as the caller sees it."""

    @contextmanager
    def lend() -> Iterator[Connection]:
        with connect() as connection, seen_by(connection, caller):
            yield connection

    return lend if caller.groups else connect
