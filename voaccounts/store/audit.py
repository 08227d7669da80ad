"""What was done to accounts, and by whom: account.audit."""

from __future__ import annotations

from epntap.connection import Connection
from voaccounts.model import Entry

__all__ = ["entries", "note"]

_KEPT = "2 years"


def note(
    connection: Connection, what: str, person: str = "", *, team: str = "", by: str = "", client: str = ""
) -> None:
    """Write a line; `by` is empty for the operator. Nothing that is secret may be in it."""
    connection.execute(
        'INSERT INTO account.audit (what, person, team, "by", client) VALUES (%s, %s, %s, %s, %s)',
        (what, person, team, by, client),
    )


def entries(connection: Connection, person: str = "", most: int = 100) -> list[Entry]:
    """The newest lines, about one person or all; what is too old is forgotten."""
    connection.execute("DELETE FROM account.audit WHERE at < now() - %s::interval", (_KEPT,))
    rows = connection.execute(
        'SELECT at, what, person, team, "by", client FROM account.audit '
        "WHERE %(person)s = '' OR person = %(person)s OR \"by\" = %(person)s ORDER BY number DESC LIMIT %(most)s",
        {"person": person, "most": most},
    )
    return [Entry(*row) for row in rows]
