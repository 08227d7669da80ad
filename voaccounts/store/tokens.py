"""Tokens: account.token."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from epntap.access import Caller, Scope
from epntap.connection import Connection
from epntap.errors import NotFoundError
from voaccounts.model import Kind, Token
from voaccounts.proofs.tokens import digest_of, new_token

__all__ = ["caller_with", "issue", "revoke", "revoke_all", "revoke_token", "tokens_of"]

#: sessions of one person that are kept, and days after which one that has ended is forgotten
_MOST_SESSIONS = 20
_FORGOTTEN_AFTER = "30 days"

_CALLER = """
SELECT person.name, token.scopes, ARRAY(
    SELECT team FROM account.membership
    WHERE membership.person = person.name AND (expires IS NULL OR expires > now())
)
FROM account.token JOIN account.person ON person.name = token.person
WHERE digest = %s AND revoked IS NULL AND (token.expires IS NULL OR token.expires > now()) AND disabled IS NULL
"""


def caller_with(connection: Connection, token: str) -> Caller | None:
    """Whose token it is, with the groups of this moment; None for one that is not good, or not any more."""
    row = connection.execute(_CALLER, (digest_of(token),)).fetchone()
    if row is None:
        return None
    return Caller(row[0], frozenset(row[2]), frozenset(Scope(one) for one in row[1] if one in set(Scope)))


def issue(
    connection: Connection,
    person: str,
    kind: Kind,
    scopes: Iterable[Scope],
    *,
    label: str = "",
    lifetime: timedelta | None = None,
) -> str:
    """A new token, which is told this once."""
    token = new_token(kind)
    connection.execute(
        "INSERT INTO account.token (digest, person, kind, label, scopes, expires) "
        "VALUES (%s, %s, %s, %s, %s, now() + %s::interval)",
        (digest_of(token), person, kind, label, sorted(scopes), lifetime),
    )
    if kind is Kind.SESSION:
        _tidy(connection, person)
    return token


def _tidy(connection: Connection, person: str) -> None:
    """Keep the newest sessions of somebody, and forget what has ended long ago."""
    connection.execute(
        "DELETE FROM account.token WHERE person = %(person)s AND kind = 'session' AND (expires < now() OR number IN ("
        "SELECT number FROM account.token WHERE person = %(person)s AND kind = 'session' "
        "ORDER BY made DESC, number DESC OFFSET %(most)s))",
        {"person": person, "most": _MOST_SESSIONS},
    )
    connection.execute(
        "DELETE FROM account.token WHERE person = %s AND coalesce(revoked, expires) < now() - %s::interval",
        (person, _FORGOTTEN_AFTER),
    )


def tokens_of(connection: Connection, person: str) -> list[Token]:
    """The tokens of programs of somebody, the newest first."""
    rows = connection.execute(
        "SELECT number, person, kind, label, scopes, made, expires, revoked, "
        "revoked IS NULL AND (expires IS NULL OR expires > now()) "
        "FROM account.token WHERE person = %s AND kind = 'application' ORDER BY number DESC",
        (person,),
    )
    return [
        Token(number, owner, Kind(kind), label, frozenset(Scope(one) for one in scopes), *rest)
        for number, owner, kind, label, scopes, *rest in rows
    ]


def revoke(connection: Connection, number: int, person: str | None = None) -> str:
    """End a token, of this person where one is named; whose it was. Raises NotFoundError."""
    row = connection.execute(
        "UPDATE account.token SET revoked = coalesce(revoked, now()) "
        "WHERE number = %(number)s AND (%(person)s::text IS NULL OR person = %(person)s) RETURNING person",
        {"number": number, "person": person},
    ).fetchone()
    if row is None:
        raise NotFoundError(f"There is no token {number}.")
    return str(row[0])


def revoke_token(connection: Connection, token: str) -> None:
    """End this very token, if there is one."""
    connection.execute(
        "UPDATE account.token SET revoked = coalesce(revoked, now()) WHERE digest = %s", (digest_of(token),)
    )


def revoke_all(connection: Connection, person: str, kind: Kind | None = None) -> None:
    """End all tokens of somebody, or those of a kind."""
    connection.execute(
        "UPDATE account.token SET revoked = now() "
        "WHERE person = %(person)s AND revoked IS NULL AND (%(kind)s::text IS NULL OR kind = %(kind)s)",
        {"person": person, "kind": kind},
    )
