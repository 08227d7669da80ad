"""What others made of a published table: their rights to read it, and what would be lost with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from epntap.connection import Connection
from epntap.errors import SetupError

__all__ = ["kept_for_others", "made_of", "refuse_to_lose", "refused_while_others_use_it"]

#: what PostgreSQL drops without a word together with a table
_LOST = """
    SELECT 'policy ' || quote_ident(p.polname) FROM pg_policy p WHERE p.polrelid = %(of)s
    UNION ALL
    SELECT 'row level security' FROM pg_class c WHERE c.oid = %(of)s AND c.relrowsecurity
    UNION ALL
    SELECT 'publication ' || quote_ident(p.pubname)
    FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = %(of)s
    UNION ALL
    SELECT 'rule ' || quote_ident(r.rulename) FROM pg_rewrite r WHERE r.ev_class = %(of)s AND r.rulename <> '_RETURN'
    ORDER BY 1
"""
#: role (NULL: everybody), column (NULL: all), whether it may be passed on
_RIGHTS = """
    SELECT r.rolname, NULL AS attname, bool_or(a.is_grantable)
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.oid = %(of)s AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner GROUP BY 1
    UNION ALL
    SELECT r.rolname, t.attname, bool_or(a.is_grantable)
    FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped
    CROSS JOIN aclexplode(t.attacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.oid = %(of)s AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner GROUP BY 1, 2
"""
_Right = tuple[str | None, str | None, bool]


@contextmanager
def kept_for_others(connection: Connection, schema: str, name: str, *, then: str) -> Iterator[None]:
    """What stands in the place of a table or view afterwards is read by those who may read it now.

    Raises SetupError where something is made of it that would have to go; `then` is what to do once that is dropped.
    """
    refuse_to_lose(connection, schema, name, then=then)
    rights: list[_Right] = connection.execute(_RIGHTS, {"of": _number(connection, schema, name)}).fetchall()
    with refused_while_others_use_it(f"{schema}.{name}", then=then):
        yield
    _give(connection, schema, name, rights)


def refuse_to_lose(connection: Connection, schema: str, name: str, *, then: str) -> None:
    """Raises SetupError when there is something that PostgreSQL would drop without a word."""
    found = connection.execute(_LOST, {"of": _number(connection, schema, name)}).fetchall()
    if found:
        raise _refusal(f"{schema}.{name}", [row[0] for row in found], then)


@contextmanager
def refused_while_others_use_it(what: str, *, then: str) -> Iterator[None]:
    """Raises SetupError when something is made of what is dropped that would have to go with it."""
    try:
        yield
    except psycopg.errors.DependentObjectsStillExist as exc:
        raise _refusal(what, [made_of(exc)], then) from exc


def made_of(exc: psycopg.errors.DependentObjectsStillExist) -> str:
    """What would have to go with something that was to be dropped."""
    return "; ".join((exc.diag.message_detail or str(exc)).splitlines())


def _refusal(what: str, others: Iterable[str], then: str) -> SetupError:
    return SetupError(
        f"{what} cannot be replaced or removed while something else is made of it: {'; '.join(others)}. "
        f"Please drop that, {then}, and make it again."
    )


def _give(connection: Connection, schema: str, name: str, rights: Iterable[_Right]) -> None:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped",
        (_number(connection, schema, name),),
    )
    columns = {row[0] for row in rows}
    for role, column, is_grantable in rights:
        if column is not None and column not in columns:
            continue
        only = sql.SQL("") if column is None else sql.SQL(" ({})").format(sql.Identifier(column))
        connection.execute(
            sql.SQL("GRANT SELECT{} ON {} TO {}{}").format(
                only,
                sql.Identifier(schema, name),
                sql.SQL("PUBLIC") if role is None else sql.Identifier(role),
                sql.SQL(" WITH GRANT OPTION" if is_grantable else ""),
            )
        )


def _number(connection: Connection, schema: str, name: str) -> int | None:
    row = connection.execute(
        "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s",
        (schema, name),
    ).fetchone()
    return None if row is None else row[0]
