"""The type of a connection to the database, what a session of ours may be told, and how changes take turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from epntap.errors import AuthenticationError, UnavailableError

__all__ = ["PUBLISH_WAITS_FOR", "Connection", "for_somebody", "kept_in_place", "taking_turns"]

#: any connection of psycopg, whose rows are tuples
Connection = psycopg.Connection[tuple[Any, ...]]

#: the setting of a session that says for which standbys the commit of a publication waits
PUBLISH_WAITS_FOR = "epntap.publish_waits_for"
#: for others with the same thing in hand, and for queries that read what is removed
_LONGEST_WAIT_S = 5


def kept_in_place(*relations: sql.Identifier) -> sql.Composed:
    """The statement that keeps others from replacing these tables and views until the transaction ends.

    It has to come before what settles which rows are seen, and does not settle that itself: the snapshot of a
    transaction or of a COPY that waits for whoever is replacing a table is older than the new one, and finds it empty.
    """
    return sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(relations))


@contextmanager
def taking_turns(connection: Connection, what: str) -> Iterator[None]:
    """A transaction while which nobody else has one of this name, so that what it reads first is still so at its end.

    Raises UnavailableError when others take long; nothing is changed then.
    """
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_LONGEST_WAIT_S}s",))
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 20))", (what,))
            yield
    except psycopg.errors.LockNotAvailable as exc:
        raise UnavailableError(
            "Something else changes or reads this at the moment; nothing was done, please try again in a few seconds."
        ) from exc


@contextmanager
def for_somebody() -> Iterator[None]:
    """Raises AuthenticationError where what is written is of somebody whose account has been removed meanwhile."""
    try:
        yield
    except psycopg.errors.ForeignKeyViolation as exc:
        raise AuthenticationError("The account is no longer there.") from exc
