"""Databases made for a test, and removed."""

from __future__ import annotations

import uuid

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege

from epntap.db.migrate import make_roles
from epntap.db.pool import Database

__all__ = [
    "clone_database",
    "create_database",
    "drop_database",
    "forget_on_power_failure",
    "name_of",
    "named_database",
]


def named_database(database: Database, name: str) -> Database:
    """The same server's database of this name."""
    if database.embedded:
        host = conninfo_to_dict(database.url)["host"]
        return Database(f"postgresql://postgres:@/{name}?host={host}", embedded=True)
    scheme, rest = database.url.split("://", 1)
    address, _, query = rest.partition("?")
    base = address.rsplit("/", 1)[0]
    return Database(f"{scheme}://{base}/{name}" + (f"?{query}" if query else ""))


def create_database(server: Database, name: str, template: str = "template0") -> Database:
    """A new database of this name."""
    # files are copied as they are, not row by row through the log: half the time of a clone
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    return named_database(server, name)


def forget_on_power_failure(server: Database) -> None:
    """Do not wait for the disk: a test server's databases need not outlive the machine, only killed processes."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def clone_database(server: Database, prefix: str, template: str) -> Database:
    """A new database like the template; drop it when done."""
    clone = create_database(server, f"{prefix}_{uuid.uuid4().hex[:12]}", template)
    make_roles(clone)
    return clone


def drop_database(server: Database, database: Database) -> None:
    """Remove a database whoever may be connected."""
    _drop(server, name_of(database))


def name_of(database: Database) -> str:
    """What the server calls it."""
    with psycopg.connect(database.url) as connection:
        return connection.info.dbname


def _drop(server: Database, name: str) -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with psycopg.connect(server.url, autocommit=True) as connection:
        try:
            connection.execute(drop + sql.SQL(" WITH (FORCE)"))
        except InsufficientPrivilege:
            # a login that is no superuser may not end an autovacuum worker; without FORCE the server does it
            connection.execute(drop)
