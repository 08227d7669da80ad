"""Queries that people keep by a name: account.saved_query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from epntap.connection import Connection, for_somebody
from epntap.errors import NotFoundError, ParameterError

__all__ = ["SavedQuery", "forget", "save", "saved_by"]

_MOST = 500
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query with a name."""

    name: str
    query: str
    made: datetime


def saved_by(connection: Connection, owner: str) -> list[SavedQuery]:
    """The queries of somebody, by name."""
    rows = connection.execute(
        "SELECT name, query, made FROM account.saved_query WHERE owner = %s ORDER BY lower(name), name", (owner,)
    )
    return [SavedQuery(*row) for row in rows]


def save(connection: Connection, owner: str, name: str, query: str) -> None:
    """Keep a query, in the place of that of the same name. Raises ParameterError for too many or too long ones."""
    if not name or not query.strip():
        raise ParameterError("A query that is kept has a name and a text; one of them is empty.")
    if len(query) > _LONGEST:
        raise ParameterError(f"A query that is kept may have {_LONGEST:,} characters, but this one has {len(query):,}.")
    known = {one.name for one in saved_by(connection, owner)}
    if len(known) >= _MOST and name not in known:
        raise ParameterError(f"You keep {_MOST} queries already; please remove some.")
    with for_somebody():
        connection.execute(
            "INSERT INTO account.saved_query (owner, name, query) VALUES (%s, %s, %s) "
            "ON CONFLICT (owner, name) DO UPDATE SET query = excluded.query, made = now()",
            (owner, name, query),
        )


def forget(connection: Connection, owner: str, name: str) -> None:
    """Keep a query no more. Raises NotFoundError."""
    if not connection.execute("DELETE FROM account.saved_query WHERE owner = %s AND name = %s", (owner, name)).rowcount:
        raise NotFoundError(f"You keep no query {name[:60]!r}.")
