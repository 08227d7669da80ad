"""Keys of this installation: account.secret."""

from __future__ import annotations

import secrets

from epntap.connection import Connection

__all__ = ["key_for"]


def key_for(connection: Connection, purpose: str) -> bytes:
    """The key for this purpose, made when it is first asked for; the same in all processes."""
    connection.execute(
        "INSERT INTO account.secret (purpose, value) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (purpose, secrets.token_bytes(32)),
    )
    row = connection.execute("SELECT value FROM account.secret WHERE purpose = %s", (purpose,)).fetchone()
    assert row is not None
    return bytes(row[0])
