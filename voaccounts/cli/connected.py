"""What the commands of this room share: a connection, and who acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import click

from epntap.connection import Connection
from epntap.db.migrate import check_migrated
from epntap.db.pool import Role, connect
from epntap.db.server import open_database
from epntap.errors import ParameterError
from epntap.settings import Settings

__all__ = ["connected", "instant_of", "spelled", "table"]


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """A connection to the database of the service, in one transaction."""
    with open_database(settings) as database:
        check_migrated(database)
        with connect(database, Role.SERVICE, autocommit=True) as connection, connection.transaction():
            yield connection


def instant_of(text: str | None) -> datetime | None:
    """The instant that an option means: a date or time in UTC, or so many days from now (`30d`)."""
    if not text:
        return None
    if text.endswith("d") and text[:-1].isdigit():
        return datetime.now(UTC) + timedelta(days=int(text[:-1]))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ParameterError(f"{text!r} is no instant; expected 2030-01-31, 2030-01-31T12:00:00 or 90d.") from exc
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def spelled(instant: datetime | None, otherwise: str = "") -> str:
    """An instant for people."""
    return otherwise if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def table(rows: list[list[str]]) -> None:
    """Columns, each as wide as it has to be."""
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
